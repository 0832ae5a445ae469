"""Sound files in and out, with errors that say what is wrong: every file that Lamina reads or writes comes by here.

Writing goes to a temporary file beside the target, which takes the target's name only when it is complete
and has been read back: a cancelled, failed or interrupted export leaves nothing and harms nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pedalboard.io import AudioFile

from lamina.dsp.arrays import FloatArray
from lamina.dsp.soundfiles.formats import READABLE_SUFFIXES, WRITABLE_SUFFIXES, writable
from lamina.dsp.soundfiles.opening import open_sound
from lamina.dsp.soundfiles.sound_reader import SoundFileError, SoundReader
from lamina.dsp.soundfiles.tags import Tags
from lamina.plugin.call.arrays import HIGHEST_RATE, LOWEST_RATE, USUAL_CHANNELS, refuse_non_finite
from lamina.plugin.files.atomic import NotWrittenError, atomic_file
from lamina.plugin.files.opus import LAYOUTS, OpusWriter, opus_kbps, opus_length
from lamina.plugin.files.tagging import TagsError, write_tags

_OF_WRITING = frozenset({errno.EPIPE, errno.ENOSPC, errno.EFBIG, errno.EDQUOT})
"""Errors that reading can't meet."""
LONGEST_IN_MEMORY_SECONDS = 2 * 3600.0
MOST_IN_MEMORY_VALUES = 2 * 3600 * 48_000 * 2
"""Two hours of stereo at 48 kHz, 2.8 GB: what a high rate may not exceed either."""
READ_SECONDS = 10.0
HIGHEST_LEVEL = 1000.0
"""Of a sample, where full scale is 1: 60 dB more. Beyond it a file is damaged, or its numbers are meant otherwise."""

__all__ = ["READABLE_SUFFIXES", "WRITABLE_SUFFIXES"]

SAMPLE_FORMATS = ("16", "24", "float")
"""Of lossless files: 16 bits with dither, 24 bits (usual), or 32-bit floating point (WAV only), which clips nothing."""
_BITS = {"16": 16, "24": 24, "float": 32}
_LOSSLESS = {".wav": ("16", "24", "float"), ".flac": ("16", "24"), ".aiff": ("16", "24")}
_USUAL_QUALITY = {".ogg": "256 kbps", ".mp3": "V2", ".opus": None}
_VORBIS_ORDER = {
    3: [0, 2, 1],
    5: [0, 2, 1, 3, 4],
    6: [0, 2, 1, 4, 5, 3],
    7: [0, 2, 1, 5, 6, 4, 3],
    8: [0, 2, 1, 6, 7, 4, 5, 3],
}
"""Which channel of a WAV file comes where in an Ogg file."""
_SPEAKERS = {7: 0x70F, 8: 0x63F}
"""Masks of 6.1 and 7.1, which the writing library takes for other loudspeakers."""
_DITHER_SEED = 16
_LARGEST_24 = (1 << 23) - 1
_VALUES_AT_ONCE = 1 << 19
"""Made into integers at a time: what is between takes some memory for a while."""


class AudioFileError(ValueError):
    """A sound file can't be read or written; the message says which and why."""


class TargetError(AudioFileError, NotWrittenError):
    """A sound file can't be written; the message says which and why."""


class ReadCancelled(Exception):  # noqa: N818 - a request that was granted, not an error
    """The caller asked `read_audio` to stop."""


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header says; `seconds` = n_samples / sample_rate."""

    sample_rate: int
    channels: int
    n_samples: int
    seconds: float
    format: str


@dataclass(frozen=True)
class AudioClip:
    """A whole file: float32 `[channels, samples]` at `sample_rate` Hz.

    `trouble` says what was cut off, if something was.
    """

    samples: FloatArray
    sample_rate: int
    path: Path
    trouble: str = ""


def probe_audio(path: str | Path) -> AudioInfo:
    """Read a file's header. Raises AudioFileError if it is missing, unreadable, empty, or not mono or stereo."""
    with open_for_reading(path) as file:
        n_samples, rate = int(file.frames), int(file.samplerate)
        return AudioInfo(
            rate, int(file.num_channels), n_samples, n_samples / rate, Path(path).suffix.lower().lstrip(".")
        )


