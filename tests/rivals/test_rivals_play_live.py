"""Rivals in board documents, and live: the same sound as in one call, at the latency that the board tells."""

import json

import numpy as np
import pytest
from engine_rig import EngineRig
from live_boards import live, play
from pedalboard import Gain
from pedalboard.io import AudioFile
from rival_rig import SPECS, ready, stand_in_evs, voice

from lamina import Board, NeuralCodec
from lamina.cli.answers import DONE, INPUT, REFUSED
from lamina.cli.main import main
from lamina.plugin.documents.boards import BoardDocumentError, build_board, describe_board
from lamina.plugin.files.sound import read_audio
from lamina.plugin.host.client.live_engine import LiveEngine
from lamina.plugin.rivals import lc3
from lamina.plugin.rivals.evs import EVS_VARIABLE
from lamina.plugin.rivals.registry import parse

RATE, BLOCK = 48_000, 256
STREAMED = tuple(spec for spec in SPECS if not spec.startswith(("vorbis", "gsm:13:library", "codec2")))
"""Codec 2 is another each time, so it can't be compared with itself."""


def through_json(board):
    return build_board(json.loads(json.dumps(describe_board(board), allow_nan=False)))


def entry(**fields):
    return {"schema": 1, "effects": [{"effect": "NeuralCodec"}, fields]}


@pytest.mark.parametrize("spec", SPECS)
def test_a_rival_comes_back_out_of_a_board_document_as_it_was(spec):
    rival = ready(spec)
    board = through_json(Board([Gain(-3), Board([rival]), NeuralCodec(layers=2)]))
    again = board[1][0]
    assert type(again) is type(rival) and again is not rival
    assert (again.kbps, again.options) == (rival.kbps, rival.options)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"effect": "rival.opos"}, "Did you mean 'rival.opus'?"),
        ({"effect": "rival.opus", "kbps": 900}, "Opus has no 900 kbps"),
        ({"effect": "rival.opus", "kbps": True}, "give a number"),
        ({"effect": "rival.opus", "options": {"frame": 5}}, "no option 'frame'"),
        ({"effect": "rival.opus", "options": {"kbps": 12}}, "stands beside"),
        ({"effect": "rival.opus", "options": {"frame_ms": [5]}}, "text or a number"),
        ({"effect": "rival.opus", "options": [5]}, "values by name"),
        ({"effect": "rival.opus", "rate": 5}, "no field 'rate'"),
        ({"effect": "rival.gsm", "kbps": 14}, "GSM full rate has 13 kbps and no other bitrate, not 14"),
    ],
)
def test_a_document_with_a_wrong_rival_is_refused_in_a_sentence_that_names_its_place(fields, sentence):
    with pytest.raises(BoardDocumentError) as caught:
        build_board(entry(**fields))
    assert sentence in str(caught.value) and str(caught.value).startswith("Effect 2")


def test_a_rival_of_somebody_s_own_class_is_not_taken_for_lamina_s():
    class Own(type(parse("opus:12"))):
        pass

    with pytest.raises(BoardDocumentError, match="Own, which can't be kept"):
        describe_board(Board([Own(12)]))


def test_a_document_whose_codec_lacks_a_library_says_how_to_get_it_and_opens_once_that_is_there(monkeypatch, tmp_path):
    document = describe_board(Board([ready("lc3:32")]))
    path = tmp_path / "board.json"
    path.write_text(json.dumps(document))
    with monkeypatch.context() as patch:
        patch.setattr(lc3, "_liblc3", lambda: None)
        with pytest.raises(BoardDocumentError) as caught:
            build_board(json.loads(path.read_text()))
        assert "sudo apt install liblc3" in str(caught.value) and str(caught.value).count(". ") == 0
    assert json.loads(path.read_text()) == document
    assert build_board(json.loads(path.read_text()))[0].kbps == 32


def test_a_document_runs_programs_of_evs_only_where_that_is_allowed(monkeypatch, tmp_path):
    folder = stand_in_evs(tmp_path / "evs")
    monkeypatch.delenv(EVS_VARIABLE, raising=False)
    document = describe_board(Board([parse(f"evs:13.2:folder={folder}")]))
    for opened in (build_board, lambda found: LiveEngine({"boards": {"A": found}}).close()):
        with pytest.raises(BoardDocumentError, match="wants to run EVS's programs"):
            opened(document)
    for allowed in (True, [folder]):
        assert build_board(document, allow_vst3=allowed)[0].options["folder"] == str(folder)
    monkeypatch.setenv(EVS_VARIABLE, str(folder))
    assert build_board(document)[0].kbps == 13.2


@pytest.mark.parametrize("spec", STREAMED)
def test_live_a_rival_gives_the_sound_of_one_call_later_by_its_latency(spec):
    rival = ready(spec)
    sound = voice(RATE, 1.0, 2)
    whole = rival.process(sound, RATE)
    troubles = []
    board = live(rival, on_trouble=troubles.append)
    out = play(board, np.pad(sound, ((0, 0), (0, board.latency_samples + BLOCK))))
    assert not troubles and not board.slots[0].failure
    assert board.latency_samples == rival.latency_samples(RATE, BLOCK)
    coded = out[:, board.latency_samples :][:, : sound.shape[1]]
    # Where the host's blocks have one length the codec's frames may begin later, never the sound.
    assert np.array_equal(coded, whole[:, : coded.shape[1]])


