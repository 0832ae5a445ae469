"""The read head: loops of an exact length, and no step where it jumps, goes round or comes to the end."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.plugin.host.transport.clip_reader import ClipReader, Region

RATE = 24000


def steepest(samples):
    return float(np.abs(np.diff(samples)).max())


@given(
    sizes=st.lists(st.integers(1, 700), min_size=1, max_size=30),
    start=st.integers(0, 900),
    length=st.integers(300, 2000),
)
def test_a_loop_has_its_exact_length(sizes, start, length):
    ramp = np.arange(3000, dtype=np.float32)[None]
    reader = ClipReader(ramp, RATE)
    reader.loop = Region(start, start + length)
    positions = []
    for size in sizes:
        _, segments = reader.read(size)
        assert sum(s.n_samples for s in segments) == size
        positions.extend(p for s in segments for p in range(s.position, s.position + s.n_samples))
    expected = [k if k < start + length else start + (k - start) % length for k in range(len(positions))]
    assert positions == expected


def test_seeking_and_looping_make_no_step():
    tone = (0.5 * np.sin(2 * np.pi * 100 * np.arange(RATE) / RATE)).astype(np.float32)[None]
    reader = ClipReader(tone, RATE)
    blocks = [reader.read(240)[0]]
    for place in (17000, 333, 9123):
        reader.jump(place)
        blocks.append(reader.read(1000)[0])
    reader.loop = Region(5000, 5777)
    reader.jump(5100)
    blocks.append(reader.read(5000)[0])
    sound = np.concatenate(blocks, axis=1)[0]
    # Two tones cross-faded over 240 samples: the sum's slope is theirs, plus the fade's own of at most pi / 2 / 240 per
    # unit of difference.
    assert steepest(sound) <= 2 * steepest(tone[0]) + np.pi / 2 / 240


def test_the_end_of_a_sound_that_was_cut_off_makes_no_step():
    reader = ClipReader(np.full((1, 1000), 0.8, np.float32), RATE)
    sound = reader.read(2000)[0][0]
    assert steepest(sound) < 0.8 * np.pi / 2 / 240 * 1.1 and sound[-1] == 0.0
    assert reader.position is None


def test_an_empty_region_is_refused():
    with pytest.raises(ValueError, match="empty"):
        Region(100, 100)
