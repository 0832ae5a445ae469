"""Export from the app: the file is what was heard, a cancelled one leaves nothing, a bad target is refused."""

import numpy as np
import pytest
from gui_parts import choose, wait
from pedalboard.io import AudioFile
from PyQt6.QtCore import Qt, QTimer

from lamina.gui.model.files.export import ExportState
from lamina.plugin import NeuralCodec
from lamina.plugin.files.sound import read_audio

pytest_plugins = ["gui_fixtures"]


def test_export_writes_the_file_and_names_it(window, qtbot, sound, tmp_path, monkeypatch):
    target = tmp_path / "out.flac"
    window.open(sound)
    wait(qtbot, lambda: window.session.document.path == sound)
    choose(monkeypatch, "out.flac")
    settings = {"layers": 2, "mix": 0.5, "output_gain_db": -3.0}
    for name, value in settings.items():
        window.session.parameters.set(name, value)
    window.header.export_button.click()
    wait(qtbot, lambda: window.notice.isVisible() and "out.flac" in window.notice.label.text())
    assert window.session.export.state is ExportState.DONE
    source, written = read_audio(sound), read_audio(target)
    assert written.sample_rate == source.sample_rate
    expected = NeuralCodec(**settings)(source.samples, source.sample_rate)
    # 24 bits in the file, and blocks of another length on the way.
    assert np.abs(written.samples - expected).max() < 2**-20


def test_an_export_in_two_passes_is_what_the_codec_plans(window, qtbot, sound, tmp_path, monkeypatch):
    choose(monkeypatch, "planned.wav")
    window.open(sound)
    wait(qtbot, lambda: window.session.document.path == sound)
    window.session.parameters.set("layers", 8)
    (action,) = window.header.export_button.actions()
    action.trigger()
    wait(qtbot, lambda: window.notice.isVisible() and "planned.wav" in window.notice.label.text())
    source, written = read_audio(sound), read_audio(tmp_path / "planned.wav")
    codec = NeuralCodec(layers=8)
    constant = codec(source.samples, source.sample_rate)
    codec.layer_plan = codec.plan(source.samples, source.sample_rate)
    expected = codec(source.samples, source.sample_rate)
    assert np.abs(written.samples - expected).max() < 2**-20
    assert np.abs(written.samples - constant).max() > 1e-3


def test_two_passes_that_can_not_be_are_told_and_nothing_is_written(window, qtbot, sound, tmp_path, monkeypatch):
    choose(monkeypatch, "planned.wav")
    window.session.parameters.set("passes", 2)
    window.dialogs.export(two_pass=True)
    wait(qtbot, lambda: window.session.export is not None and window.session.export.state is ExportState.FAILED)
    assert "Nothing was exported" in window.session.export.message and not (tmp_path / "planned.wav").exists()


def test_an_export_without_a_suffix_gets_one_and_a_preset_keeps_its_dots(window, qtbot, sound, tmp_path, monkeypatch):
    choose(monkeypatch, "bounce")
    window.dialogs.export()
    wait(qtbot, lambda: window.session.export is not None and window.session.export.state is ExportState.DONE)
    assert (tmp_path / "bounce.wav").is_file()
    window.loader.save_preset(tmp_path / "grit v1.2")
    assert (tmp_path / "grit v1.2.json").is_file()


def test_a_cancelled_export_leaves_nothing(window, qtbot, tmp_path):
    long_sound = tmp_path / "long.wav"
    with AudioFile(str(long_sound), "w", 48000, 2) as file:
        file.write(np.random.default_rng(0).normal(0, 0.1, (2, 48000 * 120)).astype(np.float32))
    window.open(long_sound)
    wait(qtbot, lambda: window.session.document.path == long_sound)
    assert window.session.start_export(tmp_path / "out.wav")
    window._tell()
    assert window.status.work_strip.isVisible()
    window.status.cancel_button.click()
    wait(qtbot, lambda: window.session.export.state is not ExportState.RUNNING)
    assert window.session.export.state is ExportState.CANCELLED
    wait(qtbot, lambda: "cancelled" in window.notice.label.text())
    assert [path.name for path in tmp_path.iterdir()] == ["long.wav"]
    wait(qtbot, lambda: not window.status.work_strip.isVisible())


@pytest.mark.parametrize("name", ["two tones.wav", "song.xyz", "no such folder/out.wav"])
def test_a_target_that_cannot_be_is_refused_with_a_sentence(window, qtbot, sound, tmp_path, name):
    window.open(sound)
    wait(qtbot, lambda: window.session.document.path == sound)
    before = sound.read_bytes()
    assert not window.session.start_export(tmp_path / name)
    assert window.notice.isVisible() and window.notice.label.text().endswith(".")
    assert [path.name for path in tmp_path.iterdir()] == ["two tones.wav"] and sound.read_bytes() == before


@pytest.fixture
def exporting(window, qtbot, tmp_path):
    """The window with an export under way that takes a while; its target."""
    long_sound = tmp_path / "long.wav"
    with AudioFile(str(long_sound), "w", 48000, 2) as file:
        file.write(np.random.default_rng(0).normal(0, 0.1, (2, 48000 * 120)).astype(np.float32))
    window.open(long_sound)
    wait(qtbot, lambda: window.session.document.path == long_sound)
    assert window.session.start_export(tmp_path / "out.wav")
    yield tmp_path / "out.wav"
    window.end()


def answer(window, act):
    """Closes the window as Ctrl+Q does, and has the question that comes answered by `act`."""
    asked = []

    def when_asked():
        if window._question is None or not window._question.isVisible():
            QTimer.singleShot(20, when_asked)
            return
        asked.append(window._question.text())
        act(window._question)

    QTimer.singleShot(0, when_asked)
    window.close()
    return asked


def test_quitting_during_an_export_asks_and_going_on_is_what_return_does(window, qtbot, exporting):
    assert answer(window, lambda question: qtbot.keyClick(question, Qt.Key.Key_Return)) == [
        "out.wav is still being exported."
    ]
    assert window.isVisible() and window.session.is_exporting
    answer(window, lambda question: qtbot.keyClick(question, Qt.Key.Key_Escape))
    assert window.isVisible() and window.session.is_exporting
    answer(window, lambda question: question.discard_button.click())
    assert not window.isVisible() and not exporting.exists()
    assert window.session.export.state is ExportState.CANCELLED


def test_the_question_goes_with_the_export_that_it_is_about(window, qtbot, exporting):
    def wait_for_the_end(_question):
        window.session.cancel_export()

    answer(window, wait_for_the_end)
    # It wasn't saved, which the window still has to tell.
    assert window.isVisible() and window._question is None
    wait(qtbot, lambda: "cancelled" in window.notice.label.text())


def test_a_signal_ends_the_app_without_waiting_for_an_answer(window, exporting):
    answer(window, lambda _question: window.end())
    assert not window.isVisible() and not exporting.exists()
