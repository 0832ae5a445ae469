"""How a line begins: one end offers it, the other joins.

async with join(invitation, source="take.wav", sink="heard.wav") as peer:
    print(peer.status())
    ending = await peer.wait_ended()
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.plugin.codes_file.file import check_codes_target
from lamina.plugin.codes_file.writer import CodesTargetError
from lamina.plugin.host.recording.recorder import check_recording
from lamina.plugin.line.joining.ends import Sink, Source, as_sink, as_source
from lamina.plugin.line.joining.invitation import Invitation, parse_invitation
from lamina.plugin.line.joining.peer import Peer
from lamina.plugin.line.joining.settings import LineSettings, Live
from lamina.plugin.line.joining.transport import LOOPBACK, Offer, Transport, open_offer, open_transport
from lamina.plugin.line.sender import check_frames_per_packet
from lamina.plugin.neural_codec import NeuralCodec

if TYPE_CHECKING:
    from lamina.plugin.board import Board


class Offered:
    """A line that waits for its peer. Made by `offer`."""

    def __init__(self, waiting: Offer, make: _Maker) -> None:
        self._waiting, self._make = waiting, make
        self._peer: Peer | None = None

    @property
    def invitation(self) -> Invitation:
        """What the other end needs; `str` of it is the line to pass on."""
        return self._waiting.invitation

    @property
    def n_refused(self) -> int:
        """How often somebody asked to join who was not invited."""
        return self._waiting.n_refused

    @property
    def last_refusal(self) -> str:
        """Why the last of them was sent away."""
        return self._waiting.last_refusal

    async def peer(self) -> Peer:
        """Wait for who was invited."""
        if self._peer is None:
            self._peer = await _peer_over(await self._waiting.accept(), self._make)
        return self._peer

    async def close(self) -> None:
        """End the waiting, and the line."""
        await self._waiting.close()
        if self._peer is not None:
            await self._peer.close()
        else:
            self._make.close()


@contextlib.asynccontextmanager
async def offer(
    source: Source | Live | str | Path | None = None,
    sink: Sink | Live | str | Path | None = None,
    *,
    codec: NeuralCodec | None = None,
    hearing: NeuralCodec | None = None,
    board: Board | None = None,
    settings: LineSettings | None = None,
    listen: str = LOOPBACK,
    port: int = 0,
) -> AsyncIterator[Offered]:
    """Offer a line: `async with offer("take.wav") as offered: print(offered.invitation); await offered.peer()`.

    Args:
        source: what is sent: a sound file's path, a `Source`, `LIVE` for the sound device, or nothing.
        sink: where goes what arrives: a new wav or flac file's path, a `Sink`, `LIVE`, or nothing.
        codec: with the settings of what is sent.
        hearing: with the settings of what is heard, of the same model.
        board: what the source goes through before it is coded; not for `LIVE`.
        settings: all else.
        listen: an address of this machine; the default can be reached from this machine alone. 0.0.0.0 is all.
        port: TCP and UDP; 0 for one that is free.

    Raises ValueError, TypeError or OSError, before anything is opened, for what can't be done.
    """
    make = _maker(source, sink, codec, hearing, board, settings)
    try:
        waiting = await open_offer(listen, port)
    except BaseException:
        make.close()
        raise
    offered = Offered(waiting, make)
    try:
        yield offered
    finally:
        await offered.close()


@contextlib.asynccontextmanager
async def join(
    invitation: str | Invitation,
    source: Source | Live | str | Path | None = None,
    sink: Sink | Live | str | Path | None = None,
    *,
    codec: NeuralCodec | None = None,
    hearing: NeuralCodec | None = None,
    board: Board | None = None,
    settings: LineSettings | None = None,
) -> AsyncIterator[Peer]:
    """Join a line that was offered: `async with join(invitation, sink="heard.wav") as peer: …`.

    The arguments are those of `offer`.

    Raises:
        InvitationError: the line of text is no invitation.
        ConnectionError: nobody is there, or it refuses; the sentence says why.
    """
    found = parse_invitation(invitation) if isinstance(invitation, str) else invitation
    make = _maker(source, sink, codec, hearing, board, settings)
    try:
        peer = await _peer_over(await open_transport(found), make)
    except BaseException:
        make.close()
        raise
    try:
        yield peer
    finally:
        await peer.close()


@dataclass(frozen=True)
class _Maker:
    """A peer but for its transport."""

    codec: NeuralCodec
    hearing: NeuralCodec
    source: Source | Live | None
    sink: Sink | Live | None
    settings: LineSettings

    def __call__(self, transport: Transport) -> Peer:
        return Peer(transport, self.codec, self.hearing, self.source, self.sink, self.settings)

    def close(self) -> None:
        """Let go of what no peer will read or write."""
        for end in (self.source, self.sink):
            if end is not None and not isinstance(end, Live):
                end.close()


async def _peer_over(transport: Transport, make: _Maker) -> Peer:
    """The peer at the other end; where devices can't be opened for it, the other end is not left waiting."""
    try:
        return make(transport)
    except BaseException:
        await transport.close()
        raise


def _maker(
    source: Any,
    sink: Any,
    codec: NeuralCodec | None,
    hearing: NeuralCodec | None,
    board: Board | None,
    settings: LineSettings | None,
) -> _Maker:
    """Everything that can be refused is refused here, before anybody is met."""
    wanted = settings or LineSettings()
    if source is None and sink is None:
        raise ValueError("A line with neither a source nor a sink carries nothing; give at least one.")
    if board is not None and (source is None or isinstance(source, Live)):
        raise ValueError("A board stands before a line's file or array; there is none here.")
    ours = codec or NeuralCodec()
    theirs = hearing or NeuralCodec(model=ours.model)
    if theirs.bundle.digest != ours.bundle.digest:
        raise ValueError(
            f"The line sends with the model {ours.bundle.name!r} and hears with {theirs.bundle.name!r}; both ends need "
            "one and the same."
        )
    if wanted.codes is not None:
        codes = check_codes_target(wanted.codes)
        if codes.exists():
            raise CodesTargetError(f"{codes} exists already, and a recording overwrites nothing. Choose another name.")
        wanted = replace(wanted, codes=codes)
    if wanted.recording is not None:
        check_recording(Path(wanted.recording))
    check_frames_per_packet(wanted.frames_per_packet)
    made_sink = sink if sink is None or isinstance(sink, Live) else as_sink(sink)
    made_source = source if source is None or isinstance(source, Live) else as_source(source, board)
    _warm(ours)
    return _Maker(ours, theirs, made_source, made_sink, wanted)


def _warm(codec: NeuralCodec) -> None:
    """Load what computes the networks before anybody waits for it."""
    from lamina.models.runtime import load_runtime

    load_runtime(codec.model)
