"""Headers of WAV and AIFF files: where the sound lies and how it is stored, by what is there and not by what is said.

Files that were cut off, written to a pipe, or end in their header say what isn't so. What is wrong in them is put right
before a decoder sees it, or refused.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lamina.dsp.soundfiles.sound_reader import SoundFileError, cut_off

UNKNOWN_SIZES = 0x7FFF_F000
"""From here on a size may be what programs write that don't know how long the sound will be: they differ in it."""
MOST_CHUNKS = 10_000
PCM, ADPCM, FLOAT, A_LAW, MU_LAW, IMA, GSM, MPEG, MP3, EXTENSIBLE = 1, 2, 3, 6, 7, 17, 49, 80, 85, 0xFFFE
IN_BLOCKS = (ADPCM, IMA, GSM, MPEG, MP3)
"""Ways of storing sound in which bytes are no samples."""

_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIH")
_BITS = struct.Struct("<H")
_SIZES_64 = struct.Struct("<QQ")


class WavHeaderError(SoundFileError):
    """A WAV or AIFF file can't be read as that."""


@dataclass(frozen=True)
class PcmSound:
    """Plain samples in a file.

    Args:
        start: the first byte.
        n_samples: per channel, as many as are there.
        stored: of one sample: as numpy calls it, or "i3" behind its byte order for 24 bits.
        trouble: what is missing, as a sentence.
    """

    start: int
    n_samples: int
    channels: int
    sample_rate: int
    stored: str
    trouble: str = ""


@dataclass(frozen=True)
class WavSound:
    """Where a WAV file's sound lies.

    Args:
        start: its first byte.
        promised: bytes that the header says it has; None if it doesn't know.
        there: bytes that are there, in whole samples of all channels.
        sample_bytes: of one sample in all channels.
        bytes_per_second: as the header says.
        sizes_64: where the file has its sizes in 64 bits; None for those with 32.
        is_plain: whether a decoder finds the same sound by the header as it is.
        form: how it is stored.
    """

    start: int
    promised: int | None
    there: int
    sample_bytes: int
    bytes_per_second: int
    sizes_64: int | None
    is_plain: bool
    form: _Form

    @property
    def pcm(self) -> PcmSound | None:
        """The sound as plain samples; None where it has to be decoded."""
        form = self.form
        if form.tag not in (PCM, FLOAT) or self.sample_bytes % form.channels:
            return None
        width = self.sample_bytes // form.channels
        bits = 8 * width if form.bits is None else form.bits
        if form.tag == FLOAT:
            stored = {4: "<f4", 8: "<f8"}.get(width) if bits == 8 * width else None
        else:
            stored = {1: "u1", 2: "<i2", 3: "<i3", 4: "<i4"}.get(width) if bits <= 8 * width else None
        if stored is None:
            return None
        return PcmSound(
            self.start, self.there // self.sample_bytes, form.channels, form.sample_rate, stored, self.trouble
        )

    @property
    def is_in_blocks(self) -> bool:
        """Whether a block of bytes stands for many samples."""
        return self.form.tag in IN_BLOCKS

    @property
    def is_mpeg(self) -> bool:
        """Whether it is packets of MPEG audio."""
        return self.form.tag in (MPEG, MP3)

    @property
    def trouble(self) -> str:
        """What is missing, as a sentence; empty if nothing is known to be."""
        if self.promised is None or self.promised - self.there < self.sample_bytes:
            return ""
        if not self.bytes_per_second:
            return "The file was cut off."
        there, promised = (n_bytes / self.bytes_per_second for n_bytes in (self.there, self.promised))
        return cut_off(there, promised)


@dataclass(frozen=True)
class _Form:
    """How the sound is stored."""

    tag: int
    channels: int
    sample_rate: int
    bytes_per_second: int
    sample_bytes: int
    bits: int | None


def read_wav_header(path: Path) -> WavSound | None:
    """Where the sound lies; None for a file that is no WAV file.

    Raises WavHeaderError for one that no sound can be read from, OSError if the file can't be read.
    """
    n_bytes = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64", b"BW64") or head[8:] != b"WAVE":
            return None
        claimed = int.from_bytes(head[4:8], "little")
        form: _Form | None = None
        found: tuple[int, int] | None = None
        sizes_64, size_64, is_alone = None, 0, True
        for name, start, size in chunks(file, n_bytes):
            if found is not None and found[1] and name in (b"data", b"fmt "):
                is_alone = False  # the library would believe the last one
            elif name == b"ds64" and size >= _SIZES_64.size:
                sizes_64, (_, size_64) = start, _SIZES_64.unpack(file.read(_SIZES_64.size).ljust(_SIZES_64.size, b"\0"))
            elif name == b"fmt ":
                form = _form(file.read(min(size, 40)))
            elif name == b"data":
                found = start, size_64 if sizes_64 is not None and size == 0xFFFF_FFFF else size
    if found is None:
        raise WavHeaderError("is a WAV file that ends before its sound begins. Copy it again.")
    if form is None:
        raise WavHeaderError("is a WAV file that doesn't say how its sound is stored. Convert it again.")
    _check(form)
    start, size = found
    rest = n_bytes - start
    is_unknown = size >= UNKNOWN_SIZES > rest or (size == 0 and rest > 0 and not _is_chunks(path, start, n_bytes))
    there = rest if is_unknown else min(size, rest)
    if form.tag not in IN_BLOCKS:
        there -= there % form.sample_bytes
    if there <= 0:
        raise WavHeaderError("is a WAV file that holds no sound.")
    is_plain = is_alone and there == size and claimed != 0
    return WavSound(
        start, None if is_unknown else size, there, form.sample_bytes, form.bytes_per_second, sizes_64, is_plain, form
    )


