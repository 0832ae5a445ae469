"""FFmpeg's decoders, through PyAV: which are let in, and packets or frames of theirs as float32.

Nothing is looked up by a file's name, no other file is opened, and what is not listed here is never started: a video, a
playlist or a rarely used decoder in a file of sound is none of our business.
"""

from __future__ import annotations

import errno
import io
from typing import Any, BinaryIO

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.soundfiles.pcm_file import full_scale
from lamina.dsp.soundfiles.sound_reader import SoundFileError

DECODERS = (
    *("aac", "alac", "flac", "vorbis", "opus", "mp3float", "mp2float", "mp1float", "mp3", "mp2", "mp1"),
    *("pcm_u8", "pcm_s8", "pcm_alaw", "pcm_mulaw", "adpcm_ms", "adpcm_ima_wav", "gsm_ms"),
    *(f"pcm_{kind}{order}" for kind in ("s16", "s24", "s32", "f32", "f64") for order in ("le", "be")),
)
ORDER = ("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR", "TC", "TFL", "TFC", "TFR", "TBL", "TBC")
"""Of loudspeakers in a WAV file."""
MOST_PLANES = 8
"""Channels that each lie in memory by themselves."""


class _Input:
    """A file as PyAV reads it: a place before its beginning, which damaged files ask for, is refused and not raised."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.read, self.tell = file, file.read, file.tell

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As any file; a negative number says no."""
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):
            return -errno.EINVAL

    def seekable(self) -> bool:
        """Yes."""
        return True


def open_container(file: BinaryIO, kind: str, texts: str = "replace", is_whole: bool = False) -> Any:
    """PyAV's container of a file whose kind is known, as Python's error handler `texts` reads what is said in it.

    With `is_whole` packets of an MPEG-4 file come that its edit list leaves out, too.

    Raises what PyAV raises for a damaged file.
    """
    import av

    options = {"codec_whitelist": ",".join(DECODERS), **({"advanced_editlist": "0"} if is_whole else {})}
    return av.open(_Input(file), format=kind, options=options, metadata_errors=texts, buffer_size=1 << 16)


def sound_stream(container: Any) -> Any:
    """The container's first stream of sound, to be decoded in one thread; raises SoundFileError if there is none."""
    if not container.streams.audio:
        raise SoundFileError("holds no sound.")
    stream = container.streams.audio[0]
    if stream.codec_context is None or stream.codec_context.name not in DECODERS:
        name = stream.codec_context.name if stream.codec_context is not None else "an unknown code"
        raise SoundFileError(f"holds {name}, which Lamina doesn't read. Convert it to WAV or FLAC first.")
    stream.codec_context.thread_count = 1
    return stream


def decoder_of(name: str, extradata: bytes | None) -> Any:
    """A decoder for packets that are given one by one."""
    import av

    codec = av.CodecContext.create(name, "r")
    codec.thread_count = 1
    if extradata is not None:
        codec.extradata = extradata
    return codec


def stored_bits(codec: str, extradata: bytes | None) -> int | None:
    """Bits of a stored sample, where a decoder gives integers; None for those whose full scale is a power of two."""
    if codec == "flac" and extradata is not None and len(extradata) >= 14:
        return ((extradata[12] & 1) << 4 | extradata[13] >> 4) + 1
    if codec in ("pcm_u8", "pcm_s8"):
        return 8
    return int(codec[5:7]) if codec.startswith("pcm_s") else None


def samples_of_frame(frame: Any, bits: int | None) -> FloatArray:
    """A decoded frame as float32 `[channels, n]`, its channels in the order of WAV files.

    Args:
        frame: PyAV's.
        bits: of a stored sample; None where the whole range of the decoder's integers is 1.
    """
    names = [channel.name for channel in frame.layout.channels]
    sound = _values(frame, len(names))
    width = 8 * sound.dtype.itemsize
    if sound.dtype.kind == "u":
        sound = sound.astype(np.float32) - np.float32(128)
    is_integer = sound.dtype.kind == "i" or width == 8
    with np.errstate(over="ignore", invalid="ignore"):
        sound = np.array(sound, np.float32)
    if is_integer:
        sound *= (
            np.float32(2.0 ** (1 - width)) if bits is None else full_scale(bits) * np.float32(2.0 ** (bits - width))
        )
    places = [ORDER.index(name) for name in names if name in ORDER]
    if len(set(places)) == len(names) and places != sorted(places):
        sound = sound[np.argsort(places)]
    return sound


_STORED = {"u8": np.uint8, "s16": np.int16, "s32": np.int32, "flt": np.float32, "dbl": np.float64}


def _values(frame: Any, num_channels: int) -> np.ndarray[Any, Any]:
    """A frame's values `[channels, n]`, as FFmpeg holds them.

    Not by PyAV's own conversion: of eight channels it takes what lies behind them in memory for a ninth, and the
    process dies of it.
    """
    name = str(frame.format.name)
    stored = _STORED.get(name.removesuffix("p"))
    if stored is None:
        raise SoundFileError(f"is decoded to {name}, which can't be used. Convert it to WAV or FLAC first.")
    if not frame.format.is_planar:
        packed: np.ndarray[Any, Any] = np.frombuffer(frame.planes[0], stored)[: frame.samples * num_channels]
        return packed.reshape(-1, num_channels).T
    if num_channels > MOST_PLANES:
        raise SoundFileError(f"has {num_channels} channels; up to {MOST_PLANES} of this kind can be decoded.")
    planes = frame.planes
    return np.stack([np.frombuffer(planes[k], stored)[: frame.samples] for k in range(num_channels)])


def check_unchanged(frame: Any, samplerate: int, num_channels: int) -> None:
    """Raises SoundFileError where a frame has another rate or other channels than the frames before it."""
    if frame.sample_rate != samplerate or len(frame.layout.channels) != num_channels:
        raise SoundFileError(
            f"changes in its middle from {samplerate} Hz, {num_channels} channels to {frame.sample_rate} Hz, "
            f"{len(frame.layout.channels)} channels. Cut it there and convert the parts."
        )
