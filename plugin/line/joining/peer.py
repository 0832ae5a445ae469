"""A peer: sound to and from the other end of a line, for scripts and for `lamina line`.

    async with join(invitation, source="take.wav", sink="heard.wav") as peer:
        print(peer.status())
        ending = await peer.wait_ended()

Both ends say hello, and no sound flows before each knows that the other has the same model. Encoding, decoding and
devices run in a thread of their own (`pump`); messages come and go in the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from lamina.plugin.codes_file.file import check_codes_target, codes_writer
from lamina.plugin.codes_file.writer import CodesTargetError
from lamina.plugin.host.device.device_settings import DeviceSettings
from lamina.plugin.line.adaptation import Redundancy
from lamina.plugin.line.codec_ends import check_model, hello_of
from lamina.plugin.line.joining.ends import Sink, Source, as_sink, as_source
from lamina.plugin.line.joining.invitation import Invitation, parse_invitation
from lamina.plugin.line.joining.pump import DeviceClock, Pump, SystemClock
from lamina.plugin.line.joining.transport import LOOPBACK, Offer, Transport, open_offer, open_transport
from lamina.plugin.line.packet import BYE, HELLO, REPORT, SOUND, Bye, Hello, PacketError, Report, message_kind, unpack
from lamina.plugin.line.receiver import LineReceiver
from lamina.plugin.line.sender import LineRates, LineSender
from lamina.plugin.neural_codec import NeuralCodec

if TYPE_CHECKING:
    from lamina.plugin.board import Board

TURN_SECONDS = 0.05
REPORT_SECONDS = 0.25
HELLO_SECONDS, KNOWN_HELLO_SECONDS = 0.2, 2.0
"""Hello is said again in case it got lost: often until something of the other end came, then now and then."""
READY_SECONDS = 1.5
"""An end that hears nothing sends no reports: it is not waited for longer."""
LINGER_SECONDS = 0.5
"""So long the end of a stream is told again and again before the line is closed."""
SILENT_SECONDS = 1.0
"""When nothing at all came for so long, the state says so."""
DRAIN_SECONDS = 0.3
HELLO_TIMEOUT_SECONDS = 15.0


class Live(Enum):
    """Marks the sound device as a source or a sink."""

    DEVICE = "device"


LIVE: Final = Live.DEVICE

State = Literal["joined", "talking", "interrupted", "ended"]
STATE_WORDS: dict[State, str] = {
    "joined": "joined, waiting for the other end's hello",
    "talking": "connected",
    "interrupted": "nothing comes from the other end",
    "ended": "ended",
}


@dataclass(frozen=True)
class LineSettings:
    """How a peer sends and receives.

    Args:
        name: of who is here, shown at the other end; up to 120 bytes.
        frames_per_packet: 1 to 4; more cost delay and save headers.
        redundancy: what of earlier frames travels again; None lets the reports decide.
        adaptive: whether layers are shed and added as the link carries them.
        sparse_silence: whether silence is sent sparsely.
        buffer_ms: the jitter buffer; None lets the jitter decide.
        correct_drift: whether differing clocks of the two ends are corrected.
        codes: a new `.lamina` file for the codes as they were heard; None for none.
        devices: for `LIVE` sources and sinks.
    """

    name: str = ""
    frames_per_packet: int = 1
    redundancy: Redundancy | None = None
    adaptive: bool = True
    sparse_silence: bool = False
    buffer_ms: float | None = None
    correct_drift: bool = True
    codes: str | Path | None = None
    devices: DeviceSettings = field(default_factory=DeviceSettings)


@dataclass(frozen=True)
class PeerStatus:
    """How a line stands.

    Args:
        state: joined, talking, interrupted or ended; `STATE_WORDS` says it for people.
        here, there: both names.
        seconds: since the line was joined.
        round_trip_ms: there and back, without buffers; None while it is not known.
        loss: share of packets that didn't come since the last report, 0 to 1.
        jitter_ms: of packets that came.
        buffer_ms: how long frames wait before they are heard.
        concealed: frames that were missing when they should have been heard, since the beginning.
        layers: that are sent at most now; 0 if nothing is sent.
        sent: kilobits per second that are really sent, told apart; None if nothing is sent.
        received_kbps: of the messages that came, since the last status' report.
        there_loss: share of this end's packets that the other end missed, as it last reported.
        delay_ms: from the other end's source to this end's sink, as far as it is known here; None if nothing is heard.
        drift_ppm: by how many millionths the other end's clock is faster.
        refused: messages that were none.
    """

    state: State
    here: str
    there: str
    seconds: float
    round_trip_ms: float | None
    loss: float
    jitter_ms: float
    buffer_ms: float
    concealed: int
    layers: int
    sent: LineRates | None
    received_kbps: float
    there_loss: float | None
    delay_ms: float | None
    drift_ppm: float
    refused: int


@dataclass(frozen=True)
class Ending:
    """Why a line ended.

    Args:
        reason: a sentence.
        is_failure: whether it broke off, or never became one, instead of being ended by one of both.
    """

    reason: str
    is_failure: bool = False


class Peer:
    """The other end of a line, and what goes to it and comes from it. Made by `join` and `Offered.peer`."""

    def __init__(
        self,
        transport: Transport,
        codec: NeuralCodec,
        hearing: NeuralCodec,
        source: Source | Live | None,
        sink: Sink | Live | None,
        settings: LineSettings,
    ) -> None:
        self.codec, self.hearing, self.settings = codec, hearing, settings
        self.there = ""
        """The other end's name, once it has said hello."""
        self.sender: LineSender | None = None
        self.receiver: LineReceiver | None = None
        self._transport = transport
        self._source, self._sink = source, sink
        self._loop = asyncio.get_running_loop()
        self._sending = Lock()
        self._started = time.monotonic()
        self._heard_at: float | None = None
        self._other: Hello | None = None
        self._met_at: float | None = None
        self._has_other_ended = False
        self._finished_at: float | None = None
        self._is_flushed = source is None
        self._n_refused = 0
        self._last_report: Report | None = None
        self._received = (self._started, 0)
        self._received_kbps = 0.0
        self._ending: asyncio.Future[Ending] = self._loop.create_future()
        self._codes: contextlib.ExitStack = contextlib.ExitStack()
        self._clock: SystemClock | DeviceClock = SystemClock()
        if Live.DEVICE in (source, sink):
            self._clock = DeviceClock(settings.devices, source is LIVE, sink is LIVE)
        try:
            self._hello = self._new_sender()
            self._play_rate: int | None = None
            self._pump = Pump(
                self._clock,
                self._listen if self.sender is not None else None,
                self.sender.sample_rate if self.sender is not None else 1,
                self._play,
                lambda: self._play_rate,
                lambda trouble: self._from_thread(self._fail, trouble),
            )
            transport.on_message = self._take
            self._pump.start()
        except BaseException:
            self._clock.stop()
            raise
        self._task = asyncio.ensure_future(self._talk())
        self._task.add_done_callback(self._has_talked)

    # For everybody.

    @property
    def state(self) -> State:
        """How the line stands."""
        if self._ending.done():
            return "ended"
        if self._other is None:
            return "joined"
        is_silent = self._heard_at is None or time.monotonic() - self._heard_at > SILENT_SECONDS
        return "interrupted" if is_silent else "talking"

    def status(self) -> PeerStatus:
        """All figures of now."""
        sender, receiver, report = self.sender, self.receiver, self._last_report
        there = sender.last_report if sender is not None else None
        return PeerStatus(
            state=self.state,
            here=self.settings.name,
            there=self.there,
            seconds=time.monotonic() - self._started,
            round_trip_ms=sender.round_trip_ms if sender is not None else None,
            loss=report.loss if report is not None else 0.0,
            jitter_ms=report.jitter_ms if report is not None else 0.0,
            buffer_ms=receiver.buffer_ms if receiver is not None else 0.0,
            concealed=receiver.counts.concealed if receiver is not None else 0,
            layers=sender.layers if sender is not None else 0,
            sent=self._rates(),
            received_kbps=self._received_kbps,
            there_loss=there.loss if there is not None else None,
            delay_ms=self._delay_ms(),
            drift_ppm=receiver.drift_ppm if receiver is not None else 0.0,
            refused=self._n_refused + self._transport.traffic.n_refused,
        )

    async def wait_ended(self) -> Ending:
        """Wait for the line's end; returns why."""
        return await asyncio.shield(self._ending)

    async def close(self) -> None:
        """End the line: the rest is sent, the other end is told, files are completed. May be called again."""
        if not self._ending.done():
            await self._loop.run_in_executor(None, self._flush)
            self._say_bye()
            await asyncio.sleep(TURN_SECONDS)
            await self._end(Ending("The line was closed here."))
        await asyncio.gather(self._task, return_exceptions=True)

    # Sound, in the pump's thread.

    def _listen(self, n_samples: int, now: float) -> bool:
        assert self.sender is not None
        if isinstance(self._clock, DeviceClock) and self._source is LIVE:
            block = self._clock.captured()
            if self._other is None:
                return True
        else:
            assert self._source is not None and not isinstance(self._source, Live)
            if not self._may_begin(now):
                return True
            block = self._source.read(n_samples)
        with self._sending:
            if self._is_flushed:
                return False
            packets = self.sender.push(block, now)
        if packets:
            self._from_thread(self._send_all, packets)
        if self._source is not LIVE and block.shape[1] < n_samples:
            self._flush()
            return False
        return True

    def _may_begin(self, now: float) -> bool:
        """A file is sent from its beginning to whom is ready to hear it: reports say so, where there are any."""
        if self._met_at is None or self.sender is None:
            return False
        return self.sender.last_report is not None or now - self._met_at > READY_SECONDS

    def _play(self, n_samples: int, now: float) -> None:
        receiver, sink = self.receiver, self._sink
        if receiver is None or sink is None:
            return
        sound = receiver.pull(n_samples, now)
        if isinstance(sink, Live):
            assert isinstance(self._clock, DeviceClock)
            self._clock.play(sound)
        else:
            sink.write(sound)

    def _flush(self) -> None:
        """The rest of the own stream, once."""
        with self._sending:
            if self._is_flushed or self.sender is None:
                return
            self._is_flushed = True
            packets = self.sender.flush()
        self._from_thread(self._send_all, packets)
        self._from_thread(self._finish)

    def _from_thread(self, call: Callable[..., Any], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it the line
            self._loop.call_soon_threadsafe(call, *arguments)

    # Messages, in the event loop.

    def _send_all(self, packets: list[bytes]) -> None:
        for packet in packets:
            self._transport.send(packet)

    def _finish(self) -> None:
        self._finished_at = self._finished_at or time.monotonic()

    def _say_bye(self, reason: str = "") -> None:
        self._transport.send(Bye(self._hello.stream, reason).pack())

    def _take(self, message: bytes) -> None:
        now = time.monotonic()
        try:
            kind = message_kind(message)
            if kind == HELLO:
                self._meet(unpack(message))
            elif kind == REPORT and self.sender is not None:
                report = unpack(message)
                assert isinstance(report, Report)
                with self._sending:
                    self.sender.on_report(report, now)
            elif kind == BYE:
                self._hear_bye(unpack(message), message, now)
            elif kind == SOUND and self.receiver is not None:
                self.receiver.receive(message, now)
        except PacketError as error:
            self._n_refused += 1
            if self._other is None and "version" in str(error):
                self._refuse(str(error))
            return
        self._heard_at = now

    def _meet(self, hello: object) -> None:
        assert isinstance(hello, Hello)
        if self._other is not None or self._ending.done():
            return
        try:
            check_model(self.hearing, hello)
            if self._sink is not None:
                self._begin_to_hear(hello)
        except (ValueError, OSError) as error:
            self._refuse(str(error))
            return
        self._other, self.there, self._met_at = hello, hello.name, time.monotonic()

    def _begin_to_hear(self, hello: Hello) -> None:
        sink = self._sink
        if isinstance(sink, Live):
            assert isinstance(self._clock, DeviceClock)
            rate = self._clock.sample_rate
        else:
            assert sink is not None
            rate = sink.sample_rate or hello.sample_rate
        receiver = LineReceiver(
            self.hearing,
            hello,
            rate,
            buffer_ms=self.settings.buffer_ms,
            correct_drift=self.settings.correct_drift,
        )
        if not isinstance(sink, Live):
            sink.open(rate, hello.n_channels)
        if self.settings.codes is not None:
            receiver.on_codes = self._codes.enter_context(codes_writer(self.settings.codes)).write
        self.receiver, self._play_rate = receiver, rate

    def _hear_bye(self, bye: object, message: bytes, now: float) -> None:
        assert isinstance(bye, Bye)
        if bye.reason:
            self._fail(f"The other end refused the line: {bye.reason}")
        elif self._other is not None and bye.stream == self._other.stream:
            self._has_other_ended = True
            if self.receiver is not None:
                self.receiver.receive(message, now)

    def _refuse(self, reason: str) -> None:
        self._say_bye(reason)
        self._fail(reason)

    def _fail(self, reason: str) -> None:
        if not self._ending.done():
            asyncio.ensure_future(self._end(Ending(reason, is_failure=True)))  # noqa: RUF006 - it ends with the loop

    # The turns of the line.

    async def _talk(self) -> None:
        said_at = reported_at = 0.0
        drained_at: float | None = None
        while not self._ending.done():
            now = time.monotonic()
            is_new = self._other is None or self._heard_at is None
            if now - said_at >= (HELLO_SECONDS if is_new else KNOWN_HELLO_SECONDS):
                said_at = now
                self._transport.send(self._hello.pack())
                if self._source is None:
                    self._say_bye()
            if self._finished_at is not None and now - self._finished_at < 2 * LINGER_SECONDS:
                self._say_bye()
            if self.receiver is not None and now - reported_at >= REPORT_SECONDS:
                reported_at = now
                self._last_report = self.receiver.report(now)
                self._transport.send(self._last_report.pack())
                self._count_received(now)
            ending = self._ending_of_now(now)
            if ending is None:
                drained_at = None
            elif drained_at is None:
                drained_at = now + self._drain_seconds()
            elif now >= drained_at:
                await self._end(ending)
            await asyncio.sleep(TURN_SECONDS)

    def _has_talked(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fail(f"The line broke off ({type(error).__name__}: {error}).")

    def _ending_of_now(self, now: float) -> Ending | None:
        if self._transport.state == "closed":
            if self._has_other_ended or self._finished_at is not None:
                return Ending("The sound has ended.")
            return Ending(self._transport.reason, is_failure=True)
        if self._other is None and now - self._started > HELLO_TIMEOUT_SECONDS:
            return Ending("The other end joined, but said no hello.", is_failure=True)
        is_sent = self._source is None or (
            self._finished_at is not None and now - self._finished_at > LINGER_SECONDS and self._other is not None
        )
        is_heard = self._sink is None or self._has_other_ended
        return Ending("The sound has ended.") if is_sent and is_heard else None

    def _drain_seconds(self) -> float:
        """What has come is heard to its end."""
        receiver = self.receiver
        return 0.0 if receiver is None else DRAIN_SECONDS + receiver.buffer_ms / 1000

    async def _end(self, ending: Ending) -> None:
        if self._ending.done():
            return
        self._ending.set_result(ending)
        await self._loop.run_in_executor(None, self._release)
        await asyncio.sleep(0)  # what was said last goes out
        await self._transport.close()

    def _release(self) -> None:
        self._pump.stop()
        for end in (self._source, self._sink):
            if end is not None and not isinstance(end, Live):
                end.close()
        self._codes.close()

    # Helpers.

    def _new_sender(self) -> Hello:
        source, settings = self._source, self.settings
        if source is None:
            # It says hello all the same, for its name and its model, and that no sound will come.
            return hello_of(self.codec, 1, int(np.random.default_rng().integers(1 << 16)), settings.name)
        if isinstance(source, Live):
            assert isinstance(self._clock, DeviceClock) and self._clock.stream.capture is not None
            rate, n_channels = self._clock.sample_rate, self._clock.stream.capture.n_channels
        else:
            rate, n_channels = source.sample_rate, source.n_channels
        self.sender = LineSender(
            self.codec,
            rate,
            n_channels,
            name=settings.name,
            frames_per_packet=settings.frames_per_packet,
            redundancy=settings.redundancy,
            adaptive=settings.adaptive,
            sparse_silence=settings.sparse_silence,
        )
        return self.sender.hello

    def _rates(self) -> LineRates | None:
        if self.sender is None:
            return None
        with self._sending:
            return self.sender.rates

    def _count_received(self, now: float) -> None:
        since, n_bytes = self._received
        if now - since >= 1.0:
            total = self._transport.traffic.bytes_received
            self._received_kbps = 8 * (total - n_bytes) / (now - since) / 1000
            self._received = now, total

    def _delay_ms(self) -> float | None:
        receiver = self.receiver
        if receiver is None or self._play_rate is None:
            return None
        way_ms = (self.sender.round_trip_ms or 0.0) / 2 if self.sender is not None else 0.0
        device_ms = 1000 * self._clock.delay_seconds[1] if isinstance(self._clock, DeviceClock) else 0.0
        return delay_ms(self.hearing, self._play_rate, receiver.buffer_ms, way_ms) + device_ms


def delay_ms(codec: NeuralCodec, sample_rate: int, buffer_ms: float, way_ms: float) -> float:
    """From a sample's capture at one end to its being handed over at the other, in milliseconds, within a frame.

    Args:
        codec: its latency, of encoder and decoder together, is known exactly.
        sample_rate: Hz, of who hears.
        buffer_ms: how long frames wait, the packets' own length and the blocks' of both ends among it.
        way_ms: through the network, one way.
    """
    return 1000 * codec.latency_samples(sample_rate) / sample_rate + buffer_ms + way_ms


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
            self._peer = self._make(await self._waiting.accept())
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
        peer = make(await open_transport(found))
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
    if not 1 <= wanted.frames_per_packet <= 4:
        raise ValueError(f"frames_per_packet is {wanted.frames_per_packet}; it must be from 1 to 4.")
    made_sink = sink if sink is None or isinstance(sink, Live) else as_sink(sink)
    made_source = source if source is None or isinstance(source, Live) else as_source(source, board)
    _warm(ours)
    return _Maker(ours, theirs, made_source, made_sink, wanted)


def _warm(codec: NeuralCodec) -> None:
    """Load what computes the networks before anybody waits for it."""
    from lamina.models.runtime import load_runtime

    load_runtime(codec.model)