def read_aiff_header(path: Path) -> PcmSound | None:
    """Where the sound of an AIFF file lies; None for a file that is none, or whose sound has to be decoded.

    Raises WavHeaderError for one that no sound can be read from, OSError if the file can't be read.
    """
    n_bytes = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if len(head) < 12 or head[:4] != b"FORM" or head[8:] not in (b"AIFF", b"AIFC"):
            return None
        common, found = b"", None
        for name, start, size in chunks(file, n_bytes, ">4sI"):
            if name == b"COMM" and size >= 18:
                common = file.read(min(size, 22)).ljust(18, b"\0")
            elif name == b"SSND" and found is None:
                offset = int.from_bytes(file.read(4), "big")
                found = start + 8 + offset, size
    if common:
        channels, promised, bits, rate = struct.unpack(">hIh10s", common[:18])
        if channels < 1 or bits < 1:
            raise WavHeaderError(f"is an AIFF file of {channels} channels and {bits} bits. Convert it again.")
    if not common or found is None:
        raise WavHeaderError("is an AIFF file that ends before its sound begins. Copy it again.")
    width, kind = -(-bits // 8), common[18:22] if head[8:] == b"AIFC" else b"NONE"
    form = _AIFF_FORMS.get(kind, "")
    stored = form.format(width) if form in (">i{}", "<i{}") else form
    if stored not in _PLAIN_AIFF or int(stored[-1]) != width:
        return None
    if stored.endswith("i1"):
        stored = "i1"
    start, size = found
    # A recorder that died leaves lengths of nothing.
    there = max(0, n_bytes - start) // (width * channels)
    n_samples = min(promised, there) if promised else there
    if n_samples <= 0:
        raise WavHeaderError("is an AIFF file that holds no sound.")
    sample_rate = _extended(rate)
    if not 0 < sample_rate < 1 << 31:
        raise WavHeaderError(f"is an AIFF file of {sample_rate:g} Hz. Convert it again.")
    trouble = cut_off(n_samples / sample_rate, promised / sample_rate) if n_samples < promised else ""
    return PcmSound(start, n_samples, channels, int(sample_rate), stored, trouble)


_AIFF_FORMS = {
    b"NONE": ">i{}",
    b"twos": ">i{}",
    b"in24": ">i{}",
    b"in32": ">i{}",
    b"sowt": "<i{}",
    b"fl32": ">f4",
    b"FL32": ">f4",
    b"fl64": ">f8",
    b"FL64": ">f8",
    b"raw ": "u1",
}
_PLAIN_AIFF = ("<i1", ">i1", ">i2", "<i2", ">i3", "<i3", ">i4", "<i4", ">f4", ">f8", "u1")


def _extended(number: bytes) -> float:
    """A floating-point number of 80 bits."""
    exponent, mantissa = struct.unpack(">HQ", number)
    return float(math.ldexp(mantissa, min(1000, (exponent & 0x7FFF) - 16383 - 63))) if exponent < 0x8000 else -1.0


def chunks(file: BinaryIO, n_bytes: int, layout: str = "<4sI") -> Iterator[tuple[bytes, int, int]]:
    """Name, first byte and size of each chunk that begins in the file; what it holds may be read at once."""
    head = struct.Struct(layout)
    size_64: int | None = None
    for _ in range(MOST_CHUNKS):
        found = file.read(head.size)
        if len(found) < head.size:
            return
        name, size = head.unpack(found)
        start = file.tell()
        if name == b"ds64":
            size_64 = int.from_bytes(file.read(_SIZES_64.size)[8:], "little")
            file.seek(start)
        yield name, start, size
        if name == b"data" and size == 0xFFFF_FFFF and size_64 is not None:
            size = size_64
        # Chunks begin at even places.
        after = start + size + size % 2
        if after >= n_bytes:
            return
        file.seek(after)


def _is_chunks(path: Path, start: int, n_bytes: int) -> bool:
    """Whether from `start` on there are chunks up to the file's end, and not sound."""
    with path.open("rb") as file:
        file.seek(start)
        end = start
        for name, begins, size in chunks(file, n_bytes):
            if not all(32 <= byte < 127 for byte in name):
                return False
            end = begins + size
    return end in (n_bytes, n_bytes - 1)


def _form(content: bytes) -> _Form | None:
    if len(content) < _FORMAT.size:
        return None
    bits = content[_FORMAT.size : _FORMAT.size + _BITS.size]
    tag, channels, sample_rate, bytes_per_second, sample_bytes = _FORMAT.unpack_from(content)
    if tag == EXTENSIBLE and len(content) >= 26:
        (tag,) = _BITS.unpack_from(content, 24)
    n_bits = _BITS.unpack(bits)[0] if len(bits) == _BITS.size else None
    return _Form(tag, channels, sample_rate, bytes_per_second, sample_bytes, n_bits)


def _check(form: _Form) -> None:
    if form.channels == 0 or form.sample_rate == 0 or form.sample_bytes == 0:
        what = f"{form.channels} channels, {form.sample_rate} Hz and {form.sample_bytes} bytes for each sample"
        raise WavHeaderError(f"is a WAV file of {what}. Convert it again.")
    bits = form.bits
    if bits is None or form.tag in (GSM, MPEG, MP3):
        return
    is_law = form.tag in (A_LAW, MU_LAW)
    if bits == 0 or (is_law and bits != 8) or (form.tag not in (*IN_BLOCKS, A_LAW, MU_LAW) and bits > 8 and bits % 8):
        raise WavHeaderError(
            f"is a WAV file with samples of {bits} bits; 8, 16, 24, 32 and 64 can be read. Convert it."
        )
