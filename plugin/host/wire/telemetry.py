"""What the engine shows of itself, in memory that it shares with the app: sound, codec frames, times, and its state.

The engine writes and never waits; whoever reads comes as often as it likes and sees what is still there. Rings are
counted from the engine's start; the state is one record with a number that is odd while it is being written.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray
from lamina.models.config import MOST_LAYERS
from lamina.plugin.parameters.control_track import Moved
from lamina.plugin.parameters.motion import MOST_MOTIONS
from lamina.plugin.stream.reports import FrameReport

SOUND_SAMPLES = 1 << 18
FRAMES = 1 << 10
BLOCKS = 1 << 13
MOST_MOVED = 32
"""Values of motions and automation that a frame tells; MOST_MOTIONS of them are motions'."""

STATE = np.dtype(
    [
        ("engine", "i8"),  # counts the engines that wrote here: each begins to count samples, frames and blocks anew
        ("epoch", "i8"),  # counts the streams opened: rates and channels may differ from one to the next
        ("heartbeat", "f8"),  # monotonic seconds
        ("n_processed", "i8"),  # samples of sound since the engine began
        ("n_frames", "i8"),
        ("n_blocks", "i8"),
        ("stream_samples", "i8"),  # samples since this stream was opened
        ("sample_rate", "i4"),
        ("block", "i4"),
        ("width", "i4"),  # channels that differ: 1 or 2
        ("play_state", "i4"),
        ("clip_seconds", "f8"),  # place in the file that is heard now
        ("board_samples", "i4"),  # delays, in samples at sample_rate
        ("buffer_samples", "i4"),
        ("margin_samples", "i4"),
        ("input_seconds", "f8"),  # what the driver says
        ("output_seconds", "f8"),
        ("n_late", "i8"),  # late stretches, and what they left out
        ("n_late_samples", "i8"),
        ("n_device_misses", "i8"),
        ("processor_seconds", "f8"),  # of the whole process
        ("recorded_seconds", "f8"),
        ("is_recording", "i4"),
        ("is_live", "i4"),
        ("is_comparing", "i4"),  # whether slots are heard in the place of the board, which one, and where in them
        ("compared_plays", "i4"),
        ("compared_heard", "i4"),
        ("compared_difference", "i4"),
        ("compared_seconds", "f8"),
    ]
)
BLOCK = np.dtype([("end", "i8"), ("seconds", "f4"), ("n_samples", "i4")])
FRAME = np.dtype(
    [
        ("end", "i8"),
        ("index", "i8"),
        ("layers", "i4"),
        ("channels", "i4"),
        ("bits", "i4"),
        ("n_sent", "i4"),
        ("counts", "u1", (2,)),
        ("seconds", "f8"),
        ("input_rms", "f4", (2,)),
        ("output_rms", "f4", (2,)),
        ("codes", "u2", (2, MOST_LAYERS)),
        ("energy", "f4", (2, MOST_LAYERS)),
        ("begins", "i8"),  # the frame's own first sample, counted as `end` is
        ("n_moved", "i4"),  # −1: nothing moves by itself
        ("n_motions", "i4"),
        ("moved", "f8", (MOST_MOVED,)),
        ("cycles", "f8", (MOST_MOTIONS,)),
        ("heights", "f4", (MOST_MOTIONS,)),
    ]
)
_LAYOUT = np.dtype(
    [
        ("sequence", "i8"),
        ("state", STATE),
        ("sound", "f4", (SOUND_SAMPLES, 6)),  # before the board, after it, and from the device alone
        ("frames", FRAME, (FRAMES,)),
        ("blocks", BLOCK, (BLOCKS,)),
    ]
)


def make_shared_file() -> int:
    """A file descriptor of memory without a name, which goes when its last user goes, however that ends."""
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("lamina-telemetry")
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives on as the descriptor
        handle = os.dup(file.fileno())
        file.close()
    os.ftruncate(handle, _LAYOUT.itemsize)
    return handle


def _map(handle: int) -> Any:
    return np.frombuffer(mmap.mmap(handle, _LAYOUT.itemsize), _LAYOUT)[0]