def read_audio(
    path: str | Path,
    limit_seconds: float | None = LONGEST_IN_MEMORY_SECONDS,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    most_channels: int = USUAL_CHANNELS,
) -> AudioClip:
    """Read a whole file into memory.

    Args:
        path: the file.
        limit_seconds: longest that is allowed at up to 48 kHz stereo; None for any length.
        progress: called with the share read, 0 … 1.
        cancelled: asked every few seconds of sound; if it says True, ReadCancelled is raised.
        most_channels: how many channels it may have.

    Raises AudioFileError as `probe_audio` does, and for files that are too long or hold NaN or infinity.
    """
    with open_for_reading(path, most_channels) as file:
        rate, channels, total = int(file.samplerate), int(file.num_channels), int(file.frames)
        check_length(path, total, rate, channels, limit_seconds)
        samples = np.empty((channels, total), np.float32)
        size, position = int(rate * READ_SECONDS), 0
        # Block by block: checks and conversions of the whole would need its memory once more.
        while position < total:
            if cancelled is not None and cancelled():
                raise ReadCancelled(f"Reading {path} was cancelled.")
            block = file.read(min(size, total - position))
            if block.shape[1] == 0:
                break
            check_samples(block, path, position)
            samples[:, position : position + block.shape[1]] = block
            position += block.shape[1]
            if progress is not None:
                progress(position / total)
        trouble = file.trouble
    return AudioClip(samples[:, :position], rate, Path(path), trouble)


def check_length(
    path: str | Path,
    n_samples: int,
    sample_rate: int,
    channels: int,
    limit_seconds: float | None = LONGEST_IN_MEMORY_SECONDS,
) -> None:
    """Refuse a file that is too long to be held in memory.

    Raises AudioFileError for one longer than `limit_seconds` at up to 48 kHz stereo.
    """
    if limit_seconds is None:
        return
    limit = min(limit_seconds, MOST_IN_MEMORY_VALUES / channels / sample_rate)
    if n_samples / sample_rate > limit:
        raise AudioFileError(
            f"{path} is {n_samples / sample_rate / 3600:.1f} hours long; at most {limit / 3600:.2g} hours fit here. "
            "Cut it, or use `lamina render`, which takes files of any length."
        )


def check_samples(samples: FloatArray, path: str | Path, position: int = 0) -> None:
    """Refuse samples of a file that are no sound.

    Raises AudioFileError if one of those that begin at `position` is NaN, infinite, or far beyond any level.
    """
    try:
        refuse_non_finite(samples, position)
    except ValueError as error:
        raise AudioFileError(f"{path}: {error}") from error
    peak = max(float(samples.max(initial=0)), -float(samples.min(initial=0)))
    if peak > HIGHEST_LEVEL:
        raise AudioFileError(
            f"{path} has samples of {peak:.6g}, where full scale is 1: it is damaged, or has to be scaled first."
        )


@contextlib.contextmanager
def open_for_reading(path: str | Path, most_channels: int = USUAL_CHANNELS) -> Iterator[SoundReader]:
    """An open file that was checked: it exists, has sound of at most so many channels, and has a usable rate.

    Raises AudioFileError with a sentence, when it is opened and whenever it can't be read on.
    """
    path = Path(path)
    _check_name(path)
    try:
        if not path.exists():
            raise AudioFileError(f"There is no file {path}.")
        if path.is_dir():
            raise AudioFileError(f"{path} is a folder; name a sound file.")
        if not path.is_file():
            raise AudioFileError(f"{path} is no ordinary file. Pipes are read from -, standard input.")
        if path.stat().st_size == 0:
            raise AudioFileError(f"{path} is empty (0 bytes).")
        with open_sound(path) as file:
            _check_sound(file, path, most_channels)
            yield file
    except SoundFileError as error:
        raise AudioFileError(f"{path} {error}") from error
    except OSError as error:
        if error.errno in _OF_WRITING:
            raise  # what the caller does with the sound meanwhile
        raise AudioFileError(f"{path} can't be read: {error.strerror or error}.") from error


def _check_sound(file: SoundReader, path: Path, most_channels: int) -> None:
    if file.num_channels < 1 or file.frames < 1:
        raise AudioFileError(f"{path} holds no sound ({file.num_channels} channels, {file.frames} samples).")
    if file.num_channels > most_channels:
        allowed = "mono and stereo are" if most_channels == USUAL_CHANNELS else f"up to {most_channels} are"
        raise AudioFileError(f"{path} has {file.num_channels} channels; {allowed} supported. Mix it down first.")
    if not LOWEST_RATE <= file.samplerate <= HIGHEST_RATE:
        raise AudioFileError(
            f"{path} has {file.samplerate:g} Hz; {LOWEST_RATE} to {HIGHEST_RATE} Hz are supported. Convert it first."
        )


