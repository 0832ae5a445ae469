"""In two passes a piece's bits go where they are needed, and there are no more of them."""

import copy
import itertools

import numpy as np
import pytest
from desk_sounds import RATE, music, voice

from lamina.models.runtime import load_runtime
from lamina.plugin import Board, NeuralCodec
from lamina.plugin.codes_file.coding import encode_file
from lamina.plugin.codes_file.file import write_codes
from lamina.plugin.files.render import render_file
from lamina.plugin.files.sound import atomic_writer, read_audio
from lamina.plugin.stream.two_pass import LayerPlan, best_path, least_planned, shared_out
from lamina.plugin.stream.variable_rate import changes_told

CODE_BITS = 10


def spent(counts):
    """Bits of all frames, and of telling how many layers they have."""
    return CODE_BITS * int(counts.astype(int).sum()) + int(changes_told(counts).sum())


def write_sound(path, audio):
    with atomic_writer(path, RATE, len(audio), "float") as writer:
        writer.write(audio)


def planned(layers, audio, **settings):
    codec = NeuralCodec(layers=layers, **settings)
    codec.layer_plan = codec.plan(audio, RATE)
    return codec


@pytest.mark.slow
@pytest.mark.parametrize("layers", [4, 8, 16, 22])
@pytest.mark.parametrize("sound", [voice, music])
def test_no_more_bits_are_sent_than_at_the_constant_bitrate_and_hardly_fewer(sound, layers):
    audio = sound()[:1]
    (counts,) = NeuralCodec(layers=layers).plan(audio, RATE).counts
    assert spent(counts) <= CODE_BITS * layers * len(counts)
    assert spent(counts) >= 0.97 * CODE_BITS * layers * len(counts), "bits lie about"
    assert least_planned(load_runtime("lamina-24k").config, layers) <= counts.min() < layers < counts.max()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sound", "layers", "gain_db"), [(voice, 4, 0.5), (voice, 8, 0.5), (voice, 16, 0.5), (music, 16, 0.2)]
)
def test_sound_comes_closer_to_itself(sound, layers, gain_db):
    audio = sound()

    def error(codec):
        return float(np.square(codec(audio, RATE) - audio).sum(dtype=np.float64))

    assert 10 * np.log10(error(NeuralCodec(layers=layers)) / error(planned(layers, audio))) > gain_db


@pytest.mark.slow
def test_what_is_planned_is_what_is_sent_and_heard_in_calls_files_and_streams():
    audio = voice()
    codec = planned(8, audio)
    codes = codec.encode(audio, RATE)
    assert np.array_equal(codes.counts, codec.layer_plan.counts)
    whole = codec(audio, RATE)
    assert np.array_equal(codec.decode(codes), whole)
    stream = codec.stream(RATE, len(audio))
    cuts = [0, 1, 700, 5000, 5001, 2 * RATE, audio.shape[1]]
    out = [stream.push(audio[:, start:stop]) for start, stop in itertools.pairwise(cuts)]
    streamed = np.concatenate([*out, stream.flush()], 1)[:, stream.latency_samples :]
    assert np.array_equal(streamed, whole)
    codec.layer_plan = None
    assert not np.array_equal(codec(audio, RATE), whole)


@pytest.mark.slow
def test_a_plan_does_not_depend_on_how_the_sound_is_cut():
    audio = music()
    codec = NeuralCodec(layers=6)
    planner = codec.planner(RATE, len(audio))
    for block in np.array_split(audio, 7, axis=1):
        planner.push(block)
    found, whole = planner.flush(), codec.plan(audio, RATE)
    assert np.array_equal(found.counts, whole.counts)
    assert np.array_equal(codec.plan(audio.T.copy(), RATE).counts, whole.counts)


@pytest.mark.slow
def test_the_way_that_is_found_is_the_cheapest_of_all():
    random = np.random.default_rng(7)
    bits = np.array([0.0, 10.0, 20.0, 30.0])
    for _ in range(20):
        cost, price = random.uniform(0, 60, (5, 4)), random.uniform(0.2, 2.0, 5)
        cost[random.uniform(size=cost.shape) < 0.15] = np.inf
        cost[:, 2] = np.minimum(cost[:, 2], 50.0)

        def whole(path, cost=cost, price=price):
            told = changes_told(np.array(path))
            told[0] = 0
            return sum(cost[t, n] + price[t] * (bits[n] + told[t]) for t, n in enumerate(path))

        cheapest = min(whole(path) for path in itertools.product(range(4), repeat=5))
        assert whole(best_path(cost, bits, price, 1.0).tolist()) == pytest.approx(cheapest)


def test_long_pieces_are_planned_in_stretches_of_which_each_is_as_cheap_as_can_be():
    config = load_runtime("lamina-24k").config
    random = np.random.default_rng(3)
    slopes, levels = random.uniform(0.7, 1.4, (1500, 1)), 10.0 ** random.uniform(0, 3, (1500, 1))
    errors = (levels * 10 ** (-slopes * np.arange(25) / 10)).astype(np.float32)
    counts = shared_out(config, errors, np.full(1500, 12, np.uint8))
    assert 0.97 * 120 * 1500 <= spent(counts) <= 120 * 1500


def test_what_is_turned_down_stays_down():
    audio = voice(4.0)[:1]
    codec = NeuralCodec()
    codec.automate("layers", [0.0, 2.0, 2.01], [16, 16, 4])
    plan = codec.plan(audio, RATE)
    for layers in (16, 4):
        there = plan.constant == layers
        assert there.sum() > 100
        assert 0.8 * layers <= plan.counts[there].mean() <= layers


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_where_there_is_nothing_to_share_out_nothing_changes(layers):
    audio = voice()[:, :RATE]
    assert planned(layers, audio).encode(audio, RATE) == NeuralCodec(layers=layers).encode(audio, RATE)