class TelemetryWriter:
    """The engine's side. `publish` and `add_*` belong to the audio thread, except where they say otherwise."""

    def __init__(self, handle: int) -> None:
        self._memory = _map(handle)
        self.state: Any = np.zeros((), STATE)
        # One that died while it wrote left an odd number; this one would be taken for writing all the time.
        self._memory["sequence"] += self._memory["sequence"] % 2
        self.state["engine"] = int(self._memory["state"]["engine"]) + 1
        self._epochs = int(self._memory["state"]["epoch"])
        self.begin_stream()

    def begin_stream(self) -> None:
        """A new stream, with another rate perhaps: readers start anew."""
        self._epochs += 1
        self.state["epoch"] = self._epochs
        self.state["stream_samples"] = 0
        self.publish()

    def add_sound(self, taken: FloatArray, played: FloatArray, captured: FloatArray | None = None) -> None:
        """Show what went by: stereo blocks `[2, n]` before and after the board.

        And of `taken` what the device captured; None for nothing.
        """
        start, n_samples = int(self.state["n_processed"]), taken.shape[1]
        place = start % SOUND_SAMPLES
        n_first = min(n_samples, SOUND_SAMPLES - place)
        sound = self._memory["sound"]
        sources = (taken, played, captured if captured is not None else np.zeros_like(taken))
        for channel, samples in enumerate(samples for source in sources for samples in source):
            sound[place : place + n_first, channel] = samples[:n_first]
            sound[: n_samples - n_first, channel] = samples[n_first:]
        self.state["n_processed"] = start + n_samples
        self.state["stream_samples"] += n_samples

    def add_block(self, seconds: float, n_samples: int) -> None:
        """How long a block of so many samples took to compute."""
        count = int(self.state["n_blocks"])
        self._memory["blocks"][count % BLOCKS] = (self.state["n_processed"], seconds, n_samples)
        self.state["n_blocks"] = count + 1

    def add_frame(self, report: FrameReport) -> None:
        """One codec frame."""
        count = int(self.state["n_frames"])
        record = self._memory["frames"][count % FRAMES]
        channels, layers = report.codes.shape
        record["end"], record["index"], record["seconds"] = self.state["n_processed"], report.index, report.seconds
        record["layers"], record["channels"], record["bits"] = layers, channels, report.bits
        record["n_sent"] = len(report.counts)
        record["counts"][: len(report.counts)] = report.counts
        record["input_rms"][:channels], record["output_rms"][:channels] = report.input_rms, report.output_rms
        record["codes"][:channels, :layers], record["energy"][:channels, :layers] = report.codes, report.layer_energy
        _write_moved(record, report.moved, int(self.state["n_processed"]))
        self.state["n_frames"] = count + 1

    def publish(self) -> None:
        """Show `state` as it stands."""
        memory = self._memory
        memory["sequence"] += 1
        memory["state"] = self.state
        memory["sequence"] += 1


@dataclass(frozen=True)
class Heard:
    """What has come since the last look.

    sample_rate: Hz.
    end: number of samples that the engine has played since its start; the last of them is the newest of `output`.
    delay: samples by which `input` is later than it went in.
    input, output: `[channels, n]` at the same time: the input as much later as the board delays.
    frames: reports of the codec's frames.
    block_seconds, block_samples: of each block, what it took to compute and its length.
    captured: `[2, n]`, what the device alone brought while `output` was made: silence unless the input is live.
    """

    sample_rate: int
    end: int
    delay: int
    input: FloatArray
    output: FloatArray
    frames: tuple[FrameReport, ...]
    block_seconds: npt.NDArray[np.float32]
    block_samples: npt.NDArray[np.int32]
    captured: FloatArray = field(default_factory=lambda: np.zeros((2, 0), np.float32))


