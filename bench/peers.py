"""Rival codecs behind one call, so that benchmarks compare like with like: Opus (through PyAV) and Lyra V2.

Each peer takes float32 mono at 24 kHz and gives back the same number of samples, aligned with the input, together with
the bits it really sent. Run as a script, it prints what each peer does to a sound file: bits per second and remaining
lag.
"""

import argparse
import io
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

Samples = npt.NDArray[np.float32]

SAMPLE_RATE = 24_000
LYRA_KBPS = (3.2, 6.0, 9.2)
LYRA_VARIABLE = "LAMINA_LYRA"

_OPUS_RATE = 48_000
_LYRA_RATE = 16_000
_LYRA_FRAME = 320
_LYRA_BITS_PER_QUANTIZER = 4


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
    """Opus at a constant bitrate, application "audio", 20 ms frames, from 24 kHz over 48 kHz and back."""
    return Peer(f"Opus {kbps:g} kbps", lambda samples: _opus(samples, kbps))


def lyra_peer(folder: Path, kbps: float) -> Peer:
    """Lyra V2 at 3.2, 6 or 9.2 kbps from its three TFLite models in `folder`; it works at 16 kHz."""
    bits = round(kbps * 20)
    if kbps not in LYRA_KBPS:
        raise ValueError(
            f"Lyra V2 has no {kbps:g} kbps; choose one of {', '.join(f'{known:g}' for known in LYRA_KBPS)}."
        )
    return Peer(f"Lyra V2 {kbps:g} kbps", lambda samples: _lyra(samples, folder, bits // _LYRA_BITS_PER_QUANTIZER))


def lyra_folder(given: Path | None = None) -> Path | None:
    """The folder with Lyra's models: `given`, else the variable LAMINA_LYRA.

    None if neither names one that holds them.
    """
    named = given or (Path(os.environ[LYRA_VARIABLE]) if os.environ.get(LYRA_VARIABLE) else None)
    return named if named is not None and (named / "lyragan.tflite").is_file() else None


class LyraModels:
    """Lyra's three models with fresh state. Its state can't be reset: each stream needs models of its own."""

    def __init__(self, folder: Path, n_threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        def load(name: str) -> Any:
            interpreter = Interpreter(model_path=str(folder / f"{name}.tflite"), num_threads=n_threads)
            interpreter.allocate_tensors()
            return interpreter

        self._encoder = load("soundstream_encoder")
        quantizer = load("quantizer")
        self._decoder = load("lyragan")
        self._encode = quantizer.get_signature_runner("encode")
        self._decode = quantizer.get_signature_runner("decode")
        self._keeps_alive = quantizer

    def features(self, frame: Samples) -> Samples:
        """Encoder: 320 samples at 16 kHz to `[1, 1, 64]`."""
        return _run(self._encoder, frame.reshape(1, _LYRA_FRAME))

    def indices(self, features: Samples, quantizers: int) -> npt.NDArray[np.int32]:
        """Quantizer: `[1, 1, 64]` to `[46, 1, 1]`, −1 where unused."""
        return np.asarray(
            self._encode(input_frames=features, num_quantizers=np.int32(quantizers))["output_0"], dtype=np.int32
        )

    def quantized(self, indices: npt.NDArray[np.int32]) -> Samples:
        """Quantizer, the way back: `[46, 1, 1]` to `[1, 1, 64]`."""
        return np.asarray(self._decode(encoding_indices=indices)["output_0"], dtype=np.float32)

    def frame(self, features: Samples) -> Samples:
        """Decoder: `[1, 1, 64]` to 320 samples at 16 kHz."""
        return _run(self._decoder, features).reshape(-1)


def lag_samples(reference: Samples, other: Samples, most: int = 4_800) -> int:
    """By how many samples `other` lags `reference`, from the cross-correlation's peak within ±`most`."""
    size = 1 << int(np.ceil(np.log2(reference.size + other.size)))
    correlation = np.fft.irfft(np.conj(np.fft.rfft(reference, size)) * np.fft.rfft(other, size), size)
    around_zero = np.concatenate([correlation[-most:], correlation[: most + 1]])
    return int(np.argmax(around_zero)) - most


def _opus(samples: Samples, kbps: float) -> Coded:
    import av

    at_48k = np.asarray(soxr.resample(samples, SAMPLE_RATE, _OPUS_RATE), dtype=np.float32)
    # A second of silence at the end keeps the encoder's last frames, and its delay, away from what is compared.
    padded = np.concatenate([at_48k, np.zeros(_OPUS_RATE, dtype=np.float32)])
    stored = io.BytesIO()
    sent_bytes = 0
    with av.open(stored, "w", format="ogg") as container:
        stream = container.add_stream(
            "libopus",
            rate=_OPUS_RATE,
            layout="mono",
            options={"vbr": "off", "application": "audio", "frame_duration": "20"},
        )
        stream.bit_rate = round(kbps * 1000)
        frame = av.AudioFrame.from_ndarray(padded[None, :], format="flt", layout="mono")
        frame.sample_rate = _OPUS_RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            sent_bytes += packet.size
            container.mux(packet)
    stored.seek(0)
    with av.open(stored, "r") as container:  # the demuxer drops the pre-skip, which is the encoder's delay
        parts = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
    decoded = np.concatenate(parts).astype(np.float32)
    back = np.asarray(soxr.resample(decoded, _OPUS_RATE, SAMPLE_RATE), dtype=np.float32)
    return Coded(_fitted(back, samples.size), 8 * sent_bytes / (padded.size / _OPUS_RATE))


def _lyra(samples: Samples, folder: Path, quantizers: int) -> Coded:
    models = LyraModels(folder)
    at_16k = np.asarray(soxr.resample(samples, SAMPLE_RATE, _LYRA_RATE), dtype=np.float32)
    frames = -(-at_16k.size // _LYRA_FRAME)
    padded = _fitted(at_16k, frames * _LYRA_FRAME)
    coded = [
        models.frame(models.quantized(models.indices(models.features(frame), quantizers)))
        for frame in padded.reshape(frames, _LYRA_FRAME)
    ]
    # Fed frame by frame, what the models give back lies on the frame that went in: this script measures a lag of 0.
    back = np.asarray(soxr.resample(np.concatenate(coded), _LYRA_RATE, SAMPLE_RATE), dtype=np.float32)
    return Coded(_fitted(back, samples.size), quantizers * _LYRA_BITS_PER_QUANTIZER * _LYRA_RATE / _LYRA_FRAME)


def _run(interpreter: Any, value: Samples) -> Samples:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], value)
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), dtype=np.float32)


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
