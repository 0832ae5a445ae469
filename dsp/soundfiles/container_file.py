"""Sound in containers that know where their packets begin: FLAC, MPEG-4, CAF, Wave64, AU, coded WAV and AIFF."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, BinaryIO

from lamina.dsp.arrays import FloatArray
from lamina.dsp.soundfiles.chunk_sizes import sound_bytes
from lamina.dsp.soundfiles.decoder import (
    check_unchanged,
    open_container,
    samples_of_frame,
    sound_stream,
    stored_bits,
)
from lamina.dsp.soundfiles.sound_reader import DAMAGED, SoundFileError, SoundReader, cut_off

RUN_UP_SAMPLES = 4096
"""Decoded before a place that is jumped to: a packet's sound overlaps the packet's before it."""
LONG_RUN_UP_SAMPLES = 24_000
"""Of Opus and HE-AAC, whose packets build on those before them."""
FINEST_EDIT_SECONDS = 0.001
"""In which MPEG-4 files usually count how long their sound is; their packets' lengths are exact."""
TAIL_SECONDS = 1.0
SKIPS_NOTHING = 1 << 29
"""FFmpeg's flag for decoders that leave out nothing of their own."""
SBR_DELAY_SAMPLES = 961
"""By which FFmpeg's decoder of HE-AAC is late: six slots of 64 samples and the two filter banks' 577 (ISO 14496-3,
4.6.18). What files say of their beginning leaves it to the decoder."""
MOST_FAILURES = 1000
"""Packets in a row that can't be decoded; after them the file is taken to be over."""


