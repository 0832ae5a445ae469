"""Decimated layers are held from one multiple of their length to the next: whatever is set, however a stream is cut."""

import numpy as np
import pytest
from desk_sounds import RATE, difference, largest_step, music, render, stream, voice
from sounds import push_in_blocks

from lamina.models.bundles.bundle import DEFAULT_BUNDLE
from lamina.models.runtime import load_runtime
from lamina.plugin import Motion, NeuralCodec, Settings
from lamina.plugin.desk.decimate import MOST_HELD_FRAMES, Decimate, hold_lengths
from lamina.plugin.desk.frame import ABSENT, CodedFrame

HELD = {"decimate_frames": 6}
SHOWN = {
    "decimate_frames": ({}, 1, 8, {"decimate_from": 20}),
    "decimate_from": (HELD, 2, 5, {"decimate_frames": 1}),
    "decimate_slower": (HELD, False, True, {"decimate_frames": 1}),
}
"""As in test_every_control_is_heard.py."""


def settings(**values):
    made = Settings()
    for name, value in values.items():
        made = made.with_value(name, value)
    return made


def frames(n_frames, n_channels=2, n_layers=24, seed=0):
    """Frames of random codes, each as loud as its number."""
    random = np.random.default_rng(seed)
    return [
        CodedFrame(random.integers(0, 1024, (n_channels, n_layers)).astype(np.int16), n_layers, 0.1, float(number))
        for number in range(n_frames)
    ]


def decimated(came, switched_on=0, **values):
    """What goes on of some frames, decimated from one of them on."""
    effect, held = Decimate(load_runtime(DEFAULT_BUNDLE)), settings(**values)
    for frame in came[:switched_on]:
        effect.note(frame)
    return [effect.step(frame, held, switched_on + place) for place, frame in enumerate(came[switched_on:])]


