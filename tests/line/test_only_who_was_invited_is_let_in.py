"""Only who holds the invitation joins, only who made it is joined, and what anybody else sends changes nothing."""

import asyncio
import contextlib
import json
import os
import random
import socket
import sys
from dataclasses import replace

import pytest

pytest.importorskip("aiortc", reason="the extra [line] is not installed")

from lamina.plugin.line.joining.greeting import RefusedError
from lamina.plugin.line.joining.invitation import parse_invitation
from lamina.plugin.line.joining.transport import Transport, open_offer, open_transport

PATIENCE = 60.0


@contextlib.asynccontextmanager
async def a_line():
    """Both ends of a line on loopback."""
    async with await open_offer() as offer:
        here, there = await asyncio.gather(offer.accept(), open_transport(offer.invitation))
    try:
        yield here, there
    finally:
        await here.close()
        await there.close()


def heard_by(transport: Transport) -> list[bytes]:
    heard: list[bytes] = []
    transport.on_message = heard.append
    return heard


async def until(condition) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


def run(coroutine) -> None:
    async def with_patience():
        async with asyncio.timeout(PATIENCE):
            await coroutine

    asyncio.run(with_patience())


def test_messages_arrive_as_they_were_sent_both_ways():
    async def talk():
        async with a_line() as (here, there):
            at_here, at_there = heard_by(here), heard_by(there)
            sent = [os.urandom(length) for length in (1, 30, 500, 1200)]
            for message in sent:
                assert here.send(message)
                assert there.send(message[::-1])
                await asyncio.sleep(0.01)
            await until(lambda: len(at_here) == len(at_there) == len(sent))
            assert sorted(at_there) == sorted(sent)
            assert sorted(at_here) == sorted(message[::-1] for message in sent)
            assert here.traffic.bytes_sent == there.traffic.bytes_received == sum(map(len, sent))

    run(talk())


def test_messages_that_are_empty_or_too_long_are_not_sent():
    async def talk():
        async with a_line() as (here, _there):
            for message in (b"", bytes(1201)):
                with pytest.raises(ValueError, match="1 to 1200"):
                    here.send(message)

    run(talk())


def test_a_wrong_secret_is_refused_and_the_right_one_still_good():
    async def talk():
        async with await open_offer() as offer:
            wrong = replace(offer.invitation, secret=bytes(16))
            with pytest.raises(RefusedError, match="secret") as refused:
                await open_transport(wrong)
            assert refused.value.why == "secret"
            assert offer.n_refused == 1
            here, there = await asyncio.gather(offer.accept(), open_transport(offer.invitation))
        await here.close()
        await there.close()

    run(talk())


def test_an_end_with_another_certificate_is_not_joined():
    async def talk():
        async with await open_offer() as offer:
            wrong = replace(offer.invitation, fingerprint=bytes(32))
            with pytest.raises(RefusedError, match="not the one that the invitation names"):
                await open_transport(wrong)

    run(talk())


@pytest.mark.parametrize("repeats", [True, False])
def test_a_stranger_at_the_address_who_has_no_secret_is_not_joined(repeats):
    """He repeats what he hears, or knows the right certificate and makes a proof up."""

    async def talk():
        async with await open_offer() as offer:
            invitation = offer.invitation

        async def answer(reader, writer):
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                writer.write(await reader.readline())
                told = json.loads(await reader.readline())
                if not repeats:
                    card = json.loads(told["card"]) | {"fingerprint": invitation.fingerprint.hex()}
                    told = {"card": json.dumps(card), "proof": "0" * 64}
                writer.write(json.dumps(told).encode() + b"\n")
                await writer.drain()
                await reader.read()
            # From Python 3.12 on a server ends when its connections have.
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", invitation.addresses[0].port):
            with pytest.raises(RefusedError) as refused:
                await open_transport(invitation)
            assert refused.value.why == "fingerprint"

    run(talk())


