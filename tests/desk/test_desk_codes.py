"""Codes: bent, copied, crossed and counted, they are heard so."""

from functools import lru_cache

import numpy as np
import pytest
from desk_sounds import FRAME, RATE, difference, music, render, stream, voice
from sounds import demo, lag_samples

from lamina.models.runtime import load_runtime
from lamina.plugin import NeuralCodec, Settings
from lamina.plugin.desk.bend import Bend
from lamina.plugin.desk.frame import CodedFrame

# Bend.


def bent(bend, **settings):
    return difference(render(music(), layers=12, bend=bend, **settings), unbent())


@lru_cache
def unbent():
    return render(music(), layers=12)


@pytest.mark.slow
def test_more_bending_is_heard_more():
    for bend in ("offset", "shuffle", "nearest"):
        some = [bent(bend, bend_amount=amount) for amount in (0.0, 0.1, 0.4, 1.0)]
        assert some[0] == 0
        assert some == sorted(some)
    # Entries stand in order of likeness, so a small offset is a small change; so is a near neighbour.
    assert bent("offset", bend_offset=0) == 0
    assert 0 < bent("offset", bend_offset=2) < bent("offset", bend_offset=400)
    assert 0 < bent("nearest", bend_nearest=1) < bent("nearest", bend_nearest=64)


@pytest.mark.slow
def test_bending_the_first_layers_is_heard_more_than_bending_the_last():
    first, last, none = (bent("shuffle", bend_from=start, bend_to=stop) for start, stop in ((1, 3), (10, 12), (13, 24)))
    assert first > last > none == 0


@pytest.mark.slow
def test_a_share_of_the_codes_is_bent_and_not_the_same_ones_in_every_frame():
    settings = Settings().with_value("bend", "offset").with_value("bend_offset", 1).with_value("bend_amount", 0.3)
    bend, frame = Bend(load_runtime("lamina-24k")), CodedFrame(np.full((2, 24), 100, np.int16), 24, 0.1, 0.1)
    hit = np.array([bend.step(frame, settings, index).codes != 100 for index in range(400)])
    assert hit.mean() == pytest.approx(0.3, abs=0.02)
    assert np.abs(hit.mean(0) - 0.3).max() < 0.12
    assert np.abs(hit.mean((1, 2)) - 0.3).max() < 0.35