@pytest.mark.parametrize("switched_on", [0, 5, 300])
@pytest.mark.parametrize("is_slower", [False, True])
def test_each_layer_is_what_it_was_at_the_last_multiple_of_its_length(switched_on, is_slower):
    came = frames(switched_on + 80)
    heard = decimated(came, switched_on, decimate_frames=5, decimate_from=3, decimate_slower=is_slower)
    for number, frame in enumerate(heard, switched_on):
        for layer in range(1, 25):
            length = 1 if layer < 3 else 5 * 2 ** ((layer - 3) // 4) if is_slower else 5
            last = number - number % length
            assert np.array_equal(frame.codes[:, layer - 1], came[last].codes[:, layer - 1]), (number, layer)


def test_the_higher_are_slower_only_as_far_as_is_remembered_and_always_in_step():
    for n_frames in range(1, 33):
        lengths = hold_lengths(24, n_frames, 2, True)
        assert lengths[0] == 1 and lengths[1] == n_frames and lengths.max() <= MOST_HELD_FRAMES
        assert (lengths[1:] % lengths[:-1] == 0).all(), "a layer is refreshed together with all those below it"
    assert hold_lengths(24, 3, 1, True).tolist() == [3] * 4 + [6] * 4 + [12] * 4 + [24] * 4 + [48] * 4 + [96] * 4


def test_what_was_foreseen_goes_with_layer_one_and_a_frame_peaks_as_what_is_held_of_it():
    came = [
        CodedFrame(
            frame.codes,
            24,
            0.1,
            frame.peak,
            prediction=np.full((2, 8), frame.peak, np.float32),
            first=np.zeros(2, np.int64),
        )
        for frame in frames(8)[::-1]
    ]
    above, whole = (decimated(came, decimate_frames=4, decimate_from=start) for start in (2, 1))
    assert [frame.prediction[0, 0] for frame in above] == [7, 6, 5, 4, 3, 2, 1, 0]
    assert [frame.prediction[0, 0] for frame in whole] == [7, 7, 7, 7, 3, 3, 3, 3]
    assert [frame.peak for frame in above] == [7, 7, 7, 7, 3, 3, 3, 3], "the guard must know how loud it may be"


def test_frames_with_other_codebooks_are_not_mixed_and_a_channel_that_falls_silent_is_silent():
    large, small = (
        CodedFrame(frame.codes, 24, 0.1, 0.1, first=np.full(2, row))
        for frame, row in zip(frames(2), (0, 24), strict=True)
    )
    silent = CodedFrame(
        np.array([large.codes[0], np.full(24, ABSENT)], np.int16), 24, 0.1, 0.1, first=np.zeros(2, np.int64)
    )
    heard = decimated([large, small, silent], decimate_frames=4, decimate_from=2)
    assert np.array_equal(heard[1].codes, small.codes)
    assert (heard[2].codes[0, 1:] == large.codes[0, 1:]).all() and (heard[2].codes[1] == ABSENT).all()


@pytest.mark.slow
def test_with_nothing_held_no_sample_changes():
    off = {"decimate_frames": 1, "decimate_from": 1, "decimate_slower": True}
    assert np.array_equal(render(music(), layers=12, **off), render(music(), layers=12))
    # Layers above those that are sent can't be held.
    assert difference(render(music(), layers=4, decimate_frames=9, decimate_from=5), render(music(), layers=4)) < 1e-6


@pytest.mark.slow
def test_what_is_sent_stays_as_it_is():
    plain, held = (
        NeuralCodec(layers=12),
        NeuralCodec(layers=12, decimate_frames=8, decimate_from=1, decimate_slower=True),
    )
    for codec in (plain, held):
        codec(music(), RATE)
    for before, after in zip(plain.last_reports, held.last_reports, strict=True):
        assert np.array_equal(before.codes, after.codes) and before.bits == after.bits


def test_frames_held_as_a_whole_sound_the_same_until_the_next_one_comes():
    """A tone that rises all the time rises in steps when every layer is held.

    The steps lie where the stream's frames say.
    """
    t = np.arange(3 * RATE) / RATE
    rising = (0.3 * np.sin(2 * np.pi * (300 * t + 200 * t**2)))[None].astype(np.float32)
    heard = render(rising, layers=12, decimate_frames=25, decimate_from=1)[0]
    third = RATE // 3

    def pitch(second):
        part = heard[round(second * RATE) :][: RATE // 12]
        return np.argmax(np.abs(np.fft.rfft(part * np.hanning(len(part)), RATE)))

    for step in range(2, 8):
        start = step * third / RATE
        first, last, following = (pitch(start + after) for after in (0.1, 0.22, 0.44))
        assert abs(last - first) < 20 < abs(following - last)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["linked", "mid-side", "mono"])
def test_streaming_equals_offline_while_the_length_moves(mode):
    moving = {
        "layers": 12, "stereo": mode, "decimate_frames": 3, "decimate_slower": True, "frame_loss": 0.1,
        "slices": "stutter",
        "motions": [Motion("decimate_frames", depth=0.5, hz=3.0), Motion("decimate_from", "envelope", depth=0.3)],
    }  # fmt: skip
    whole = NeuralCodec(**moving).stream(RATE, 2).push(music())
    for sizes in ([480], [1, 977, 4000]):
        cut = push_in_blocks(NeuralCodec(**moving).stream(RATE, 2), music(), sizes)
        # The resampler's sums differ in the last bit.
        assert np.abs(cut - whole).max() <= 1e-5
    assert (
        difference(whole, NeuralCodec(**{**moving, "decimate_frames": 1, "motions": []}).stream(RATE, 2).push(music()))
        > 0.1
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "values"), [("decimate_frames", (1, 12)), ("decimate_from", (2, 8)), ("decimate_slower", (False, True))]
)
def test_moving_a_control_makes_no_step_the_sound_does_not_have(name, values):
    given = {"layers": 16, "decimate_frames": 8, "decimate_from": 4}

    def moved(value_at):
        return largest_step(stream(voice(), lambda codec, i: setattr(codec, name, value_at(i)), **given))

    still = max(largest_step(voice()), *(moved(lambda i, value=value: value) for value in values))
    assert moved(lambda i: values[i // 9 % 2]) <= 1.3 * still
