"""The head of a `.lamina` file: magic, version, length, JSON, CRC-32; this much is the same in every version.

    8 bytes  4C 41 4D 49 4E 41 1A 0A ("LAMINA", ^Z, line feed: a transfer that changes text is noticed)
    u16      version of the rest
    u32      length of the JSON
    JSON     see `HeaderFields`; ASCII, unknown names are ignored
    u32      CRC-32 of all that

Numbers are little-endian throughout.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass, fields, replace
from typing import Any, cast

from lamina.plugin.call.arrays import HIGHEST_RATE, LOWEST_RATE
from lamina.plugin.codes_file.codes import (
    MAX_CODE_BITS,
    MAX_CODE_CHANNELS,
    MAX_CODE_LAYERS,
    MAX_FRAME_RATE,
    MIN_FRAME_RATE,
    SPARE_FRAMES,
    STEREO_MODES,
    USUAL_BITS,
    USUAL_FRAME_RATE,
    Codes,
    Stereo,
)

MAGIC = b"LAMINA\x1a\n"
VERSION = 4
"""The newest version. Codes are written in the oldest that can hold them, which older Laminas read too: 1 holds up to
24 layers of 10 bits and 75 frames per second without lags, 2 with lags, 3 whatever a model may have, 4 counts of layers
as moves too, where those are shorter."""
MODELS_VERSION, MOVES_VERSION = 3, 4
OLD_LAYERS = 24
MAX_JSON_BYTES = 1 << 16
MAX_TEXT = 256
"""Characters of the model's name and of its digest."""
MAX_SECONDS = 7 * 24 * 3600
"""A week. What the codec's delay adds may take a second more."""

OPTIONAL = ("denoise", "lag_from", "code_bits")
"""Left out of the JSON where they are 0, or where every code has 10 bits."""
NOT_IN_JSON = ("moves",)
"""What the version tells."""

_START = struct.Struct("<8sHI")
_CRC = struct.Struct("<I")


class ContainerError(ValueError):
    """A `.lamina` file can't be written, or what was given is none that can be read; the message says why."""


@dataclass(frozen=True)
class HeaderFields:
    """What the version and the JSON say: `Codes` without the codes.

    Args:
        sample_rate: Hz, 8000 … 192000.
        n_samples: length of the sound at that rate; there are frames for it.
        n_channels: channels of the sound, 1 … 8.
        frames: frames of each coded channel, a week at most.
        layers: 1 … 64; what frames may send at most.
        stereo: what the coded channels are, as in `Codes`.
        model: the bundle's name, 256 characters at most.
        digest: its digest, likewise.
        frame_rate: frames per second, 1 … 1000; 75 before version 3.
        denoise: 0 … 1; 0 where it is not given.
        lag_from: as in `Codes`, 0 … 64; 0 where it is not given, as in version 1.
        code_bits: bits of each layer's code, 1 … 16; 10 each where they are not given, as before version 3.
        moves: whether blocks may tell counts of layers as moves, as from version 4 on. It is not in the JSON.
    """

    sample_rate: int
    n_samples: int
    n_channels: int
    frames: int
    layers: int
    stereo: Stereo
    model: str
    digest: str
    frame_rate: float = USUAL_FRAME_RATE
    denoise: float = 0.0
    lag_from: int = 0
    code_bits: tuple[int, ...] = ()
    moves: bool = False

    def __post_init__(self) -> None:
        self._check_range("sample_rate", LOWEST_RATE, HIGHEST_RATE)
        self._check_range("n_channels", 1, MAX_CODE_CHANNELS)
        self._check_range("layers", 1, MAX_CODE_LAYERS)
        self._check_range("lag_from", 0, MAX_CODE_LAYERS)
        if type(self.frame_rate) not in (int, float) or not MIN_FRAME_RATE <= self.frame_rate <= MAX_FRAME_RATE:
            raise ContainerError(f"frame_rate must be a number from {MIN_FRAME_RATE} to {MAX_FRAME_RATE}.")
        self._check_range("frames", 0, int((MAX_SECONDS + 1) * self.frame_rate))
        self._check_range("n_samples", 0, int((self.frames + SPARE_FRAMES) * self.sample_rate / self.frame_rate))
        self._set_bits()
        if type(self.denoise) not in (int, float) or not 0 <= self.denoise <= 1:
            raise ContainerError("denoise must be a number from 0 to 1.")
        for name in ("model", "digest"):
            text = getattr(self, name)
            if not isinstance(text, str) or len(text) > MAX_TEXT:
                raise ContainerError(f"The {name} must be text of at most {MAX_TEXT} characters.")
        if not isinstance(self.stereo, str) or self.stereo not in STEREO_MODES:
            raise ContainerError(f"The stereo mode must be one of {', '.join(STEREO_MODES)}.")
        if self.stereo != "linked" and self.n_channels != 2:
            raise ContainerError(f"The stereo mode {self.stereo!r} needs 2 channels, not {self.n_channels}.")

    def _set_bits(self) -> None:
        bits: Any = self.code_bits
        if not isinstance(bits, list | tuple) or not all(type(n) is int and 1 <= n <= MAX_CODE_BITS for n in bits):
            raise ContainerError(f"code_bits must be a list of whole numbers from 1 to {MAX_CODE_BITS}.")
        if bits and len(bits) != self.layers:
            raise ContainerError(f"code_bits has {len(bits)} numbers for {self.layers} layers.")
        object.__setattr__(self, "code_bits", tuple(bits) or (USUAL_BITS,) * self.layers)

    @property
    def version(self) -> int:
        """The oldest version of the format that holds this."""
        if self.moves:
            return MOVES_VERSION
        if self.layers > OLD_LAYERS or self.frame_rate != USUAL_FRAME_RATE or set(self.code_bits) != {USUAL_BITS}:
            return MODELS_VERSION
        return 2 if self.lag_from else 1

    @property
    def n_coded(self) -> int:
        """Coded channels."""
        return 1 if self.stereo == "mono" else self.n_channels

    def _check_range(self, name: str, lowest: int, highest: int) -> None:
        value = getattr(self, name)
        if type(value) is not int or not lowest <= value <= highest:
            shown = (
                value
                if isinstance(value, float) or (isinstance(value, int) and abs(value) < 1 << 64)
                else "no such number"
            )
            allowed = str(lowest) if lowest == highest else f"{lowest} to {highest}"
            raise ContainerError(f"{name} is {shown}; a .lamina file allows {allowed} here.")


