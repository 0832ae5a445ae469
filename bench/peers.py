"""Rival codecs behind one call, so that benchmarks compare like with like: Opus and Lyra V2 of Lamina's registry.

Each peer takes float32 mono at 24 kHz and gives back the same number of samples, aligned with the input, together with
the bits it really sent. Run as a script, it prints what each peer does to a sound file: bits per second and remaining
lag.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

import lamina.plugin.rivals.coding.coder
import lamina.plugin.rivals.coding.packets
import lamina.plugin.rivals.coding.rival
import lamina.plugin.rivals.coding.stream
import lamina.plugin.rivals.lyra
import lamina.plugin.rivals.opus
from lamina.plugin.rivals.lyra import LYRA_KBPS, LYRA_VARIABLE, Lyra, lyra_folder
from lamina.plugin.rivals.opus import Opus

Samples = npt.NDArray[np.float32]

SAMPLE_RATE = 24_000
SOURCES = tuple(
    Path(str(module.__file__))
    for module in (
        sys.modules[__name__],
        lamina.plugin.rivals.coding.coder,
        lamina.plugin.rivals.coding.packets,
        lamina.plugin.rivals.coding.rival,
        lamina.plugin.rivals.coding.stream,
        lamina.plugin.rivals.lyra,
        lamina.plugin.rivals.opus,
    )
)
"""The files that peers' results depend on."""

_OPUS_RATE, _OPUS_FRAME, _OPUS_DELAY = 48_000, 960, 312
_LYRA_RATE, _LYRA_FRAME = 16_000, 320


@dataclass(frozen=True)
class Coded:
    """What came out of a codec.

    Float32 `[n]` at 24 kHz, aligned with the input, and the bits per second really sent.
    """

    samples: Samples
    bits_per_second: float


@dataclass(frozen=True)
class Peer:
    """A rival at one bitrate: `code` maps float32 mono `[n]` at 24 kHz, in −1 … 1, to what arrives at the other end."""

    name: str
    code: Callable[[Samples], Coded]


def opus_peer(kbps: float) -> Peer:
    """Opus at a constant bitrate, application "audio", 20 ms frames, from 24 kHz over 48 kHz and back, as FFmpeg codes
    and decodes it.
    """
    return Peer(f"Opus {kbps:g} kbps", lambda samples: _opus(samples, kbps))


def lyra_peer(folder: Path, kbps: float) -> Peer:
    """Lyra V2 at 3.2, 6 or 9.2 kbps from its three TFLite models in `folder`; it works at 16 kHz."""
    rival = Lyra(kbps, folder=folder)
    return Peer(rival.title, lambda samples: _lyra(samples, rival))


def lag_samples(reference: Samples, other: Samples, most: int = 4_800) -> int:
    """By how many samples `other` lags `reference`, from the cross-correlation's peak within ±`most`."""
    size = 1 << int(np.ceil(np.log2(reference.size + other.size)))
    correlation = np.fft.irfft(np.conj(np.fft.rfft(reference, size)) * np.fft.rfft(other, size), size)
    around_zero = np.concatenate([correlation[-most:], correlation[: most + 1]])
    return int(np.argmax(around_zero)) - most


def _opus(samples: Samples, kbps: float) -> Coded:
    rival = Opus(kbps, decoder="ffmpeg")
    at_48k = np.asarray(soxr.resample(samples, SAMPLE_RATE, _OPUS_RATE), dtype=np.float32)
    # A second of silence at the end keeps the encoder's last frames, and its delay, away from what is compared.
    padded = np.concatenate([at_48k, np.zeros(_OPUS_RATE, dtype=np.float32)])
    decoded = rival.process(padded, _OPUS_RATE)
    back = np.asarray(soxr.resample(decoded, _OPUS_RATE, SAMPLE_RATE), dtype=np.float32)
    # Because of the encoder's delay a packet more than the sound fills has to arrive before its end is heard.
    n_sent = -(-(padded.size + _OPUS_DELAY) // _OPUS_FRAME) * _OPUS_FRAME
    return Coded(_fitted(back, samples.size), 1000 * rival.counted_kbps * n_sent / padded.size)


def _lyra(samples: Samples, rival: Lyra) -> Coded:
    at_16k = np.asarray(soxr.resample(samples, SAMPLE_RATE, _LYRA_RATE), dtype=np.float32)
    # Whole frames, so that nothing is cut off before the way back.
    whole = _fitted(at_16k, -(-at_16k.size // _LYRA_FRAME) * _LYRA_FRAME)
    back = np.asarray(soxr.resample(rival.process(whole, _LYRA_RATE), _LYRA_RATE, SAMPLE_RATE), dtype=np.float32)
    return Coded(_fitted(back, samples.size), 1000 * rival.counted_kbps)


def _fitted(samples: Samples, n_samples: int) -> Samples:
    return np.pad(samples[:n_samples], (0, max(n_samples - samples.size, 0)))


def main() -> int:
    """Print every peer's real bitrate and remaining lag on one sound file."""
    import soundfile

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="a sound file; its first 10 s are used")
    parser.add_argument(
        "--lyra", type=Path, help=f"folder with Lyra V2's TFLite models (default: the variable {LYRA_VARIABLE})"
    )
    options = parser.parse_args()
    loaded, rate = soundfile.read(options.file, dtype="float32", always_2d=True)
    samples = np.asarray(soxr.resample(loaded.mean(axis=1), rate, SAMPLE_RATE), dtype=np.float32)[: 10 * SAMPLE_RATE]
    peers = [opus_peer(kbps) for kbps in (6, 12, 16, 64)]
    folder = lyra_folder(options.lyra)
    peers += [lyra_peer(folder, kbps) for kbps in LYRA_KBPS] if folder else []
    print(f"{'peer':<18}{'sent kbps':>11}{'lag (24 kHz samples)':>23}")
    for peer in peers:
        coded = peer.code(samples)
        print(f"{peer.name:<18}{coded.bits_per_second / 1000:>11.2f}{lag_samples(samples, coded.samples):>23}")
    if folder is None:
        print("Lyra V2 left out: name the folder of its models with --lyra.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
