"""Sound in files that are nothing but packets: MPEG layers I to III, and AAC.

Packets are counted when a file is opened, because no header says how many there are, or because what it says isn't so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.soundfiles.decoder import (
    check_unchanged,
    decoder_of,
    open_container,
    samples_of_frame,
    sound_stream,
)
from lamina.dsp.soundfiles.mpeg_packets import Packets, find_packets, said_size
from lamina.dsp.soundfiles.sound_reader import DAMAGED, SoundFileError, SoundReader, cut_off

RUN_UP_PACKETS = 40
"""Decoded before a place that is jumped to: a packet's bits may lie in the packets before it."""
DECODER_DELAY = 529
"""Samples by which a decoder of layer III is late; encoders leave it out of the delay that they write down."""


class MpegFile(SoundReader):
    """A file of MPEG audio packets.

    Args:
        opened: opens the file, from its beginning.
        kind: FFmpeg's name of it: "mp3" (layers I to III) or "aac".

    Raises SoundFileError if there is no sound in it, OSError if it can't be opened.
    """

    def __init__(self, opened: Callable[[], BinaryIO], kind: str) -> None:
        packets = None
        if kind == "mp3":
            with opened() as scanned:
                packets = find_packets(scanned)
        packets = packets or _parsed(opened, kind)
        if not len(packets.places):
            raise SoundFileError("holds no sound that can be decoded.")
        self._codec = packets.codec
        self._file = opened()
        try:
            self._places, self._sizes = packets.places, packets.sizes
            self._number = self._wanted = 0
            self._start()
            first = self._first_frame()
            super().__init__(int(first.sample_rate), len(first.layout.channels), 0)
            n_samples = packets.n_samples * self.samplerate // packets.sample_rate
            n_samples = np.where(n_samples > 0, n_samples, int(first.samples))
            self._starts = np.concatenate(([0], np.cumsum(n_samples)))
            self._drop_a_cut_end()
            end = int(self._starts[-1])
            skipped, promised, left_out = self._gapless(int(n_samples[0]))
            if promised and promised > len(self._places):
                there, whole = (n * int(n_samples[0]) / self.samplerate for n in (len(self._places), promised))
                self.trouble = cut_off(there, whole)
            elif promised == len(self._places):
                end -= left_out
            self._starts -= skipped
            self.frames = max(0, end - skipped)
            if packets.is_cut and not promised:
                self.trouble = cut_off(self.frames / self.samplerate)
            self._jump(0)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _start(self) -> None:
        self._decoder = decoder_of(self._codec, None)

    def _first_frame(self) -> Any:
        for number in range(min(len(self._places), 100)):
            for frame in self._decode(number):
                return frame
        raise SoundFileError("holds no sound that can be decoded.")

    def _drop_a_cut_end(self) -> None:
        """Leave the last packet out if it can't be decoded."""
        self._start()
        last = len(self._places) - 1
        frames: list[Any] = []
        for number in range(max(0, last - RUN_UP_PACKETS), last + 1):
            frames = self._decode(number)
        if not frames and last > 0:
            self._places, self._sizes, self._starts = self._places[:-1], self._sizes[:-1], self._starts[:-1]

    def _gapless(self, n_samples: int) -> tuple[int, int, int]:
        """What the encoder wrote down before the sound; nothing where it wrote nothing.

        Samples to leave out at the beginning, packets, and samples to leave out at the end.
        """
        self._file.seek(max(0, int(self._places[0]) - 3000))
        head = self._file.read(int(self._places[0]) - self._file.tell())
        mark = max(head.rfind(b"Xing"), head.rfind(b"Info"))
        if mark < 0 or len(head) < mark + 12:
            return 0, 0, 0
        flags = int.from_bytes(head[mark + 4 : mark + 8], "big")
        promised = int.from_bytes(head[mark + 8 : mark + 12], "big") if flags & 1 else 0
        encoder = mark + 8 + 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
        if head[encoder : encoder + 4] not in (b"LAME", b"Lavf", b"Lavc") or len(head) < encoder + 24:
            return 0, promised, 0
        both = int.from_bytes(head[encoder + 21 : encoder + 24], "big")
        delay, padding = both >> 12, both & 0xFFF
        if promised * n_samples <= delay + padding:
            return 0, promised, 0
        return delay + DECODER_DELAY, promised, max(0, padding - DECODER_DELAY)

    def _decode(self, number: int) -> list[Any]:
        import av

        self._file.seek(int(self._places[number]))
        try:
            frames: list[Any] = self._decoder.decode(av.Packet(self._file.read(int(self._sizes[number]))))
        except (av.error.FFmpegError, EOFError):
            return []
        return frames

    def _next(self) -> tuple[int, FloatArray] | None:
        while self._number < len(self._places):
            number, self._number = self._number, self._number + 1
            frames = self._decode(number)
            if number < self._wanted:
                continue
            if not frames:
                if number >= RUN_UP_PACKETS:  # a beginning that was cut out of something longer lacks what was before
                    self.trouble = self.trouble or DAMAGED
                continue
            for frame in frames:
                check_unchanged(frame, self.samplerate, self.num_channels)
            parts = [samples_of_frame(frame, None) for frame in frames]
            return int(self._starts[number]), parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        return None

    def _jump(self, position: int) -> None:
        self._start()
        self._wanted = max(0, int(np.searchsorted(self._starts, position, "right")) - 1)
        self._number = max(0, self._wanted - RUN_UP_PACKETS)


def _parsed(opened: Callable[[], BinaryIO], kind: str) -> Packets:
    """The packets that FFmpeg's parser finds, whatever lies between them."""
    with opened() as scanned, open_container(scanned, kind) as container:
        stream = sound_stream(container)
        name = str(stream.codec_context.name)
        # The others round to 16 bits, with a noise that depends on what was decoded before.
        codec = name if name in ("aac", "mp3float", "mp2float", "mp1float") else f"{name}float"
        rate = int(stream.codec_context.sample_rate) or 1
        rows = np.array(list(_packets(container, stream)), np.int64).reshape(-1, 3)
        is_cut = len(rows) > 1 and _is_cut(scanned, int(rows[-1, 0]), int(rows[-1, 1]))
        if is_cut:
            rows = rows[:-1]
        n_samples = np.rint(rows[:, 2].astype(np.float64) * float(stream.time_base * rate)).astype(np.int64)
    return Packets(codec, rate, rows[:, 0], rows[:, 1], n_samples, is_cut)


def _packets(container: Any, stream: Any) -> Iterator[tuple[int, int, int]]:
    """Place and size of each packet, and its length in ticks; up to a break."""
    import av

    try:
        for packet in container.demux(stream):
            if packet.size and packet.pos is not None and packet.pos >= 0:
                yield packet.pos, packet.size, packet.duration or 0
    except (av.error.FFmpegError, EOFError):
        return


def _is_cut(file: BinaryIO, place: int, size: int) -> bool:
    """Whether a packet is shorter than its own header says."""
    file.seek(place)
    return said_size(file.read(6)) > size
