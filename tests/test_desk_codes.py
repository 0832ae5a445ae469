"""What is done to codes is heard as its label says: held, repeated, turned round, echoed, bent, copied, and crossed."""

import numpy as np
import pytest
from desk_sounds import FRAME, RATE, difference, frame_rms, largest_step, music, render, rms, stream, voice
from sounds import lag_samples

from lamina.models.runtime import load_runtime
from lamina.plugin import NeuralCodec, Settings
from lamina.plugin.desk.bend import Bend
from lamina.plugin.desk.echo import Echo
from lamina.plugin.desk.frame import CodedFrame
from lamina.plugin.desk.slices import slice_frames

FPS = 75
REMEMBERED = 34
"""Frames after which the networks have forgotten what came before."""


def tones(*seconds_and_hz) -> np.ndarray:
    """Tones one after the other, soft-edged, mono."""
    parts = []
    for seconds, hz in seconds_and_hz:
        t = np.arange(int(seconds * RATE)) / RATE
        edge = np.minimum(1, np.minimum(t, t[::-1]) / 0.005)
        parts.append(0.3 * edge * np.sin(2 * np.pi * hz * t))
    return np.concatenate(parts)[None].astype(np.float32)


def pitch(audio: np.ndarray) -> float:
    """The strongest frequency in Hz."""
    spectrum = np.abs(np.fft.rfft(audio[0] * np.hanning(audio.shape[1])))
    return float(np.argmax(spectrum)) * RATE / audio.shape[1]


# Freeze.


@pytest.mark.parametrize("fade", [0, 12])
def test_freeze_holds_the_moment_until_it_is_let_go(fade):
    audio = tones((1, 300), (1, 700), (1, 1100))
    frozen = stream(audio, lambda codec, i: setattr(codec, "freeze", 60 <= i < 150), layers=16, freeze_fade=fade)
    plain = render(audio, layers=16)
    frame = slice(100 * FRAME, 140 * FRAME)  # long into the second tone
    assert abs(pitch(plain[:, frame]) - 700) < 30
    assert abs(pitch(frozen[:, frame]) - 300) < 30
    assert rms(frozen[:, frame]) > 0.5 * rms(plain[:, 20 * FRAME : 60 * FRAME])
    after = slice((152 + fade + REMEMBERED) * FRAME, 220 * FRAME)
    assert difference(frozen[:, after], plain[:, after]) < 1e-3
    before = slice(0, 57 * FRAME)
    assert np.array_equal(frozen[:, before], plain[:, before])


def test_the_fade_into_what_is_frozen_takes_as_long_as_is_said():
    audio = tones((1, 300), (2, 900))

    def share_of_new_tone(fade, at):
        # Frozen in the first tone, let go in the second.
        heard = stream(audio, lambda codec, i: setattr(codec, "freeze", 60 <= i < 150), layers=16, freeze_fade=fade)
        part = heard[:, (150 + at - 6) * FRAME : (150 + at + 6) * FRAME]
        spectrum = np.abs(np.fft.rfft(part[0] * np.hanning(part.shape[1]))) ** 2
        hz = np.fft.rfftfreq(part.shape[1], 1 / RATE)
        new, old = (spectrum[np.abs(hz - f) < 60].sum() for f in (900, 300))
        return new / (new + old)

    assert share_of_new_tone(0, 12) > 0.9
    assert share_of_new_tone(60, 12) < 0.5
    assert share_of_new_tone(60, 70) > 0.9


def test_what_is_frozen_does_not_buzz_at_the_frame_rate():
    """A single held frame would repeat 75 times a second: all its energy would lie at multiples of 75 Hz."""

    def share_at_frame_rate(frames):
        heard = stream(voice(), lambda codec, i: setattr(codec, "freeze", i >= 80), layers=16, freeze_frames=frames)
        part = heard[0, 100 * FRAME : 175 * FRAME]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
        near = np.abs((np.fft.rfftfreq(len(part), 1 / RATE) + 37.5) % 75 - 37.5) < 4
        return spectrum[near].sum() / spectrum.sum()

    # 8 Hz of every 75 Hz are near a multiple: a sound that knows nothing of frames has about a ninth there.
    assert share_at_frame_rate(1) > 0.9
    assert share_at_frame_rate(Settings().freeze_frames) < 0.45


# Slices.


