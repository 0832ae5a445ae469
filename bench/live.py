"""How well Lamina plays live, beside the same board in one Python process.

Late blocks, round trip, processor share, start-up.

Both play a stereo demo item at 48 kHz in blocks of 256 samples on a virtual device that keeps time, while a window is
drawn 60 times a second. The engine plays in its own process; its rival is a thread beside the window that hands each
block to the board, as a Python callback of a sound library would. Both have the same time for a block, and they play in
turns of a minute, because a shared machine is not equally busy all the time.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# One thread is what a live effect gets; set before numpy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from pedalboard import Compressor, Reverb
from pedalboard.io import AudioFile
from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtGui import QImage, QPainter, QPaintEvent
from PyQt6.QtWidgets import QApplication, QWidget

from lamina.plugin import Board, NeuralCodec
from lamina.plugin.demo_items.items import demo_items
from lamina.plugin.host.client.live_engine import LiveEngine
from lamina.plugin.host.client.live_meters import LiveMeters
from lamina.plugin.host.device.device_settings import DeviceSettings

RATE, BLOCK = 48_000, 256
FRAMES_PER_SECOND = 60
MARGIN_SAMPLES = 320
"""What the engine keeps ready beside the device's buffer: half a codec frame."""
TIME_FOR_A_BLOCK = (BLOCK + MARGIN_SAMPLES) // BLOCK * BLOCK / RATE
"""From a block's capture until the device needs the result."""
TURN_MINUTES = 1.0
ANSWER_SECONDS = 30.0

START_TO_SOUND = """
import sys, time
from lamina.plugin.host.client.live_engine import LiveEngine
from lamina.plugin.host.device.device_settings import DeviceSettings
with LiveEngine(opens=False) as engine:
    engine.set_devices(DeviceSettings(output="virtual"))
    engine.load(sys.argv[1])
    engine.play()
    while not engine.telemetry.take().output.any():
        time.sleep(0.002)
    print(time.time())
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, write the JSON; return the exit code."""
    options = _parser().parse_args(arguments)
    if not options.minutes > 0:
        print(f"--minutes is {options.minutes:g}; it must be more than 0.", file=sys.stderr)
        return 2
    app = QApplication.instance() or QApplication(["bench-live"])
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.wav"
        write_clip(clip)
        found: dict[str, object] = {
            "minutes": options.minutes,
            **in_turns(app, clip, options.minutes),
            "start to sound": start_to_sound(clip, options.starts),
            "round trip": round_trip(),
        }
    print_table(found)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(f"\nAs JSON: {options.out}")
    return 0


@dataclass
class Turns:
    """What was measured in all turns of one of the two."""

    late: int = 0
    n_blocks: int = 0
    times: list[float] = field(default_factory=list)
    processor: float = 0.0
    painted: list[float] = field(default_factory=list)
    stretches: int = 0
    grown: int = 0

    def figures(self, minutes: float) -> dict[str, float]:
        """By name; times in ms."""
        p50, p99, worst = (1000 * float(value) for value in np.percentile(self.times, (50, 99, 100)))
        return {
            "late blocks": self.late,
            "blocks": self.n_blocks,
            "late per 10 min": self.late * 10 / minutes,
            "p50 ms": p50,
            "p99 ms": p99,
            "worst ms": worst,
            "processor": self.processor / (minutes * 60),
            "drawn per second": statistics.mean(self.painted),
            "in stretches": self.stretches,
            "margin grew by, samples": self.grown,
        }


def in_turns(app: object, clip: Path, minutes: float) -> dict[str, dict[str, float]]:
    """Both, each for so many minutes."""
    plain, engine = Turns(), Turns()
    n_turns = math.ceil(minutes / TURN_MINUTES)
    for turn in range(n_turns):
        print(f"\rturn {turn + 1} of {n_turns}", end="", file=sys.stderr, flush=True)
        measure_plain(app, clip, minutes / n_turns, plain)
        measure_engine(app, clip, minutes / n_turns, engine)
    print(file=sys.stderr)
    return {"one process": plain.figures(minutes), "engine": engine.figures(minutes)}


