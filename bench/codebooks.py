"""How evenly a bundle uses its codebooks, and what it makes of silence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from metrics import SAMPLE_RATE, Samples

from lamina.models.runtime import CodecRuntime

SILENT_SECONDS = 3.0
SETTLED_SECONDS = 1.0
_DBFS_FLOOR = -200.0


@dataclass(frozen=True)
class CodebookUse:
    """How often each layer's entries were chosen.

    Args:
        frames: how many frames were coded.
        perplexity: two to the power of the entropy, per layer: as many equally frequent entries would carry as much. It
            can not exceed the number of frames, and is too low when they are few.
        entropy_bits: bits per code and layer that the codes really carry.
        used: entries chosen at least once, per layer.
    """

    frames: int
    perplexity: tuple[float, ...]
    entropy_bits: tuple[float, ...]
    used: tuple[int, ...]


@dataclass(frozen=True)
class Silence:
    """How loud the codec makes digital silence once it has settled, in dBFS: RMS, and the direct current in it.

    The loudest of all settings.
    """

    rms_dbfs: float
    dc_dbfs: float
    setting: str


def codebook_use(runtime: CodecRuntime, sounds: Iterable[Samples]) -> CodebookUse:
    """Code every sound (float32 `[n]` at 24 kHz) in all layers, and count the entries.

    With a memory, layer 1 counts lags.
    """
    config = runtime.config
    counts = np.zeros((config.layers, config.codebook_size), dtype=np.int64)
    frames = 0
    for samples in sounds:
        n_frames = samples.size // config.frame
        codes = runtime.code(samples[None, : n_frames * config.frame])[0][0]
        for layer in range(config.layers):
            counts[layer] += np.bincount(codes[:, layer], minlength=config.codebook_size)
        frames += n_frames
    share = counts / max(frames, 1)
    entropy = -(share * np.log2(np.where(share > 0, share, 1.0))).sum(axis=1)
    return CodebookUse(
        frames,
        tuple(float(value) for value in 2**entropy),
        tuple(float(value) for value in entropy),
        tuple(int(value) for value in (counts > 0).sum(axis=1)),
    )


def silence_out(runtime: CodecRuntime, layer_counts: Sequence[int]) -> Silence:
    """Send digital silence through at every layer count, and report the loudest.

    With denoise too, where it was trained.
    """
    config = runtime.config
    n_frames = round(SILENT_SECONDS * SAMPLE_RATE) // config.frame
    silent = np.zeros((1, n_frames * config.frame), np.float32)
    found = []
    for layers in layer_counts:
        summed = runtime.quantized(silent, layers)
        for denoise in (0.0, 1.0) if runtime.bundle.conditioned else (0.0,):
            decoded, _ = runtime.decode(summed, runtime.decoder_state(1), denoise, layers)
            settled = decoded[0, round(SETTLED_SECONDS * SAMPLE_RATE) :].astype(np.float64)
            setting = f"{layers} layers, denoise {denoise:g}"
            found.append(
                Silence(_dbfs(float(np.sqrt(np.mean(settled**2)))), _dbfs(abs(float(settled.mean()))), setting)
            )
    loudest = max(found, key=lambda one: one.rms_dbfs)
    return Silence(loudest.rms_dbfs, max(one.dc_dbfs for one in found), loudest.setting)


def print_codebooks(use: CodebookUse, silence: Silence) -> None:
    """One line per layer, then silence."""
    print(f"\ncodebooks: all layers over {use.frames} held-out frames")
    print(f"{'layer':>7}{'perplexity':>12}{'entropy bits':>14}{'entries used':>14}")
    for layer, row in enumerate(zip(use.perplexity, use.entropy_bits, use.used, strict=True), start=1):
        print(f"{layer:>7}{row[0]:>12.0f}{row[1]:>14.2f}{row[2]:>14}")
    print(f"{'least':>7}{min(use.perplexity):>12.0f}{min(use.entropy_bits):>14.2f}{min(use.used):>14}")
    print(
        f"digital silence in: {silence.rms_dbfs:.1f} dBFS out at most ({silence.setting}), of which DC "
        f"{silence.dc_dbfs:.1f} dBFS at most"
    )


def _dbfs(value: float) -> float:
    return max(20 * float(np.log10(max(value, 1e-12))), _DBFS_FLOOR)
