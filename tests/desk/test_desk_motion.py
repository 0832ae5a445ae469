"""What moves by itself moves as drawn.

At the same samples however the stream is cut, and kept in presets.
"""

import json
import pickle

import numpy as np
import pytest
from desk_sounds import RATE, difference, frame_rms, largest_step, music, render, rms, voice
from sounds import push_in_blocks

from lamina.plugin import Automation, Motion, NeuralCodec, Parameter, Settings
from lamina.plugin.board import Board
from lamina.plugin.documents.boards import build_board, describe_board
from lamina.plugin.documents.presets import load_preset, save_preset
from lamina.plugin.parameters.control_track import ControlTrack

STEP = 1 / 75


def values(motion: Motion, n_steps: int, tempo: float = 120.0) -> np.ndarray:
    return np.array([motion.value(step * STEP, tempo, 0.0) for step in range(n_steps)])


def layers_over_time(audio=None, **settings) -> np.ndarray:
    codec = NeuralCodec(**settings)
    codec(music() if audio is None else audio, RATE)
    return np.array([report.layers for report in codec.last_reports])


@pytest.mark.parametrize("shape", ["sine", "triangle", "saw up", "saw down", "square"])
def test_an_lfo_has_its_shape_its_rate_and_its_phase(shape):
    at_quarters = {"sine": [0, 0.5, 1, 0.5], "triangle": [0, 0.5, 1, 0.5], "saw up": [0, 0.25, 0.5, 0.75],
    "saw down": [1, 0.75, 0.5, 0.25],
                   "square": [0, 0, 1, 1]}[shape]  # fmt: skip
    for quarter in range(4):
        motion = Motion("mix", shape=shape, hz=2.0, phase=quarter / 4)
        for later in range(4):
            assert motion.value(later / 8, 120.0, 0.0) == pytest.approx(at_quarters[(quarter + later) % 4], abs=1e-9)


def test_beats_follow_the_tempo():
    motion = Motion("mix", shape="saw up", beats=2.0, hz=9.0)
    assert motion.value(0.5, 120.0, 0.0) == pytest.approx(0.5)
    assert motion.value(0.5, 60.0, 0.0) == pytest.approx(0.25)


def test_a_random_lfo_holds_each_value_for_a_cycle():
    drawn = values(Motion("mix", shape="random", hz=5.0), 150).reshape(10, 15)
    assert (drawn == drawn[:, :1]).all()
    assert len(set(drawn[:, 0])) == 10
    assert 0 <= drawn.min() < 0.4 < 0.6 < drawn.max() < 1


def test_steps_come_in_turn_and_swing_makes_every_other_one_late():
    straight = Motion("mix", "steps", steps=(0.0, 0.25, 0.5, 1.0), hz=4.0)
    assert [straight.value(k / 4 + 0.01, 120.0, 0.0) for k in range(5)] == [0.0, 0.25, 0.5, 1.0, 0.0]
    swung = Motion("mix", "steps", steps=(0.0, 0.25, 0.5, 1.0), hz=4.0, swing=0.75)
    assert [swung.value(t, 120.0, 0.0) for t in (0.0, 0.37, 0.38, 0.49, 0.51)] == [0.0, 0.0, 0.25, 0.25, 0.5]


@pytest.mark.slow
def test_a_moving_bitrate_is_sent_frame_by_frame():
    motion = Motion("layers", depth=-1.0, shape="triangle", hz=1.0)
    sent = layers_over_time(layers=24, motions=[motion])[: 3 * 75]
    expected = [max(1, round(24 - 23 * motion.value(frame * STEP, 120.0, 0.0))) for frame in range(len(sent))]
    assert list(sent) == expected
    assert {1, 24} <= set(sent)


def test_the_envelope_follower_hears_the_input_and_takes_its_times():
    audio = np.concatenate(
        [np.zeros((1, RATE), np.float32), 0.5 * np.ones((1, RATE), np.float32), np.zeros((1, RATE), np.float32)], 1
    )
    audio *= np.sin(2 * np.pi * 300 * np.arange(audio.shape[1]) / RATE).astype(np.float32)

    def over_time(**times):
        return layers_over_time(audio, layers=1, motions=[Motion("layers", "envelope", 1.0, **times)])

    quick, slow = over_time(attack_ms=1.0, release_ms=1.0), over_time(attack_ms=400.0, release_ms=400.0)
    # 0.5 sine: −9 dBFS, so 51 of 60 dB, and 23 layers' range.
    assert set(quick[80:148]) == {1 + round(23 * 51 / 60)}
    assert set(quick[:74]) == {1}
    assert set(quick[153:224]) == {1}
    assert 1 < slow[80] < slow[95] < slow[140]
    assert slow[155] > slow[180] > 1


