"""Nothing assumes 24 layers of 0.75 kbps at 24 kHz.

Models of other layers, rates and codes open, play, and survive desk and files.
"""

import dataclasses

import numpy as np
import pytest
from sounds import push_in_blocks

torch = pytest.importorskip("torch")

from other_models import CONFIGS, other_model  # noqa: E402

from lamina.plugin import Board, Motion, NeuralCodec  # noqa: E402
from lamina.plugin.codes_file.file import read_codes, write_codes  # noqa: E402
from lamina.plugin.documents.boards import build_board, describe_board  # noqa: E402
from lamina.plugin.host.engine.commands import COMMANDS  # noqa: E402
from lamina.plugin.parameters.model_shape import USUAL, shape_of  # noqa: E402
from lamina.plugin.parameters.settings import Settings  # noqa: E402

pytestmark = pytest.mark.torch

KBPS = {"sixteen": (0.75, 12.0), "four": (0.075, 0.3), "remembering": (0.35, 1.75), "forty": (0.375, 15.0)}
EVERYTHING = {
    "layer_gains": [0.5, 1.5],
    "muted_layers": [2],
    "stereo": "mid-side",
    "side_layers": 1,
    "frame_loss": 0.2,
    "layer_loss": 0.2,
    "bend": "nearest",
    "slices": "stutter",
    "code_feedback": 0.3,
    "decimate_frames": 2,
    "passes": 2,
}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """The folders of random models, by name."""
    folder = tmp_path_factory.mktemp("models")
    return {name: other_model(name, folder) for name in CONFIGS}


@pytest.fixture(params=CONFIGS)
def model(request, bundles):
    return bundles[request.param]


@pytest.fixture
def audio():
    t = np.arange(24_000) / 48_000
    return np.stack([0.3 * np.sin(2 * np.pi * hertz * t * (1 + t)) for hertz in (220, 330)]).astype(np.float32)


def test_the_table_is_that_of_the_shipped_model():
    assert shape_of(NeuralCodec().bundle.config) == USUAL


def test_ranges_and_rates_are_the_models(model):
    codec = NeuralCodec(model=model)
    config = codec.bundle.config
    least, most = KBPS[codec.bundle.name]
    assert codec.layers == min(8, config.layers) and len(codec.layer_gains) == config.layers
    codec.kbps = most
    assert codec.layers == config.layers and codec.kbps == pytest.approx(most)
    codec.kbps = least
    assert codec.layers == 1 and codec.kbps == pytest.approx(least)
    with pytest.raises(ValueError, match=f"choose 1 to {config.layers}"):
        codec.layers = config.layers + 1
    with pytest.raises(ValueError, match="choose"):
        codec.kbps = most * 1.1


def test_streams_are_whole_pieces_in_any_blocks_with_everything_on(model, audio):
    codec = NeuralCodec(layers=3, model=model, **EVERYTHING)
    whole = codec(audio, 48_000)
    stream = codec.stream(48_000, 2)
    latency = stream.latency_samples
    padded = np.pad(audio, ((0, 0), (0, latency)))
    assert np.array_equal(push_in_blocks(stream, padded, [640, 17, 480])[:, latency:], whole)
    assert np.isfinite(whole).all() and np.abs(whole).max() < 4


@pytest.mark.parametrize("bend", ["offset", "shuffle", "nearest", "common"])
def test_codes_of_small_codebooks_are_bent_to_others_of_theirs(bundles, audio, bend):
    for name in ("four", "forty"):
        codec = NeuralCodec(
            layers=4, model=bundles[name], bend=bend, bend_nearest=64, bend_common=512, bend_offset=-512
        )
        heard = codec(audio, 48_000)
        assert np.isfinite(heard).all() and heard.any()


def test_codes_in_a_file_decode_to_what_is_played_and_count_what_was_sent(model, audio, tmp_path):
    codec = NeuralCodec(model=model)
    codes = codec.encode(audio, 48_000)
    assert codes.kbps == pytest.approx(2 * codec.kbps, rel=0.01)
    write_codes(tmp_path / "a.lamina", codes)
    found = read_codes(tmp_path / "a.lamina").codes
    assert np.array_equal(found.codes, codes.codes) and (found.frame_rate, found.code_bits) == (
        codes.frame_rate,
        codes.code_bits,
    )
    assert np.abs(codec.decode(found) - codec(audio, 48_000)).max() < 1e-5


def test_motion_reaches_the_models_last_layer_and_no_further(model, audio):
    codec = NeuralCodec(layers=1, model=model, motions=[Motion("layers", "steps", 1.0, steps=(1.0,))])
    codec(audio, 48_000)
    assert {report.layers for report in codec.last_reports} == {codec.bundle.config.layers}


def test_boards_remember_values_that_only_the_model_allows(bundles):
    board = Board([NeuralCodec(layers=40, muted_layers=[39], model=bundles["forty"])])
    wanted = {"boards": {"A": describe_board(board)}}
    COMMANDS["parameters"].remember(wanted, name="A", path=[0], values={"layer_gains.38": 0.5, "kbps": 14.625})
    (codec,) = build_board(wanted["boards"]["A"])
    assert (codec.layers, codec.muted_layers, codec.layer_gains[37]) == (39, (39,), 0.5)


def test_settings_go_over_to_another_model_as_far_as_it_reaches():
    four = shape_of(CONFIGS["four"])
    moving = (Motion("layer_gains.7"), Motion("mix"))
    settings = (
        Settings().with_value("muted_layers", [2, 9]).with_value("layers", 6).with_value("motions", moving).on(four)
    )
    assert (settings.layers, settings.muted_layers, settings.bend_to, settings.cross_layers) == (4, (2,), 4, 4)
    assert len(settings.layer_gains) == 4 and settings.motions == moving[1:]
    back = settings.on(USUAL)
    assert (back.layers, back.bend_to, len(back.layer_gains)) == (4, 24, 24)


def test_drawn_curves_stay_within_the_models_layers():
    four = shape_of(CONFIGS["four"])
    curves = [
        {"target": "layers", "times": [0, 1, 2], "values": [24, 20, 2]},
        {"target": "mix", "times": [0], "values": [0.5]},
    ]
    layers, mix = Settings().with_value("automation", curves).on(four).automation
    assert layers.values == (4, 4, 2) and mix.values == (0.5,)


def test_a_forged_file_of_the_models_codes_is_refused(bundles, audio):
    codec = NeuralCodec(model=bundles["remembering"])
    codes = codec.encode(audio, 48_000)
    for change in ({"frame_rate": 40.0}, {"code_bits": (10,) * 5}):
        with pytest.raises(ValueError, match="Encode the sound again"):
            codec.decode(dataclasses.replace(codes, **change))
