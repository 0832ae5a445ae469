"""Getting messages from here to there: small, encrypted, unordered, never sent twice.

`open_offer` waits for the one peer that holds its invitation, `open_transport` goes to who made one; both give a
`Transport`. No message is taken, and nothing that decodes exists, before the other end has proved that it was invited
and has shown the certificate that it named (`greeting`, `connection`). aiortc is loaded when the first of them is made.

Nobody but the other end is talked to: no server is asked for this machine's address, and the sound goes to where the
greeting came from. A line is offered on loopback unless another address is asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from lamina.plugin.extras import missing_extra
from lamina.plugin.line.joining.greeting import (
    LONGEST_LINE,
    Card,
    Joiner,
    RefusedError,
    greet_as_joiner,
    hear_joiner,
)
from lamina.plugin.line.joining.invitation import MOST_ADDRESSES, Address, Invitation, InvitationError, new_invitation

if TYPE_CHECKING:
    from aiortc import RTCCertificate

    from lamina.plugin.line.joining.connection import EncryptedConnection

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 47_000
LONGEST_MESSAGE = 1200
"""Bytes of a message: with all headers it fits the smallest packet that IPv6 networks must carry, 1280 bytes."""
MESSAGES_PER_SECOND, MESSAGE_BURST = 400.0, 400.0
"""75 packets a second, and reports, are a line; more is dropped and counted."""
MOST_WAITING_BYTES, MOST_WAITING_SECONDS = 4096, 0.2
"""What may wait to be sent while the network takes nothing: older sound than that is no longer wanted."""
MOST_GREETINGS = 8
CONNECT_SECONDS = 5.0

State = Literal["open", "closed"]


@dataclass
class Traffic:
    """What went through a transport, in messages and in their bytes (without the headers of the network)."""

    n_sent: int = 0
    bytes_sent: int = 0
    n_received: int = 0
    bytes_received: int = 0
    n_not_sent: int = 0
    """Messages that were not sent since too much was waiting."""
    n_refused: int = 0
    """Messages that were not taken: too large, too many, or no bytes."""


class Transport:
    """Messages to and from one peer that has proved who it is.

    `on_message` is called with each message's bytes in the event loop; what comes before it is set is dropped.
    `on_close` is called once with a sentence when the line has ended.
    """

    def __init__(self, connection: EncryptedConnection, peer_host: str) -> None:
        self._connection = connection
        self._channel = connection.channel
        assert self._channel is not None
        self.peer_host = peer_host
        self.on_message: Callable[[bytes], None] | None = None
        self.on_close: Callable[[str], None] | None = None
        self.traffic = Traffic()
        self._allowed, self._allowed_at = MESSAGE_BURST, time.monotonic()
        self._handed: deque[tuple[float, int]] = deque()
        self._n_handed = 0
        """Messages that may still wait for the network, with the time of each, and their bytes together."""
        self._ended = asyncio.Event()
        self._reason = ""
        self._channel.on("message", self._take)
        self._channel.on("close", self._has_closed)
        assert connection.dtls is not None
        connection.dtls.on("statechange", self._dtls_has_changed)
        self._closing: asyncio.Task[None] | None = None
        if self._channel.readyState == "closed" or connection.dtls.state in ("closed", "failed"):
            self._end("The other end closed the line.")

    @property
    def state(self) -> State:
        """Open, or closed for good."""
        return "closed" if self._ended.is_set() else "open"

    @property
    def reason(self) -> str:
        """Why it is closed, as a sentence; empty while it is open."""
        return self._reason

    @property
    def refused_at(self) -> float | None:
        """When the network last told that nobody is at the other end's port, in monotonic seconds; None for never."""
        return self._connection.refused_at

    def send(self, message: bytes) -> bool:
        """Send a message now or never; returns whether it was handed to the network.

        Args:
            message: 1 to 1200 bytes.

        Raises:
            ValueError: too long, or empty.
        """
        if not 1 <= len(message) <= LONGEST_MESSAGE:
            raise ValueError(f"A message of {len(message)} bytes can't be sent; 1 to {LONGEST_MESSAGE} bytes can.")
        channel = self._channel
        if self._ended.is_set() or channel is None or channel.readyState != "open":
            return False
        now, n_waiting = time.monotonic(), channel.bufferedAmount
        while self._handed and self._n_handed - self._handed[0][1] >= n_waiting:
            self._n_handed -= self._handed.popleft()[1]
        is_old = bool(self._handed) and now - self._handed[0][0] > MOST_WAITING_SECONDS
        if is_old or n_waiting + len(message) > MOST_WAITING_BYTES:
            self.traffic.n_not_sent += 1
            return False
        channel.send(message)
        self._handed.append((now, len(message)))
        self._n_handed += len(message)
        self.traffic.n_sent += 1
        self.traffic.bytes_sent += len(message)
        return True

    async def wait_closed(self) -> str:
        """Wait for the end; returns why."""
        await self._ended.wait()
        return self._reason

    async def close(self) -> None:
        """Close the line and free the port; may be called again."""
        self._end("The line was closed here.")
        if self._closing is not None:
            await self._closing

    def _take(self, message: object) -> None:
        if self._ended.is_set():
            return
        now = time.monotonic()
        self._allowed = min(MESSAGE_BURST, self._allowed + (now - self._allowed_at) * MESSAGES_PER_SECOND)
        self._allowed_at = now
        if not isinstance(message, bytes) or not 1 <= len(message) <= LONGEST_MESSAGE or self._allowed < 1:
            self.traffic.n_refused += 1
            return
        self._allowed -= 1
        self.traffic.n_received += 1
        self.traffic.bytes_received += len(message)
        if self.on_message is not None:
            self.on_message(message)

    def _has_closed(self) -> None:
        sctp = self._connection.sctp
        self._end(sctp.trouble if sctp is not None and sctp.trouble else "The other end closed the line.")

    def _dtls_has_changed(self) -> None:
        dtls, ice, sctp = self._connection.dtls, self._connection.ice, self._connection.sctp
        if dtls is None or dtls.state not in ("closed", "failed"):
            return
        if sctp is not None and sctp.trouble:
            self._end(sctp.trouble)
        elif ice is not None and ice.state == "failed":
            self._end("Nothing came from the other end for half a minute; the line was closed.")
        else:
            self._end("The other end closed the line.")

    def _end(self, reason: str) -> None:
        if self._ended.is_set():
            return
        self._reason = reason
        self._ended.set()
        self._closing = asyncio.ensure_future(self._free())
        if self.on_close is not None:
            self.on_close(reason)

    async def _free(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self._connection.close()


class Offer:
    """A line that waits for its peer.

    Use it as `async with open_offer() as offer: transport = await offer.accept()`; leaving ends the waiting, not the
    transport.
    """

    def __init__(self, server: asyncio.Server, certificate: RTCCertificate, invitation: Invitation) -> None:
        self._server = server
        self._certificate = certificate
        self.invitation = invitation
        self.n_refused = 0
        self.last_refusal = ""
        self._n_greetings = 0
        self._is_taken = False
        self._accepted: asyncio.Future[Transport] = asyncio.get_running_loop().create_future()
        self._greetings: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Offer:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def accept(self) -> Transport:
        """Wait for the peer that was invited. Whoever can't prove that is sent away and counted in `n_refused`."""
        return await asyncio.shield(self._accepted)

    async def close(self) -> None:
        """Stop waiting; who is in the middle of joining is dropped."""
        self._server.close()
        for task in list(self._greetings):
            task.cancel()
        await asyncio.gather(*self._greetings, return_exceptions=True)
        if not self._accepted.done():
            self._accepted.cancel()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody has connected."""
        task = asyncio.current_task()
        assert task is not None
        if len(self._greetings) >= MOST_GREETINGS:
            writer.close()
            return
        self._greetings.add(task)
        try:
            await self._welcome(reader, writer)
        except (RefusedError, TimeoutError, OSError) as error:
            self.n_refused += 1
            self.last_refusal = str(error) or "Who asked to join said nothing."
        finally:
            self._greetings.discard(task)
            writer.close()

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        joiner = await hear_joiner(reader, writer, self.invitation.secret)
        if self._is_taken:
            await joiner.refuse("busy")
            raise RefusedError("busy", "This line")
        self._is_taken = True
        try:
            here, there = writer.get_extra_info("sockname"), writer.get_extra_info("peername")
            transport = await self._connect(joiner, here[0], here[1], there[0])
        except BaseException:
            self._is_taken = False  # the invitation is used up by a line, not by an attempt
            raise
        self._server.close()
        if self._accepted.done():
            await transport.close()
        else:
            self._accepted.set_result(transport)

    async def _connect(self, joiner: Joiner, host: str, port: int, peer_host: str) -> Transport:
        from lamina.plugin.line.joining.connection import EncryptedConnection

        connection = EncryptedConnection(self._certificate, is_offering=True)
        try:
            card = await connection.open_socket(host, port)
            await joiner.accept(card)
            await connection.connect(peer_host, joiner.card)
        except BaseException:
            await connection.close()
            raise
        return Transport(connection, peer_host)


async def open_offer(listen: str = LOOPBACK, port: int = 0) -> Offer:
    """Offer a line: make an invitation and wait at this address for who holds it.

    Args:
        listen: an address of this machine, or 0.0.0.0 or :: for all. The default can be reached from this machine
            alone.
        port: TCP for the greeting and UDP for the sound, the same number; 0 takes one that is free.

    Raises:
        ValueError: no address, or one that is not this machine's, or a port that is taken.
        ImportError: the extra [line] is not installed.
    """
    connection = load_network()
    if not (type(port) is int and 0 <= port <= 65535):
        raise ValueError(f"The port is {port!r}; give a whole number from 0 (any that is free) to 65535.")
    try:
        address = ipaddress.ip_address(listen)
    except ValueError:
        raise ValueError(
            f"{listen!r} is no address to listen at; give one of this machine's IP addresses, or 0.0.0.0 for all."
        ) from None
    certificate = connection.new_certificate()
    offers: list[Offer] = []
    try:
        server = await asyncio.start_server(
            lambda reader, writer: offers[0]._meet(reader, writer),
            listen,
            port,
            limit=LONGEST_LINE,
            start_serving=False,
        )
    except OSError as error:
        where = Address(listen, port) if port else listen
        raise ValueError(f"A line can't be offered at {where}: {_why(error)}.") from error
    try:
        port = server.sockets[0].getsockname()[1]
        if not address.is_unspecified:
            _check_udp(listen, port)
        addresses = tuple(Address(host, port) for host in _reachable(listen, address))
        offer = Offer(server, certificate, new_invitation(addresses, connection.fingerprint_of(certificate)))
        offers.append(offer)
        await server.start_serving()
    except BaseException:
        server.close()
        raise
    return offer


async def open_transport(invitation: Invitation) -> Transport:
    """Join a line: go to the addresses of an invitation, one after the other, until one is the end that made it.

    Raises:
        RefusedError: none is; the sentence says why.
        ImportError: the extra [line] is not installed.
    """
    connection_module = load_network()
    certificate = connection_module.new_certificate()
    trouble: Exception | None = None
    for address in invitation.addresses:
        try:
            return await _join_at(address, invitation, connection_module.EncryptedConnection(certificate, False))
        except RefusedError as error:
            trouble = error
        except (OSError, TimeoutError) as error:
            trouble = trouble or ConnectionError(f"Nobody answers at {address}: {_why(error)}.")
    assert trouble is not None
    raise trouble


async def _join_at(address: Address, invitation: Invitation, connection: EncryptedConnection) -> Transport:
    async with asyncio.timeout(CONNECT_SECONDS):
        reader, writer = await asyncio.open_connection(address.host, address.port, limit=LONGEST_LINE)
    try:
        here, there = writer.get_extra_info("sockname")[0], writer.get_extra_info("peername")[0]
        mine = await connection.open_socket(here, 0)
        card: Card = await greet_as_joiner(reader, writer, invitation, mine)
        await connection.connect(there, card)
    except BaseException:
        await connection.close()
        raise
    finally:
        writer.close()
    return Transport(connection, there)


def load_network() -> ModuleType:
    """Load what connects, which takes half a second; raises ImportError if the extra [line] is not installed."""
    try:
        from lamina.plugin.line.joining import connection
    except ImportError as error:
        raise ImportError(missing_extra("The line", "line", error)) from error
    return connection


def _check_udp(host: str, port: int) -> None:
    """The UDP socket is opened when the peer is there; that the port is taken should be told before."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ValueError(f"UDP at {Address(host, port)} can't be used: {_why(error)}.") from error


def _reachable(listen: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> tuple[str, ...]:
    """The addresses that an invitation names: the one that is listened at, or all of this machine's."""
    if not address.is_unspecified:
        return (listen,)
    from aioice.ice import get_host_addresses

    hosts = get_host_addresses(use_ipv4=address.version == 4, use_ipv6=address.version == 6)[:MOST_ADDRESSES]
    if not hosts:
        raise InvitationError("This machine has no address but loopback; there is no network to offer a line on.")
    return tuple(hosts)


def _why(error: BaseException) -> str:
    """An operating system's reason as the end of a sentence."""
    if isinstance(error, TimeoutError) and not getattr(error, "strerror", None):
        return "it took too long"
    text = getattr(error, "strerror", None) or str(error)
    return text[:1].lower() + text[1:].rstrip(".") if text else type(error).__name__
