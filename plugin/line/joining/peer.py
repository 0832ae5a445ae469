"""A peer: the messages to and from the other end of a line, and how the line stands.

Both ends say hello, and no sound flows before each knows that the other has the same model. Encoding, decoding and
devices run in a thread of their own (`sound`); messages come and go in the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lamina.plugin.host.device.device_settings import DeviceSettings
from lamina.plugin.line.joining.ends import FileSink, Sink, Source
from lamina.plugin.line.joining.settings import LineSettings, Live
from lamina.plugin.line.joining.sound import PeerSound, Told
from lamina.plugin.line.joining.status import Ending, PeerStatus, State, delay_ms
from lamina.plugin.line.joining.transport import Transport
from lamina.plugin.line.packet import BYE, HELLO, REPORT, SOUND, Bye, Hello, PacketError, Report, message_kind, unpack
from lamina.plugin.line.receiver import LineReceiver, check_buffer_ms
from lamina.plugin.line.sender import LineSender, check_frames_per_packet
from lamina.plugin.neural_codec import NeuralCodec

TURN_SECONDS = 0.05
REPORT_SECONDS = 0.25
HELLO_SECONDS, KNOWN_HELLO_SECONDS = 0.2, 2.0
"""Hello is said again in case it got lost: often until something of the other end came, then now and then."""
LINGER_SECONDS = 0.5
"""So long the end of a stream is told again and again before the line is closed."""
SILENT_SECONDS = 1.0
"""When nothing at all came for so long, the state says so."""
LOST_SECONDS = 15.0
"""When nothing came for so long the line is lost: a link that is cut for ten seconds comes back before."""
GONE_SECONDS = 2.0
"""When nothing came for so long, and the network has told since that nobody is at the other end's port, that end is
gone. Anybody can send such a message, so that it counts for nothing while the other end is heard."""
DRAIN_SECONDS = 0.3
HELLO_TIMEOUT_SECONDS = 15.0


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
        self.codec, self.hearing = codec, hearing
        self.there = ""
        """The other end's name, once it has said hello."""
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._started = time.monotonic()
        self._heard_at: float | None = None
        self._other: Hello | None = None
        self._has_other_ended = False
        self._finished_at: float | None = None
        self._n_refused = 0
        self._last_report: Report | None = None
        self._received = (self._started, 0)
        self._received_kbps = 0.0
        self._ending: asyncio.Future[Ending] = self._loop.create_future()
        told = Told(
            lambda packets: self._from_thread(self._send_all, packets),
            lambda: self._from_thread(self._finish),
            lambda trouble: self._from_thread(self._fail, trouble),
        )
        self._sound = PeerSound(codec, hearing, source, sink, settings, told)
        transport.on_message = self._take
        self._sound.start()
        self._task = asyncio.ensure_future(self._talk())
        self._task.add_done_callback(self._has_talked)

    # For everybody.

    @property
    def sender(self) -> LineSender | None:
        """What makes packets of the source's sound; None if nothing is sent."""
        return self._sound.sender

    @property
    def receiver(self) -> LineReceiver | None:
        """What makes sound of the packets that come; None before the other end has said hello, or for no sink."""
        return self._sound.receiver

    @property
    def settings(self) -> LineSettings:
        """How it sends and receives, with the devices of now."""
        return self._sound.settings

    @property
    def state(self) -> State:
        """How the line stands."""
        if self._ending.done():
            return "ended"
        if self._other is None:
            return "joined"
        return "interrupted" if self._unheard_seconds(time.monotonic()) > SILENT_SECONDS else "talking"

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
            sent=self._sound.rates,
            received_kbps=self._received_kbps,
            there_loss=there.loss if there is not None else None,
            delay_ms=self._delay_ms(),
            drift_ppm=receiver.drift_ppm if receiver is not None else 0.0,
            refused=self._n_refused + self._transport.traffic.n_refused,
            unheard_seconds=self._unheard_seconds(time.monotonic()),
            is_muted=self.settings.is_muted,
        )

    async def wait_ended(self) -> Ending:
        """Wait for the line's end; returns why."""
        return await asyncio.shield(self._ending)

    @property
    def recording(self) -> FileSink | None:
        """The recording beside the sink; None if there is none, or nothing has come yet."""
        return self._sound.recording

    def mute(self, is_muted: bool) -> None:
        """Send silence in the place of the source, or the source again; the change is a ramp of 10 ms."""
        self._sound.settings = replace(self.settings, is_muted=is_muted)

    def use_buffer(self, buffer_ms: float | None) -> None:
        """Go on with another jitter buffer: milliseconds, or None to let the jitter decide.

        Raises ValueError for a value out of range.
        """
        check_buffer_ms(buffer_ms)
        if self.receiver is not None:
            self.receiver.use_buffer(buffer_ms)
        self._sound.settings = replace(self.settings, buffer_ms=buffer_ms)

    def use_frames_per_packet(self, frames: int) -> None:
        """Go on with so many frames in each packet that is sent, 1 to 4. Raises ValueError for another number."""
        check_frames_per_packet(frames)
        if self.sender is not None:
            self.sender.frames_per_packet = frames
        self._sound.settings = replace(self.settings, frames_per_packet=frames)

    async def change_devices(self, devices: DeviceSettings) -> None:
        """Go on with other devices, at the rate and with as many channels as before; the line goes on meanwhile.

        Raises ValueError if the line uses no device or has ended, or for another number of channels, and DeviceError
        for devices that can't be opened: the line then goes on with those it had.
        """
        await self._loop.run_in_executor(None, self._sound.change_devices, devices)

    async def close(self) -> None:
        """End the line: the rest is sent, the other end is told, files are completed. May be called again."""
        if not self._ending.done():
            await self._loop.run_in_executor(None, self._sound.flush)
            self._say_bye()
            await asyncio.sleep(TURN_SECONDS)
            await self._end(Ending("The line was closed here."))
        await asyncio.gather(self._task, return_exceptions=True)

    # Messages, in the event loop.

    def _from_thread(self, call: Callable[..., Any], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it the line
            self._loop.call_soon_threadsafe(call, *arguments)

    def _send_all(self, packets: list[bytes]) -> None:
        for packet in packets:
            self._transport.send(packet)

    def _finish(self) -> None:
        self._finished_at = self._finished_at or time.monotonic()

    def _say_bye(self, reason: str = "") -> None:
        self._transport.send(Bye(self._sound.hello.stream, reason).pack())

    def _take(self, message: bytes) -> None:
        now = time.monotonic()
        try:
            kind = message_kind(message)
            if kind == HELLO:
                self._meet(unpack(message))
            elif kind == REPORT:
                report = unpack(message)
                assert isinstance(report, Report)
                self._sound.on_report(report, now)
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
            self._sound.meet(hello)
        except (ValueError, OSError) as error:
            self._refuse(str(error))
            return
        self._other, self.there = hello, hello.name

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
                self._transport.send(self._sound.hello.pack())
                if self._sound.source is None:
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
        silence = self._silence_of_now(now)
        if silence is not None:
            return silence
        is_sent = self._sound.source is None or (
            self._finished_at is not None and now - self._finished_at > LINGER_SECONDS and self._other is not None
        )
        is_heard = self._sound.sink is None or self._has_other_ended
        return Ending("The sound has ended.") if is_sent and is_heard else None

    def _silence_of_now(self, now: float) -> Ending | None:
        """The end where the other one fell silent: its program has ended, or it can't be told what happened."""
        unheard, refused_at = self._unheard_seconds(now), self._transport.refused_at
        if self._other is None:
            return None
        who = self.there or "the other end"
        if unheard > GONE_SECONDS and refused_at is not None and now - refused_at < unheard:
            return Ending(
                f"The end of {who} is gone without a goodbye: nobody is at its port any more.", is_failure=True
            )
        if unheard > LOST_SECONDS:
            return Ending(
                f"Nothing was heard from {who} for {LOST_SECONDS:g} s; the line is lost. The network is cut, or the "
                "machine there, or its program, has stopped.",
                is_failure=True,
            )
        return None

    def _drain_seconds(self) -> float:
        """What has come is heard to its end."""
        receiver = self.receiver
        return 0.0 if receiver is None else DRAIN_SECONDS + receiver.buffer_ms / 1000

    async def _end(self, ending: Ending) -> None:
        if self._ending.done():
            return
        self._ending.set_result(ending)
        await self._loop.run_in_executor(None, self._sound.stop)
        await asyncio.sleep(0)  # what was said last goes out
        await self._transport.close()

    # Helpers.

    def _unheard_seconds(self, now: float) -> float:
        return now - (self._started if self._heard_at is None else self._heard_at)

    def _count_received(self, now: float) -> None:
        since, n_bytes = self._received
        if now - since >= 1.0:
            total = self._transport.traffic.bytes_received
            self._received_kbps = 8 * (total - n_bytes) / (now - since) / 1000
            self._received = now, total

    def _delay_ms(self) -> float | None:
        receiver, rate = self.receiver, self._sound.play_rate
        if receiver is None or rate is None:
            return None
        way_ms = (self.sender.round_trip_ms or 0.0) / 2 if self.sender is not None else 0.0
        return delay_ms(self.hearing, rate, receiver.buffer_ms, way_ms) + self._sound.output_delay_ms
