"""The encrypted connection of two ends that have greeted each other: ICE, DTLS and SCTP, all of them aiortc's.

What is here keeps it within bounds that aiortc leaves open: which address it uses, how much of what a stranger sends is
kept, and how much a known peer may send.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time
from typing import Any

from aioice import Candidate, Connection
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import StunProtocol
from aiortc import (
    RTCCertificate,
    RTCDataChannel,
    RTCDataChannelParameters,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceCandidate,
    RTCIceGatherer,
    RTCIceParameters,
    RTCIceTransport,
    RTCSctpCapabilities,
    RTCSctpTransport,
)
from aiortc.rtcsctptransport import WEBRTC_DCEP

from lamina.plugin.line.joining.greeting import Card, RefusedError

CONNECT_SECONDS = 10.0
SCTP_PORT, CHANNEL_ID = 5000, 0
LONGEST_MESSAGE = 1200
MOST_WAITING_DATAGRAMS = 512
WINDOW_BYTES, MOST_UNFINISHED_BYTES, MOST_STREAMS = 1024 * 1024, 16 * 1024, 4
"""aiortc's receive window, how much of it parts of messages may take, and how many streams they may be in."""
DATAGRAMS_PER_SECOND, DATAGRAM_BURST = 1000.0, 1000.0
"""A line sends some 75 packets a second each way, and SCTP confirms each: a flood is what goes far beyond."""
MOST_DROPPED = 20_000
PACKETS_PER_ACKNOWLEDGEMENT, ACKNOWLEDGE_SECONDS = 2, 0.2
SHORTEST_TIMEOUT_SECONDS = 0.4
"""RTO.Min of RFC 9260: 1 s is recommended where lost data is sent again. Here nothing is: after a timeout what was lost
is given up, and until then a link that was cut carries nothing. Acknowledgements come in time for it."""
_LOWEST_DTLS, _HIGHEST_DTLS = 20, 63  # RFC 7983, section 7


def new_certificate() -> RTCCertificate:
    """A self-signed certificate for one session; what vouches for it is its fingerprint in the invitation."""
    return RTCCertificate.generateCertificate()


def fingerprint_of(certificate: RTCCertificate) -> bytes:
    """SHA-256 of a certificate."""
    values = {print_.algorithm: print_.value for print_ in certificate.getFingerprints()}
    return bytes.fromhex(values["sha-256"].replace(":", ""))


class _HeedingProtocol(StunProtocol):
    """A socket that heeds what the network answers when nobody is at the other end's port any more."""

    def error_received(self, exc: Exception) -> None:
        """Note that there is nobody: ICMP says so, and the system hands it on as an error of the socket."""
        super().error_received(exc)
        connection = self.receiver
        if isinstance(exc, ConnectionRefusedError | ConnectionResetError) and isinstance(connection, _BoundConnection):
            connection.refused_at = time.monotonic()


class _BoundConnection(Connection):
    """ICE on one address of this machine alone, where aioice would take all of them but loopback."""

    def __init__(self, host: str, port: int, is_offering: bool) -> None:
        super().__init__(ice_controlling=is_offering)
        self._host, self._port = host, port
        self.n_dropped = 0
        self.refused_at: float | None = None
        """When the network last told that nobody is at the other end's port."""

    async def get_component_candidates(self, component: int, addresses: list[str], timeout: int = 5) -> list[Candidate]:
        """Open the one socket, at the port that was offered."""
        transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _HeedingProtocol(self), local_addr=(self._host, self._port)
        )
        host, port = transport.get_extra_info("sockname")[:2]
        candidate = Candidate(
            foundation=candidate_foundation("host", "udp", host),
            component=component,
            transport="udp",
            priority=candidate_priority(component, "host"),
            host=host,
            port=port,
            type="host",
        )
        protocol.local_candidate = candidate
        self._protocols.append(protocol)
        return [candidate]

    def tie(self) -> None:
        """Tie the socket to the other end that was found, where the system then tells when nobody is there any more.

        Linux does so for such sockets alone; Windows does it for every socket. Datagrams from elsewhere end with it.
        """
        pair = self._nominated.get(1)
        if pair is None or not sys.platform.startswith("linux"):
            return
        own = pair.protocol.transport.get_extra_info("socket")
        # Where that can't be done, nothing is told, and all else is as before.
        with socket.fromfd(own.fileno(), own.family, own.type) as tied, contextlib.suppress(OSError):
            tied.connect(pair.remote_addr)

    def data_received(self, data: bytes, component: int) -> None:
        """Keep what may be DTLS, and not more than a little of it: anybody can send to a socket."""
        may_be_dtls = bool(data) and _LOWEST_DTLS <= data[0] <= _HIGHEST_DTLS
        if not may_be_dtls or self._queue.qsize() >= MOST_WAITING_DATAGRAMS:
            self.n_dropped += 1
            return
        super().data_received(data, component)