@pytest.mark.parametrize(("length", "tempo", "frames"), [("1/8", 120, 19), ("1/4", 100, 45), ("1/32", 300, 2), ("1/1", 30, 600)])
def test_a_slice_is_as_long_as_its_note(length, tempo, frames):
    settings = Settings().with_value("slice_length", length).with_value("tempo", float(tempo))
    assert slice_frames(settings) == frames


def test_stutter_repeats_each_slice_as_often_as_is_said():
    audio = music(4.0)
    heard = render(audio, layers=12, slices="stutter", slice_length="1/4", tempo=92.0, slice_repeats=3)
    plain = render(audio, layers=12)
    n = slice_frames(Settings().with_value("slice_length", "1/4").with_value("tempo", 92.0)) * FRAME
    assert difference(heard[:, : n - FRAME], plain[:, : n - FRAME]) < 1e-6
    # All three repeats are alike once the network has forgotten the one before …
    inner = slice(REMEMBERED * FRAME, n - FRAME)
    for repeat in (2, 3):
        first, later = (heard[:, k * n : (k + 1) * n][:, inner] for k in (1, repeat))
        assert difference(later, first) < 1e-3
    # … and then the next slice is the sound's own present.
    present = slice(4 * n + REMEMBERED * FRAME, 5 * n - FRAME)
    assert difference(heard[:, present], plain[:, present]) < 1e-3
    assert difference(heard[:, n : 2 * n], plain[:, n : 2 * n]) > 0.5


def test_reverse_plays_each_slice_backwards():
    """Two tones in a slice come back in the other order."""
    beat = 45 * FRAME / RATE
    audio = tones((beat / 2, 400), (beat / 2, 1000), (beat, 200))
    heard = render(audio, layers=16, slices="reverse", slice_length="1/4", tempo=100.0)
    second = heard[:, 45 * FRAME : 90 * FRAME]
    assert abs(pitch(second[:, 3 * FRAME : 19 * FRAME]) - 1000) < 60
    assert abs(pitch(second[:, 26 * FRAME : 42 * FRAME]) - 400) < 60


# Echo.


def test_echoes_come_after_the_delay_softer_and_thinner_each_time():
    audio = np.concatenate([tones((0.2, 500)), np.zeros((1, 3 * RATE), np.float32)], 1)
    heard = frame_rms(render(audio, layers=16, code_delay=40, code_feedback=0.5))
    plain = frame_rms(render(audio, layers=16))
    tone = np.arange(4, 13)  # frames of its middle
    levels = [heard[tone + 40 * k].mean() for k in range(4)]
    assert levels[0] == pytest.approx(plain[tone].mean(), rel=0.01)
    for louder, softer in zip(levels, levels[1:], strict=False):
        assert 0.25 < softer / louder < 0.8
    # Between the echoes it is quiet, as it is without them.
    for k in range(1, 4):
        assert heard[40 * k - 12 : 40 * k - 4].max() < 0.1 * levels[k - 1]
    assert plain[30:].max() < 1e-3


def test_each_echo_has_fewer_layers_and_one_that_would_be_too_soft_is_no_more():
    echo, settings = Echo(), Settings().with_value("code_delay", 5).with_value("code_feedback", 0.6)
    loud, quiet = (CodedFrame(np.full((1, 24), code, np.int16), 20, rms, rms) for code, rms in ((7, 0.3), (8, 0.0)))
    heard = [echo.step(frame, settings) for frame in [loud, *[quiet] * 80]]
    echoes = [frame for frame in heard if frame.codes[0, 0] == 7]
    assert [frame.layers for frame in echoes[:4]] == [20, 12, 7, 4]
    assert [int((frame.codes[0] >= 0).sum()) for frame in echoes[1:4]] == [12, 7, 4]
    assert [frame.level for frame in echoes[:3]] == pytest.approx([1.0, 0.6, 0.36])
    # 0.6 to the power of 9 is just above a hundredth, of 10 below it.
    assert len(echoes) == 10


def test_a_sound_that_leaves_no_room_has_no_echoes():
    t = np.arange(2 * RATE) / RATE
    steady = (0.3 * np.sin(2 * np.pi * 500 * t))[None].astype(np.float32)
    assert difference(render(steady, layers=16, code_delay=30, code_feedback=0.7), render(steady, layers=16)) < 1e-6


# Bend.


def bent(audio, bend, **settings):
    return difference(render(audio, layers=12, bend=bend, **settings), render(audio, layers=12))