class TelemetryReader:
    """The other side: for one reader, who gets everything once."""

    def __init__(self, handle: int) -> None:
        self._memory = _map(handle)
        self._engine = self._epoch = self._n_read = self._n_frames = self._n_blocks = 0

    def state(self) -> Any:
        """A consistent copy of the state record (fields as in STATE)."""
        deadline = time.monotonic() + 0.05
        while True:
            before = int(self._memory["sequence"])
            state = self._memory["state"].copy()
            if (before % 2 == 0 and before == int(self._memory["sequence"])) or time.monotonic() > deadline:
                # An engine that died while it wrote leaves the number odd: what is there must do.
                return state

    def forget(self) -> None:
        """Skip what has come so far."""
        state = self.state()
        self._engine, self._epoch, self._n_read = int(state["engine"]), int(state["epoch"]), int(state["n_processed"])
        self._n_frames, self._n_blocks = int(state["n_frames"]), int(state["n_blocks"])

    def take(self) -> Heard:
        """Everything since the last call that is still there; starts anew where another stream began."""
        state = self.state()
        now, start = int(state["n_processed"]), int(state["n_processed"]) - int(state["stream_samples"])
        if int(state["engine"]) != self._engine:
            self._engine = int(state["engine"])
            self._n_read = self._n_frames = self._n_blocks = 0
        if int(state["epoch"]) != self._epoch:
            self._epoch = int(state["epoch"])
            self._n_read = max(self._n_read, start)
        delay, width = int(state["board_samples"]), max(1, int(state["width"]))
        # Twice the board's delay is left as room: the engine goes on writing meanwhile.
        first = max(self._n_read, now - SOUND_SAMPLES + 2 * delay + SOUND_SAMPLES // 4)
        taken, played = self._sound(first - delay, now - delay, start), self._sound(first, now, start)
        heard = Heard(
            int(state["sample_rate"]),
            now,
            delay,
            taken[:, :width].T,
            played[:, 2 : 2 + width].T,
            self._take_frames(state),
            *self._take_blocks(state),
            played[:, 4:].T,
        )
        self._n_read = now
        return heard

    def _sound(self, first: int, end: int, start: int) -> FloatArray:
        """Samples `first` … `end`, `[n, 6]`; silence before the stream's start."""
        samples: FloatArray = np.take(self._memory["sound"], np.arange(first, end) % SOUND_SAMPLES, axis=0)
        samples[: max(0, start - first)] = 0.0
        return samples

    def _take_frames(self, state: Any) -> tuple[FrameReport, ...]:
        end = int(state["n_frames"])
        first = max(self._n_frames, end - FRAMES // 2)
        self._n_frames = end
        return tuple(_report(self._memory["frames"][index % FRAMES]) for index in range(first, end))

    def _take_blocks(self, state: Any) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
        end = int(state["n_blocks"])
        first = max(self._n_blocks, end - BLOCKS // 2)
        self._n_blocks = end
        blocks = self._memory["blocks"][np.arange(first, end) % BLOCKS]
        return blocks["seconds"].copy(), blocks["n_samples"].copy()


def _report(record: Any) -> FrameReport:
    channels, layers = int(record["channels"]), int(record["layers"])
    return FrameReport(
        int(record["index"]),
        layers,
        record["codes"][:channels, :layers].copy(),
        record["energy"][:channels, :layers].copy(),
        record["input_rms"][:channels].copy(),
        record["output_rms"][:channels].copy(),
        float(record["seconds"]),
        int(record["bits"]),
        _read_moved(record),
        tuple(record["counts"][: int(record["n_sent"])].tolist()),
    )


def _write_moved(record: Any, moved: Moved | None, block_began: int) -> None:
    if moved is None:
        record["n_moved"] = -1
        return
    values, cycles, heights = moved.values[:MOST_MOVED], moved.cycles[:MOST_MOTIONS], moved.heights[:MOST_MOTIONS]
    record["begins"], record["n_moved"], record["n_motions"] = block_began + moved.begins, len(values), len(heights)
    record["moved"][: len(values)], record["cycles"][: len(cycles)], record["heights"][: len(heights)] = (
        values,
        cycles,
        heights,
    )


def _read_moved(record: Any) -> Moved | None:
    n_values, n_motions = int(record["n_moved"]), int(record["n_motions"])
    if n_values < 0:
        return None
    values, cycles, heights = record["moved"][:n_values], record["cycles"][:n_motions], record["heights"][:n_motions]
    return Moved(int(record["begins"]), tuple(values.tolist()), tuple(cycles.tolist()), tuple(heights.tolist()))