def check_target(target: str | Path, source: str | Path | None = None) -> Path:
    """The target's path, if it can be written to.

    Raises AudioFileError for an unknown suffix, a missing or read-only folder, or a target that is the source itself.
    """
    target = Path(target)
    _check_name(target)
    if target.suffix.lower() not in WRITABLE_SUFFIXES:
        problem = f"ends in {target.suffix!r}" if target.suffix else "has no suffix"
        raise TargetError(f"{target} {problem}; Lamina writes {writable()}.")
    if target.is_dir():
        raise TargetError(f"{target} is a folder; name a file.")
    if not target.parent.is_dir():
        raise TargetError(f"The folder {target.parent} does not exist. Make it first.")
    if not os.access(target.parent, os.W_OK) or (target.exists() and not os.access(target, os.W_OK)):
        raise TargetError(f"{target} can't be written: permission denied.")
    if source is not None and target.exists() and Path(source).exists() and target.samefile(source):
        raise TargetError(f"{target} is the file that is being read. Choose another name for the result.")
    return target


def check_encoding(target: Path, sample_format: str | None, quality: str | None) -> None:
    """Raises TargetError if the target's format has no such sample format or no quality to choose."""
    suffix = target.suffix.lower()
    if sample_format is not None and sample_format not in _LOSSLESS.get(suffix, ()):
        allowed = f"{' or '.join(_LOSSLESS[suffix])} can be chosen" if suffix in _LOSSLESS else "it has none"
        raise TargetError(f"{target} can't be written with the sample format {sample_format!r}: {allowed}.")
    if quality is not None and suffix not in _USUAL_QUALITY:
        raise TargetError(f"{target} is lossless; a quality can be chosen for mp3, ogg and opus.")
    if suffix == ".opus":
        try:
            opus_kbps(quality, 1)
        except ValueError as error:
            raise TargetError(f"{target} can't be written with the quality {quality!r}; {error}.") from error


@contextlib.contextmanager
def atomic_writer(
    target: Path,
    sample_rate: int,
    channels: int,
    sample_format: str | None = None,
    quality: str | None = None,
    tags: Tags | None = None,
) -> Iterator[AtomicWriter]:
    """A writer whose file appears as `target` when the block ends without an error, and not at all otherwise.

    Args:
        target: its suffix chooses the format.
        sample_rate: in Hz.
        channels: of what is written, in the order of WAV files.
        sample_format: of a lossless file: one of SAMPLE_FORMATS; 24 bits unless said.
        quality: of an mp3, ogg or opus file: kbps as a number, or V0 (best) to V9 for mp3.
        tags: what is said of the sound, kept as far as the format can hold it.
    """
    check_encoding(target, sample_format, quality)
    suffix = target.suffix.lower()
    try:
        with atomic_file(target) as partial:
            file = _encoder(partial, target, sample_rate, channels, sample_format or "24", quality)
            writer = AtomicWriter(file, target, sample_format or "24")
            with writer.file:
                yield writer
            _name_speakers(partial, channels)
            if tags is not None:
                write_tags(partial, tags, sample_rate, channels, _BITS[sample_format or "24"])
            n_samples = opus_length(writer.n_written, sample_rate) if suffix == ".opus" else writer.n_written
            _check_written(partial, target, n_samples)
    except TagsError as error:
        raise TargetError(f"{target}: {error}. Leave them out.") from error
    except OSError as error:
        raise TargetError(f"{target} can't be written: {error.strerror or error}.") from error


def _encoder(
    partial: Path, target: Path, sample_rate: int, channels: int, sample_format: str, quality: str | None
) -> Any:
    suffix = target.suffix.lower()
    options: dict[str, Any] = {"bit_depth": _BITS[sample_format]}
    if suffix == ".opus":
        if channels not in LAYOUTS:
            raise TargetError(f"{target} can't be written: opus does not take {channels} channels. Choose wav or flac.")
        return OpusWriter(partial, sample_rate, channels, opus_kbps(quality, channels))
    if suffix in _USUAL_QUALITY:
        chosen = (quality or _USUAL_QUALITY[suffix] or "").strip()
        options = {"quality": f"{chosen} kbps" if chosen.isdecimal() else chosen}
    try:
        return AudioFile(str(partial), "w", samplerate=sample_rate, num_channels=channels, **options)
    except (ValueError, RuntimeError) as error:
        if quality is not None and "quality value" in str(error):
            valid = str(error).partition(" are: ")[2]
            raise TargetError(f"{target} can't be written with the quality {quality!r}; choose of: {valid}.") from error
        layout = "mono" if channels == 1 else f"{channels} channels"
        raise TargetError(
            f"{target} can't be written: {suffix.lstrip('.')} does not take {sample_rate} Hz, {layout}. Choose wav or "
            "flac."
        ) from error


