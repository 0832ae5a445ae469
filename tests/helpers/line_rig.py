"""Ends of a line whose sound costs nothing, so that hours of packets take seconds."""

from collections import deque

import numpy as np

from lamina.plugin import NeuralCodec
from lamina.plugin.line.packet import LineFrame
from lamina.plugin.line.receiver import LineReceiver
from lamina.plugin.line.sender import LineSender

FRAME, RATE, N_LAYERS, CODE_BITS = 320, 24_000, 24, 10
HZ = 220.0


class NumberingEncoder:
    """Frames that hold nothing but their own number."""

    def __init__(self):
        self._n_samples = self._n_frames = 0

    def push(self, samples, layers, guarded):
        self._n_samples += samples.shape[1]
        made = []
        while (self._n_frames + 1) * FRAME <= self._n_samples:
            made.append(numbered_frame(self._n_frames, layers))
            self._n_frames += 1
        return made

    def flush(self):
        return []


class SineDecoder:
    """A sine whose phase the frames' numbers tell; lost frames go on with it, so that only time is ever wrong.

    Args:
        kept: how many numbers of frames are remembered; None for all.
    """

    def __init__(self, kept=None):
        self.numbers = deque(maxlen=kept)
        self._next = 0

    def push(self, frames):
        parts = []
        for frame in frames:
            number = self._next if frame is None else number_of(frame)
            self.numbers.append(None if frame is None else number)
            self._next = number + 1
            t = (number * FRAME + np.arange(FRAME)) / RATE
            parts.append(0.5 * np.sin(2 * np.pi * HZ * t))
        return np.concatenate(parts)[None].astype(np.float32)

    def check(self, frame):
        pass


def numbered_frame(number, layers=3):
    codes = np.zeros((1, N_LAYERS), np.uint16)
    codes[0, :3] = [number >> 2 * CODE_BITS & 1023, number >> CODE_BITS & 1023, number & 1023]
    return LineFrame(codes, np.array([max(3, layers)], np.uint8))


def number_of(frame):
    high, middle, low = frame.codes[0, :3].tolist()
    return high << 2 * CODE_BITS | middle << CODE_BITS | low


def cheap_line(rate=RATE, sender=None, receiver=None, layers=8, kept=None):
    """A sender and a receiver without networks."""
    codec = NeuralCodec(layers=layers)
    one = LineSender(codec, RATE, 1, stream=1, encoder=NumberingEncoder(), **(sender or {}))
    return one, LineReceiver(codec, one.hello, rate, decoder=SineDecoder(kept), **(receiver or {}))


def silence(start, n_samples):
    return np.zeros((1, n_samples), np.float32)


class Roughness:
    """Listens for what is no sine: the largest second difference, in units of the sine's own."""

    def __init__(self, rate=RATE):
        self._own = 0.5 * (2 * np.pi * HZ / rate) ** 2
        self._tail = np.zeros((1, 2), np.float32)
        self.worst, self.at, self.n = 0.0, 0, 0
        self.zeros = 0

    def __call__(self, heard):
        x = np.concatenate([self._tail, heard], 1)
        bend = np.abs(np.diff(x.astype(np.float64), 2, axis=1))[0] / self._own
        self._tail = heard[:, -2:]
        self.n += heard.shape[1]
        if self.n > 2 * RATE and bend.max() > self.worst:
            self.worst, self.at = float(bend.max()), self.n
