"""What an instance of the plugin costs: processor time, loading, memory; beside a stream of `NeuralCodec`.

Both play the same stereo sound at 48 kHz in blocks of 256 samples, in turns of one second. Processor time counts, not
the clock: the machine may be busy. Loading and memory are measured in processes of their own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pedalboard.io import AudioFile

from lamina.plugin import NeuralCodec
from lamina.plugin.demo_items.items import demo_items
from lamina.plugin.documents.vst3 import load_vst3
from lamina.plugin.stream.blocks import CodecStream

PLUGIN = Path(__file__).parent.parent / "build" / "plugin" / "Lamina.vst3"
RATE, BLOCK, FRAMES_PER_SECOND = 48_000, 256, 75
SETTINGS: tuple[dict[str, Any], ...] = ({}, {"search": 1}, {"layers": 24}, {"layers": 24, "search": 1})

_LOADED = """
import sys, time
import numpy as np, pedalboard
def memory():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
sound = np.zeros((2, 4800), np.float32)
held = []
for count in (1, 9):
    before, wall, spent = memory(), time.perf_counter(), time.process_time()
    held += [pedalboard.load_plugin(sys.argv[1]) for _ in range(count)]
    wall, spent = time.perf_counter() - wall, time.process_time() - spent
    for plugin in held[-count:]:
        plugin.process(sound, 48000)
    print(wall / count, spent / count, (memory() - before) / count)
"""

Sound = npt.NDArray[np.float32]


def main() -> int:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="of sound for each setting, default %(default)s")
    seconds: int = parser.parse_args().seconds
    with AudioFile(str(demo_items()[0].path)).resampled_to(RATE) as file:
        sound = np.repeat(file.read(RATE * seconds)[:1], 2, 0)
        sound[1] *= 0.5
    print(f"Processor time per frame of {1000 / FRAMES_PER_SECOND:.2f} ms, stereo, blocks of {BLOCK} at {RATE} Hz")
    print(f"{'':26}{'plugin, ms':>12}{'NeuralCodec, ms':>18}{'instances in real time on one core':>38}")
    for settings in SETTINGS:
        native, python = in_turns(sound, settings)
        words = ", ".join(f"{name} {value}" for name, value in settings.items()) or "as it is"
        print(f"{words:26}{native:12.2f}{python:18.2f}{1000 / FRAMES_PER_SECOND / native:38.1f}")
    answers = subprocess.run(
        [sys.executable, "-c", _LOADED, str(PLUGIN)], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.splitlines()
    print(f"\n{'Loading an instance':26}{'seconds':>12}{'processor, s':>18}{'memory, MB':>14}")
    for name, answer in zip(("the first", "each further one"), answers, strict=True):
        wall, spent, megabytes = map(float, answer.split())
        print(f"{name:26}{wall:12.3f}{spent:18.3f}{megabytes:14.1f}")
    return 0


def in_turns(sound: Sound, settings: dict[str, Any]) -> tuple[float, float]:
    """Milliseconds per frame of plugin and stream: the median of their turns."""
    plugin = load_vst3(PLUGIN)
    for name, value in settings.items():
        setattr(plugin, name, value)
    stream = NeuralCodec(**settings).stream(RATE, 2)
    taken: tuple[list[float], list[float]] = ([], [])
    for start in range(0, sound.shape[1], RATE):
        part = sound[:, start : start + RATE]
        taken[0].append(spent_on(partial(plugin.process, part, RATE, buffer_size=BLOCK, reset=False)))
        taken[1].append(spent_on(partial(pushed, stream, part)))
    native, python = (float(np.median(turns)) * 1000 / FRAMES_PER_SECOND for turns in taken)
    return native, python


def pushed(stream: CodecStream, part: Sound) -> None:
    """A second through the stream, block by block."""
    for at in range(0, part.shape[1], BLOCK):
        stream.push(part[:, at : at + BLOCK])


def spent_on(work: Callable[[], object]) -> float:
    """Seconds of processor time."""
    before = time.process_time()
    work()
    return time.process_time() - before


if __name__ == "__main__":
    sys.exit(main())
