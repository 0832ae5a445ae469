"""The layer desk and what can be listened to: each layer's share is heard, aligned to the sample, and they add up."""

import numpy as np
import pytest
from desk_sounds import FRAME, RATE, difference, music, render, rms, stream
from sounds import demo

from lamina.models.bundles.bundle import DEFAULT_BUNDLE
from lamina.models.runtime import load_runtime
from lamina.plugin import NeuralCodec

# Sums of float32 samples below 1 in another order.
ROUNDING = 2e-6
SEARCH = NeuralCodec().search
"""Candidates followed by default."""


@pytest.mark.slow
def test_neutral_gains_change_no_sample():
    assert np.array_equal(render(music(), layers=8, layer_gains=[1.0] * 24), render(music(), layers=8))


@pytest.mark.slow
@pytest.mark.parametrize("kept", [8, 12, 20])
def test_muting_all_layers_from_one_on_is_having_fewer(kept):
    """Gains of 0 sound like codes that were never sent, through the same networks.

    Memory hears the first eight layers only.

    Above eight a wider search chooses together what is sent together; the first eight are chosen whatever follows.
    """
    search = SEARCH if kept == 8 else 1
    expected = render(music(), layers=kept, search=search)
    assert (
        np.abs(render(music(), layers=24, search=search, muted_layers=range(kept + 1, 25)) - expected).max() < ROUNDING
    )
    gains = [1.0] * kept + [0.0] * (24 - kept)
    assert np.abs(render(music(), layers=24, search=search, layer_gains=gains) - expected).max() < ROUNDING
    assert np.abs(render(music(), layers=24, search=search, solo_layers=range(1, kept + 1)) - expected).max() < ROUNDING


def whole_frames():
    """A second of music at the codec's own rate."""
    return demo(0, 24_000, 1.0, 2.0)[:, : 320 * 75]


def streamed_frames(audio, **settings):
    """What a stream at the codec's own rate makes of whole frames, from where its first one begins."""
    opened = NeuralCodec(**{"postfilter": 0.0, **settings}).stream(24_000, len(audio))
    late = opened.latency_samples - load_runtime(DEFAULT_BUNDLE).config.delay_samples
    return opened.push(audio)[:, late:]


@pytest.mark.slow
@pytest.mark.parametrize("kept", [3, 5, 7])
def test_peeling_further_plays_the_first_layers_with_what_was_foreseen_of_the_whole(kept):
    """Memory goes on from all that was sent, whatever is muted.

    Fewer layers would have been foreseen, and coded, in another way.
    """
    whole, runtime = whole_frames(), load_runtime(DEFAULT_BUNDLE)
    codes, foreseen = runtime.code(whole, 8, SEARCH)
    expected, _ = runtime.decode(foreseen + runtime.dequantize(codes, most=kept), runtime.decoder_state(len(whole)))
    peeled = streamed_frames(whole, layers=8, muted_layers=range(kept + 1, 25))
    assert np.abs(peeled - expected[:, : peeled.shape[1]]).max() < ROUNDING
    assert np.array_equal(
        render(music(), layers=8, muted_layers=range(kept + 1, 25)),
        render(music(), layers=8, solo_layers=range(1, kept + 1)),
    )


@pytest.mark.slow
def test_the_more_is_peeled_off_the_further_it_is_from_the_input():
    errors = [
        difference(render(music(), layers=24, muted_layers=range(kept + 1, 25)), music()) for kept in (1, 3, 5, 8, 24)
    ]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.slow
def test_muting_the_first_layer_takes_away_what_was_foreseen_and_nothing_else():
    whole, runtime = whole_frames(), load_runtime(DEFAULT_BUNDLE)
    codes, foreseen = runtime.code(whole, 12, SEARCH)
    for gain in (0.0, 0.5):
        expected, _ = runtime.decode(
            np.float32(gain) * foreseen + runtime.dequantize(codes), runtime.decoder_state(len(whole))
        )
        heard = streamed_frames(whole, layers=12, layer_gains=[gain])
        assert np.abs(heard - expected[:, : heard.shape[1]]).max() < ROUNDING
    assert np.abs(foreseen).max() > 0.1


def test_without_a_lag_the_first_layer_is_one_like_the_others_and_what_was_foreseen_is_always_heard():
    whole, runtime = whole_frames(), load_runtime(DEFAULT_BUNDLE)
    codes, foreseen = runtime.code(whole, 2, SEARCH)
    second = runtime.entries[runtime.config.layers + 1, codes[..., 1]]
    expected, _ = runtime.decode(foreseen + second, runtime.decoder_state(len(whole)))
    heard = streamed_frames(whole, layers=2, muted_layers=[1])
    assert np.abs(heard - expected[:, : heard.shape[1]]).max() < ROUNDING


