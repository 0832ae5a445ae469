"""What is compared is aligned to the sample and equally loud, and what can't be compared is refused in a sentence."""

import numpy as np
import pytest
from sounds import demo, noise

from lamina.dsp.loudness import integrated_lufs
from lamina.plugin.listening.sounds import (
    Condition,
    check_comparable,
    delay_samples,
    match_loudness,
    region,
    with_gain,
)

RATE = 24000


def condition(samples, label="a sound", rate=RATE):
    return Condition(label, {"made": "for a test"}, samples, rate)


def music(level=1.0, shift=0):
    return np.roll(demo(0, RATE, 3.0) * np.float32(level), shift, axis=1)


def test_sounds_are_made_as_loud_as_the_first_and_say_their_gain():
    sounds = [condition(music()), condition(music(0.25)), condition(demo(1, RATE, 3.0))]
    matched = match_loudness(sounds)
    loudness = [integrated_lufs(sound.samples, RATE) for sound in matched]
    assert np.ptp(loudness) < 1e-3
    assert matched[1].gain_db - matched[0].gain_db == pytest.approx(20 * np.log10(4), abs=1e-3)
    for before, after in zip(sounds, matched, strict=True):
        np.testing.assert_allclose(after.samples, before.samples * 10 ** (after.gain_db / 20), atol=1e-6)


def test_where_a_gain_would_clip_all_go_down_together():
    loud = condition(music(0.9 / np.abs(music()).max()))
    spiky = np.zeros((1, 3 * RATE), np.float32)
    spiky[0, ::2400] = 0.9  # much peak, little loudness
    matched = match_loudness([loud, condition(spiky)])
    assert matched[0].gain_db < -3
    assert max(sound.peak for sound in matched) == pytest.approx(1.0, abs=1e-4)
    assert max(sound.peak for sound in matched) <= 1.0
    assert matched[0].lufs == pytest.approx(matched[1].lufs, abs=1e-3)


@pytest.mark.parametrize("shift", [-37, -1, 1, 480])
def test_a_delay_of_a_single_sample_is_told(shift):
    delayed = condition(music(0.7, shift), "the late one")
    assert delay_samples(condition(music()), delayed) == shift
    with pytest.raises(
        ValueError, match=rf"the late one comes {abs(shift)} samples {'late' if shift > 0 else 'early'}"
    ):
        check_comparable([condition(music()), delayed])


def test_a_codecs_output_passes_as_aligned():
    from lamina import NeuralCodec

    sound = demo(1, RATE, 3.0)
    coded = NeuralCodec(kbps=6).process(sound, RATE)
    check_comparable([condition(sound), condition(coded)])


@pytest.mark.parametrize("kbps", [12, 16, 24])
def test_a_codec_that_moves_parts_of_the_wave_passes_as_aligned(kbps):
    """The highest correlation is two samples early, though nobody would hear a delay, and the whole has none."""
    from lamina.plugin.demo_items.items import demo_items
    from lamina.plugin.files.sound import read_audio
    from lamina.plugin.rivals.registry import parse

    voice = read_audio(demo_items()[1].path)
    rate = voice.sample_rate
    sound = voice.samples[:, : 2 * rate]
    coded = parse(f"opus:{kbps}").process(sound, rate)
    check_comparable([Condition("dry", {}, sound, rate), Condition("Opus", {}, coded, rate)])


def test_what_has_nothing_in_common_has_no_delay():
    assert delay_samples(condition(noise(1, RATE, 1)), condition(noise(1, RATE, 2))) is None


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        (condition(music()[:1, :-1], "B"), "a sound has 72000 samples and B has 71999"),
        (condition(music()[:1], "B", 48000), "a sound has 24000 Hz and B has 48000"),
        (condition(np.repeat(music()[:1], 2, axis=0), "B"), "channels"),
        (condition(np.zeros_like(music()[:1]), "B"), "B is silent"),
    ],
)
def test_what_cant_be_compared_is_refused(second, sentence):
    first = condition(music()[:1])
    with pytest.raises(ValueError, match=sentence):
        check_comparable([first, second])


def test_too_short_and_lonely_sounds_are_refused():
    with pytest.raises(ValueError, match=r"lasts 0\.10 s"):
        check_comparable([condition(music()[:, :2400])] * 2)
    with pytest.raises(ValueError, match="at least 2"):
        check_comparable([condition(music())])
    with pytest.raises(ValueError, match="silent"):
        match_loudness([condition(music()), condition(np.zeros_like(music()))])
    with pytest.raises(ValueError, match="NaN"):
        condition(np.full((1, 100), np.nan, np.float32))
    with pytest.raises(ValueError, match="JSON"):
        Condition("B", {"what": object()}, music(), RATE)


def test_the_hash_is_the_sounds_and_nothing_elses():
    assert condition(music(), "A").sha256 == condition(music(), "B").sha256
    assert condition(music()).sha256 != with_gain(condition(music()), 0.1).sha256
    assert condition(music()).sha256 != condition(music(), rate=48000).sha256


def test_a_region_is_cut_to_the_sample():
    part = region(condition(music()), 100, 30000)
    np.testing.assert_array_equal(part.samples, music()[:, 100:30000])
    with pytest.raises(ValueError, match="does not lie within"):
        region(condition(music()), 100, 100_000)
