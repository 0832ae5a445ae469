"""What is recorded of a line ends with the last that came, and keeps its time where the line was cut meanwhile."""

from dataclasses import replace

import numpy as np

from lamina import NeuralCodec
from lamina.plugin.codes_file.codes import Codes
from lamina.plugin.line.joining.held_back import FADED_SECONDS, HeldCodes, HeldSound

RATE, BLOCK = 8_000, 80


class Kept:
    """Everything that was written."""

    def __init__(self):
        self.blocks = []

    def write(self, block):
        self.blocks.append(np.array(block))

    @property
    def samples(self):
        return np.concatenate([np.zeros((1, 0), np.float32), *self.blocks], 1)


def recorded(came):
    """What is kept of a second of sound for each entry, of which that share came."""
    kept = Kept()
    held = HeldSound(kept.write, RATE)
    sound = np.arange(1, 1 + len(came) * RATE, dtype=np.float32)[None]
    last = 0
    for start in range(0, sound.shape[1], BLOCK):
        end = start + BLOCK
        second, within = divmod(start, RATE)
        if within < came[second] * RATE:
            last = min(end, second * RATE + round(came[second] * RATE))
        held.write(sound[:, start:end], end - last)
    return kept.samples, sound


def test_what_stands_behind_the_end_is_not_recorded():
    samples, sound = recorded([1, 0.4997, 0.0])
    n_came = RATE + round(0.4997 * RATE)
    # By then it is an interruption: what faded out is kept, and no silence is.
    n_faded = round(FADED_SECONDS * RATE)
    assert np.array_equal(samples, sound[:, : n_came + n_faded])
    samples, sound = recorded([1, 0.4997])
    assert np.array_equal(samples, sound[:, :n_came])


def test_a_gap_that_ends_is_recorded_as_it_was_heard():
    samples, sound = recorded([0.5, 1])
    assert np.array_equal(samples, sound)


def test_a_cut_is_as_long_as_it_was_and_fades_out_into_silence():
    samples, sound = recorded([1, 0, 0, 0, 1])
    assert samples.shape == sound.shape
    silent = slice(RATE + round(FADED_SECONDS * RATE), 4 * RATE)
    assert not samples[:, silent].any()
    assert np.array_equal(np.delete(samples, silent, 1), np.delete(sound, silent, 1))


def test_lost_frames_are_recorded_as_codes_only_between_others():
    codes = NeuralCodec(layers=4).encode(
        np.random.default_rng(1).standard_normal((1, 24_000)).astype(np.float32), 24_000
    )
    lost = replace(codes, counts=np.zeros_like(codes.counts))
    written: list[Codes] = []
    held = HeldCodes(written.append)
    for each in (codes, lost, codes, lost, lost):
        held.write(each)
    assert written == [codes, lost, codes]