def test_more_bending_is_heard_more():
    for bend in ("offset", "shuffle", "nearest"):
        some = [bent(music(), bend, bend_amount=amount) for amount in (0.0, 0.1, 0.4, 1.0)]
        assert some[0] == 0
        assert some == sorted(some)
    # Entries stand in order of likeness, so a small offset is a small change; so is a near neighbour.
    assert bent(music(), "offset", bend_offset=0) == 0
    assert 0 < bent(music(), "offset", bend_offset=2) < bent(music(), "offset", bend_offset=400)
    assert 0 < bent(music(), "nearest", bend_nearest=1) < bent(music(), "nearest", bend_nearest=64)


def test_bending_the_first_layers_is_heard_more_than_bending_the_last():
    first, last, none = (
        bent(music(), "shuffle", bend_from=start, bend_to=stop) for start, stop in ((1, 3), (10, 12), (13, 24))
    )
    assert first > last > none == 0


def test_a_share_of_the_codes_is_bent_and_not_the_same_ones_in_every_frame():
    settings = Settings().with_value("bend", "offset").with_value("bend_offset", 1).with_value("bend_amount", 0.3)
    bend, frame = Bend(load_runtime("lamina-24k").likeness), CodedFrame(np.full((2, 24), 100, np.int16), 24, 0.1, 0.1)
    hit = np.array([bend.step(frame, settings, index).codes != 100 for index in range(400)])
    assert hit.mean() == pytest.approx(0.3, abs=0.02)
    assert np.abs(hit.mean(0) - 0.3).max() < 0.12
    assert np.abs(hit.mean((1, 2)) - 0.3).max() < 0.35