_JSON_NAMES = tuple(field.name for field in fields(HeaderFields) if field.name not in NOT_IN_JSON)


def fields_of(codes: Codes) -> HeaderFields:
    """What the header of `codes` says; raises ContainerError for what no file can say (more than a week, for one)."""
    return HeaderFields(
        sample_rate=int(codes.sample_rate),
        n_samples=int(codes.n_samples),
        n_channels=int(codes.n_channels),
        frames=codes.n_frames,
        layers=codes.codes.shape[2],
        stereo=codes.stereo,
        model=codes.model,
        digest=codes.digest,
        denoise=codes.denoise,
        lag_from=int(codes.lag_from),
        frame_rate=_whole_if_it_is(codes.frame_rate),
        code_bits=codes.code_bits,
    )


def _whole_if_it_is(number: float) -> float:
    """75 rather than 75.0: what older Laminas read."""
    return int(number) if number == int(number) else float(number)


def pack_header(header: HeaderFields) -> bytes:
    """The head of a file."""
    given = {name: getattr(header, name) for name in _JSON_NAMES}
    if set(header.code_bits) == {USUAL_BITS}:
        given["code_bits"] = ()
    for name in OPTIONAL:
        if not given[name]:
            del given[name]
    text = json.dumps(given, separators=(",", ":")).encode("ascii")
    start = _START.pack(MAGIC, header.version, len(text)) + text
    return start + _CRC.pack(zlib.crc32(start))


def unpack_header(data: bytes) -> tuple[HeaderFields, int]:
    """The header and the number of bytes it takes; raises ContainerError."""
    if not data.startswith(MAGIC):
        raise ContainerError("It is no .lamina file: it doesn't begin like one.")
    if len(data) < _START.size:
        raise ContainerError("The file ends within its header. Copy it again.")
    _, version, n_text = _START.unpack_from(data)
    end = _START.size + n_text
    if n_text > MAX_JSON_BYTES:
        raise ContainerError(
            f"The file's header claims {n_text} bytes, {MAX_JSON_BYTES} are allowed: it is damaged. Copy it again."
        )
    if len(data) < end + _CRC.size:
        raise ContainerError("The file ends within its header. Copy it again.")
    if zlib.crc32(data[:end]) != _CRC.unpack_from(data, end)[0]:
        raise ContainerError("The file's header is damaged (its checksum does not fit). Copy it again.")
    if version > VERSION:
        raise ContainerError(
            f"The file has format version {version}; this Lamina reads versions 1 to {VERSION}. Update Lamina."
        )
    if version < 1:
        raise ContainerError(f"The file has format version {version}, which never was. Encode it again.")
    header = _parse(data[_START.size : end])
    if header.version == MODELS_VERSION > version:
        raise ContainerError(
            f"The file has format version {version}, but says what only version {MODELS_VERSION} can. Encode it again."
        )
    return replace(header, moves=version >= MOVES_VERSION), end + _CRC.size


def head_crc(head: bytes) -> int:
    """The CRC-32 that ends a head. (That of a head together with its CRC would be the same for all.)"""
    crc: int = _CRC.unpack(head[-_CRC.size :])[0]
    return crc


def _parse(text: bytes) -> HeaderFields:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise ContainerError("The file's header is no JSON object. Encode it again.")
    names = [name for name in _JSON_NAMES if name not in OPTIONAL or name in data]
    missing = [name for name in names if name not in data]
    if missing:
        raise ContainerError(f"The file's header does not give {', '.join(missing)}. Encode it again.")
    return HeaderFields(**cast(dict[str, Any], {name: data[name] for name in names}))
