"""What the tests of comparisons share: short sounds in files, and a cache folder of their own."""

import numpy as np
import pytest
from pedalboard.io import AudioFile
from sounds import demo


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory, monkeypatch):
    """Where scores are remembered in this test: never in the user's own folder."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture
def write_sound(tmp_path):
    """Writes a sound file and gives its path: a demo item's part, or samples."""

    def write(name, index=1, seconds=1.5, rate=24_000, samples=None):
        sound = demo(index, rate, seconds) if samples is None else np.atleast_2d(samples)
        path = tmp_path / name
        with AudioFile(str(path), "w", samplerate=rate, num_channels=len(sound), bit_depth=24) as file:
            file.write(sound)
        return path

    return write