def test_a_gate_of_steps_on_the_mix_is_heard_in_its_frames():
    """The wet sound is only there in the open steps, aligned with the sound however late it comes out."""
    audio = voice()
    gated = render(audio, mix=0.0, layers=2, motions=[Motion("mix", "steps", 1.0, hz=2.5, steps=(1.0, 0.0))])
    wet, error = render(audio, layers=2), frame_rms(gated - audio)
    as_wet = frame_rms(gated - wet)
    frames = np.arange(len(error)) % 60
    # The ramp takes one and a half frames.
    assert error[(frames >= 33) & (frames < 59)].max() < 1e-6
    assert as_wet[(frames >= 3) & (frames < 29)].max() < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize(
    "target", ["mix", "input_gain_db", "output_gain_db", "layer_gains.2", "layers", "bypass", "denoise"]
)
def test_whatever_moves_does_not_click(target):
    audio = music()
    still = max(largest_step(audio), *(largest_step(render(audio, layers=layers)) for layers in (1, 8, 24)))
    moved = render(
        audio * 0.5, layers=8, motions=[Motion(target, depth=0.25 if "gain" in target else 0.9, shape="square", hz=7.0)]
    )
    assert largest_step(moved) <= 1.6 * still


def test_a_switch_and_a_word_move_too():
    sliced = Settings().with_value(
        "motions", [Motion("slices", "steps", 1.0, hz=1.0, steps=(0.0, 0.5, 1.0)), Motion("freeze", depth=1.0)]
    )
    track = ControlTrack(sliced, RATE, 24_000, 320, 0)
    track.take_in(np.zeros((1, 4 * RATE), np.float32), sliced)
    assert [track.at(frame).slices for frame in (10, 80, 160)] == ["off", "stutter", "reverse"]
    assert [track.at(frame).freeze for frame in (0, 37, 74)] == [False, True, False]


@pytest.mark.slow
def test_automation_is_drawn_over_a_pieces_own_time():
    codec = NeuralCodec(layers=3, search=1, postfilter=0.0)
    codec.automate("layers", [0.0, 1.0, 2.0], [3, 20, 5])
    codec(music(), RATE)
    sent = [report.layers for report in codec.last_reports]
    assert sent[0] == 3 and sent[75] == 20 and set(sent[150:]) == {5}
    assert sent[:76] == sorted(sent[:76]) and set(sent[:76]) == set(range(3, 21))
    assert sent[75:151] == sorted(sent[75:151], reverse=True) and set(sent[75:151]) == set(range(5, 21))
    codec.automate("layers", [], [])
    codec.automate("mix", [0.5, 1.5], [0.0, 1.0])
    heard, wet = codec(music(), RATE), render(music(), layers=3)
    middle = slice(RATE - 200, RATE + 200)
    half = 0.5 * (music() + wet)[:, middle]
    # The mix is one straight line, taken in steps of a frame that are ramped over.
    assert difference(heard[:, middle], half) < 0.03
    assert np.array_equal(heard[:, : int(0.49 * RATE)], music()[:, : int(0.49 * RATE)])
    assert np.abs(heard - wet)[:, int(1.55 * RATE) :].max() < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("rate", [24_000, 44_100])
def test_the_same_samples_come_however_the_stream_is_cut(rate):
    audio = music()[:, : 2 * rate]
    settings = {
        "layers": 20,
        "motions": [
            Motion("layers", depth=-0.8, hz=1.7),
            Motion("mix", "envelope", -0.5),
            Motion("output_gain_db", "steps", -0.4, hz=3.0),
            Motion("layer_gains.1", depth=-0.2, shape="random", hz=6.0),
        ],
        "automation": [Automation("input_gain_db", (0.2, 1.0), (-6.0, 3.0))],
    }
    whole = NeuralCodec(**settings).stream(rate, 2).push(audio)
    for sizes in ([1, 333, 64], [512], [8192, 7]):
        assert np.abs(push_in_blocks(NeuralCodec(**settings).stream(rate, 2), audio, sizes) - whole).max() <= 1e-5
    moved, still = NeuralCodec(**settings)(audio, rate), NeuralCodec(layers=20)(audio, rate)
    assert difference(moved, still) > 0.1


