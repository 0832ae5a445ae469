"""Files that earlier versions wrote open as what they were.

Presets, boards, sessions, `.lamina` files and bundles (tests/fixtures/README.md).
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from lamina import Board, NeuralCodec, load_preset, read_codes
from lamina.gui.model.kept_session import KeptSession
from lamina.models.runtime import load_runtime
from lamina.plugin.documents.boards import build_board, describe_board
from lamina.plugin.documents.presets import codec_for
from lamina.plugin.host.client.session_file import SESSION_NAME

FIXTURES = Path(__file__).parents[1] / "fixtures"
VERSIONS = ("before-the-desk", "before-memory", "with-memory")
TINY = FIXTURES / "before-memory" / "tiny"
SAME = 1e-6
"""Of what the decoder gave: engines may round differently, a decoder that reads the weights differently is far off."""

PRESETS = {
    "before-the-desk": {"layers": 5, "mix": 0.8, "input_gain_db": -3.0, "denoise": 0.25},
    "before-memory": {
        "layers": 6, "slices": "stutter", "slice_length": "1/16", "tempo": 96.0, "frame_loss": 0.1,
        "loss_model": "bursts",
        "concealment": "hold", "bend": "nearest", "bend_nearest": 3, "code_delay": 12, "code_feedback": 0.5,
        "muted_layers": (3,),
        "layer_gains": (1.0, 0.5, *[1.0] * 22),
    },
    "with-memory": {
        "layers": 6, "search": 4, "stereo": "mid-side", "side_layers": 3, "concealment": "foresee", "frame_loss": 0.2,
        "loss_model": "pattern", "freeze": True, "freeze_frames": 20,
    },
}  # fmt: skip

BOARDS = {
    "before-the-desk": [
        ("Compressor", {"threshold_db": -20.0, "ratio": 4.0}),
        ("NeuralCodec", {"layers": 5, "mix": 0.75, "output_gain_db": 2.5}),
        ("Board", {}),
        ("NeuralCodec", {"layers": 24, "denoise": 0.5, "bypass": True}),
    ],
    "before-memory": [("NeuralCodec", {"layers": 7, "freeze": True}), ("Gain", {"gain_db": -3.0})],
    "with-memory": [
        ("NeuralCodec", {"layers": 7, "slices": "reverse", "muted_layers": (2,)}),
        ("Gain", {"gain_db": -3.0}),
    ],
}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_preset(version):
    preset = load_preset(FIXTURES / version / "preset.json")
    codec = codec_for(preset)
    codec.set_parameters(preset.parameters)
    assert {name: getattr(codec, name) for name in PRESETS[version]} == PRESETS[version]


def test_a_presets_motion():
    (motion,) = NeuralCodec(
        motions=load_preset(FIXTURES / "before-memory" / "preset.json").parameters["motions"]
    ).motions
    assert (motion.target, motion.source, tuple(motion.steps)) == ("mix", "steps", (0.0, 1.0))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_board(version):
    document = json.loads((FIXTURES / version / "board.json").read_text(encoding="utf-8"))
    board = build_board(document)
    assert [type(effect).__name__ for effect in board] == [name for name, _ in BOARDS[version]]
    for effect, (_, settings) in zip(board, BOARDS[version], strict=True):
        assert {name: getattr(effect, name) for name in settings} == settings
    again = build_board(describe_board(board))
    assert describe_board(again) == describe_board(board)


def test_a_boards_board_and_motion():
    older, newer = (
        build_board(json.loads((FIXTURES / version / "board.json").read_text())) for version in VERSIONS[:2]
    )
    assert isinstance(older[2], Board) and older[2][0].room_size == pytest.approx(0.25)
    (motion,) = newer[0].motions
    assert (motion.target, motion.depth, motion.beats) == ("layers", -0.4, 2.0)


@pytest.mark.gui
@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_that_was_cut_off(version, tmp_path):
    shutil.copy(FIXTURES / version / "session.json", tmp_path / SESSION_NAME)
    kept = KeptSession(tmp_path / "music", tmp_path)
    try:
        assert kept.is_unfinished
        assert kept.document.path == Path("/home/musician/music.ogg")
        assert kept.document.loop == (2.0, 4.0) and kept.document.is_looping
        assert kept.restore_boards() == ""
        session = kept.session
        assert session.boards.chosen == "B"
        assert (session.parameters["layers"], session.parameters["denoise"]) == (24, 1.0)
        session.boards.choose("A")
        assert session.parameters["layers"] == 3
    finally:
        kept.close()
        kept.session.close()


@pytest.mark.parametrize("name", ["plain", "entropy"])
@pytest.mark.parametrize("version", VERSIONS[1:])
def test_codes_in_a_file(version, name):
    result = read_codes(FIXTURES / version / f"{name}.lamina")
    assert not result.damage
    assert np.array_equal(result.codes.codes, np.load(FIXTURES / version / "codes.npy"))


def test_codes_whose_layers_change():
    """Their counts are told as runs and as as many bits each, before there were moves."""
    folder = FIXTURES / "before-moves"
    for name in ("plain", "entropy"):
        result = read_codes(folder / f"{name}.lamina")
        assert not result.damage and set(result.codes.counts[0]) == {2, 3, 4}
        assert np.array_equal(result.codes.codes, np.load(folder / "codes.npy"))
        assert np.array_equal(result.codes.counts, np.load(folder / "counts.npy"))
    result, arrays = read_codes(folder / "other-shape.lamina"), np.load(folder / "other-shape.npz")
    assert not result.damage and (result.codes.frame_rate, len(result.codes.code_bits)) == (50, 40)
    assert np.array_equal(result.codes.codes, arrays["codes"])
    assert np.array_equal(result.codes.counts, arrays["counts"])


def test_a_bundle_decodes_what_was_coded_with_it_to_the_same_sound():
    codes = read_codes(FIXTURES / "before-memory" / "plain.lamina").codes
    audio = NeuralCodec(layers=4, postfilter=0.0, model=str(TINY)).decode(codes)
    assert audio.shape == (1, 24_000)
    # Without the postfilter, which is newer.
    decoded = np.load(FIXTURES / "before-memory" / "decoded.npy")
    assert np.abs(decoded).max() > 1e-3
    assert np.abs(audio[:, : decoded.shape[1]] - decoded).max() <= SAME


def test_a_file_in_mid_and_side():
    codes = read_codes(FIXTURES / "before-memory" / "mid-side.lamina").codes
    assert (codes.stereo, codes.codes.shape[0], set(codes.counts[0]), set(codes.counts[1])) == ("mid-side", 2, {4}, {2})
    assert NeuralCodec(layers=4, model=str(TINY)).decode(codes).shape == (2, 24_000)


def test_a_bundle_computes_what_its_snapshot_says():
    # Loading compares with the snapshot, and refuses a bundle that this machine computes otherwise.
    assert load_runtime(str(TINY)).config.memory is None
