"""How fast Lamina is: time per frame beside Lyra V2, whole-file rendering, start-up, and the latency it adds.

Times on a shared machine vary; trust the ratios of one run more than the milliseconds of two. Nothing here is a test.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

# One thread is what a live effect gets; set before numpy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import soxr
from peers import Samples
from startup import app_window_seconds, import_seconds

from lamina.models.bundles.bundle import DEFAULT_BUNDLE, BundleError
from lamina.models.runtime import load_runtime
from lamina.plugin.rivals.lyra import LYRA_VARIABLE, LyraModels, lyra_folder

LYRA_QUANTIZERS = 46
LYRA_FRAME_SECONDS = 0.02
WARM_UP_FRAMES = 50
FRAMES_PER_ROUND = 100
RENDER_SECONDS = 20
RENDER_RATES = (24_000, 44_100, 48_000)
LATENCY_RATES = (8_000, 16_000, 24_000, 44_100, 48_000, 96_000, 192_000)

Step = Callable[[], object]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for, print tables, write the JSON; return the exit code."""
    options = _parser().parse_args(arguments)
    found: dict[str, object] = {}
    try:
        load_runtime(options.bundle)
    except BundleError as error:
        print(error, file=sys.stderr)
        return 2
    if "frames" in options.only:
        found["frames"] = frame_table(options.bundle, lyra_folder(options.lyra), options.rounds)
    if "latency" in options.only:
        found["latency"] = latency_table()
    if "render" in options.only:
        found["render"] = render_table()
    if "startup" in options.only:
        found["startup"] = startup_table()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(f"\nAs JSON: {options.out}")
    return 0


def frame_table(bundle: str, lyra: Path | None, rounds: int) -> dict[str, object]:
    """Time every part of one frame, one thread, mono.

    Lamina and Lyra take turns, so that both meet the same disturbances.
    """
    runtime = load_runtime(bundle)
    config = runtime.config
    frame_seconds = config.frame / config.sample_rate
    audio = test_signal(config.sample_rate, 10.0)
    lamina = _lamina_steps(bundle, audio)
    rival = (
        _lyra_steps(lyra, np.asarray(soxr.resample(audio, config.sample_rate, 16_000), dtype=np.float32))
        if lyra
        else {}
    )
    lamina_times: dict[str, list[float]] = {name: [] for name in lamina}
    rival_times: dict[str, list[float]] = {name: [] for name in rival}
    _timed(lamina, WARM_UP_FRAMES)
    _timed(rival, WARM_UP_FRAMES)
    for _ in range(rounds):
        for steps, times in ((lamina, lamina_times), (rival, rival_times)):
            for name, values in _timed(steps, FRAMES_PER_ROUND).items():
                times[name] += values

    print(f"\nOne frame, one thread, mono: {rounds * FRAMES_PER_ROUND} frames each, in turns of {FRAMES_PER_ROUND}")
    print(f"{'':<34}{'p50 ms':>9}{'p99 ms':>9}")
    found = {f"Lamina {bundle}, frame of {frame_seconds * 1000:.2f} ms": _parts(lamina_times)}
    if rival:
        found[f"Lyra V2 9.2 kbps, frame of {LYRA_FRAME_SECONDS * 1000:.0f} ms"] = _parts(rival_times)
    for title, parts in found.items():
        print(title)
        for name, (p50, p99) in parts.items():
            print(f"  {name:<32}{p50:>9.3f}{p99:>9.3f}")
    per_second = {"lamina": _total_p50(lamina_times) / frame_seconds}
    if rival:
        per_second["lyra"] = _total_p50(rival_times) / LYRA_FRAME_SECONDS
    print(
        f"ms per second of audio (p50): Lamina {per_second['lamina']:.1f} ({1000 / per_second['lamina']:.0f} x real "
        "time)",
        end="",
    )
    if rival:
        ratio = per_second["lamina"] / per_second["lyra"]
        print(
            f", Lyra V2 {per_second['lyra']:.1f} ({1000 / per_second['lyra']:.0f} x real time); Lamina costs "
            f"{ratio:.2f} x Lyra V2"
        )
    else:
        print(f"\nLyra V2 left out: name the folder of its models with --lyra or {LYRA_VARIABLE}.")
    return {"parts": found, "ms_per_second_of_audio": per_second}


def latency_table() -> dict[str, object]:
    """The latency the effect reports at each host rate."""
    from lamina.plugin import NeuralCodec

    codec = NeuralCodec()
    print("\nLatency added by NeuralCodec")
    found: dict[str, object] = {}
    for rate in LATENCY_RATES:
        samples = codec.latency_samples(rate)
        found[str(rate)] = samples
        print(f"  {rate:>7} Hz{samples:>8} samples{samples / rate * 1000:>9.2f} ms")
    return found


def render_table() -> dict[str, object]:
    """Times real time of `NeuralCodec(...)(x, rate)` on whole files; the best of three runs."""
    from lamina.plugin import NeuralCodec

    print(f"\nWhole-file rendering of {RENDER_SECONDS} s, 24 layers, best of 3, times real time")
    print(f"  {'':<10}{'mono':>8}{'stereo':>9}")
    found: dict[str, object] = {}
    for rate in RENDER_RATES:
        speeds = []
        for channels in (1, 2):
            audio = np.stack([test_signal(rate, RENDER_SECONDS, seed) for seed in range(channels)])
            codec = NeuralCodec(layers=24)
            codec(audio[:, : 2 * rate], rate)
            taken = []
            for _ in range(3):
                started = time.perf_counter()
                codec(audio, rate)
                taken.append(time.perf_counter() - started)
            speeds.append(RENDER_SECONDS / min(taken))
        found[str(rate)] = {"mono": speeds[0], "stereo": speeds[1]}
        print(f"  {rate:>7} Hz{speeds[0]:>8.0f}{speeds[1]:>9.0f}")
    return found