class ContainerFile(SoundReader):
    """Sound whose place is told by the container's times.

    Args:
        file: is owned: `close` closes it.
        kind: FFmpeg's name of the container.
        is_counted: whether its packets' times are not to be trusted (ADPCM, GSM in WAV files): every place is then
            found by decoding from the beginning on.

    Raises SoundFileError if there is no sound in it, and what PyAV raises for a damaged file.
    """

    def __init__(self, file: BinaryIO, kind: str, is_counted: bool = False) -> None:
        self._file, self._kind = file, kind
        self._is_counted, self._n_counted = is_counted, 0
        self._is_whole = False
        self._container: Any = None
        try:
            sizes = sound_bytes(file, kind)
            self._open()
            said = self._said_by_mpeg4()
            if said is not None:
                self._is_whole = True
                self._open()
            codec = self._stream.codec_context
            self._bits = stored_bits(codec.name, codec.extradata)
            is_long = codec.name == "opus" or (said is not None and said[2] > 0)
            self._run_up = LONG_RUN_UP_SAMPLES if is_long else RUN_UP_SAMPLES
            self._n_failures = 0
            self._goal: int | None = None
            self._decoded = self._decode()
            frame = next(self._decoded, None)
            if frame is None:
                raise SoundFileError("holds no sound that can be decoded.")
            rate, channels = int(frame.sample_rate), len(frame.layout.channels)
            self._per_tick = Fraction(self._stream.time_base) * rate
            self._first_tick = int(frame.pts or 0)
            self._origin = self._sample(self._first_tick)
            self._promised: int | None = None
            if said is not None:
                start, n_ticks, late = said
                self._origin, self._promised = self._sample(start) + late, self._sample(n_ticks)
            super().__init__(rate, channels, 0)
            self.frames = self._measure(kind)
            self._tell_of_a_cut(sizes)
            self._jump(0)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        if self._container is not None:
            self._container.close()
        self._file.close()

    def _open(self) -> None:
        """Begin at the beginning."""
        if self._container is not None:
            self._container.close()
        self._file.seek(0)
        self._container = open_container(self._file, self._kind, is_whole=self._is_whole)
        self._stream = sound_stream(self._container)
        if self._kind == "caf" or self._is_whole:
            # Of CAF the ends are counted in the packets' lengths, and trimmed once more by FFmpeg.
            self._stream.codec_context.flags2 |= SKIPS_NOTHING

    def _said_by_mpeg4(self) -> tuple[int, int, int] | None:
        """Where the sound of an MPEG-4 file begins and how long it is, in ticks, and by how many samples its decoder is
        late: where FFmpeg doesn't find all of that by itself, which are HE-AAC, and AAC of which only iTunes's tag
        tells. None otherwise.
        """
        stream = self._stream
        if self._kind != "mov" or stream.codec_context.name != "aac":
            return None
        decoded = next(self._decode(), None)
        profile = str(stream.codec_context.profile or "")
        self._open()
        first = next((packet.pts for packet in self._packets() if packet.pts is not None), None)
        self._open()
        if decoded is None or first is None:
            return None
        late = SBR_DELAY_SAMPLES if profile.startswith("HE-AAC") else 0
        stream = self._stream
        if first < 0:  # an edit list says it
            return (0, int(stream.duration), late) if late and stream.duration else None
        tag = _itunes_ticks(str(self._container.metadata.get("iTunSMPB", "")))
        if tag is None or not stream.duration or abs(sum(tag) - stream.duration) > 1:
            return None
        return first + tag[0], tag[2], late

    def _sample(self, tick: int) -> int:
        return round(tick * self._per_tick)

    def _measure(self, kind: str) -> int:
        """Samples per channel that are there, however many are promised."""
        duration, promised = self._stream.duration, self._promised
        if promised is None and duration is not None and 0 < duration < 1 << 62:
            promised = self._sample(int(duration))
        if promised is not None:
            self._jump(max(0, promised - round(TAIL_SECONDS * self.samplerate)))
            there, decoded = self._tail()
            n_finest = round(FINEST_EDIT_SECONDS * self.samplerate)
            if kind == "mov" and there < decoded and promised < there <= promised + n_finest:
                promised = there
            if decoded >= min(there, promised) > 0 and decoded >= promised - RUN_UP_SAMPLES:
                return min(promised, there, decoded)
        # Something is missing, or nothing is promised: the packets are counted.
        self._seek_tick(self._first_tick)
        starts = [self._sample(p.pts) - self._origin for p in self._packets() if p.size and p.pts is not None]
        if not starts:
            raise SoundFileError("holds no sound that can be decoded.")
        self._jump(max(0, starts[-1] - 2 * RUN_UP_SAMPLES))
        there, decoded = self._tail()
        n_samples = min(there or decoded, decoded)
        if n_samples <= 0:
            self._jump(0)
            n_samples = self._tail()[1]
        if promised is not None and kind in ("flac", "mov", "caf", "w64", "au", "aiff") and n_samples < promised:
            self.trouble = cut_off(n_samples / self.samplerate, promised / self.samplerate)
        return n_samples

    def _tell_of_a_cut(self, sizes: tuple[int, int] | None) -> None:
        there, promised = sizes or (0, 0)
        if there < promised and not self.trouble and self.frames:
            seconds = self.frames / self.samplerate
            self.trouble = cut_off(seconds, seconds * promised / there)

    def _tail(self) -> tuple[int, int]:
        """Where the packets end from here on, and where their decoded sound does."""
        self._goal = None
        there = decoded = 0
        for packet in self._packets():
            ends = [self._place(frame) + int(frame.samples) for frame in self._frames_of(packet)]
            decoded = max(decoded, *ends, 0)
            if packet.pts is not None and packet.size:
                # In CAF files the last packet may hold less than its length says, and nothing else tells.
                is_known = self._kind == "caf" and ends
                end = max(ends) if is_known else self._sample(packet.pts + (packet.duration or 0)) - self._origin
                there = max(there, end)
        return (decoded if self._is_counted else there), decoded

    def _place(self, frame: Any) -> int:
        """The sample at which a frame begins."""
        if self._is_counted:
            self._n_counted += int(frame.samples)
            return self._n_counted - int(frame.samples)
        return self._sample(int(frame.pts)) - self._origin

    def _next(self) -> tuple[int, FloatArray] | None:
        while True:
            frame = next(self._decoded, None)
            if frame is None:
                return None
            check_unchanged(frame, self.samplerate, self.num_channels)
            at = self._place(frame)
            if self._goal is not None and at > self._goal and at > 0:
                # It was jumped too far, as happens in damaged files: from the beginning on everything is found.
                self._goal = None
                self._seek_tick(self._first_tick)
                continue
            self._goal = None
            return at, samples_of_frame(frame, self._bits)

    def _jump(self, position: int) -> None:
        self._goal = position
        self._seek_tick(max(self._first_tick, int((position + self._origin - self._run_up) / self._per_tick)))

    def _seek_tick(self, tick: int) -> None:
        import av

        try:
            self._container.seek(self._first_tick if self._is_counted else tick, stream=self._stream)
        except av.error.FFmpegError:  # some places are found only from the beginning on
            self._open()
        self._n_counted = 0
        self._decoded = self._decode()

    def _packets(self) -> Iterator[Any]:
        """The packets from here on, up to a break."""
        import av

        try:
            yield from self._container.demux(self._stream)
        except (av.error.FFmpegError, EOFError):
            return

    def _decode(self) -> Iterator[Any]:
        for packet in self._packets():
            yield from self._frames_of(packet)

    def _frames_of(self, packet: Any) -> list[Any]:
        import av

        try:
            frames = [frame for frame in packet.decode() if frame.pts is not None or self._is_counted]
        except (av.error.FFmpegError, EOFError):
            self._n_failures += 1
            if self._n_failures > MOST_FAILURES:
                raise SoundFileError("is damaged: hardly any of its sound can be decoded. Copy it again.") from None
            if packet.size and hasattr(self, "frames") and self.frames:
                self.trouble = self.trouble or DAMAGED
            return []
        return frames


def _itunes_ticks(tag: str) -> tuple[int, int, int] | None:
    """What iTunes's tag says is before the sound, behind it, and of it, in ticks; None if it says nothing sensible."""
    try:
        before, behind, length = (int(number, 16) for number in tag.split()[1:4])
    except ValueError:
        return None
    return (before, behind, length) if length > 0 else None
