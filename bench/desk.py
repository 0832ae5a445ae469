"""What the code desk costs: time per frame with everything on beside the same codec with a neutral desk, in turns.

What runs the networks once more (another way of listening, generations, a side-chain) is told apart: it costs what they
cost. Times on a shared machine vary; the ratio of one run is what counts.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# One thread is what a live effect gets; set before numpy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from pedalboard.io import AudioFile

from lamina.plugin import Motion, NeuralCodec
from lamina.plugin.demo_items.items import demo_items

RATE, FRAME = 24_000, 320
WARM_UP_FRAMES, FRAMES_PER_TURN = 100, 50

EVERYTHING: dict[str, Any] = {
    "layer_gains": [1.1] * 24,
    "muted_layers": [9],
    "frame_loss": 0.1,
    "loss_model": "bursts",
    "layer_loss": 0.1,
    "bend": "common",
    "bend_amount": 0.5,
    "decimate_frames": 2,
    "slices": "stutter",
    "code_feedback": 0.5,
    "loudness_layers": 0.2,
    "stereo": "mid-side",
    "side_layers": 24,
    "motions": [
        Motion("layers", depth=-0.1, hz=2.0),
        Motion("mix", "envelope", -0.1),
        Motion("code_feedback", "steps", 0.2, beats=0.5),
        Motion("freeze", "steps", 1.0, beats=2.0),
    ],
}
CASES: dict[str, dict[str, Any]] = {
    "neutral": {},
    "everything on": EVERYTHING,
    "layer gains": {"layer_gains": [1.1] * 24},
    "loss and concealment": {"frame_loss": 0.3},
    "bend: offset": {"bend": "offset"},
    "bend: nearest": {"bend": "nearest"},
    "bend: common": {"bend": "common"},
    "decimate": {"decimate_frames": 8, "decimate_slower": True},
    "stutter": {"slices": "stutter"},
    "echo": {"code_feedback": 0.5},
    "freeze": {"freeze": True},
    "mid-side": {"stereo": "mid-side", "side_layers": 24},
    "search: 1": {"search": 1},
    "search: 8": {"search": 8},
    "four motions": {"motions": EVERYTHING["motions"]},
    "networks again: listen, one layer": {"listen": "layer", "listen_layer": 3},
    "networks again: unquantized": {"listen": "latent"},
    "networks again: noise only": {"denoise": 1.0, "noise_only": True},
    "networks again: four generations": {"passes": 4},
    "networks again: side-chain": {"cross_layers": 2},
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON; return the exit code."""
    parser = argparse.ArgumentParser(description="Time per frame of the code desk beside a neutral one.")
    parser.add_argument("--channels", type=int, choices=(1, 2), default=2, help="default 2")
    parser.add_argument(
        "--turns", type=int, default=40, help=f"turns of {FRAMES_PER_TURN} frames for each case (default 40)"
    )
    parser.add_argument("--out", type=Path, default=Path("bench-out/desk.json"), help="where the JSON goes")
    options = parser.parse_args(arguments)
    with AudioFile(str(demo_items()[0].path)).resampled_to(RATE) as file:
        audio = file.read(int(12 * RATE))[: options.channels]
    times = measure(audio, options.turns)
    neutral = np.percentile(times["neutral"], (50, 99))
    n_frames = len(times["neutral"])
    print(
        f"\nOne frame of {1000 * FRAME / RATE:.2f} ms, 24 layers, {options.channels} channels, one thread: {n_frames} "
        "frames each"
    )
    print(f"{'':<36}{'p50 ms':>9}{'p99 ms':>9}{'× p50':>8}{'× p99':>8}")
    found = {}
    for name, values in times.items():
        p50, p99 = np.percentile(values, (50, 99))
        found[name] = {"p50_ms": p50, "p99_ms": p99, "p50_ratio": p50 / neutral[0], "p99_ratio": p99 / neutral[1]}
        print(f"{name:<36}{p50:>9.3f}{p99:>9.3f}{p50 / neutral[0]:>8.2f}{p99 / neutral[1]:>8.2f}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(f"\nAs JSON: {options.out}")
    return 0


def measure(audio: np.ndarray, turns: int) -> dict[str, list[float]]:
    """Milliseconds of each frame, by case, all cases in turns so that they meet the same disturbances."""
    streams = {
        name: NeuralCodec(**{"layers": 24, **settings}).stream(RATE, len(audio), FRAME)
        for name, settings in CASES.items()
    }
    times: dict[str, list[float]] = {name: [] for name in CASES}
    blocks = [
        np.ascontiguousarray(audio[:, start : start + FRAME]) for start in range(0, audio.shape[1] - FRAME, FRAME)
    ]
    place = 0
    for turn in range(-(WARM_UP_FRAMES // FRAMES_PER_TURN), turns):
        for name, stream in streams.items():
            crosses = "cross_layers" in CASES[name]
            for index in range(place, place + FRAMES_PER_TURN):
                block = blocks[index % len(blocks)]
                beside = blocks[(index + 200) % len(blocks)] if crosses else None
                started = time.perf_counter()
                stream.push(block, beside)
                if turn >= 0:
                    times[name].append(1000 * (time.perf_counter() - started))
        place += FRAMES_PER_TURN
    return times


if __name__ == "__main__":
    sys.exit(main())