@pytest.mark.slow
def test_a_muted_layer_stays_muted_when_it_is_solo_and_solo_leaves_gains_alone():
    assert np.array_equal(render(music(), solo_layers=[1, 2], muted_layers=[2]), render(music(), solo_layers=[1]))
    gains = [1.0, 0.5]
    soloed = render(music(), layers=12, layer_gains=gains, solo_layers=range(1, 9))
    assert np.array_equal(soloed, render(music(), layers=8, layer_gains=gains))


@pytest.mark.slow
def test_each_layers_gain_is_heard_more_the_further_it_is_from_one():
    plain = render(music(), layers=8)
    for layer in (1, 2, 5, 8):
        changed = [difference(with_gain(layer, gain), plain) for gain in (1.1, 1.4, 2.0)]
        assert 0 < changed[0] < changed[1] < changed[2]


def with_gain(layer, gain):
    codec = NeuralCodec(layers=8, search=1)
    codec.set_parameters({f"layer_gains.{layer}": gain})
    return codec(music(), RATE)


@pytest.mark.slow
def test_what_the_layers_add_sums_up_to_the_whole():
    """decode(1…k) − decode(1…k−1), for all k, telescopes to decode(1…K), if all are aligned."""
    total = sum(render(music(), layers=6, listen="layer", listen_layer=layer) for layer in range(1, 7))
    whole = render(music(), layers=6)
    assert np.abs(whole).max() < 0.95  # the limiter bends nothing
    assert np.abs(total - whole).max() < 10 * ROUNDING


@pytest.mark.slow
def test_a_layer_beyond_the_active_ones_adds_nothing():
    assert not render(music(), layers=6, listen="layer", listen_layer=7).any()


@pytest.mark.slow
def test_dry_difference_and_wet_are_aligned_and_add_up():
    dry, wet, between = (render(music(), layers=4, mix=0.3, listen=listen) for listen in ("dry", "wet", "difference"))
    assert np.array_equal(dry, music())
    coded = render(music(), layers=4)
    assert np.abs(between - (music() - coded)).max() < ROUNDING
    assert np.abs(wet - (0.7 * music() + 0.3 * coded)).max() < ROUNDING
    assert 0.05 < rms(between) / rms(dry) < 0.9


@pytest.mark.slow
def test_the_unquantized_latent_is_nearer_to_the_input_than_any_number_of_layers():
    errors = [difference(render(music(), layers=layers), music()) for layers in (4, 24)]
    assert difference(render(music(), listen="latent"), music()) < errors[1] < errors[0]
    assert np.array_equal(render(music(), layers=3, listen="latent"), render(music(), layers=20, listen="latent"))


@pytest.mark.parametrize("other", ["dry", "difference", "layer", "latent"])
@pytest.mark.slow
def test_going_over_to_another_way_of_listening_does_not_click_and_arrives(other):
    audio = music()
    t = np.arange(audio.shape[1]) / RATE
    tone = (0.3 * np.sin(2 * np.pi * 220 * t))[None].astype(np.float32)

    def moves(codec, index):
        codec.listen = other if index // 10 % 2 else "wet"

    still = max(np.abs(np.diff(render(tone, listen=listen), axis=1)).max() for listen in ("wet", other))
    moved = stream(tone, moves)
    assert np.abs(np.diff(moved[:, RATE // 10 :], axis=1)).max() <= 1.25 * still
    # A second and a half after the change all that the further decoder remembers is its own.
    late = stream(tone, lambda codec, index: setattr(codec, "listen", other if index > 40 else "wet"))
    expected = render(tone, listen=other)
    place = slice(41 * FRAME + RATE // 2, 41 * FRAME + RATE)
    assert np.abs(late[:, place] - expected[:, place]).max() < 1e-4


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("layer_gains", [1.0] * 24 + [0.5], "24 layers"),
        ("layer_gains", [2.5], "0 to 2"),
        ("layer_gains.25", 1.0, "no parameter"),
        ("muted_layers", [0], "1 to 24"),
        ("solo_layers", 3, "list"),
        ("listen", "nothing", "wet, dry"),
        ("listen_layer", 25, "1 to 24"),
    ],
)
def test_what_no_desk_has_is_refused_and_changes_nothing(name, value, words):
    codec = NeuralCodec()
    before = codec.settings
    with pytest.raises((ValueError, TypeError), match=words):
        codec.set_parameters({"layers": 3, name: value})
    assert codec.settings == before