class _GuardedSctp(RTCSctpTransport):
    """SCTP that a peer can neither flood nor fill with messages that never end."""

    def __init__(self, transport: RTCDtlsTransport) -> None:
        super().__init__(transport, SCTP_PORT)
        self.n_dropped = 0
        self.trouble = ""
        self._allowed, self._allowed_at = DATAGRAM_BURST, time.monotonic()
        self._n_unacknowledged = 0
        self._acknowledging: asyncio.TimerHandle | None = None

    async def _handle_data(self, data: bytes) -> None:
        now = time.monotonic()
        self._allowed = min(DATAGRAM_BURST, self._allowed + (now - self._allowed_at) * DATAGRAMS_PER_SECOND)
        self._allowed_at = now
        if self._allowed < 1:
            self.n_dropped += 1
            if self.n_dropped > MOST_DROPPED:
                self._end("The other end sends far more than a line needs; the line was closed.")
            return
        self._allowed -= 1
        try:
            await super()._handle_data(data)
        except ConnectionError:
            raise
        except Exception as error:  # nothing that a peer sends may end more than its own line
            self._end(f"The other end sent what is no SCTP ({type(error).__name__}); the line was closed.")
        if self._advertised_rwnd < WINDOW_BYTES - MOST_UNFINISHED_BYTES or len(self._inbound_streams) > MOST_STREAMS:
            self._end("The other end sends messages without an end; the line was closed.")

    async def _send_sack(self) -> None:
        """Acknowledge every other packet, or a little later (RFC 9260, section 6.2), where aiortc would do so for each.

        What is missing or came twice is told at once.
        """
        self._sack_needed = False
        self._n_unacknowledged += 1
        is_odd = bool(self._sack_misordered or self._sack_duplicates)
        if is_odd or self._n_unacknowledged >= PACKETS_PER_ACKNOWLEDGEMENT:
            await self._acknowledge()
        elif self._acknowledging is None:
            self._acknowledging = asyncio.get_running_loop().call_later(
                ACKNOWLEDGE_SECONDS, lambda: asyncio.ensure_future(self._acknowledge())
            )

    async def _acknowledge(self) -> None:
        if self._acknowledging is not None:
            self._acknowledging.cancel()
            self._acknowledging = None
        self._n_unacknowledged = 0
        with contextlib.suppress(ConnectionError):
            await super()._send_sack()

    def _update_rto(self, R: float) -> None:
        super()._update_rto(R)
        if self._srtt is not None and self._rttvar is not None:
            self._rto = max(SHORTEST_TIMEOUT_SECONDS, min(self._srtt + 4 * self._rttvar, self._rto))

    async def _data_channel_receive(self, stream_id: int, pp_id: int, data: bytes) -> None:
        if stream_id != CHANNEL_ID or pp_id == WEBRTC_DCEP:  # no further channels
            self.n_dropped += 1
            return
        await super()._data_channel_receive(stream_id, pp_id, data)

    def _set_state(self, state: RTCSctpTransport.State) -> None:
        super()._set_state(state)
        if state == self.State.CLOSED and self._acknowledging is not None:
            self._acknowledging.cancel()
            self._acknowledging = None

    def _end(self, trouble: str) -> None:
        self.trouble = self.trouble or trouble
        raise ConnectionError(trouble)


