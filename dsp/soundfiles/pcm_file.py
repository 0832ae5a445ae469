"""Plain samples in a file (WAV, AIFF): read as they are, without a decoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.soundfiles.sound_reader import SoundReader
from lamina.dsp.soundfiles.wav_header import PcmSound

PART_VALUES = 1 << 18
"""Converted at a time: what is between bytes and samples takes some memory for a while."""


class PcmFile(SoundReader):
    """A file of plain samples, from the place where they lie.

    Raises OSError if it can't be opened.
    """

    def __init__(self, path: Path, sound: PcmSound) -> None:
        super().__init__(sound.sample_rate, sound.channels, sound.n_samples, sound.trouble)
        self._sound = sound
        self._width = int(sound.stored[-1])
        self._file = path.open("rb", buffering=0)

    def read(self, num_frames: int) -> FloatArray:
        """The next samples, float32 `[channels, n]`: fewer than asked for only at the end."""
        n_samples = max(0, min(int(num_frames), self.frames - self._position))
        sound = np.empty((self.num_channels, n_samples), np.float32)
        size, done = max(1, PART_VALUES // self.num_channels), 0
        while done < n_samples:
            part = self._part(self._position + done, min(size, n_samples - done))
            if not part.shape[1]:
                break
            sound[:, done : done + part.shape[1]] = part
            done += part.shape[1]
        self._position += done
        return sound[:, :done]

    def seek(self, position: int) -> None:
        """Go on at a sample, 0 … frames."""
        self._position = min(max(0, int(position)), self.frames)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _part(self, start: int, n_samples: int) -> FloatArray:
        step = self._width * self.num_channels
        self._file.seek(self._sound.start + start * step)
        content = bytearray()
        while len(content) < n_samples * step:
            more = self._file.read(n_samples * step - len(content))
            if not more:
                break
            content += more
        n_samples = len(content) // step
        return samples_of(bytes(content[: n_samples * step]), self._sound.stored).reshape(-1, self.num_channels).T


def samples_of(content: bytes, stored: str) -> FloatArray:
    """Stored samples as float32: what integers can hold at most is 1, and floating-point numbers stay as they are.

    Args:
        content: whole samples.
        stored: of one: as numpy calls it, or "i3" behind its byte order for 24 bits.
    """
    if stored.endswith(("f4", "f8")):
        with np.errstate(over="ignore", invalid="ignore"):  # what no float32 can be is infinite or NaN, and refused
            return np.frombuffer(content, stored).astype(np.float32)
    if stored.endswith("i3"):
        wide = np.zeros((len(content) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(content, np.uint8).reshape(-1, 3)[:, :: 1 if stored[0] == "<" else -1]
        whole = (wide.view("<i4")[:, 0] >> 8).astype(np.float32)
    elif stored == "u1":
        whole = np.frombuffer(content, np.uint8).astype(np.float32) - np.float32(128)
    else:
        whole = np.frombuffer(content, stored).astype(np.float32)
    whole *= full_scale(8 * int(stored[-1]))
    return whole


def full_scale(bits: int) -> np.float32:
    """What an integer of so many bits is multiplied by."""
    return np.float32(1 / (2 ** (bits - 1) - 1))
