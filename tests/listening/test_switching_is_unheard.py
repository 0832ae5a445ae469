"""Going from a sound to another makes no click, no gap and no change of loudness, and stays at the same sample."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sounds import demo, noise

from lamina.dsp.loudness import integrated_lufs
from lamina.plugin.listening.sounds import Condition, match_loudness
from lamina.plugin.listening.switcher import Switcher

RATE = 48000
FADE = round(0.005 * RATE)


def conditions(*sounds, rate=RATE):
    return [Condition(f"sound {index}", {}, sound, rate) for index, sound in enumerate(sounds)]


def played(switcher, n_samples, switches, block):
    """What comes out in blocks, with switches `{block number: sound}`."""
    parts = []
    for index in range(0, n_samples, block):
        if index // block in switches:
            switcher.switch(switches[index // block])
        parts.append(switcher.render(min(block, n_samples - index)))
    return np.concatenate(parts, axis=1)


def sine(frequency, seconds=2.0, level=0.5, phase=0.0):
    t = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * frequency * t + phase)).astype(np.float32)[None]


@pytest.mark.parametrize("block", [1, 64, 333, 4096])
def test_every_sample_is_the_sounds_own_at_the_same_place(block):
    sounds = [noise(2, RATE, seed) for seed in (1, 2, 3)]
    at = {4096 // block + 1: 1, 3 * 4096 // block + 1: 2} if block > 1 else {5000: 1, 9000: 2}
    out = played(Switcher(conditions(*sounds)), RATE, at, block)
    heard, fading = [], np.zeros(RATE, bool)
    for number in at:
        fading[number * block : number * block + FADE] = True
    fading[:FADE] = fading[-FADE:] = True  # the loop's ends
    order = [0, *at.values()]
    places = [FADE, *(number * block for number in at), RATE - FADE]
    for sound, begin, end in zip(order, places, places[1:], strict=False):
        window = np.arange(begin, end)[~fading[begin:end]]
        np.testing.assert_array_equal(out[:, window], sounds[sound][:, window])
        heard.append(len(window))
    assert min(heard) > 1000


def test_from_a_sound_to_itself_nothing_is_heard():
    # Else a listener could tell whether X is A by how the switch sounds.
    sound = demo(0, RATE, 2.0)
    out = played(Switcher(conditions(sound, sound.copy())), 2 * RATE, {7: 1, 40: 0, 41: 1, 90: 0}, 512)
    np.testing.assert_array_equal(out[:, FADE:-FADE], sound[:, FADE : 2 * RATE - FADE])


@pytest.mark.parametrize("phase", [0.0, 1.0, np.pi / 2, np.pi])
def test_a_switch_makes_no_click(phase):
    # Between sines of one frequency nothing but the fade itself can have content far above it.
    out = played(Switcher(conditions(sine(200), sine(200, phase=phase))), 2 * RATE, {20: 1, 60: 0}, 1024)
    middle = out[0, 2 * FADE : -2 * FADE].astype(np.float64)
    # A click is a step; the steepest step of the tone itself is 2π f / rate times its height, and the fade's own slope
    # (1 in 5 ms times π/2) comes on top.
    steepest = 0.5 * (2 * np.pi * 200 / RATE) + 1.0 * (np.pi / 2) / FADE
    assert np.abs(np.diff(middle)).max() <= steepest * 1.05


def test_no_gap_and_no_bump_between_unlike_and_alike_sounds():
    for first, second in ((noise(1, RATE, 1), noise(1, RATE, 2)), (noise(1, RATE, 1), noise(1, RATE, 1) * 0.98)):
        powers = []
        for at in range(50, 130):
            switcher = Switcher(conditions(first, second), fade_seconds=0.01)
            switcher.seek(at * 64)
            switcher.switch(1)
            powers.append(np.square(switcher.render(480)[0, 120:360], dtype=np.float64).mean())
        # 0.1² is the noise's power; the mean of eighty fades shows a law's bump, which would be 3 dB, not chance.
        assert 10 * np.log10(np.mean(powers) / 0.01) == pytest.approx(0.0, abs=0.3)


@pytest.mark.slow
def test_loudness_stays_within_a_fifth_of_a_unit_while_one_switches():
    sound = demo(0, RATE, 4.0)
    from lamina import NeuralCodec

    coded = NeuralCodec(kbps=3).process(sound, RATE)
    one, two = match_loudness(conditions(sound, coded))
    still = [integrated_lufs(each.samples, RATE) for each in (one, two)]
    switched = played(Switcher([one, two]), 4 * RATE, {n: (n // 10) % 2 for n in range(10, 370, 10)}, 512)
    assert np.ptp([*still, integrated_lufs(switched, RATE)]) < 0.2


def test_a_fade_never_clips_what_didnt():
    first, second = sine(1000, level=1.0), sine(1000, level=1.0, phase=np.pi / 2)
    for start in range(0, 480, 7):
        switcher = Switcher(conditions(first, second))
        switcher.seek(1000 + start)
        switcher.switch(1)
        assert np.abs(switcher.render(600)).max() <= 1.0 + 1e-6


@given(
    blocks=st.lists(st.integers(1, 700), min_size=1, max_size=8),
    switches=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 2)), max_size=5),
)
def test_any_cutting_into_blocks_gives_the_same(blocks, switches):
    sounds = conditions(*(noise(1, 3000, seed) for seed in (1, 2, 3)))
    wanted = dict(switches)

    def rendered(sizes):
        switcher, parts, done, turn = Switcher(sounds, 0.002, 100, 2900), [], 0, 0
        while done < 4001:
            if done in wanted:
                switcher.switch(wanted[done])
            following = min([place for place in wanted if place > done] or [4001])
            size = min(sizes[turn % len(sizes)], following - done, 4001 - done)
            parts.append(switcher.render(size))
            done, turn = done + size, turn + 1
        return np.concatenate(parts, axis=1)

    np.testing.assert_array_equal(rendered(blocks), rendered([5000]))


def test_the_loop_comes_round_to_its_beginning_without_a_step():
    sound = np.full((1, 6000), 0.8, np.float32)
    switcher = Switcher(conditions(sound), start=1000, stop=3000)
    out = switcher.render(5000)[0]
    assert switcher.position == 1000 + 5000 % 2000
    assert np.abs(np.diff(out)).max() < 0.02
    assert out[1999] < 0.01 and out[2000] < 0.01 and out[1000] == np.float32(0.8)


def test_what_cant_be_played_is_refused():
    with pytest.raises(ValueError, match="same rate, number of channels and length"):
        Switcher(conditions(noise(1, 4000), noise(1, 4001)))
    with pytest.raises(ValueError, match="fade_seconds"):
        Switcher(conditions(noise(1, 4000)), fade_seconds=0.02)
    with pytest.raises(ValueError, match="loop"):
        Switcher(conditions(noise(1, 4000)), start=3900)
    with pytest.raises(IndexError, match="no sound 2"):
        Switcher(conditions(noise(1, 4000), noise(1, 4000))).switch(2)
