"""The sound file that is open, and its outline for the waveform view."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.gui.model.files.long_clip import LongClip, SamplesOnDisk
from lamina.plugin.files.sound import (
    AudioClip,
    ReadCancelled,
    check_length,
    check_samples,
    open_for_reading,
    read_audio,
)

PEAK_SAMPLES = 128  # finest outline kept: a 3840 pixel view of ten seconds still has one value per pixel
MOST_HELD_VALUES = 1 << 24
"""Samples of all channels that are kept in memory, 67 MB: three minutes of stereo. Of longer files the outline is."""
READ_RUNS = 4096
"""Runs of PEAK_SAMPLES that are read at once of a long file: some ten seconds."""


@dataclass(frozen=True)
class Document:
    """An open sound file.

    clip: the decoded sound, `[channels, n]`; of a long file read as it is needed.
    title: what to call it in the window.
    lows, highs: extremes of each run of PEAK_SAMPLES samples over all channels, `[n_runs]`.
    file: what the user opened, where that isn't the sound file itself.
    remark: where the sound comes from, in a few words.
    trouble: what of the file could not be used, in a sentence.
    """

    clip: AudioClip | LongClip
    title: str
    lows: FloatArray
    highs: FloatArray
    file: Path | None = None
    remark: str = ""
    trouble: str = ""

    @classmethod
    def open(
        cls,
        path: Path,
        title: str | None = None,
        progress: Callable[[float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> "Document":
        """Reads a file; raises what `read_audio` raises, with its sentence."""
        title = title or Path(path).name
        with open_for_reading(path) as file:
            is_long = int(file.num_channels) * int(file.frames) > MOST_HELD_VALUES
        if is_long:
            clip, lows, highs = _read_long(Path(path), progress, cancelled)
            return cls(clip, title, lows, highs, trouble=clip.trouble)
        held = read_audio(path, progress=progress, cancelled=cancelled)
        return cls.of(held, title, trouble=held.trouble)

    @classmethod
    def of(
        cls, clip: AudioClip, title: str, file: Path | None = None, remark: str = "", trouble: str = ""
    ) -> "Document":
        """A clip that was read already."""
        return cls(clip, title, *_outline(clip.samples), file, remark, trouble)

    @property
    def path(self) -> Path:
        """The sound file to play."""
        return Path(self.clip.path)

    @property
    def opened(self) -> Path:
        """The file that the user opened."""
        return self.file or self.path

    @property
    def n_channels(self) -> int:
        """Channels in the file."""
        return int(self.clip.samples.shape[0])

    @property
    def n_samples(self) -> int:
        """Samples per channel."""
        return int(self.clip.samples.shape[1])

    @property
    def seconds(self) -> float:
        """Length."""
        return self.n_samples / self.clip.sample_rate

    def describe(self) -> str:
        """One line for the window: rate, channels, length."""
        layout = {1: "mono", 2: "stereo"}.get(self.n_channels, f"{self.n_channels} channels")
        remark = f"{self.remark}   " if self.remark else ""
        return f"{remark}{self.clip.sample_rate / 1000:g} kHz   {layout}   {clock(self.seconds)}"

    def outline(self, n_points: int) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest sample in each of `n_points` equal stretches, two `[n_points]` arrays."""
        lows, highs = self.lows, self.highs
        if len(lows) < n_points and not isinstance(self.clip.samples, SamplesOnDisk):
            # A short clip: its own samples, because runs would be drawn as steps.
            lows, highs = self.clip.samples.min(axis=0), self.clip.samples.max(axis=0)
        edges = np.linspace(0, len(lows), max(1, n_points) + 1)
        starts = np.minimum(edges[:-1].astype(np.int64), len(lows) - 1)
        # A stretch ends where the next one starts; reduceat gives one value for stretches that hold no run of their
        # own.
        return np.minimum.reduceat(lows, starts), np.maximum.reduceat(highs, starts)


def clock(seconds: float) -> str:
    """Seconds as minutes, seconds and tenths: 0:07.3, with hours from one on: 1:50:00.0."""
    tenths = int(max(0.0, seconds) * 10)
    minutes, rest = tenths // 600, f"{tenths // 10 % 60:02d}.{tenths % 10}"
    return f"{minutes}:{rest}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest}"


def _outline(samples: FloatArray) -> tuple[FloatArray, FloatArray]:
    starts = np.arange(0, samples.shape[1], PEAK_SAMPLES)
    # Per channel and without padding: a long clip must not be held twice.
    lows = np.stack([np.minimum.reduceat(channel, starts) for channel in samples]).min(axis=0)
    highs = np.stack([np.maximum.reduceat(channel, starts) for channel in samples]).max(axis=0)
    return lows, highs


def _read_long(
    path: Path, progress: Callable[[float], None] | None, cancelled: Callable[[], bool] | None
) -> tuple[LongClip, FloatArray, FloatArray]:
    """A clip whose samples stay on the disk, and its outline; raises what `read_audio` raises."""
    with open_for_reading(path) as file:
        rate, channels, total = int(file.samplerate), int(file.num_channels), int(file.frames)
        check_length(path, total, rate, channels)
        outlines, position = [], 0
        while position < total:
            if cancelled is not None and cancelled():
                raise ReadCancelled(f"Reading {path} was cancelled.")
            block = file.read(min(READ_RUNS * PEAK_SAMPLES, total - position))
            if block.shape[1] == 0:
                break
            check_samples(block, path, position)
            outlines.append(_outline(block))
            position += block.shape[1]
            if progress is not None:
                progress(position / total)
        clip = LongClip(SamplesOnDisk(path, (channels, position)), rate, path, file.trouble)
    lows, highs = (np.concatenate(parts) for parts in zip(*outlines, strict=True))
    return clip, lows, highs