def test_silence_takes_the_least_and_nothing_is_planned_of_nothing():
    audio = np.concatenate([np.zeros((1, 2 * RATE), np.float32), voice()[:1, : 2 * RATE]], 1)
    (counts,) = NeuralCodec(layers=16).plan(audio, RATE).counts
    assert (counts[10:140] == 8).all()
    assert counts[160:].mean() > 16
    assert NeuralCodec().plan(np.zeros((2, 0), np.float32), RATE).counts.shape[1] == 0


def test_other_settings_than_the_planned_ones_get_their_own_layers():
    audio = voice()[:, :RATE]
    codec = planned(8, audio)
    codec.layers = 12
    assert codec.encode(audio, RATE) == NeuralCodec(layers=12).encode(audio, RATE)
    assert copy.copy(codec).layer_plan is None


def test_sound_behind_a_plans_end_and_beside_its_channels_is_coded_at_the_constant_bitrate():
    audio = voice()[:, : 2 * RATE]
    codec = NeuralCodec(layers=8)
    codec.layer_plan = codec.plan(audio[:1, :RATE], RATE)
    counts = codec.encode(audio, RATE).counts
    n_planned = codec.layer_plan.counts.shape[1]
    assert np.array_equal(counts[0, :n_planned], codec.layer_plan.counts[0])
    assert (counts[0, n_planned:] == 8).all() and (counts[1:] == 8).all()


def test_what_cant_be_planned_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(ValueError, match="3 generations"):
        NeuralCodec(passes=3).planner(RATE, 1)
    with pytest.raises(ValueError, match="as many counts"):
        LayerPlan(np.zeros((1, 3), np.uint8), np.zeros((1, 4), np.uint8))
    write_sound(tmp_path / "in.wav", voice()[:, :RATE])
    with pytest.raises(ValueError, match="by itself"):
        render_file(Board([NeuralCodec()]), tmp_path / "in.wav", tmp_path / "out.wav", two_pass=True)
    assert not (tmp_path / "out.wav").exists()


def test_what_is_no_plan_for_the_model_is_refused_and_changes_nothing():
    codec = NeuralCodec()
    eights = np.full((1, 3), 8, np.uint8)
    codec.layer_plan = plan = LayerPlan(eights, eights)
    for nonsense in ("4", eights, 4):
        with pytest.raises(TypeError, match="give what `plan` returns"):
            codec.layer_plan = nonsense
    with pytest.raises(ValueError, match="frames of 25 layers, and the model 'lamina-24k' has 24"):
        codec.layer_plan = LayerPlan(eights, np.full((1, 3), 25, np.uint8))
    assert codec.layer_plan is plan
    with pytest.raises(TypeError, match="uint8, not float64"):
        LayerPlan(eights, np.full((1, 3), np.nan))
    with pytest.raises(TypeError, match="uint8, not list"):
        LayerPlan([[8]], [[8]])
    with pytest.raises(ValueError, match="one layer at least"):
        LayerPlan(eights, np.zeros((1, 3), np.uint8))


def test_a_board_that_cant_be_streamed_is_not_rendered_in_one_pass_where_two_were_asked_for(tmp_path):
    pedalboard = pytest.importorskip("pedalboard")
    write_sound(tmp_path / "in.wav", voice()[:, :RATE])
    with pytest.raises(ValueError, match="by itself"):
        board = Board([NeuralCodec(), pedalboard.PitchShift(2)])
        render_file(board, tmp_path / "in.wav", tmp_path / "out.wav", two_pass=True)
    assert not (tmp_path / "out.wav").exists()


def test_a_stereo_mode_that_moves_cant_be_planned_and_the_sentence_says_so():
    codec = NeuralCodec()
    codec.automate("stereo", [0.0, 1.0], ["linked", "mid-side"])
    with pytest.raises(ValueError, match="planned while stereo moves"):
        codec.planner(RATE, 2)


def test_a_codecs_own_plan_is_still_there_after_a_file_in_two_passes(tmp_path):
    audio = voice()[:, :RATE]
    write_sound(tmp_path / "in.wav", audio)
    codec = planned(8, audio)
    plan = codec.layer_plan
    render_file(codec, tmp_path / "in.wav", tmp_path / "out.wav", two_pass=True)
    assert codec.layer_plan is plan


@pytest.mark.slow
def test_files_are_coded_as_the_sound_in_them_is(tmp_path):
    source = tmp_path / "in.wav"
    write_sound(source, voice()[:, : 2 * RATE])
    clip = read_audio(source)
    audio, rate = clip.samples, clip.sample_rate
    codec = planned(6, audio)
    told = []
    ours = NeuralCodec(layers=6)
    encode_file(ours, source, tmp_path / "two.lamina", progress=told.append, two_pass=True)
    write_codes(tmp_path / "whole.lamina", codec.encode(audio, rate))
    assert (tmp_path / "two.lamina").read_bytes() == (tmp_path / "whole.lamina").read_bytes()
    assert ours.layer_plan is None
    assert told == sorted(told) and told[-1] == 1.0 and 0.5 in told
    render_file(ours, source, tmp_path / "out.wav", sample_format="float", two_pass=True)
    rendered = read_audio(tmp_path / "out.wav").samples
    assert np.array_equal(rendered, codec(audio, rate))