def test_dtls_takes_no_other_certificate_than_the_greeting_named(monkeypatch):
    """Somebody who knows even the cards' names and passwords is stopped by the certificate."""
    from lamina.plugin.line.joining import connection

    async def talk():
        async with await open_offer() as offer:
            joined = asyncio.ensure_future(open_transport(offer.invitation))
            real = connection.RTCDtlsTransport

            def with_a_certificate_of_his_own(ice, certificates):
                if ice.role == "controlled":  # the joining end's
                    certificates = [connection.new_certificate()]
                return real(ice, certificates)

            monkeypatch.setattr(connection, "RTCDtlsTransport", with_a_certificate_of_his_own)
            await until(lambda: offer.n_refused == 1)
            assert "not the one" in offer.last_refusal
            joined.cancel()
            await asyncio.gather(joined, return_exceptions=True)

    run(talk())


def test_an_invitation_is_good_for_one_peer():
    async def talk():
        async with await open_offer() as offer:
            results = await asyncio.gather(
                *(open_transport(offer.invitation) for _ in range(3)), return_exceptions=True
            )
            joined = [result for result in results if isinstance(result, Transport)]
            assert len(joined) == 1
            assert all(isinstance(result, Transport | OSError) for result in results)
            assert {result.why for result in results if isinstance(result, RefusedError)} <= {"busy"}
            here = await offer.accept()
            with pytest.raises(ConnectionError):
                await open_transport(offer.invitation)
        assert here.state == joined[0].state == "open"
        await here.close()
        await joined[0].close()

    run(talk())


def test_an_attempt_that_gets_stuck_does_not_use_the_invitation_up(monkeypatch):
    from lamina.plugin.line.joining import connection

    async def talk():
        async with await open_offer() as offer:
            monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.0)
            with pytest.raises(ConnectionError):
                await open_transport(offer.invitation)
            await until(lambda: offer.n_refused == 1)
            monkeypatch.undo()
            here, there = await asyncio.gather(offer.accept(), open_transport(offer.invitation))
        await here.close()
        await there.close()

    run(talk())


