"""A sound file in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lamina.dsp.arrays import FloatArray
from lamina.dsp.soundfiles.sound_reader import SoundReader
from lamina.plugin.files.sound import AudioFileError, check_samples

BLOCK_SECONDS = 2.0


def file_blocks(file: SoundReader, source: str | Path) -> Iterator[FloatArray]:
    """The file from where it stands to its end, in blocks of two seconds, float32 `[channels, n]`.

    Raises AudioFileError, with the name of the `source`, where it ends before its end or holds NaN or infinity.
    """
    rate, total = int(file.samplerate), int(file.frames)
    size = max(1, int(rate * BLOCK_SECONDS))
    while file.tell() < total:
        position = file.tell()
        block = file.read(min(size, total - position))
        if block.shape[1] == 0:
            raise AudioFileError(
                f"{source} ends at {position / rate:.1f} s, but its header promises {total / rate:.1f} s: it is "
                "damaged."
            )
        check_samples(block, source, position)
        yield block
