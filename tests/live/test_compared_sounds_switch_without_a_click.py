"""What is compared by ear comes out of the engine aligned to the sample and goes over from one sound to another without
a click, a gap or a step of loudness: recorded where a loudspeaker would be.
"""

import os
import signal
import time

import numpy as np
import pytest
from engine_rig import EngineRig

from lamina.dsp.loudness import LoudnessMeter
from lamina.plugin import Board
from lamina.plugin.host.client.live_engine import LiveEngine
from lamina.plugin.host.device.device_settings import DeviceSettings
from lamina.plugin.host.transport.comparison import ComparedFiles, Comparison, ComparisonError
from lamina.plugin.listening.sounds import Condition, match_loudness
from lamina.plugin.listening.switcher import FADE_SECONDS

RATE, BLOCK = 48_000, 256
FADE = round(FADE_SECONDS * RATE)
ENGINE_FADE = round(0.02 * RATE)  # into the comparison, from what was heard before
FIRST_BLOCK = 40
PATIENCE_SECONDS = 60  # a bound for busy machines
LOUDNESS_LU = 0.2  # what listeners of a comparison may be left with


def music(seconds=4.0, rate=RATE):
    """Steady partials, so that loudness doesn't move by itself."""
    t = np.arange(round(seconds * rate)) / rate
    tones = [0.1 * np.sin(2 * np.pi * f * t + p) for f, p in zip((220, 331, 997, 2411), (0, 1, 2, 3), strict=True)]
    return np.stack([sum(tones), sum(tones[:2]) - tones[2]]).astype(np.float32)


@pytest.fixture(scope="module")
def sounds():
    """An original, one without its heights, one with noise on it: equally loud."""
    original = music()
    shape = original.shape
    dull = np.stack([np.convolve(channel, np.ones(9) / 9, "same") for channel in original]).astype(np.float32)
    noise = [
        np.convolve(channel, np.ones(64) / 8, "same") for channel in np.random.default_rng(2).standard_normal(shape)
    ]
    noisy = (original + 0.03 * np.stack(noise)).astype(np.float32)
    conditions = [Condition(str(number), {}, sound, RATE) for number, sound in enumerate((original, dull, noisy))]
    return [condition.samples for condition in match_loudness(conditions)]


def left_in(folder, sounds, rate=RATE):
    """The sounds as the app leaves them for the engine."""
    files = [folder / f"{number}.npy" for number in range(len(sounds))]
    for file, sound in zip(files, sounds, strict=True):
        np.save(file, sound)
    return ComparedFiles(tuple(files), rate)


@pytest.fixture
def record(monkeypatch, tmp_path):
    """Runs the engine; `acts` are what is asked of the comparison at the beginning of which block."""

    def run(sounds, acts, seconds, rate=RATE, device_rate=RATE):
        def each_block(number):
            for act in acts.get(number - FIRST_BLOCK, ()):
                act(rig.engine.comparison)

        rig = EngineRig(
            monkeypatch, np.zeros((1, BLOCK), np.float32), device_rate, BLOCK, Board([]), each_block=each_block
        )
        rig.engine.compare(left_in(tmp_path, sounds, rate))
        out = rig.run(seconds + FIRST_BLOCK * BLOCK / device_rate)
        begin = int(np.flatnonzero(np.abs(out).max(axis=0) > 0)[0])
        return out[:, begin:]

    return run


def hear(index, is_difference=False):
    return lambda comparison: comparison.hear(index, is_difference)


def play(comparison):
    comparison.play()


ORDER = (0, 1, 2, 0, 2, 1)
EVERY = 90  # blocks


@pytest.fixture
def switched(record, sounds):
    acts = {0: [hear(ORDER[0]), play]}
    acts |= {number * EVERY: [hear(index)] for number, index in enumerate(ORDER) if number}
    return record(sounds, acts, len(ORDER) * EVERY * BLOCK / RATE)


def test_every_sound_is_aligned_to_the_sample_and_a_switch_takes_five_milliseconds(switched, sounds):
    n_samples = len(ORDER) * EVERY * BLOCK
    for number, index in enumerate(ORDER):
        begin = number * EVERY * BLOCK + (ENGINE_FADE if number == 0 else FADE)
        end = min((number + 1) * EVERY * BLOCK, n_samples)
        assert np.array_equal(switched[:, begin:end], sounds[index][:, begin:end]), f"sound {index} as switch {number}"


def test_no_switch_clicks(switched, sounds):
    """A click is a step that the sounds themselves don't have: in the second difference nothing stands out."""

    def step(sound):
        return float(np.abs(np.diff(sound, 2, axis=1)).max())

    inside = switched[:, ENGINE_FADE : len(ORDER) * EVERY * BLOCK]
    assert step(inside) <= 1.05 * max(step(sound) for sound in sounds)
    # What the test would find: the same switches as hard cuts.
    order = np.repeat(ORDER, EVERY * BLOCK)
    cut = np.choose(order, [sound[:, : len(order)] for sound in sounds])
    assert step(cut) > 1.05 * max(step(sound) for sound in sounds)


