"""Contract 3: every control can move while sound runs; no sample step goes beyond what the unmoved signal has."""

from functools import lru_cache

import numpy as np
import pytest
from sounds import demo, noise

from lamina.plugin import NeuralCodec

RATE = 48_000
BLOCK = 480

# A moved control changes the signal itself, so its steps may differ a little from any unmoved rendering; a click is
# many times larger.
MARGIN = 1.25


def tone(seconds: float = 1.5):
    t = np.arange(int(seconds * RATE)) / RATE
    return (0.4 * np.sin(2 * np.pi * 220 * t) + 0.2 * np.sin(2 * np.pi * 331 * t))[None].astype(np.float32)


def largest_step(audio) -> float:
    return float(np.abs(np.diff(audio[:, RATE // 10 :], axis=1)).max())


def render_moving(audio, moves, **start):
    codec = NeuralCodec(**start)
    stream = codec.stream(RATE, len(audio))
    out = []
    for index, position in enumerate(range(0, audio.shape[1], BLOCK)):
        moves(codec, index)
        out.append(stream.push(audio[:, position : position + BLOCK]))
    return np.concatenate(out, 1), stream


MOVES = {
    "mix": (lambda codec, i: setattr(codec, "mix", float(i // 7 % 2)), [{"mix": 0.0}, {"mix": 1.0}]),
    "input_gain_db": (
        lambda codec, i: setattr(codec, "input_gain_db", (0.0, -18.0)[i // 7 % 2]),
        [{}, {"input_gain_db": -18.0}],
    ),
    "output_gain_db": (
        lambda codec, i: setattr(codec, "output_gain_db", (0.0, -18.0)[i // 7 % 2]),
        [{}, {"output_gain_db": -18.0}],
    ),
    "bypass": (lambda codec, i: setattr(codec, "bypass", bool(i // 7 % 2)), [{"bypass": True}, {"bypass": False}]),
    "denoise": (lambda codec, i: setattr(codec, "denoise", float(i // 7 % 2)), [{}, {"denoise": 1.0}]),
    "noise_only": (
        lambda codec, i: codec.set_parameters({"denoise": 1.0, "noise_only": bool(i // 7 % 2)}),
        [{"denoise": 1.0}, {"denoise": 1.0, "noise_only": True}],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("layers", [4, 24])
def test_gains_mix_and_switches_do_not_click(name, layers):
    moves, ends = MOVES[name]
    moved, _ = render_moving(tone(), moves, layers=layers)
    unmoved = max(largest_step_of_unmoved(layers, tuple(end.items())) for end in ends)
    assert largest_step(moved) <= unmoved * MARGIN


@lru_cache
def largest_step_of_unmoved(layers, settings):
    """Of the tone; most controls share one of their ends."""
    return largest_step(render_moving(tone(), lambda codec, i: None, layers=layers, **dict(settings))[0])


@pytest.mark.slow
@pytest.mark.parametrize("item", ["tone", "music", "voice"])
def test_the_bitrate_knob_does_not_click(item):
    audio = {"tone": tone, "music": lambda: demo(0, RATE, 2.0), "voice": lambda: demo(1, RATE, 2.0)}[item]()
    random = np.random.default_rng(0)
    visited = [int(v) for v in random.integers(1, 25, 1000)]
    moved, _ = render_moving(audio, lambda codec, i: setattr(codec, "layers", visited[i]))
    still = [
        largest_step(render_moving(audio, lambda codec, i: None, layers=layers)[0]) for layers in (1, 2, 4, 8, 16, 24)
    ]
    # Hissing sounds have larger steps before coding than after: what the input itself does is no click.
    unmoved = max(largest_step(audio) if item == "voice" else 0.0, *still)
    assert largest_step(moved) <= unmoved * MARGIN


@pytest.mark.slow
def test_a_bitrate_change_lands_on_a_frame_and_touches_no_state():
    """From eight layers up the loop hears the same whatever the number.

    What follows a visit to another rate is as without it. (The postfilter, which watches for two seconds how voiced the
    sound is, needs longer for the last bit.)
    """
    audio = demo(0, RATE, 2.0)
    moved, stream = render_moving(
        audio, lambda codec, i: setattr(codec, "layers", 9 if 60 <= i < 80 else 20), postfilter=0.0
    )
    still, _ = render_moving(audio, lambda codec, i: None, layers=20, postfilter=0.0)
    counts = [report.layers for report in stream.reports]
    assert set(counts) == {9, 20}
    assert sum(a != b for a, b in zip(counts, counts[1:], strict=False)) == 2
    # The decoder hears 14 frames back at most; half a second after the knob returned nothing is left of the visit.
    returned = 80 * BLOCK + RATE // 2
    assert np.array_equal(moved[:, returned:], still[:, returned:])
    assert not np.array_equal(moved, still)


@pytest.mark.slow
def test_after_a_bitrate_change_the_postfilter_soon_does_what_it_would_have_done():
    audio = demo(0, RATE, 2.0)
    moved, _ = render_moving(audio, lambda codec, i: setattr(codec, "layers", 9 if 60 <= i < 80 else 20))
    still, _ = render_moving(audio, lambda codec, i: None, layers=20)
    after = slice(80 * BLOCK + RATE // 2, None)
    assert 0 < np.abs(moved - still)[:, after].max() < 1e-3 < np.abs(moved - still).max()


@pytest.mark.slow
def test_a_visit_below_eight_layers_is_remembered_and_costs_nothing_afterwards():
    """What was sent is another past to go on from; other codes follow, and they are as near to the sound."""
    audio = demo(0, RATE, 3.0)
    moved, stream = render_moving(audio, lambda codec, i: setattr(codec, "layers", 2 if 60 <= i < 80 else 20))
    still, _ = render_moving(audio, lambda codec, i: None, layers=20)
    late = stream.latency_samples
    after = slice(80 * BLOCK + RATE // 2, audio.shape[1])
    heard = slice(after.start, audio.shape[1] - late)
    errors = [
        float(np.square(out[:, heard.start + late : heard.stop + late] - audio[:, heard]).mean())
        for out in (moved, still)
    ]
    assert 0.8 < errors[0] / errors[1] < 1.25


def test_ramps_do_not_depend_on_the_cutting():
    from lamina.dsp.ramp import Ramp

    whole, cut = Ramp(0.0, 500), Ramp(0.0, 500)
    whole.set(1.0)
    cut.set(1.0)
    expected = whole.take(700)
    got = np.concatenate([cut.take(n) for n in (1, 99, 250, 3, 347)])
    assert np.allclose(got, expected, atol=1e-6)
    assert got[-1] == 1.0
    assert np.abs(np.diff(got)).max() <= 1 / 500 + 1e-6


def test_bypass_at_rest_gives_back_the_input_bit_for_bit():
    audio = noise(1, RATE)
    codec = NeuralCodec(bypass=False)
    stream = codec.stream(RATE, 1)
    stream.push(audio[:, : RATE // 2])
    codec.bypass = True
    out = np.concatenate([stream.push(audio[:, RATE // 2 :])], 1)
    settled = RATE // 20
    latency = stream.latency_samples
    assert np.array_equal(out[:, settled:], audio[:, RATE // 2 + settled - latency : RATE - latency])
