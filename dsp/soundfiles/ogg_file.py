"""Sound in Ogg files: Vorbis, Opus and FLAC.

Pages are read here, because their positions say to the sample where sound lies, also where all of it is one page, and
where a file is a chain of several.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.soundfiles.decoder import check_unchanged, decoder_of, samples_of_frame, stored_bits
from lamina.dsp.soundfiles.sound_reader import DAMAGED, SoundFileError, SoundReader, cut_off

_PAGE = struct.Struct("<4sBBqIIIB")
CONTINUED, FIRST, LAST = 1, 2, 4
NO_POSITION = -1
RUN_UP_SAMPLES = 24_000
"""Decoded before a place that is jumped to: Opus packets build on those before them."""
SEARCHED_BYTES = 1 << 16
MOST_HEADER_BYTES = 1 << 24
MOST_LINKS = 1000
OPUS_RATE = 48_000


@dataclass(frozen=True)
class _Page:
    """Where a page's contents begin, and the lengths of their segments.

    `position` counts the samples of all packets that end up to here.
    """

    start: int
    flags: int
    position: int
    serial: int
    segments: bytes


@dataclass
class _Link:
    """A stream of sound: its decoder's name and header, and its pages of sound.

    Beside them, how many of its samples come before the first that is heard.
    """

    codec: str
    headers: list[bytes]
    pages: list[_Page] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    first: int = 0
    origin: int = 0
    n_samples: int = 0
    is_complete: bool = False


def _pages(file: BinaryIO, n_bytes: int) -> Iterator[_Page]:
    """The pages that are there as a whole; what lies between them is skipped."""
    place = 0
    while place + _PAGE.size <= n_bytes:
        file.seek(place)
        head = file.read(_PAGE.size + 255)
        if head[:4] != b"OggS" or head[4:5] != b"\0":
            ahead = (head + file.read(SEARCHED_BYTES)).find(b"OggS", 1)
            place += ahead if ahead > 0 else SEARCHED_BYTES
            continue
        _, _, flags, position, serial, _, _, n_segments = _PAGE.unpack_from(head)
        segments = head[_PAGE.size : _PAGE.size + n_segments]
        start = place + _PAGE.size + n_segments
        end = start + sum(segments)
        if end > n_bytes:
            return
        yield _Page(start, flags, position, serial, segments)
        place = end


class OggFile(SoundReader):
    """An Ogg file, or a chain of several of the same rate and channels.

    Raises SoundFileError if there is no sound in it that Lamina reads, OSError if it can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        try:
            self._links = self._find_links(path.stat().st_size)
            self._decoder: Any = None
            self._index = 0
            self._running: Iterator[tuple[int, Any]] = iter(())
            self._ahead: tuple[int, Any] | None = None
            self._at: int | None = None
            rate, channels = 0, 0
            for link in self._links:
                found = self._measure(link)
                if rate and found != (rate, channels):
                    raise SoundFileError(
                        f"is a chain of {len(self._links)} Ogg streams, the first with {rate} Hz and {channels} "
                        f"channels, another with {found[0]} Hz and {found[1]} channels. Cut it there and convert the "
                        "parts."
                    )
                rate, channels = found
            super().__init__(rate, channels, sum(link.n_samples for link in self._links))
            self._begins = np.cumsum([0, *(link.n_samples for link in self._links)]).tolist()
            if not self._links[-1].is_complete:
                self.trouble = cut_off(self.frames / rate)
            self._jump(0)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _find_links(self, n_bytes: int) -> list[_Link]:
        links: list[_Link] = []
        link: _Link | None = None
        serial: int | None = None
        other, had_sound = "", True
        for page in _pages(self._file, n_bytes):
            if page.flags & FIRST:
                if had_sound:  # another stream begins behind the sound of the last one: a chain
                    link, had_sound = None, False
                if link is None:
                    kind = self._bytes(page)
                    codec = _codec(kind)
                    if codec is None:
                        other = other or _name(kind)
                        continue
                    link, serial = _Link(codec, []), page.serial
                    links.append(link)
                    if len(links) > MOST_LINKS:
                        raise SoundFileError(f"is a chain of more than {MOST_LINKS} Ogg streams. Convert it first.")
            else:
                had_sound = True
            if link is not None and page.serial == serial:
                link.pages.append(page)
                link.is_complete = bool(page.flags & LAST)
        for link in links:
            # Behind the last page that says where it ends there is nothing whose place is known.
            while link.pages and link.pages[-1].position <= 0:
                link.pages.pop()
        links = [link for link in links if link.pages]
        if not links:
            raise SoundFileError(
                f"is an Ogg file of {other}, which Lamina doesn't read. Convert it first."
                if other
                else "is an Ogg file that ends before its sound begins. Copy it again."
            )
        return links

    def _measure(self, link: _Link) -> tuple[int, int]:
        """Rate and channels of a link; its headers and its length are found."""
        packets = self._packets(link.pages, 0)
        n_bytes = 0
        for number, _, packet in packets:
            n_bytes += len(packet)
            if n_bytes > MOST_HEADER_BYTES:
                break
            if _is_header(link.codec, packet, len(link.headers)):
                link.headers.append(packet)
                continue
            link.pages = link.pages[number:]
            break
        else:
            raise SoundFileError("is an Ogg file that ends before its sound begins. Copy it again.")
        self._start(link)
        placed = [number for number, page in enumerate(link.pages) if page.position != NO_POSITION]
        at, rate, channels = 0, 0, 0
        for number, frame in self._frames(link, 0):
            if rate and number > placed[0]:
                break
            rate, channels = int(frame.sample_rate), len(frame.layout.channels)
            at += int(frame.samples) if number <= placed[0] else 0
        if not rate:
            raise SoundFileError("is an Ogg file without sound that can be decoded.")
        pre_skip = int.from_bytes(link.headers[0][10:12], "little") if link.codec == "opus" else 0
        first = link.pages[placed[0]]
        begin = first.position - at if not first.flags & LAST and len(placed) > 1 else 0
        link.first = begin
        link.origin = max(0, begin) + pre_skip
        link.ends, last = [], begin
        for page in link.pages:
            last = max(last, page.position) if page.position != NO_POSITION else last
            link.ends.append(last - link.origin)
        link.n_samples = max(0, link.ends[-1])
        if len(placed) == 1:
            link.n_samples = max(0, min(link.n_samples, at - link.origin))
        return rate, channels

    def _start(self, link: _Link) -> None:
        self._decoder = decoder_of(link.codec, _extradata(link))

    def _bytes(self, page: _Page) -> bytes:
        self._file.seek(page.start)
        return self._file.read(sum(page.segments))

    def _packets(self, pages: list[_Page], first: int) -> Iterator[tuple[int, bool, bytes]]:
        """Find the packets that begin on page `first` or later.

        Of each, the page where it ends, whether it is that page's last, and the packet.
        """
        part: bytearray | None = None
        for number in range(first, len(pages)):
            page = pages[number]
            content, place = self._bytes(page), 0
            if not page.flags & CONTINUED:
                part = bytearray()
            n_ends = sum(1 for size in page.segments if size < 255)
            for size in page.segments:
                if part is not None:
                    part += content[place : place + size]
                    if len(part) > MOST_HEADER_BYTES:
                        raise SoundFileError("is damaged: a packet of its sound has no end. Copy it again.")
                place += size
                if size < 255:
                    n_ends -= 1
                    if part is not None:
                        yield number, n_ends == 0, bytes(part)
                    part = bytearray()

    def _frames(self, link: _Link, first: int) -> Iterator[tuple[int, Any]]:
        """Decoded frames from page `first` on, and the page on which each one's packet ends."""
        import av

        for number, _, packet in self._packets(link.pages, first):
            if not packet or _is_header(link.codec, packet, None):
                continue
            try:
                frames = self._decoder.decode(av.Packet(packet))
            except (av.error.FFmpegError, EOFError):
                if hasattr(self, "trouble"):
                    self.trouble = self.trouble or DAMAGED
                continue
            for frame in frames:
                yield number, frame

    def _next(self) -> tuple[int, FloatArray] | None:
        while self._index < len(self._links):
            found = self._next_page(self._links[self._index])
            if found is not None:
                return found
            self._index += 1
            if self._index < len(self._links):
                self._begin(self._links[self._index], 0)
        return None

    def _next_page(self, link: _Link) -> tuple[int, FloatArray] | None:
        """The sound of the next page's packets, cut to what belongs to the link."""
        begin = int(self._begins[self._index])
        while True:
            first = self._ahead or next(self._running, None)
            self._ahead = None
            if first is None:
                return None
            number, frame = first
            parts = []
            while frame is not None:
                check_unchanged(frame, self.samplerate, self.num_channels)
                parts.append(samples_of_frame(frame, stored_bits(link.codec, _extradata(link))))
                following = next(self._running, None)
                if following is not None and following[0] == number:
                    frame = following[1]
                else:
                    self._ahead, frame = following, None
            sound = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
            end, is_last = link.ends[number], number == len(link.pages) - 1
            has_position = link.pages[number].position != NO_POSITION
            if self._at is None and (is_last or not has_position):
                continue  # a run-up, whose place nobody knows yet
            # The last page may end sooner than its packets do.
            at = self._at if self._at is not None and (is_last or not has_position) else end - sound.shape[1]
            assert at is not None
            self._at = at + sound.shape[1]
            sound = sound[:, max(0, -at) : max(0, link.n_samples - at)]
            if sound.shape[1]:
                return begin + max(0, at), sound

    def _jump(self, position: int) -> None:
        self._index = min(bisect_right(self._begins, position) - 1, len(self._links) - 1)
        while not self._links[self._index].n_samples:
            self._index += 1
        link = self._links[self._index]
        goal = position - int(self._begins[self._index])
        # From the page whose end lies before the run-up on; two more, because packets may go over pages.
        page = bisect_right(link.ends, goal - RUN_UP_SAMPLES) - 2
        # The last page's beginning is told by the end of the page before it.
        self._begin(link, min(page, len(link.pages) - 3))

    def _begin(self, link: _Link, page: int) -> None:
        page = max(0, page)
        self._start(link)
        self._running = self._frames(link, page)
        self._ahead = None
        self._at = link.first - link.origin if page == 0 else None