@pytest.mark.slow
def test_a_stereo_mode_that_moves_does_so_at_the_same_samples_however_the_stream_is_cut():
    settings = {"layers": 12, "motions": [Motion("stereo", "steps", 1.0, hz=3.0, steps=(0.0, 1.0, 0.5))]}
    whole = NeuralCodec(**settings).stream(RATE, 2).push(music())
    for sizes in ([512], [4801, 7]):
        assert np.abs(push_in_blocks(NeuralCodec(**settings).stream(RATE, 2), music(), sizes) - whole).max() <= 1e-5
    heard = NeuralCodec(**settings)(music(), RATE)
    # The second third of a second is mono, the first one isn't.
    assert np.abs(heard[0] - heard[1])[int(0.40 * RATE) : int(0.62 * RATE)].max() < 1e-6
    assert np.abs(heard[0] - heard[1])[: RATE // 4].max() > 0.01


@pytest.mark.slow
def test_several_motions_of_one_parameter_add_up_inside_its_range():
    up = Motion("layers", "steps", 0.5, steps=(1.0,))
    assert set(layers_over_time(layers=4, motions=[up])) == {round(4 + 0.5 * 23)}
    assert set(layers_over_time(layers=4, motions=[up, up])) == {24}


@pytest.mark.slow
def test_equal_followers_are_each_their_own():
    follower = Motion("layers", "envelope", 0.25, attack_ms=500.0)
    once, twice = (
        layers_over_time(layers=2, motions=[follower]),
        layers_over_time(layers=2, motions=[follower, follower]),
    )
    assert np.abs((twice - 2) - 2 * (once - 2)).max() <= 1  # rounded once and twice


def test_presets_and_boards_keep_what_moves(tmp_path):
    codec = NeuralCodec(
        layers=6, motions=[Motion("layers", depth=0.3, beats=0.5), Motion("mix", "steps", steps=(0.0, 1.0, 0.5))]
    )
    codec.automate("denoise", [0.0, 4.0], [0.0, 1.0])
    save_preset(tmp_path / "moving.json", "Moving", codec.settings.plain())
    assert load_preset(tmp_path / "moving.json").settings() == codec.settings
    document = json.loads(json.dumps(describe_board(Board([codec]))))
    (again,) = build_board(document)
    assert again.settings == codec.settings


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"motions": [{"target": "nothing"}]}, "no parameter 'nothing'"),
        ({"motions": [{"target": "passes"}]}, "can't move"),
        ({"motions": [{"target": "layer_gains"}]}, "can't move"),
        ({"motions": [{"target": "mix", "shape": "round"}]}, "sine, triangle"),
        ({"motions": [{"target": "mix", "hz": 0.0}]}, "0.01 to 37.5"),
        ({"motions": [{"target": "mix", "speed": 1}]}, "no field 'speed'"),
        ({"motions": [{"depth": 1}]}, "without all of its fields"),
        ({"motions": [{"target": "mix"}] * 17}, "16 are the most"),
        ({"motions": [{"target": "mix", "steps": []}]}, "1 to 64"),
        ({"motions": "mix"}, "list of motions"),
        ({"automation": [{"target": "mix", "times": [0.0, 0.0], "values": [0, 1]}]}, "must rise"),
        ({"automation": [{"target": "mix", "times": [0.0], "values": [0, 1]}]}, "as many times as values"),
        ({"automation": [{"target": "mix", "times": [0.0], "values": [7]}]}, "0 to 1"),
        ({"automation": [{"target": "mix", "times": [0.0], "values": [0]}] * 2}, "twice"),
    ],
)
def test_what_can_not_move_is_refused_with_a_sentence(values, words):
    codec = NeuralCodec()
    before = codec.settings
    with pytest.raises((ValueError, TypeError), match=words):
        codec.set_parameters(values)
    assert codec.settings == before


@pytest.mark.slow
def test_without_motion_nothing_of_it_costs_or_changes_anything():
    assert np.array_equal(render(voice(), layers=9, motions=[]), render(voice(), layers=9))
    still = render(voice(), layers=9, motions=[Motion("layers", depth=0.0)])
    assert np.abs(still - render(voice(), layers=9)).max() < 1e-6
    assert rms(still) > 0


def test_curves_of_many_points_are_checked_at_once_and_only_once(monkeypatch):
    """Point by point the most that is allowed took seconds, each time a knob was turned."""
    asked = []
    validate = Parameter.validate
    monkeypatch.setattr(Parameter, "validate", lambda self, value: asked.append(value) or validate(self, value))
    n = 50_000
    codec = NeuralCodec()
    codec.automate("layers", np.arange(n), np.arange(n) % 24 + 1)
    codec.automate("mix", range(n), [0, 1] * (n // 2))
    assert len(asked) < 20
    layers, mix = codec.settings.automation
    assert layers.values[:3] == (1, 2, 3) and {type(value) for value in layers.values} == {int}
    assert mix.values[:2] == (0.0, 1.0) and {type(value) for value in mix.values} == {float}
    codec.set_parameters({"automation": codec.settings.automation})
    assert all(one is other for one, other in zip(codec.settings.automation, (layers, mix), strict=True))
    # Another process or another model asks anew.
    assert pickle.loads(pickle.dumps(layers)) == layers
    assert "_valid_for" not in pickle.loads(pickle.dumps(layers)).__dict__


@pytest.mark.parametrize(
    ("target", "values", "words"),
    [
        ("mix", [0.5, 1.5], "mix is 1.5"),
        ("mix", [0.5, float("nan")], "mix is nan"),
        ("mix", [0.5, True], "mix is True"),
        ("mix", [0.5, "1"], "mix is '1'"),
        ("layers", [3, 3.5], "layers is 3.5"),
        ("layers", [3, 10**400], "layers is"),
        ("layers", [3, 25], "layers is 25"),
    ],
)
def test_a_point_that_can_not_be_is_named_among_many(target, values, words):
    with pytest.raises((ValueError, TypeError), match=words):
        NeuralCodec().automate(target, range(1002), [values[0]] * 1000 + values)


def test_times_that_do_not_rise_or_are_no_numbers_are_refused_among_many():
    for times, words in (([*range(1000), 999], "rise"), ([*range(1000), float("nan")], "A time"), ([-1, 0], "A time")):
        with pytest.raises(ValueError, match=words):
            NeuralCodec().automate("mix", times, [0.5] * len(times))