def test_a_shuffle_is_its_seeds_own():
    first, again, other = (render(music(), bend="shuffle", seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert difference(other, first) > 0.1


def test_the_nearest_neighbour_is_the_entry_that_is_nearest_but_one_and_so_on():
    likeness = load_runtime("lamina-24k").likeness
    for layer, entry in ((0, 5), (11, 1000), (23, 512)):
        book = likeness.codebooks[layer].astype(np.float64)
        distance = ((book - book[entry]) ** 2).sum(1)
        expected = np.argsort(distance, kind="stable")[1:65]
        found = likeness.neighbours[layer, entry]
        assert np.allclose(distance[found], distance[expected], rtol=1e-4)
        assert sorted(likeness.order[layer]) == list(range(1024))


def test_a_palette_keeps_the_codes_used_most_and_only_those():
    bend, settings = Bend(load_runtime("lamina-24k").likeness), Settings().with_value("bend", "common").with_value("bend_common", 3)
    random = np.random.default_rng(0)
    common = [10, 200, 777]

    def frame():
        code = random.choice(common) if random.random() < 0.7 else random.integers(1024)
        return CodedFrame(np.full((1, 24), code, np.int16), 24, 0.1, 0.1)

    heard = [bend.step(frame(), settings, index).codes[0, 0] for index in range(1000)]
    assert set(heard[300:]) == set(common)
    assert bent(music(), "common", bend_common=2) > bent(music(), "common", bend_common=300) > 0


# Generations.


def test_each_generation_loses_more_and_says_what_it_delays():
    errors = [difference(render(music(), layers=8, passes=passes), music()) for passes in (1, 2, 4, 8)]
    assert errors == sorted(errors)
    assert errors[3] > 1.2 * errors[0]
    once, thrice = (NeuralCodec(passes=passes) for passes in (1, 3))
    # 80 samples at 24 kHz for each pass.
    assert thrice.latency_samples(24_000) - once.latency_samples(24_000) == 160


@pytest.mark.parametrize("rate", [24_000, 48_000])
def test_many_generations_stay_aligned_with_the_dry_sound(rate):
    audio = music()[:1, :: RATE // rate].copy()
    coded = NeuralCodec(layers=24, passes=6)(audio, rate)
    assert lag_samples(audio[0], coded[0]) == 0


def test_a_running_stream_keeps_the_generations_it_began_with():
    audio = music(1.0)
    changed = stream(audio, lambda codec, i: setattr(codec, "passes", 1 if i < 30 else 5))
    assert np.array_equal(changed, stream(audio, lambda codec, i: None))


# Cross-synthesis.


def test_layers_come_from_two_sounds():
    a, b = voice(), music()[:1]
    plain_a, plain_b = (render(audio, layers=12) for audio in (a, b))

    def crossed(own):
        return NeuralCodec(layers=12, cross_layers=own)(a, RATE, sidechain=b)

    assert np.array_equal(crossed(12), plain_a)
    assert np.array_equal(crossed(24), plain_a)
    assert np.array_equal(crossed(0), plain_b)
    from_a = [difference(crossed(own), plain_a) for own in (0, 2, 6, 10)]
    assert from_a == sorted(from_a, reverse=True)
    assert from_a[-1] > 0
    assert difference(crossed(2), plain_b) > difference(crossed(0), plain_b)


@pytest.mark.parametrize("passes", [1, 4])
def test_the_side_chain_is_aligned_with_the_sound_however_many_generations_that_has(passes):
    a, b = voice(), music()[:1]
    crossed = NeuralCodec(layers=24, cross_layers=0, passes=passes)(a, RATE, sidechain=b)
    assert lag_samples(b[0], crossed[0]) == 0
    assert difference(crossed, b) < 0.5


def test_a_side_chain_that_begins_later_stands_at_its_place():
    a, b = voice(), music()[:1]
    codec = NeuralCodec(layers=12, cross_layers=0, passes=2)
    stream = codec.stream(RATE, 1)
    late = 30_001
    out = np.concatenate([stream.push(a[:, :late]), stream.push(a[:, late:], b[:, late:])], 1)[:, stream.latency_samples :]
    silent_first = b.copy()
    silent_first[:, :late] = 0
    whole = codec(a, RATE, sidechain=silent_first)
    after = slice(late + 40 * FRAME, out.shape[1])
    assert difference(out[:, after], whole[:, after]) < 1e-3


def test_a_side_chain_that_does_not_fit_is_refused():
    codec = NeuralCodec(cross_layers=2)
    with pytest.raises(ValueError, match="side-chain has the shape"):
        codec(music(), RATE, sidechain=music()[:, :-1])
    with pytest.raises(TypeError):
        codec(music(), RATE, sidechain="b.wav")
    with pytest.raises(ValueError, match="side-chain has the shape"):
        codec.stream(RATE, 2).push(music(), music()[:1])


# Bits.


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


# None of it clicks.


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("freeze", (False, True)),
        ("slices", ("off", "stutter")),
        ("slices", ("off", "reverse")),
        ("bend_amount", (0.0, 0.3)),
        ("code_feedback", (0.0, 0.9)),
        ("frame_loss", (0.0, 0.3)),
        ("layer_gains.3", (0.2, 1.8)),
        ("muted_layers", ((), (4, 5))),
        ("loudness_layers", (0.0, 1.0)),
        ("solo_layers", ((), (1, 3))),
        ("bend", ("nearest", "common")),
        ("bend_nearest", (1, 60)),
        ("bend_from", (3, 12)),
        ("slice_length", ("1/16", "1/8")),
        ("code_delay", (10, 40)),
        ("freeze_frames", (2, 40)),
        ("concealment", ("hold", "silence")),
        ("layer_loss", (0.0, 1.0)),
        ("side_layers", (0, 12)),
        ("seed", (1, 2)),
        ("tempo", (90.0, 200.0)),
    ],
)
def test_moving_a_control_makes_no_step_the_sound_does_not_have(name, values):
    """At either end the altered sound has its own steps; going between them adds none."""
    audio = music()
    context = {
        "bend": {"bend_amount": 0.3}, "bend_nearest": {"bend_amount": 0.3}, "bend_from": {"bend_amount": 0.3}, "seed": {"frame_loss": 0.3},
        "slice_length": {"slices": "stutter"}, "tempo": {"slices": "reverse"}, "code_delay": {"code_feedback": 0.8},
        "freeze_frames": {"freeze": True}, "concealment": {"frame_loss": 0.3}, "side_layers": {"stereo": "mid-side"},
    }  # fmt: skip
    settings = {"layers": 16, "bend": "nearest", "bend_amount": 0.0, **context.get(name, {})}
    moved = stream(audio, lambda codec, i: codec.set_parameters({name: values[i // 9 % 2]}), **settings)

    def still(value):
        return stream(audio, lambda codec, i: codec.set_parameters({name: value}), **settings)

    largest = max(largest_step(audio), *(largest_step(still(value)) for value in values))
    assert largest_step(moved) <= 1.3 * largest