def test_no_switch_leaves_a_gap_or_changes_the_loudness(switched):
    n_samples = len(ORDER) * EVERY * BLOCK
    part = round(0.4 * RATE)
    readings = []
    for number in range(1, len(ORDER)):
        middle = number * EVERY * BLOCK
        for begin in (middle - part, middle - part // 2, middle):
            if begin + part <= n_samples:
                meter = LoudnessMeter(RATE, 2)
                meter.push(switched[:, begin : begin + part])
                readings.append(meter.momentary_lufs)
    assert max(readings) - min(readings) <= LOUDNESS_LU
    heard = np.abs(switched[:, ENGINE_FADE:n_samples]).max(axis=0)
    assert all(heard[at : at + 24].any() for at in range(0, len(heard) - 24, 24)), "half a millisecond of silence"


def test_who_records_the_output_finds_no_trace_of_what_x_is(record, sounds):
    """A and B are the same sound here, so all that could tell X = A from X = B is how it is played: when it comes, how
    loud, with what click. A program that records both finds the same samples to the last bit.
    """
    same = [sounds[0], sounds[0].copy()]
    n_samples = 200 * BLOCK

    def recorded(pair, x):
        order = (0, x, 1, x, 0, 1, x)
        acts = {20 * number: [hear(index)] for number, index in enumerate(order)}
        acts[0].append(play)
        # Quicker than a fade, paused, and in a loop, too.
        acts |= {145: [hear(0), hear(x)], 150: [lambda c: c.play(False)], 155: [hear(x), play]}
        acts |= {160: [lambda c: c.loop((0.2, 0.4))], 170: [hear(1)], 180: [hear(x)]}
        return record(pair, acts, 220 * BLOCK / RATE)[:, :n_samples]

    one, other = recorded(same, 0), recorded(same, 1)
    assert one.shape == (2, n_samples) and np.array_equal(one, other)
    # What it would find: B louder by a hundredth of a decibel, or a sample late.
    for b in (sounds[0] * np.float32(1.001), np.roll(sounds[0], 1, axis=1)):
        assert not np.array_equal(recorded([sounds[0], b], 0), recorded([sounds[0], b], 1))


def test_the_difference_is_the_original_without_the_sound(record, sounds):
    out = record(sounds, {0: [hear(1), play], 100: [hear(1, True)], 200: [hear(0, True)]}, 300 * BLOCK / RATE)
    difference = sounds[0] - sounds[1]
    part = slice(100 * BLOCK + FADE, 200 * BLOCK)
    # Both are sums of the same two numbers, rounded in another order: 1e-6 is −120 dBFS.
    assert np.abs(out[:, part] - difference[:, part]).max() < 1e-6
    assert np.abs(out[:, 200 * BLOCK + FADE : 300 * BLOCK]).max() == 0.0, "the original without itself"
    begin, end = 100 * BLOCK, 100 * BLOCK + FADE
    steps = np.abs(np.diff(out[:, begin - 1 : end + 1], axis=1)).max()
    assert steps <= np.abs(np.diff(sounds[0], axis=1)).max() * 1.1


def test_it_pauses_and_goes_on_where_it_was_and_loops_without_a_click(record, sounds):
    short = [sound[:, : RATE // 2] for sound in sounds]
    acts = {0: [hear(1), play], 20: [lambda c: c.play(False)], 40: [play], 60: [lambda c: c.seek(0.25)]}
    out = record(short, acts, 200 * BLOCK / RATE)
    # In 5 ms it has faded out; from there it goes on.
    fade = round(0.005 * RATE)
    assert not out[:, 20 * BLOCK + fade : 40 * BLOCK].any()
    went_on = 20 * BLOCK + fade
    part = out[:, 40 * BLOCK + fade : 60 * BLOCK]
    assert np.array_equal(part, short[1][:, went_on + fade : went_on + 20 * BLOCK])
    jumped = 60 * BLOCK + fade
    at = RATE // 4
    assert np.array_equal(out[:, jumped + fade : jumped + 8000], short[1][:, at + fade : at + 8000])
    steps = np.abs(np.diff(out[:, ENGINE_FADE:], axis=1)).max()
    assert steps <= 1.1 * np.abs(np.diff(short[1], axis=1)).max()


def test_a_part_is_played_again_and_again_without_a_click_until_the_whole_is_wanted(record, sounds):
    begin, end = RATE // 2, RATE // 2 + 20 * BLOCK
    acts = {
        0: [hear(1), play],
        20: [lambda c: c.loop((begin / RATE, end / RATE))],
        105: [hear(2)],
        155: [lambda c: c.loop(None)],
    }
    out = record(sounds, acts, 200 * BLOCK / RATE)
    looped = 20 * BLOCK + FADE  # faded out; from here on the part is played
    for number in range(3):
        at = looped + number * (end - begin)
        inside = slice(at + FADE, at + end - begin - FADE)
        assert np.array_equal(out[:, inside], sounds[1][:, begin + FADE : end - FADE]), f"round {number}"
    place = begin + (105 * BLOCK - looped) % (end - begin)
    switched = out[:, 105 * BLOCK + FADE : 105 * BLOCK + 2 * FADE]
    assert np.array_equal(switched, sounds[2][:, place + FADE : place + 2 * FADE]), "it loops with every sound"
    # It goes on where it was, and behind the end of the part.
    place = begin + (155 * BLOCK - looped) % (end - begin)
    after = out[:, 155 * BLOCK + 2 * FADE : 199 * BLOCK]
    assert np.array_equal(after, sounds[2][:, place + FADE : place + FADE + after.shape[1]])
    steps = np.abs(np.diff(out[:, ENGINE_FADE:], axis=1)).max()
    assert steps <= 1.1 * max(np.abs(np.diff(sound, axis=1)).max() for sound in sounds[1:])


def test_at_another_rate_of_the_device_it_is_the_same_sound_at_the_same_place(record):
    device_rate = 44_100
    halved = music() / 2
    # Longer than what is looked at: on a busy machine it begins some blocks later.
    out = record([music(), halved], {0: [hear(1), play]}, 1.2, device_rate=device_rate)
    expected = music(2.0, device_rate) / 2
    begin, end = round(0.1 * device_rate), device_rate
    # The resampler's own error lies 80 dB below; a sample's shift would make 10 % of it.
    assert np.abs(out[:, begin:end] - expected[:, begin:end]).max() < 1e-3


def test_sounds_that_cannot_be_compared_are_refused_in_a_sentence(tmp_path, sounds):
    with pytest.raises(ComparisonError, match="1 sounds were given; 2 to 65 can be compared"):
        Comparison(sounds[:1], RATE)
    with pytest.raises(ComparisonError, match="same rate, number of channels and length"):
        Comparison([sounds[0], sounds[1][:, :-1]], RATE)
    with pytest.raises(ComparisonError, match="There is no sound 4 to hear; there are 3"):
        Comparison(sounds, RATE).hear(3)
    with pytest.raises(ComparisonError, match="The time to seek is nan"):
        Comparison(sounds, RATE).seek(float("nan"))
    for part, sentence in (
        ((1.0, 1.02), r"from 1 to 1\.02 s is too short; give 0\.05 s"),
        ((2.0, 1.0), "from 2 to 1 s is too short"),
        ((9.0, 10.0), "from 9 to 10 s is too short"),
        ((0.0, float("inf")), "The loop is 0.0 to inf"),
    ):
        with pytest.raises(ComparisonError, match=sentence):
            Comparison(sounds, RATE).loop(part)
    with pytest.raises(ComparisonError, match=r"can't be read from .*none\.npy"):
        ComparedFiles((tmp_path / "none.npy",) * 2, RATE).at(RATE)
    (tmp_path / "text.npy").write_text("no sound")
    with pytest.raises(ComparisonError, match=r"can't be read from .*text\.npy"):
        ComparedFiles((tmp_path / "text.npy",) * 2, RATE).at(RATE)
    np.save(tmp_path / "whole.npy", np.zeros((2, 100), np.int16))
    with pytest.raises(ComparisonError, match="holds no sound to compare: int16"):
        ComparedFiles((tmp_path / "whole.npy",) * 2, RATE).at(RATE)
    with pytest.raises(ComparisonError, match="sample_rate is 10"):
        ComparedFiles((tmp_path / "whole.npy",) * 2, 10).at(RATE)


def test_an_engine_that_died_goes_on_comparing(tmp_path, sounds):
    wishes = {"devices": DeviceSettings(output="virtual").document()}
    with LiveEngine(wishes, opens=False) as engine:
        answers = [
            engine.compare(left_in(tmp_path, sounds)),
            engine.hear_compared(2, is_difference=True),
            engine.loop_compared((1.0, 2.0)),
            engine.play_compared(),
        ]
        for answer in answers:
            answer.result(PATIENCE_SECONDS)
        until(lambda: engine.telemetry.state()["compared_seconds"] > 0)
        os.kill(engine.process_id, signal.SIGKILL)
        until(lambda: engine.n_restarts == 1)
        until(lambda: any(event["event"] == "ready" for event in engine.take_events()))
        until(lambda: engine.telemetry.state()["compared_plays"])
        state = engine.telemetry.state()
        assert (state["is_comparing"], state["compared_heard"], state["compared_difference"]) == (1, 2, 1)
        until(lambda: 1.0 <= engine.telemetry.state()["compared_seconds"] < 2.0)
        engine.compare(None).result(PATIENCE_SECONDS)
        until(lambda: not engine.telemetry.state()["is_comparing"])
        with pytest.raises(Exception, match="Nothing is being compared"):
            engine.play_compared().result(PATIENCE_SECONDS)


def until(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
