"""`.lamina` files in the app: opened as what they sound like, refused with a sentence, and written by Export."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from gui_parts import drop, wait, write_sound
from PyQt6.QtWidgets import QFileDialog

from lamina.gui.model.files.export import ExportState
from lamina.gui.model.kept_session import KeptSession
from lamina.models.bundles.bundle import install_bundle, weights_folder
from lamina.plugin import NeuralCodec
from lamina.plugin.codes_file.codes import Codes
from lamina.plugin.codes_file.file import pack, read_codes, write_codes
from lamina.plugin.files.sound import read_audio

pytest_plugins = ["gui_fixtures"]

STEPS = 2 * 2**-23
"""How far a sample may be off: two of the 24-bit steps that the decoded sound is kept in.

One is cut off in writing, and reading scales by one less than writing.
"""


@pytest.fixture
def tones():
    """Two seconds of stereo at 48 kHz."""
    t = np.arange(96_000) / 48_000
    return np.stack([0.3 * np.sin(2 * np.pi * 440 * t * (1 + t)), 0.2 * np.sin(2 * np.pi * 660 * t)]).astype(np.float32)


@pytest.fixture
def codes_file(tmp_path, tones):
    """Those as codes of 2 layers: 1.5 kbps per channel."""
    path = tmp_path / "tones.lamina"
    write_codes(path, NeuralCodec(layers=2).encode(tones, 48_000), entropy=True)
    return path


def opened(window, qtbot, path):
    wait(qtbot, lambda: window.session.document is not None and window.session.document.opened == path)
    return window.session.document


def test_codes_open_as_what_they_sound_like_and_play(window, qtbot, codes_file):
    window.open(codes_file)
    document = opened(window, qtbot, codes_file)
    assert window.header.title.text() == "tones.lamina" and "tones.lamina" in window.windowTitle()
    assert window.header.detail.text() == "from codes, 3 kbps   48 kHz   stereo   0:02.0"
    expected = NeuralCodec().decode(read_codes(codes_file).codes)
    assert np.abs(document.clip.samples - expected).max() == 0
    assert np.abs(read_audio(document.path).samples - expected).max() <= STEPS
    assert document.path != codes_file and not window.notice.isVisible()
    window.toggle_play()
    wait(qtbot, lambda: window.session.is_playing and window.session.listening.usage.n_frames > 20)


def test_codes_that_want_to_be_denoised_are(window, qtbot, tmp_path, tones):
    path, noisy = (
        tmp_path / "noisy.lamina",
        tones + np.random.default_rng(0).normal(0, 0.02, tones.shape).astype(np.float32),
    )
    write_codes(path, NeuralCodec(layers=8, denoise=1.0).encode(noisy, 48_000))
    window.open(path)
    sound, codes = opened(window, qtbot, path).clip.samples, read_codes(path).codes
    assert np.array_equal(sound, NeuralCodec(denoise=1.0).decode(codes)) and not np.allclose(
        sound, NeuralCodec().decode(codes)
    )


def test_a_dropped_file_of_codes_opens_too(window, qtbot, codes_file):
    drop(window, codes_file)
    opened(window, qtbot, codes_file)


def test_what_was_decoded_is_gone_after_the_end(window, qtbot, codes_file, sound):
    window.open(codes_file)
    decoded = opened(window, qtbot, codes_file).path
    window.open(sound)
    opened(window, qtbot, sound)
    assert "codes" not in window.header.detail.text()
    assert decoded.is_file() and decoded.parent != codes_file.parent
    window.close()
    assert not decoded.parent.exists() and codes_file.is_file()


def test_a_damaged_file_opens_and_says_what_is_missing(window, qtbot, tmp_path, tones):
    path = tmp_path / "cut.lamina"
    write_codes(path, NeuralCodec(layers=2).encode(np.tile(tones, (1, 2)), 48_000))
    data = bytearray(path.read_bytes())
    data[len(data) * 5 // 8] ^= 0xFF
    path.write_bytes(data)
    damage = str(read_codes(path).damage)
    assert "could not be read" in damage
    window.open(path)
    document = opened(window, qtbot, path)
    assert window.notice.isVisible() and window.notice.label.text() == damage
    # The rate is that of what is there.
    assert window.header.detail.text().startswith("from codes, 3 kbps") and document.seconds == pytest.approx(4.0)


def bad(kind, path, tones):
    codes = NeuralCodec(layers=2).encode(tones, 48_000)
    if kind == "another model":
        codes = Codes(
            codes.codes, codes.counts, codes.sample_rate, codes.n_samples, codes.n_channels, "their-band", "0" * 64
        )
    elif kind == "six channels":
        six, counts = np.repeat(codes.codes, 3, 0), np.repeat(codes.counts, 3, 0)
        codes = Codes(six, counts, codes.sample_rate, codes.n_samples, 6, codes.model, codes.digest)
    elif kind == "no sound":
        codes = NeuralCodec().encode(np.zeros((1, 0), np.float32), 48_000)
    write_codes(path, codes)
    if kind == "no codes":
        path.write_bytes(b"this is a text")


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("another model", "another model ('their-band'"),
        ("six channels", "6 channels"),
        ("no sound", "holds no sound"),
        ("no codes", "bad.lamina"),
        ("missing", "There is no file"),
    ],
)
def test_what_cannot_be_decoded_is_refused_with_a_sentence_and_nothing_changes(
    window, qtbot, tmp_path, tones, kind, says
):
    path, before = tmp_path / "bad.lamina", window.session.document
    if kind != "missing":
        bad(kind, path, tones)
    window.open(path)
    wait(qtbot, window.notice.isVisible)
    assert (
        says in window.notice.label.text()
        and "bad.lamina" in window.notice.label.text()
        and window.notice.label.text().endswith(".")
    )
    assert window.session.document is before
    assert window.loader._decoded is None or not list(window.loader._decoded.iterdir())


def test_codes_of_ones_own_model_are_decoded_with_it_when_it_is_chosen(window, qtbot, tmp_path, tones):
    source = shutil.copytree(weights_folder() / "lamina-24k", tmp_path / "bundle")
    (source / "model.json").write_text(
        json.dumps(json.loads((source / "model.json").read_text()) | {"name": "my-band"})
    )
    install_bundle(source, "my-band")
    path = tmp_path / "ours.lamina"
    codes = NeuralCodec(layers=2, model="my-band").encode(tones, 48_000)
    write_codes(path, codes)
    window.loader.choose_model("my-band")
    wait(qtbot, lambda: window.session.codec.model == "my-band")
    window.open(path)
    opened(window, qtbot, path)


def test_the_session_that_is_kept_names_the_file_that_was_opened(window, qtbot, codes_file, tmp_path):
    window.open(codes_file)
    opened(window, qtbot, codes_file)
    kept = KeptSession(tmp_path / "takes", tmp_path / "kept")
    kept.session.engine.close()
    kept.session = window.session
    kept.look()
    assert kept._describe()["document"]["path"] == str(codes_file)
    kept._file.close()


# Export.


def pick_codes(monkeypatch, name):
    """Has the export dialog answered as by a user who chooses the kind of file, and perhaps types a name."""
    seen = []

    def answer(dialog):
        kinds = dialog.nameFilters()
        kind = next(kind for kind in kinds if "lamina" in kind)
        dialog.selectNameFilter(kind)
        dialog.filterSelected.emit(kind)
        seen.append(Path(dialog.selectedFiles()[0]).name)
        if name:
            dialog.selectFile(name)
        return 1

    monkeypatch.setattr(QFileDialog, "exec", answer)
    return seen


def test_export_writes_codes_with_the_settings_of_the_board(window, qtbot, sound, tmp_path, monkeypatch):
    window.open(sound)
    opened(window, qtbot, sound)
    settings = {"layers": 6, "input_gain_db": -6.0, "stereo": "mid-side", "side_layers": 2}
    for name, value in settings.items():
        window.session.parameters.set(name, value)
    seen = pick_codes(monkeypatch, "")
    window.header.export_button.click()
    wait(qtbot, lambda: window.notice.isVisible() and ".lamina" in window.notice.label.text())
    assert window.session.export.state is ExportState.DONE
    target = tmp_path / "two tones 4.5 kbps.lamina"
    assert seen == [target.name]
    result, clip = read_codes(target), read_audio(sound)
    expected = NeuralCodec(**settings).encode(clip.samples, clip.sample_rate)
    assert not result.damage and np.array_equal(result.codes.counts, expected.counts)
    assert target.read_bytes() == pack(expected, entropy=True)
    is_sent = np.arange(6) < expected.counts[..., None]
    assert np.array_equal(result.codes.codes, expected.codes * is_sent)
    assert result.codes.stereo == "mid-side" and result.codes.kbps == pytest.approx(6.0)
    pick_codes(monkeypatch, "short name")
    window.dialogs.export()
    wait(qtbot, lambda: (tmp_path / "short name.lamina").is_file())
    window.open(target)
    assert "from codes, 6 kbps" in opened(window, qtbot, target).describe()


def test_a_cancelled_export_of_codes_leaves_nothing_and_shows_how_far_it_is(window, qtbot, tmp_path):
    long_sound = write_sound(tmp_path / "long.wav", 48_000, np.random.default_rng(0).normal(0, 0.1, (1, 48_000 * 60)))
    window.open(long_sound)
    opened(window, qtbot, long_sound)
    assert window.session.start_export(tmp_path / "out.lamina")
    wait(qtbot, lambda: window.session.export.progress >= 0.03)
    window._tell()
    assert window.status.work_strip.isVisible() and window.status.work_bar.value() > 0
    assert window.status.work_share.text().endswith("%")
    window.status.cancel_button.click()
    wait(qtbot, lambda: window.session.export.state is not ExportState.RUNNING)
    assert window.session.export.state is ExportState.CANCELLED
    assert [path.name for path in tmp_path.iterdir()] == ["long.wav"]


@pytest.mark.parametrize("name", ["no such folder/out.lamina", "tones.lamina", "folder.lamina"])
def test_a_target_for_codes_that_cannot_be_is_refused(window, qtbot, codes_file, tmp_path, name):
    (tmp_path / "folder.lamina").mkdir()
    window.open(codes_file)
    opened(window, qtbot, codes_file)
    before = codes_file.read_bytes()
    assert not window.session.start_export(tmp_path / name)
    assert window.notice.isVisible() and window.notice.label.text().endswith(".") and codes_file.read_bytes() == before


def test_settings_that_no_file_of_codes_can_hold_are_told(window, qtbot, sound, tmp_path):
    window.open(sound)
    opened(window, qtbot, sound)
    window.session.parameters.set("motions", ({"target": "stereo"},))
    window.session.start_export(tmp_path / "out.lamina")
    wait(qtbot, lambda: window.session.export.state is ExportState.FAILED and window.notice.isVisible())
    assert "stereo moves" in window.notice.label.text() and not (tmp_path / "out.lamina").exists()