def _codec(packet: bytes) -> str | None:
    if packet[:7] == b"\x01vorbis":
        return "vorbis"
    if packet[:8] == b"OpusHead" and len(packet) >= 19:
        return "opus"
    return "flac" if packet[:5] == b"\x7fFLAC" and len(packet) >= 51 else None


def _name(packet: bytes) -> str:
    for mark, name in ((b"Speex", "Speex"), (b"\x80theora", "video"), (b"fishead", ""), (b"BBCD", "video")):
        if packet.startswith(mark):
            return name
    return "an unknown kind"


def _is_header(codec: str, packet: bytes, number: int | None) -> bool:
    """Whether a packet is one of headers: the next one after `number` of them, or a header that comes again."""
    if codec == "vorbis":
        return packet[:1] in (b"\x01", b"\x03", b"\x05") and packet[1:7] == b"vorbis"
    if codec == "opus":
        return packet[:8] in (b"OpusHead", b"OpusTags")
    return packet[:1] != b"\xff"


def _extradata(link: _Link) -> bytes:
    if link.codec == "opus":
        # What comes before the sound is counted here: the decoder would leave it out after every jump.
        return link.headers[0][:10] + bytes(2) + link.headers[0][12:]
    if link.codec == "flac":
        return link.headers[0][17:51]
    if len(link.headers) < 3:
        raise SoundFileError("is an Ogg Vorbis file whose headers are incomplete. Copy it again.")
    first, comments, setup = link.headers[:3]
    lengths = b"".join(b"\xff" * (len(part) // 255) + bytes((len(part) % 255,)) for part in (first, comments))
    return b"\x02" + lengths + first + comments + setup