def the_board() -> Board:
    """What both play through."""
    return Board([Compressor(threshold_db=-18), NeuralCodec(kbps=6), Reverb(wet_level=0.1)])


def write_clip(path: Path) -> None:
    """Ten seconds of the music demo at 48 kHz."""
    with (
        AudioFile(str(demo_items()[0].path)).resampled_to(RATE) as source,
        AudioFile(str(path), "w", RATE, 2, bit_depth=24) as target,
    ):
        target.write(np.resize(source.read(10 * RATE), (2, 10 * RATE)))


class Window(QWidget):
    """Draws as much as the app does: two scrolling pictures, bars and figures, 60 times a second."""

    def __init__(self) -> None:
        super().__init__()
        self.resize(1280, 800)
        self._random = np.random.default_rng(0)
        self._picture = np.zeros((160, 600), np.uint8)
        self.n_painted = 0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(round(1000 / FRAMES_PER_SECOND))

    def _tick(self) -> None:
        column = np.abs(np.fft.rfft(self._random.standard_normal(2048)))[: 160 * 4].reshape(160, 4).max(1)
        self._picture = np.roll(self._picture, -1, axis=1)
        self._picture[:, -1] = np.clip(column * 3, 0, 255)
        self.update()

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        rows, columns = self._picture.shape
        for top in (20, 400):
            image = QImage(self._picture.tobytes(), columns, rows, columns, QImage.Format.Format_Grayscale8)
            painter.drawImage(self.rect().adjusted(20, top, -200, top - 440), image)
        for index in range(24):
            painter.fillRect(1100, 20 + index * 30, int(self._picture[index, -1]) // 2, 20, Qt.GlobalColor.cyan)
            painter.drawText(1240, 36 + index * 30, f"{index}")
        self.n_painted += 1


def measure_plain(app: object, clip: Path, minutes: float, turns: Turns) -> None:
    """The rival: a thread of this process hands block after block to the board while the main thread draws."""
    with AudioFile(str(clip)) as file:
        audio = file.read(file.frames)
    board, n_blocks = the_board(), round(minutes * 60 * RATE / BLOCK)

    def callback_thread() -> None:
        board.process(
            np.zeros((2, BLOCK * 400), np.float32), RATE, BLOCK, reset=False
        )  # its first blocks load the networks
        started, used_before, was_late = time.monotonic(), time.thread_time(), False
        for number in range(n_blocks):
            due = started + (number + 1) * BLOCK / RATE
            while (left := due - time.monotonic()) > 0:
                time.sleep(left)
            began = time.perf_counter()
            place = number * BLOCK % (audio.shape[1] - BLOCK)
            board.process(audio[:, place : place + BLOCK], RATE, BLOCK, reset=False)
            turns.times.append(time.perf_counter() - began)
            is_late = time.monotonic() > due + TIME_FOR_A_BLOCK
            turns.late += is_late
            turns.stretches += is_late and not was_late
            was_late = is_late
        turns.processor += time.thread_time() - used_before
        turns.n_blocks += n_blocks

    turns.painted.append(_draw_while(app, threading.Thread(target=callback_thread)))


def measure_engine(app: object, clip: Path, minutes: float, turns: Turns) -> None:
    """Lamina's engine in its own process while this one draws and reads its meters."""
    with LiveEngine(opens=False) as engine:
        for answer in (
            engine.set_devices(
                DeviceSettings(output="virtual", input="virtual", sample_rate=RATE, buffer=BLOCK, margin_frames=0.5)
            ),
            engine.set_board("A", the_board()),
            engine.set_live(True),  # for the small margin of live playing
            engine.load(clip),
            engine.set_loop((0.0, 10.0)),
            engine.play(),
        ):
            answer.result(ANSWER_SECONDS)
        meters = LiveMeters()
        before = engine.telemetry.state()
        engine.telemetry.forget()
        engine.take_events()  # going live isn't what is measured

        def wait() -> None:
            end = time.monotonic() + minutes * 60
            while time.monotonic() < end:
                heard = engine.telemetry.take()
                meters.push(heard)
                turns.times.extend(float(seconds) for seconds in heard.block_seconds)
                time.sleep(1 / 30)

        turns.painted.append(_draw_while(app, threading.Thread(target=wait)))
        after = engine.telemetry.state()
        turns.n_blocks += int(after["n_blocks"]) - int(before["n_blocks"])
        turns.processor += float(after["processor_seconds"]) - float(before["processor_seconds"])
        turns.late += sum(event["event"] == "late" for event in engine.take_events())
        turns.stretches += int(after["n_late"]) - int(before["n_late"])
        turns.grown += int(after["margin_samples"]) - MARGIN_SAMPLES


def _draw_while(app: object, thread: threading.Thread) -> float:
    """Run Qt until the thread ends; returns frames drawn per second."""
    assert isinstance(app, QApplication)
    window = Window()
    window.show()
    ended = QTimer()
    ended.timeout.connect(lambda: None if thread.is_alive() else app.quit())
    ended.start(50)
    started = time.monotonic()
    thread.start()
    app.exec()
    painted = window.n_painted / (time.monotonic() - started)
    window.close()
    return painted


def start_to_sound(clip: Path, times: int) -> dict[str, float]:
    """Seconds from starting Python to the first sample heard, median and worst of several."""
    seconds = []
    for _ in range(times):
        started = time.time()
        said = subprocess.run(
            [sys.executable, "-c", START_TO_SOUND, str(clip)], capture_output=True, text=True, check=True, timeout=60
        )
        seconds.append(float(said.stdout) - started)
    return {"median": statistics.median(seconds), "worst": max(seconds)}


def round_trip() -> dict[str, float]:
    """The delay through a codec alone in milliseconds: its parts, and as measured.

    The output of a virtual device is plugged into its input.
    """
    settings = DeviceSettings(output="virtual?cable=0", input="virtual", sample_rate=RATE, buffer=BLOCK)
    with LiveEngine(opens=False) as engine:
        engine.set_devices(settings).result(ANSWER_SECONDS)
        engine.set_board("A", Board([NeuralCodec()])).result(ANSWER_SECONDS)
        engine.set_live(True).result(ANSWER_SECONDS)
        parts = {name: 1000 * seconds for name, seconds in engine.latency().result(ANSWER_SECONDS)}
        measured = engine.calibrate().result(ANSWER_SECONDS)
    return {**parts, "sum of the parts": sum(parts.values()), "measured": 1000 * measured["round_trip_samples"] / RATE}


def print_table(found: dict[str, object]) -> None:
    """As markdown."""
    plain, engine = found["one process"], found["engine"]
    assert isinstance(plain, dict) and isinstance(engine, dict)
    print(
        f"\n{found['minutes']:g} minutes each, 48 kHz, blocks of {BLOCK} samples ({1000 * BLOCK / RATE:.1f} ms), a "
        "window drawn beside it\n"
    )
    print("| | one Python process | Lamina's engine |\n| --- | --- | --- |")
    for name, form in (
        ("late blocks", "d"),
        ("in stretches", "d"),
        ("late per 10 min", ".0f"),
        ("p50 ms", ".2f"),
        ("p99 ms", ".2f"),
        ("worst ms", ".1f"),
        ("processor", ".1%"),
        ("drawn per second", ".0f"),
        ("margin grew by, samples", "d"),
    ):
        print(f"| {name} | {plain[name]:{form}} | {engine[name]:{form}} |")
    start, trip = found["start to sound"], found["round trip"]
    assert isinstance(start, dict) and isinstance(trip, dict)
    print(
        f"\nFrom starting Python to the first sound: {start['median']:.2f} s (median), {start['worst']:.2f} s (worst)"
    )
    print("Round trip in ms: " + ", ".join(f"{name} {value:.1f}" for name, value in trip.items()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--minutes", type=float, default=10.0, help="length of each of the two runs (default %(default)g)"
    )
    parser.add_argument("--starts", type=int, default=5, help="how often start-up is measured (default %(default)s)")
    parser.add_argument(
        "--out", type=Path, default=Path("bench-out/live.json"), help="JSON to write (default: %(default)s)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
