"""Codes and files that the container's tests share."""

import dataclasses
import json
import struct
import zlib
from typing import Any

import numpy as np
from sounds import demo

from lamina.models.runtime import load_runtime
from lamina.plugin.codes_file.blocks import MARKER
from lamina.plugin.codes_file.codes import STEREO_MODES, Codes
from lamina.plugin.codes_file.file import ReadResult
from lamina.plugin.codes_file.header import MAGIC, NOT_IN_JSON, unpack_header

RUNTIME_RATE = 24_000


def real_codes(n_layers: int = 8, seconds: float = 3.0, item: int = 1, n_channels: int = 1) -> Codes:
    """What the shipped model makes of a demo item (0 music, 1 voice), repeated as needed.

    Channels are one second apart.
    """
    runtime = load_runtime("lamina-24k")
    n_samples = round(seconds * RUNTIME_RATE) // runtime.config.frame * runtime.config.frame
    whole = demo(item, RUNTIME_RATE, 20.0)[0]
    audio = np.stack([np.resize(np.roll(whole, -channel * RUNTIME_RATE), n_samples) for channel in range(n_channels)])
    codes, _ = runtime.code(audio, n_layers)
    counts = np.full(codes.shape[:2], n_layers, np.uint8)
    return Codes(
        codes,
        counts,
        RUNTIME_RATE,
        n_samples,
        n_channels,
        "lamina-24k",
        runtime.bundle.digest,
        lag_from=runtime.config.memory.from_layers,
    )


def random_codes(seed: int, n_frames: int | None = None) -> Codes:
    """Codes as no sound gives them.

    Any layers, channels, mode and counts, lags or none; some repeat, so that both modes are used.
    """
    random = np.random.default_rng(seed)
    stereo = STEREO_MODES[random.integers(3)]
    n_channels = int(random.integers(1, 9)) if stereo == "linked" else 2
    n_coded = 1 if stereo == "mono" else n_channels
    n_layers = int(random.integers(1, 25))
    frames = int(random.integers(0, 200)) if n_frames is None else n_frames
    counts = random.integers(0, n_layers + 1, (n_coded, frames)).astype(np.uint8)
    if random.integers(2):  # as most files are
        counts[:] = n_layers
    codes = random.integers(0, 1024 if random.integers(2) else 5, (n_coded, frames, n_layers)).astype(np.uint16)
    codes[np.arange(n_layers) >= counts[..., None]] = 0
    rate = int(random.integers(8_000, 192_001))
    n_samples = int(random.integers(0, frames * rate // 75 + 1))
    lag_from = int(random.integers(1, 25)) if random.integers(2) else 0
    return Codes(codes, counts, rate, n_samples, n_channels, "lamina-24k", "5" * 64, stereo, lag_from=lag_from)


def moving_codes(seed: int, n_frames: int, n_layers: int = 8, n_channels: int = 1) -> Codes:
    """Codes as a bitrate that varies gives them: every third frame or so sends one layer more or fewer than the one
    before.
    """
    random = np.random.default_rng(seed)
    moves = random.choice([-1, 0, 0, 0, 0, 1], (n_channels, n_frames))
    counts = np.clip(n_layers // 2 + np.cumsum(moves, 1), 0, n_layers).astype(np.uint8)
    codes = random.integers(0, 1024, (n_channels, n_frames, n_layers)).astype(np.uint16)
    codes[np.arange(n_layers) >= counts[..., None]] = 0
    return Codes(codes, counts, RUNTIME_RATE, n_frames * 320, n_channels, "lamina-24k", "5" * 64)


def same(one: Codes, other: Codes) -> bool:
    """Whether everything is equal."""
    arrays = (
        np.array_equal(one.codes, other.codes)
        and np.array_equal(one.counts, other.counts)
        and one.codes.dtype == other.codes.dtype
    )
    names = ("sample_rate", "n_samples", "n_channels", "model", "digest", "stereo", "denoise", "lag_from")
    return arrays and all(getattr(one, name) == getattr(other, name) for name in names)


def block_starts(data: bytes) -> list[int]:
    """Where markers are."""
    starts, position = [], data.find(MARKER)
    while position >= 0:
        starts.append(position)
        position = data.find(MARKER, position + 1)
    return starts


def with_header(header: dict[str, Any] | bytes, version: int = 1, blocks: bytes = b"") -> bytes:
    """A file with any header, whose checksum fits."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    start = MAGIC + struct.pack("<HI", version, len(text)) + text
    return start + struct.pack("<I", zlib.crc32(start)) + blocks


def header_of(data: bytes) -> dict[str, Any]:
    """The names in the header's JSON and their values, but for the codes' bits: a file of 10 each doesn't tell them."""
    left_out = ("code_bits", *NOT_IN_JSON)
    return {name: value for name, value in dataclasses.asdict(unpack_header(data)[0]).items() if name not in left_out}


def assert_rest_is_exact(result: ReadResult, codes: Codes) -> None:
    """Frames are either as written or missing, and the damage says which."""
    missing = np.zeros(codes.n_frames, bool)
    for first, end in result.damage.missing:
        assert first < end and not missing[first:end].any()
        missing[first:end] = True
    np.testing.assert_array_equal(result.codes.codes[:, ~missing], codes.codes[:, ~missing])
    np.testing.assert_array_equal(result.codes.counts[:, ~missing], codes.counts[:, ~missing])
    assert not result.codes.counts[:, missing].any() and not result.codes.codes[:, missing].any()
    assert same(dataclasses.replace(result.codes, codes=codes.codes, counts=codes.counts), codes)
