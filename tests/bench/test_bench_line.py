"""The benchmark of the line: Lamina and Opus lose the same share, are aligned, and Opus' FEC is really used."""

import sys
from pathlib import Path

import numpy as np
import pytest
from sounds import demo, lag_samples

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

import line

from lamina.plugin.line.adaptation import NONE

RATE = 24_000


@pytest.fixture
def opus():
    found = line.opus_library()
    if found is None:
        pytest.skip("libopus isn't here: it comes with PyAV")
    return found


def test_without_speech_it_says_so_and_measures_nothing(tmp_path, capsys):
    assert line.main(["--heldout", str(tmp_path)]) == 0
    assert "There is no speech" in capsys.readouterr().out


@pytest.mark.slow
def test_both_give_back_speech_in_its_place(opus):
    item = 0.5 * demo(1, RATE, 1.5)[0]
    for heard in (line.through_lamina(item, NONE, 0.0, 1, 0), line.through_opus(opus, item, 24, 0.0, 1, 0)):
        assert abs(lag_samples(item, heard)) <= 12
        n = min(item.size, heard.size)
        assert np.corrcoef(item[:n], heard[:n])[0, 1] > 0.7


def test_opus_decodes_lost_packets_from_the_next_one(opus):
    """At a bitrate at which libopus has room for it, less is wrong than where nothing stands in the next packet."""
    item = 0.5 * demo(1, RATE, 3.0)[0]
    whole = line.through_opus(opus, item, 24, 0.0, 1, 0)
    with_fec = line.through_opus(opus, item, 24, 0.2, 1, 0)
    packets, _ = line.opus_packets(opus, item, 24, 0.2)
    assert len({len(packet) for packet in packets}) == 1, "the bitrate is constant"
    lost = np.repeat(line._lost(len(packets), 0.2, 1, 0), line.OPUS_FRAME)[: item.size]
    assert 0.1 < lost.mean() < 0.35
    error = np.mean((with_fec - whole)[lost[: whole.size]] ** 2) / np.mean(whole[lost[: whole.size]] ** 2)
    assert error < 0.8


def test_the_same_share_is_lost_of_both():
    assert np.mean(line._lost(5000, 0.2, 1, 3)) == pytest.approx(0.2, abs=0.02)
    assert np.mean(line._lost(20_000, 0.2, 4, 3)) == pytest.approx(0.2, abs=0.03)