@pytest.mark.slow
def test_a_shuffle_is_its_seeds_own():
    first, again, other = (render(music(), bend="shuffle", seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert difference(other, first) > 0.1


@pytest.mark.slow
def test_the_nearest_neighbour_is_the_entry_that_is_nearest_but_one_and_so_on():
    likeness = load_runtime("lamina-24k").likeness
    for layer, entry in ((0, 5), (11, 1000), (23, 512)):
        book = likeness.codebooks[layer].astype(np.float64)
        distance = ((book - book[entry]) ** 2).sum(1)
        expected = np.argsort(distance, kind="stable")[1:65]
        found = likeness.neighbours[layer, entry]
        assert np.allclose(distance[found], distance[expected], rtol=1e-4)
        assert sorted(likeness.order[layer]) == list(range(1024))


@pytest.mark.slow
def test_a_palette_keeps_the_codes_used_most_and_only_those():
    bend, settings = (
        Bend(load_runtime("lamina-24k")),
        Settings().with_value("bend", "common").with_value("bend_common", 3),
    )
    random = np.random.default_rng(0)
    common = [10, 200, 777]

    def frame():
        code = random.choice(common) if random.random() < 0.7 else random.integers(1024)
        return CodedFrame(np.full((1, 24), code, np.int16), 24, 0.1, 0.1)

    # Of layer 6: the first one of most frames is a lag, which has no entries.
    heard = [bend.step(frame(), settings, index).codes[0, 5] for index in range(1000)]
    assert set(heard[300:]) == set(common)
    assert bent("common", bend_common=2) > bent("common", bend_common=300) > 0


# Generations.


@pytest.mark.slow
def test_each_generation_loses_more_and_says_what_it_delays():
    errors = [difference(render(music(), layers=8, passes=passes), music()) for passes in (1, 2, 4, 8)]
    assert errors == sorted(errors)
    assert errors[3] > 1.2 * errors[0]
    once, thrice = (NeuralCodec(passes=passes) for passes in (1, 3))
    # 80 samples at 24 kHz for each pass.
    assert thrice.latency_samples(24_000) - once.latency_samples(24_000) == 160


@pytest.mark.slow
@pytest.mark.parametrize("rate", [24_000, 48_000])
def test_many_generations_stay_aligned_with_the_dry_sound(rate):
    audio = music()[:1, :: RATE // rate].copy()
    coded = NeuralCodec(layers=24, search=1, passes=6)(audio, rate)
    assert lag_samples(audio[0], coded[0]) == 0


@pytest.mark.slow
def test_a_running_stream_keeps_the_generations_it_began_with():
    audio = music(1.0)
    changed = stream(audio, lambda codec, i: setattr(codec, "passes", 1 if i < 30 else 5))
    assert np.array_equal(changed, stream(audio, lambda codec, i: None))


# Cross-synthesis.


@pytest.mark.slow
def test_layers_come_from_two_sounds():
    a, b = voice(), music()[:1]
    plain_a, plain_b = (render(audio, layers=12) for audio in (a, b))

    def crossed(own):
        return NeuralCodec(layers=12, search=1, postfilter=0.0, cross_layers=own)(a, RATE, sidechain=b)

    assert np.array_equal(crossed(12), plain_a)
    assert np.array_equal(crossed(24), plain_a)
    assert np.array_equal(crossed(0), plain_b)
    from_a = [difference(crossed(own), plain_a) for own in (0, 2, 6, 10)]
    assert from_a == sorted(from_a, reverse=True)
    assert from_a[-1] > 0
    assert difference(crossed(2), plain_b) > difference(crossed(0), plain_b)


@pytest.mark.slow
@pytest.mark.parametrize("passes", [1, 4])
def test_the_side_chain_is_aligned_with_the_sound_however_many_generations_that_has(passes):
    a, b = voice(), music()[:1]
    crossed = NeuralCodec(layers=24, search=1, cross_layers=0, passes=passes)(a, RATE, sidechain=b)
    assert lag_samples(b[0], crossed[0]) == 0
    assert difference(crossed, b) < 0.5


@pytest.mark.parametrize("rate", [8_000, 24_000])
def test_the_side_chain_is_heard_at_the_codecs_own_rate_too(rate):
    a, b = (demo(item, rate, 1.0)[:1] for item in (1, 0))
    crossed = NeuralCodec(layers=12, cross_layers=0)(a, rate, sidechain=b)
    assert np.array_equal(crossed, NeuralCodec(layers=12)(b, rate))


@pytest.mark.slow
def test_a_side_chain_that_begins_later_stands_at_its_place():
    a, b = voice(), music()[:1]
    codec = NeuralCodec(layers=12, cross_layers=0, passes=2)
    stream = codec.stream(RATE, 1)
    late = 30_001
    out = np.concatenate([stream.push(a[:, :late]), stream.push(a[:, late:], b[:, late:])], 1)[
        :, stream.latency_samples :
    ]
    silent_first = b.copy()
    silent_first[:, :late] = 0
    whole = codec(a, RATE, sidechain=silent_first)
    after = slice(late + 40 * FRAME, out.shape[1])
    # Of another past the codec remembers something else and chooses other codes; they stand at the same place and are
    # as near to the sound.
    assert lag_samples(b[0, after], out[0, after]) == 0
    errors = [difference(sound[:, after], b[:, after]) for sound in (out, whole)]
    assert errors[0] == pytest.approx(errors[1], rel=0.15)
    assert difference(out[:, after], whole[:, after]) < 1.5 * errors[1]  # √2 if nothing of both errors were common


def test_a_side_chain_that_does_not_fit_is_refused():
    codec = NeuralCodec(cross_layers=2)
    with pytest.raises(ValueError, match="side-chain has the shape"):
        codec(music(), RATE, sidechain=music()[:, :-1])
    with pytest.raises(TypeError):
        codec(music(), RATE, sidechain="b.wav")
    with pytest.raises(ValueError, match="side-chain has the shape"):
        codec.stream(RATE, 2).push(music(), music()[:1])


# Bits.


@pytest.mark.slow
def test_bits_follow_loudness_and_the_reverse():
    audio = music()[:1] * np.geomspace(1, 0.003, music().shape[1], dtype=np.float32)

    def bits(follow):
        codec = NeuralCodec(layers=20, loudness_layers=follow)
        codec(audio, RATE)
        return np.array([report.bits for report in codec.last_reports])[20:-10]

    with_level, even, against = bits(1.0), bits(0.0), bits(-1.0)
    assert set(even) == {200}
    n = len(even) // 3
    assert with_level[:n].mean() > 2 * with_level[-n:].mean()
    assert against[:n].mean() < against[-n:].mean()
    assert with_level.min() >= 10