def _name_speakers(partial: Path, channels: int) -> None:
    """Put the right mask of loudspeakers into a WAV file."""
    if partial.suffix.lower() != ".wav" or channels not in _SPEAKERS:
        return
    with partial.open("r+b") as file:
        head = file.read(4096)
        place = head.find(b"fmt ")
        if place >= 0 and head[place + 8 : place + 10] == b"\xfe\xff":
            file.seek(place + 28)
            file.write(_SPEAKERS[channels].to_bytes(4, "little"))


class AtomicWriter:
    """Writes blocks to the temporary file.

    Attributes:
        n_written: samples per channel.
        peak: the highest absolute value so far, where full scale is 1.
        n_clipped: values beyond full scale, which were clipped.
    """

    def __init__(self, file: Any, target: Path, sample_format: str = "24") -> None:
        self.file, self._target, self.n_written = file, target, 0
        self.peak, self.n_clipped = 0.0, 0
        suffix = target.suffix.lower()
        self._is_lossless, self._is_vorbis = suffix in _LOSSLESS, suffix == ".ogg"
        self._sample_format = sample_format
        self._dither = np.random.default_rng(_DITHER_SEED)

    @property
    def clipping(self) -> str:
        """How much was clipped, as a sentence; empty if nothing was."""
        if not self.n_clipped:
            return ""
        level = 20 * np.log10(self.peak)
        samples = "1 sample was" if self.n_clipped == 1 else f"{self.n_clipped} samples were"
        return f"{samples} clipped; the peak was {level:+.2f} dB of full scale."

    def write(self, block: FloatArray) -> None:
        """Append float32 `[channels, n]`; values beyond ±1 are clipped, but not in floating-point files."""
        size = max(1, _VALUES_AT_ONCE // len(block))
        for start in range(0, block.shape[1], size):
            self._write(block[:, start : start + size])

    def _write(self, block: FloatArray) -> None:
        sizes = np.abs(block)
        self.peak = max(self.peak, float(sizes.max()))
        if self._is_lossless and self._sample_format == "float":
            stored: np.ndarray[Any, Any] = block
        else:
            self.n_clipped += int(np.count_nonzero(sizes > 1)) if self._is_lossless else 0
            stored = np.clip(block, -1, 1)
            if self._is_lossless:
                stored = self._dithered(stored) if self._sample_format == "16" else _of_24_bits(stored)
        if self._is_vorbis and len(block) in _VORBIS_ORDER:
            stored = stored[_VORBIS_ORDER[len(block)]]
        try:
            # As many samples as channels don't tell which of both is which.
            for part in (stored[:, :1], stored[:, 1:]) if block.shape[0] == block.shape[1] > 1 else (stored,):
                self.file.write(np.ascontiguousarray(part))
        except (RuntimeError, OSError, ValueError) as error:
            raise TargetError(f"{self._target} can't be written ({error}). Is the disk full?") from error
        self.n_written += block.shape[1]

    def _dithered(self, block: FloatArray) -> np.ndarray[Any, Any]:
        """As integers of 16 bits, with triangular dither of two steps; digital silence stays silent."""
        noise = self._dither.random(block.shape, np.float32) - self._dither.random(block.shape, np.float32)
        whole = np.rint(block * np.float32(32767) + np.where(block == 0, np.float32(0), noise))
        dithered: np.ndarray[Any, Any] = np.clip(whole, -32768, 32767).astype(np.int16)
        return dithered


def _of_24_bits(block: FloatArray) -> np.ndarray[Any, Any]:
    """Rounded to 24 bits, as the upper ones of 32: the library rounds down, which is an offset of half a step."""
    whole: np.ndarray[Any, Any] = np.rint(block.astype(np.float64) * _LARGEST_24).astype(np.int32)
    return whole << 8


def _check_name(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = str(path).encode(errors="surrogateescape").decode(errors="replace")
        raise AudioFileError(
            f"The name of {shown} is not valid UTF-8, which the sound library can't open. Rename it."
        ) from None


def _check_written(partial: Path, target: Path, n_samples: int) -> None:
    """The encoder does not report every failed write; what can be read back tells."""
    try:
        with open_sound(partial) as file:
            is_exact = target.suffix.lower() not in (".mp3", ".ogg")
            expected = file.frames == n_samples if is_exact else file.frames >= 0.9 * n_samples
            complete = expected and _read_end(file)
    except SoundFileError:
        complete = n_samples == 0
    if not complete:
        raise TargetError(f"{target} could not be written completely. Is the disk full?")


def _read_end(file: SoundReader) -> bool:
    """Whether the file's last samples are really there, not only promised by its header."""
    wanted = min(1024, file.frames)
    file.seek(file.frames - wanted)
    return bool(file.read(wanted).shape[1] >= wanted // 2 and not file.trouble)