def test_garbage_instead_of_a_greeting_is_dropped_and_the_line_still_joined():
    async def throw(port: int, garbage: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(OSError):
            writer.write(garbage)
            writer.write_eof()
            await reader.read()
        writer.close()

    async def talk():
        noise = random.Random(4)
        nonce = json.dumps({"line": 1, "nonce": "00" * 16}).encode() + b"\n"
        garbage = [
            b"\n",
            b"{}\n",
            b"[" * 900 + b"\n",
            b"GET / HTTP/1.1\r\n\r\n",
            bytes(100_000),
            b'{"line": 2, "nonce": ""}\n',
            b'{"line": true, "nonce": 3}\n',
            nonce + b'{"card": 1, "proof": 2}\n',
            nonce + b'{"card": "{}", "proof": "\\ud800"}\n',
            nonce + json.dumps({"card": "[" * 400, "proof": "0" * 64}).encode() + b"\n",
            *(noise.randbytes(noise.randrange(1, 3000)) for _ in range(30)),
        ]
        async with await open_offer() as offer:
            for piece in garbage:
                await throw(offer.invitation.addresses[0].port, piece)
            await until(lambda: offer.n_refused == len(garbage))
            here, there = await asyncio.gather(offer.accept(), open_transport(offer.invitation))
        await here.close()
        await there.close()

    run(talk())


def test_other_versions_are_told_from_wrong_secrets():
    async def talk():
        async with await open_offer() as offer:
            reader, writer = await asyncio.open_connection("127.0.0.1", offer.invitation.addresses[0].port)
            writer.write(json.dumps({"line": 2, "nonce": "00" * 16}).encode() + b"\n")
            answer = json.loads(await reader.readline())
            assert answer == {"refused": "version"}
            writer.close()

    run(talk())


@pytest.mark.parametrize("is_tied", [True, False])
def test_datagrams_of_strangers_change_nothing_and_are_not_kept(monkeypatch, is_tied):
    """Where the socket is tied to the other end the system keeps them off; elsewhere it hands them over."""
    from lamina.plugin.line.joining import connection

    if is_tied and not sys.platform.startswith("linux"):
        pytest.skip("only Linux ties a socket here")
    if not is_tied:
        monkeypatch.setattr(connection._BoundConnection, "tie", lambda self: None)

    async def talk():
        async with a_line() as (here, there):
            at_there = heard_by(there)
            port = there._connection.socket.local_candidates[0].port
            noise = random.Random(5)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                for turn in range(3000):
                    datagram = noise.randbytes(noise.randrange(0, 1500))
                    # Among them empty ones, and such as begin like DTLS.
                    kind = (b"", bytes([noise.randrange(20, 64)]), b"\x80")[turn % 3]
                    stranger.sendto(kind + datagram if turn % 50 else b"", ("127.0.0.1", port))
                    if turn % 100 == 0:
                        await asyncio.sleep(0.001)
            while not at_there:  # a message may get lost in the crowd
                here.send(b"still here")
                await asyncio.sleep(0.02)
            assert set(at_there) == {b"still here"}
            assert (there._connection.figures()["n_dropped_datagrams"] == 0) is is_tied
            assert there._connection.socket._queue.qsize() < 600

    run(talk())


def test_a_flood_from_the_peer_is_dropped_and_then_ends_the_line(monkeypatch):
    from lamina.plugin.line.joining import connection

    monkeypatch.setattr(connection, "MOST_DROPPED", 300)
    monkeypatch.setattr(connection, "DATAGRAMS_PER_SECOND", 10.0)  # a busy machine may not flood quickly

    async def talk():
        async with a_line() as (here, there):
            at_there = heard_by(there)
            ended = []
            there.on_close = ended.append
            while there.state == "open" and here.state == "open":
                # Past what `send` would let through, as somebody would who wrote a program of his own.
                with contextlib.suppress(ConnectionError):
                    for _ in range(50):
                        await here._connection.dtls._send_data(bytes(60))
                await asyncio.sleep(0.001)
            assert "far more than a line needs" in there.reason
            assert ended == [there.reason]
            assert at_there == []

    run(talk())


def test_messages_beyond_the_limit_are_dropped_and_counted(monkeypatch):
    from lamina.plugin.line.joining import transport

    async def talk():
        async with a_line() as (here, there):
            at_there = heard_by(there)
            monkeypatch.setattr(transport, "MESSAGE_BURST", 5.0)
            monkeypatch.setattr(transport, "MESSAGES_PER_SECOND", 0.01)
            while not there.traffic.n_refused:
                here.send(b"x")
                await asyncio.sleep(0.001)
            assert len(at_there) == there.traffic.n_received < 10
            assert there.state == "open"

    run(talk())


def test_a_peer_that_sends_parts_of_messages_without_end_is_cut_off():
    from aiortc.rtcsctptransport import DataChunk

    async def talk():
        async with a_line() as (here, there):
            sctp = here._connection.sctp
            for number in range(100):
                chunk = DataChunk()
                chunk.flags = 0b110 if number == 0 else 0b100  # unordered; begins, and never ends
                chunk.tsn = (sctp._local_tsn + number) % 2**32
                chunk.stream_id, chunk.stream_seq, chunk.protocol = 0, 0, 53
                chunk.user_data = bytes(1000)
                with contextlib.suppress(ConnectionError):
                    await sctp._send_chunk(chunk)
                await asyncio.sleep(0.001)
            assert "without an end" in await there.wait_closed()

    run(talk())


def test_when_one_end_closes_the_other_is_told():
    async def talk():
        async with a_line() as (here, there):
            ended = []
            there.on_close = ended.append
            await here.close()
            assert "other end closed" in await there.wait_closed()
            assert ended == [there.reason]
            assert not there.send(b"x")
            assert "closed here" in here.reason
            await here.close()

    run(talk())


def test_what_a_cut_link_holds_up_is_given_up_soon_and_not_before_it_can_have_been_acknowledged():
    async def talk():
        async with a_line() as (here, _):
            sctp = here._connection.sctp
            for _ in range(20):
                sctp._update_rto(0.001)
            assert connection.ACKNOWLEDGE_SECONDS < sctp._rto < 0.5
            for _ in range(100):
                sctp._update_rto(0.7)
            assert 0.7 < sctp._rto < 2

    from lamina.plugin.line.joining import connection

    run(talk())


def test_after_a_cut_messages_go_through_again_and_old_ones_have_not_piled_up():
    async def talk():
        async with a_line() as (here, there):
            at_there = heard_by(there)
            sockets = [end._connection.socket for end in (here, there)]
            for end in sockets:
                end.data_received = lambda data, component: None
            for number in range(150):
                here.send(number.to_bytes(4, "big") * 16)
                await asyncio.sleep(1 / 75)
            assert here._channel.bufferedAmount <= 4096
            assert here.traffic.n_not_sent > 0
            assert at_there == []
            for end in sockets:
                del end.data_received
            n_turns = 0
            while not at_there or at_there[-1][:1] != b"n":
                here.send(b"new")
                await asyncio.sleep(1 / 75)
                n_turns += 1
            # One second of retransmission timeout (RFC 9260) and a little: counted in turns that take 1/75 s at least.
            assert n_turns < 3 * 75

    run(talk())


def test_nothing_listens_beyond_loopback_unless_asked():
    async def talk():
        async with await open_offer() as offer:
            assert {s.getsockname()[0] for s in offer._server.sockets} == {"127.0.0.1"}
            assert [address.host for address in offer.invitation.addresses] == ["127.0.0.1"]
            here, there = await asyncio.gather(offer.accept(), open_transport(offer.invitation))
            for end in (here, there):
                assert [c.host for c in end._connection.socket.local_candidates] == ["127.0.0.1"]
        await here.close()
        await there.close()

    run(talk())


def test_a_line_at_all_addresses_names_those_that_others_can_reach():
    async def talk():
        try:
            offer = await open_offer("0.0.0.0")
        except ValueError as error:
            pytest.skip(str(error))
        async with offer:
            hosts = [address.host for address in offer.invitation.addresses]
            assert hosts and "127.0.0.1" not in hosts and "0.0.0.0" not in hosts

    run(talk())


def test_an_ipv6_line_works_too():
    async def talk():
        try:
            offer = await open_offer("::1")
        except ValueError as error:
            pytest.skip(str(error))
        async with offer:
            invitation = parse_invitation(str(offer.invitation))
            here, there = await asyncio.gather(offer.accept(), open_transport(invitation))
            at_there = heard_by(there)
            here.send(b"six")
            await until(lambda: at_there == [b"six"])
        await here.close()
        await there.close()

    run(talk())


@pytest.mark.parametrize(("listen", "port", "told"), [("nowhere", 0, "no address"), ("127.0.0.1", -1, "port")])
def test_where_it_can_not_be_offered_is_told(listen, port, told):
    with pytest.raises(ValueError, match=told):
        asyncio.run(open_offer(listen, port))


def test_a_port_that_is_taken_is_told_for_tcp_and_udp():
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as taken:
            taken.bind(("127.0.0.1", 0))
            if kind == socket.SOCK_STREAM:
                taken.listen()
            with pytest.raises(ValueError, match="in use"):
                asyncio.run(open_offer("127.0.0.1", taken.getsockname()[1]))


def test_nobody_there_is_told():
    async def talk():
        async with await open_offer() as offer:
            invitation = offer.invitation
        with pytest.raises(ConnectionError, match=r"Nobody answers at 127\.0\.0\.1"):
            await open_transport(invitation)

    run(talk())


def test_an_address_that_is_dead_is_passed_over():
    async def talk():
        async with await open_offer() as offer, await open_offer() as other:
            dead = other.invitation.addresses[0]
            await other.close()
            invitation = offer.invitation.at(dead, *offer.invitation.addresses)
            here, there = await asyncio.gather(offer.accept(), open_transport(invitation))
        await here.close()
        await there.close()

    run(talk())