@pytest.mark.parametrize("spec", ["vorbis:96", "gsm:13:library=pedalboard"])
def test_what_codes_whole_pieces_is_bypassed_live_with_a_sentence(spec):
    rival = ready(spec)
    sound = voice(RATE, 0.2, 2)
    board = live(rival)
    out = play(board, sound)
    assert rival.title in board.slots[0].failure and "can't play live" in board.slots[0].failure
    assert np.array_equal(out, sound[:, : out.shape[1]]) and board.latency_samples == 0


@pytest.mark.slow
def test_in_the_engine_a_and_b_with_rivals_change_places_without_a_gap(monkeypatch):
    sound = voice(RATE, 2.0)
    sound = np.concatenate([sound, sound[:, ::-1]], 1)

    def switch(n_block):
        seconds, within = divmod(n_block * 240, RATE)
        if seconds and within < 240:
            rig.engine.choose_board("AB"[seconds % 2])

    rig = EngineRig(monkeypatch, sound, RATE, 240, Board([ready("opus:64")]), each_block=switch)
    rig.engine.set_board("B", Board([ready("gsm"), NeuralCodec(layers=4)]))
    output = rig.run(6.0)
    assert rig.texts() == [] and int(rig.telemetry.state()["n_late"]) == 0
    loud = np.abs(output[0, RATE // 2 :][: 5 * RATE].reshape(-1, RATE // 2)).max(1)
    assert (loud > 0.01).all()


def test_a_rival_that_plays_can_not_be_set():
    from lamina.plugin.host.live_board.boards import Boards

    boards = Boards(lambda _: None)
    boards.put("A", Board([ready("opus:12")]))
    with pytest.raises(ValueError, match="Opus 12 kbps can't be set while it plays"):
        boards.set_parameters("A", [0], {"kbps": 24})
    assert boards.heard[0].kbps == 12


@pytest.fixture
def take(tmp_path):
    path = tmp_path / "take.wav"
    with AudioFile(str(path), "w", samplerate=RATE, num_channels=2, bit_depth=32) as file:
        file.write(np.tile(voice(RATE, 2.0, 2), (1, 15)))
    return path


def played(take, *options):
    heard = take.with_name("heard.wav")
    devices = ["--output", "virtual", "--input", f"virtual?input={take}"]
    code = main(["live", "-q", *devices, "--duration", "1", "--record", str(heard), *options])
    return code, heard


@pytest.mark.slow
@pytest.mark.parametrize("how", ["rival", "board"])
def test_lamina_live_plays_a_rival_in_a_process_of_its_own(take, how, capsys):
    ready("gsm")
    if how == "board":
        path = take.with_name("board.json")
        path.write_text(json.dumps(describe_board(Board([parse("gsm")]))))
    code, heard = played(take, *(("--rival", "gsm") if how == "rival" else ("--board", str(path))))
    assert code == DONE, capsys.readouterr().err
    sound = read_audio(heard).samples
    spectrum = np.abs(np.fft.rfft(sound[0, -RATE // 2 :] * np.hanning(RATE // 2))) ** 2
    # It works at 8 kHz, and was heard.
    low, high = spectrum[: spectrum.size // 6].sum(), spectrum[spectrum.size // 5 :].sum()
    assert np.abs(sound).max() > 0.05 and low > 1000 * high


@pytest.mark.parametrize(
    ("options", "sentence", "code"),
    [
        (("--rival", "vorbis:96"), "Ogg Vorbis can't play live", REFUSED),
        (("--rival", "opus:12", "--denoise", "1"), "--denoise is a setting of Lamina", REFUSED),
        (("--rival", "opos"), "There is no codec 'opos'", REFUSED),
        (("--board", "{folder}/none.json"), "none.json can't be read", INPUT),
        (("--board", "{folder}/bad.json"), "bad.json can't be read", INPUT),
        (("--board", "{folder}/list.json"), "not a board document", REFUSED),
        (("--board", "{folder}/list.json", "--kbps", "3"), "--kbps sets one codec", REFUSED),
        (("--board", "{folder}/list.json", "--rival", "gsm"), "--rival sets one codec", REFUSED),
        (("--allow-plugins",), "--allow-plugins is about a board", REFUSED),
    ],
)
def test_lamina_live_refuses_what_can_not_play_before_anything_starts(take, options, sentence, code, capsys):
    take.with_name("bad.json").write_text("{")
    take.with_name("list.json").write_text("[]")
    found, heard = played(take, *(option.format(folder=take.parent) for option in options))
    told = capsys.readouterr().err
    assert found == code and sentence in told and told.count("\n") == 1 and not heard.exists()