class EncryptedConnection:
    """One data channel to one peer: unordered, without retransmission, encrypted.

    Args:
        certificate: this end's.
        is_offering: whether this end made the invitation.
    """

    def __init__(self, certificate: RTCCertificate, is_offering: bool) -> None:
        self._certificate = certificate
        self._is_offering = is_offering
        self.channel: RTCDataChannel | None = None
        self.sctp: _GuardedSctp | None = None
        self.dtls: RTCDtlsTransport | None = None
        self.ice: RTCIceTransport | None = None
        self.socket: _BoundConnection | None = None

    async def open_socket(self, host: str, port: int) -> Card:
        """Open UDP at this address (port 0: any that is free); returns the card for the other end.

        Raises:
            OSError: the port is taken, or the address is not this machine's.
        """
        gatherer = RTCIceGatherer(iceServers=[])
        self.socket = _BoundConnection(host, port, self._is_offering)
        gatherer._connection = self.socket
        await gatherer.gather()
        self.ice = RTCIceTransport(gatherer)
        mine = gatherer.getLocalParameters()
        candidate = gatherer.getLocalCandidates()[0]
        return Card(fingerprint_of(self._certificate), str(mine.usernameFragment), str(mine.password), candidate.port)

    async def connect(self, host: str, card: Card) -> RTCDataChannel:
        """Connect to the end with that card at that address.

        Raises:
            RefusedError: it has another certificate, or nothing comes through.
        """
        assert self.ice is not None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._connect(self.ice, host, card)
        except (TimeoutError, ConnectionError) as error:
            await self.close()
            raise error if isinstance(error, RefusedError) else RefusedError("connection") from error

    async def _connect(self, ice: RTCIceTransport, host: str, card: Card) -> RTCDataChannel:
        candidate = RTCIceCandidate(
            component=1,
            foundation=candidate_foundation("host", "udp", host),
            ip=host,
            port=card.port,
            priority=candidate_priority(1, "host"),
            protocol="udp",
            type="host",
        )
        await ice.addRemoteCandidate(candidate)
        await ice.addRemoteCandidate(None)
        await ice.start(RTCIceParameters(usernameFragment=card.username, password=card.password))
        if ice.state != "completed":
            raise RefusedError("connection")
        assert self.socket is not None
        self.socket.tie()
        self.dtls = dtls = RTCDtlsTransport(ice, [self._certificate])
        expected = RTCDtlsFingerprint("sha-256", card.fingerprint.hex(":"))
        self.sctp = sctp = _GuardedSctp(dtls)
        opened = asyncio.Event()
        # Both ends know the channel's number, so that the peer can't open others.
        self.channel = channel = RTCDataChannel(
            sctp,
            RTCDataChannelParameters(label="line", ordered=False, maxRetransmits=0, negotiated=True, id=CHANNEL_ID),
        )
        channel.on("open", opened.set)
        await dtls.start(RTCDtlsParameters(fingerprints=[expected]))
        if dtls.state != "connected":
            raise RefusedError("fingerprint" if dtls.encrypted else "connection")
        await sctp.start(RTCSctpCapabilities(maxMessageSize=LONGEST_MESSAGE), SCTP_PORT)
        await opened.wait()
        return channel

    @property
    def refused_at(self) -> float | None:
        """When the network last told that nobody is at the other end's port, in monotonic seconds; None for never."""
        return None if self.socket is None else self.socket.refused_at

    def figures(self) -> dict[str, Any]:
        """What was dropped before anything of it was read as a message."""
        return {
            "n_dropped_datagrams": (self.socket.n_dropped if self.socket else 0)
            + (self.sctp.n_dropped if self.sctp else 0)
        }

    async def close(self) -> None:
        """Say goodbye and free the socket; may be called again."""
        for part in (self.sctp, self.dtls, self.ice):
            if part is not None:
                await part.stop()
        if self.socket is not None:
            await self.socket.close()