def startup_table() -> dict[str, object]:
    """Seconds until `import lamina.plugin` is done and until the app's window is drawn, in fresh processes."""
    print("\nStart-up in a fresh process, seconds          best   median")
    found: dict[str, object] = {}
    for name, measure, runs in (
        ("import lamina.plugin", import_seconds, 7),
        ("app window on the screen", app_window_seconds, 5),
    ):
        try:
            seconds = [measure() for _ in range(runs)]
        except (OSError, subprocess.SubprocessError) as error:
            print(f"  {name:<40} not measured: {error}")
            continue
        found[name] = {"best": min(seconds), "median": statistics.median(seconds)}
        print(f"  {name:<40}{min(seconds):>7.3f}{statistics.median(seconds):>9.3f}")
    return found


def test_signal(sample_rate: int, seconds: float, seed: int = 0) -> Samples:
    """A sweeping chord with noise bursts at about −12 dBFS: no silence, so that no frame is cheaper than another."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * sample_rate))
    time_seconds = np.arange(noise.size) / sample_rate
    chord = sum(np.sin(2 * np.pi * hz * (1 + 0.02 * time_seconds) * time_seconds) for hz in (110.0, 277.2, 659.3))
    bursts = noise * np.exp(-8 * (time_seconds % 0.5))
    return np.asarray(0.08 * chord + 0.08 * bursts, dtype=np.float32)


def _lamina_steps(bundle: str, audio: Samples) -> dict[str, Step]:
    """Time steps that each handle the next frame of `audio`, over and over.

    With a memory, the loop is the quantizer's step.
    """
    runtime = load_runtime(bundle)
    loop, every_layer = runtime.loop(1), np.full((1, 1), runtime.config.layers, np.uint8)
    frame, layers = runtime.config.frame, runtime.config.layers
    encoder_state, decoder_state = runtime.encoder_state(1), runtime.decoder_state(1)
    position = 0
    latent = foreseen = np.zeros((1, 1, runtime.config.latent), np.float32)
    heard = audio[None, :frame]
    codes = np.zeros((1, 1, layers), np.uint16)

    def encode() -> None:
        nonlocal position, latent, encoder_state, heard
        heard = audio[None, position : position + frame]
        latent, encoder_state = runtime.encode(heard, encoder_state)
        position = (position + frame) % (audio.size - frame)

    def quantize() -> None:
        nonlocal codes, foreseen
        if loop is None:
            codes = runtime.quantize(latent[0], np.full(1, layers))[None]
        else:
            codes, foreseen = loop.encode(heard, latent, every_layer, np.ones(1, np.int64))

    def decode() -> None:
        nonlocal decoder_state
        _, decoder_state = runtime.decode(foreseen + runtime.dequantize(codes), decoder_state, 0.0, layers)

    return {"encoder": encode, f"quantizer, {layers} layers": quantize, "dequantizer and decoder": decode}


def _lyra_steps(folder: Path, audio: Samples) -> dict[str, Step]:
    models = LyraModels(folder)
    frame = round(LYRA_FRAME_SECONDS * 16_000)
    position = 0
    features = np.zeros((1, 1, 64), np.float32)
    indices = np.zeros((LYRA_QUANTIZERS, 1, 1), np.int32)

    def encode() -> None:
        nonlocal position, features
        features = models.features(audio[position : position + frame])
        position = (position + frame) % (audio.size - frame)

    def quantize() -> None:
        nonlocal indices
        indices = models.indices(features, LYRA_QUANTIZERS)

    def decode() -> None:
        models.frame(models.quantized(indices))

    return {"encoder": encode, f"quantizer, {LYRA_QUANTIZERS} quantizers": quantize, "dequantizer and decoder": decode}


def _timed(steps: dict[str, Step], n_frames: int) -> dict[str, list[float]]:
    """Milliseconds of every step for `n_frames` frames in a row."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(n_frames if steps else 0):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            times[name].append((time.perf_counter() - started) * 1000)
    return times


def _parts(times: dict[str, list[float]]) -> dict[str, tuple[float, float]]:
    """p50 and p99 in ms of each step, and of their sum frame by frame."""
    rows = {name: np.array(values) for name, values in times.items()}
    rows["sum"] = np.sum(list(rows.values()), axis=0)
    return {name: (float(np.percentile(row, 50)), float(np.percentile(row, 99))) for name, row in rows.items()}


def _total_p50(times: dict[str, list[float]]) -> float:
    return _parts(times)["sum"][0]


def _parser() -> argparse.ArgumentParser:
    parts = ("frames", "latency", "render", "startup")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--bundle", default=DEFAULT_BUNDLE, help=f"bundle to time, by name or folder (default: {DEFAULT_BUNDLE})"
    )
    parser.add_argument(
        "--lyra", type=Path, help=f"folder with Lyra V2's TFLite models (default: the variable {LYRA_VARIABLE})"
    )
    parser.add_argument("--only", nargs="+", choices=parts, default=parts, help="what to measure (default: everything)")
    parser.add_argument("--rounds", type=int, default=20, help=f"rounds of {FRAMES_PER_ROUND} frames (default: 20)")
    parser.add_argument(
        "--out", type=Path, default=Path("bench-out/speed.json"), help="JSON to write (default: bench-out/speed.json)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
