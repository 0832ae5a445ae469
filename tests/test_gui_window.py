"""The real window over the real codec: what a user does with it happens, and what goes wrong is said kindly."""

import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from pedalboard.io import AudioFile
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PyQt6.QtGui import QDropEvent, QWheelEvent
from PyQt6.QtWidgets import QApplication, QFileDialog

from lamina.gui import theme
from lamina.gui.model.document import Document
from lamina.gui.model.export import ExportState
from lamina.gui.model.outputs import SILENT, OutputList
from lamina.gui.model.player import Player, PlayState
from lamina.gui.model.session import Session
from lamina.gui.window import MainWindow
from lamina.models.bundle import weights_folder
from lamina.models.own_bundles import install_bundle, own_bundles_folder
from lamina.plugin import NeuralCodec
from lamina.plugin.audiofile import ReadCancelled, read_audio
from lamina.plugin.demo import demo_items
from lamina.plugin.presets import load_preset

PATIENCE_MS = 30_000  # a bound for busy machines, not a speed that is promised
NO_OUTPUT = OutputList((), "No sound output was found. Play runs silently and every view still moves.")


@pytest.fixture
def window(qtbot, monkeypatch, tmp_path):
    """The window as the app opens it, with a demo item; the machine's sound outputs don't matter."""
    monkeypatch.setattr("lamina.gui.loading.find_outputs", lambda rescan=False: NO_OUTPUT)
    theme.apply(QApplication.instance())
    # Four times real time: the silent clock waits for the codec, so nothing is lost by hurrying.
    window = MainWindow(Session(Player(lambda: 4 * time.monotonic())))
    window.loader.folder = str(tmp_path)
    qtbot.addWidget(window)
    window.show()
    window.load(None)
    qtbot.waitUntil(lambda: window.session.can_play, timeout=PATIENCE_MS)
    return window


@pytest.fixture
def sound(tmp_path):
    """A short sound file."""
    path = tmp_path / "two tones.wav"
    t = np.arange(48000) / 48000
    with AudioFile(str(path), "w", 48000, 2) as file:
        file.write(np.stack([0.3 * np.sin(2 * np.pi * 440 * t), 0.1 * np.sin(2 * np.pi * 660 * t)]).astype(np.float32))
    return path


def wait(qtbot, condition):
    qtbot.waitUntil(condition, timeout=PATIENCE_MS)


def drop(window, *paths):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    actions, button, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(10, 10), actions, mime, button, keys))


def choose(monkeypatch, name):
    """Has the next file dialog answered with `name`, in the folder it opens with."""

    def answer(dialog):
        dialog.selectFile(name)
        return 1

    monkeypatch.setattr(QFileDialog, "exec", answer)


def lamina_threads():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("lamina-")]


# Files.


def test_it_starts_with_the_first_demo_item(window):
    item = demo_items()[0]
    assert window.session.document.path == item.path
    assert window.header.title.text() == item.title and item.title in window.windowTitle()
    assert [action.text() for action in window.header.demo_menu.actions()] == [item.title for item in demo_items()]


def test_opening_a_file_shows_it(window, qtbot, sound):
    window.open(sound)
    wait(qtbot, lambda: window.header.title.text() == "two tones.wav")
    assert window.header.detail.text() == "48 kHz   stereo   0:01.0"
    assert window.session.player.state is PlayState.STOPPED


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3", "aiff"])
def test_every_promised_format_opens(window, qtbot, tmp_path, suffix):
    path = tmp_path / f"tone.{suffix}"
    options = {"quality": "V2"} if suffix == "mp3" else {"quality": "256 kbps"} if suffix == "ogg" else {}
    with AudioFile(str(path), "w", 44100, 1, **options) as file:
        file.write(np.full((1, 44100), 0.1, np.float32))
    window.open(path)
    wait(qtbot, lambda: window.header.title.text() == f"tone.{suffix}")


def test_the_last_file_asked_for_is_opened_and_closing_does_not_wait_for_one(window, qtbot, sound, tmp_path, monkeypatch):
    slow_started, gave_up = threading.Event(), threading.Event()

    def slow_read(path, progress, cancelled):
        if Path(path) == sound:
            return read_audio(path)
        slow_started.set()
        progress(0.25)
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not cancelled() and time.monotonic() < deadline:
            time.sleep(0.01)
        gave_up.set()
        raise ReadCancelled("given up")

    monkeypatch.setattr("lamina.gui.model.document.read_audio", slow_read)
    window.open(tmp_path / "three hours.wav")
    wait(qtbot, slow_started.is_set)
    wait(qtbot, lambda: window.status.remark.text() == "Opening three hours.wav…  25 %")
    window.open(sound)
    wait(qtbot, lambda: window.session.document.path == sound)
    assert gave_up.is_set() and not window.notice.isVisible()
    slow_started.clear()
    gave_up.clear()
    window.open(tmp_path / "three hours.wav")
    wait(qtbot, slow_started.is_set)
    window.close()
    assert gave_up.is_set() and lamina_threads() == []


def test_a_refusal_goes_when_another_file_opens(window, qtbot, sound, tmp_path):
    window.open(tmp_path / "missing.wav")
    wait(qtbot, window.notice.isVisible)
    window.open(sound)
    wait(qtbot, lambda: window.session.document.path == sound)
    assert not window.notice.isVisible()


def test_a_file_name_is_never_read_as_markup(window, qtbot, sound):
    odd = sound.rename(sound.with_name("<h1>big<b> & tab.wav"))
    window.open(odd)
    wait(qtbot, lambda: window.session.document.path == odd)
    assert window.header.title.textFormat() == Qt.TextFormat.PlainText
    assert "&lt;h1&gt;big&lt;b&gt; &amp; tab.wav" in window.header.title.toolTip()


def test_of_several_dropped_files_the_first_opens_and_that_is_said(window, qtbot, sound):
    drop(window, sound, sound.with_name("another.wav"))
    wait(qtbot, lambda: window.session.document.path == sound)
    assert "first of 2 files" in window.notice.label.text()


def test_opening_a_file_of_other_channels_while_playing_shows_only_the_new_one(window, qtbot, tmp_path):
    rate = window.session.document.clip.sample_rate
    mono = tmp_path / "mono.wav"
    with AudioFile(str(mono), "w", rate, 1) as file:
        file.write(np.zeros((1, rate), np.float32))
    window.toggle_play()
    wait(qtbot, lambda: window.session.player.position_seconds > 0.2)
    # The player's thread is kept from taking the new file: what it still plays belongs to the old one.
    gate = threading.Event()
    window.session.player._command(gate.wait)
    time.sleep(0.05)
    window.session.show(Document.open(mono))
    try:
        assert window.session.tick(0.03) is False
        assert window.session.player.position_seconds == 0.0
        assert window.session.input_spectrogram.ring.is_empty
    finally:
        gate.set()
    wait(qtbot, lambda: window.session.player.state is PlayState.STOPPED)
    window.toggle_play()
    wait(qtbot, lambda: window.session.player.position_seconds > 0.2)


def test_a_dropped_file_opens(window, qtbot, sound):
    drop(window, sound)
    wait(qtbot, lambda: window.header.title.text() == "two tones.wav")


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "folder", "nan"])
def test_a_bad_file_is_refused_with_a_sentence_and_nothing_changes(window, qtbot, tmp_path, kind):
    path = tmp_path / "bad.wav"
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("this is no sound")
    elif kind == "folder":
        path.mkdir()
    elif kind == "nan":
        with AudioFile(str(path), "w", 8000, 1, bit_depth=32) as file:
            file.write(np.full((1, 800), np.nan, np.float32))
        if np.all(np.isfinite(_raw(path))):
            pytest.skip("this build of the audio library writes no NaN to read back")
    document, title, n_layers = window.session.document, window.windowTitle(), window.session.parameters["layers"]
    window.open(path)
    wait(qtbot, window.notice.isVisible)
    assert "bad.wav" in window.notice.label.text() and window.notice.label.text().endswith(".")
    assert window.session.document is document and window.windowTitle() == title
    assert window.session.parameters["layers"] == n_layers and window.session.can_play


def _raw(path):
    with AudioFile(str(path)) as file:
        return file.read(file.frames)


def test_starting_with_a_bad_file_leaves_an_empty_window_that_says_what_to_do(qtbot, tmp_path):
    window = MainWindow()
    qtbot.addWidget(window)
    window.show()
    window.load(tmp_path / "gone.wav")
    wait(qtbot, window.notice.isVisible)
    assert "gone.wav" in window.notice.label.text()
    wait(qtbot, lambda: "Open a sound file" in window.waveform._message)
    assert not window.transport.play_button.isEnabled() and not window.header.export_button.isEnabled()


def test_a_codec_that_cannot_be_loaded_is_told_and_the_window_stays(qtbot, monkeypatch):
    def damaged(_model):
        raise ValueError("decoder.onnx of the bundle lamina-24k is damaged.")

    monkeypatch.setattr("lamina.gui.loading._codec", damaged)
    window = MainWindow()
    qtbot.addWidget(window)
    window.show()
    window.load(None)
    wait(qtbot, lambda: window.session.document is not None and "decoder.onnx" in window.status.remark.text())
    window.session.parameters.set("layers", 3)
    window.toggle_play()
    assert "decoder.onnx" in window.notice.label.text() and not window.session.is_playing


# The knobs.


def test_the_bitrate_knob_shows_layers_and_kbps(window):
    knob = window.controls.bitrate
    assert (knob.layers_text(), knob.kbps_text()) == ("8 layers", "6.0 kbps")
    window.session.parameters.set("layers", 1)
    assert (knob.layers_text(), knob.kbps_text()) == ("1 layer", "0.75 kbps")
    assert knob.accessibleName() == "Layers" and "0.75 kbps" in knob.accessibleDescription()
    assert "quantizer" in knob.toolTip()


def test_the_bitrate_knob_turns_by_mouse(window, qtbot):
    knob = window.controls.bitrate
    middle = knob.rect().center()
    qtbot.mousePress(knob, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(knob, middle - QPoint(0, 1000))
    assert window.session.codec.layers == 24
    qtbot.mouseMove(knob, middle + QPoint(0, 1000))
    assert window.session.codec.layers == 1 and knob.kbps_text() == "0.75 kbps"
    qtbot.mouseRelease(knob, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseDClick(knob, Qt.MouseButton.LeftButton, pos=middle)
    assert window.session.codec.layers == 8
    for turn, expected in ((120, 9), (-120, 8), (60, 8), (60, 9)):
        place = QPointF(middle)
        wheel = QWheelEvent(
            place, knob.mapToGlobal(place), QPoint(), QPoint(0, turn), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(knob, wheel)
        assert window.session.codec.layers == expected


def test_the_bitrate_knob_turns_by_keys_and_typing(window, qtbot):
    knob = window.controls.bitrate
    knob.setFocus()
    for key, expected in (("Up", 9), ("Right", 10), ("Down", 9), ("Left", 8), ("PageUp", 12), ("PageDown", 8)):
        qtbot.keyClick(knob, getattr(Qt.Key, f"Key_{key}"))
        assert window.session.codec.layers == expected
    qtbot.keyClicks(knob, "1")
    qtbot.keyClicks(knob._editor, "6")
    qtbot.keyClick(knob._editor, Qt.Key.Key_Return)
    assert window.session.codec.layers == 16
    qtbot.keyClick(knob, Qt.Key.Key_Return)
    assert knob._editor.text() == "16 layers"
    qtbot.keyClick(knob._editor, Qt.Key.Key_Return)
    assert window.session.codec.layers == 16 and not window.notice.isVisible()
    knob.edit("4.5 kbps")
    qtbot.keyClick(knob._editor, Qt.Key.Key_Return)
    assert window.session.codec.layers == 6
    knob.edit("99 kbps")
    qtbot.keyClick(knob._editor, Qt.Key.Key_Return)
    assert window.session.codec.layers == 6 and "99" in window.notice.label.text() and window.notice.isVisible()


def test_escape_leaves_the_typed_value_alone(window, qtbot):
    knob = window.controls.bitrate
    knob.edit("20")
    qtbot.keyClick(knob._editor, Qt.Key.Key_Escape)
    assert knob._editor is None and window.session.codec.layers == 8


def test_every_button_can_be_pressed_without_a_mouse(window, qtbot):
    bypass, chip = window.controls.bypass, window.controls.quick._chips[1]
    for button, pressed in ((bypass, lambda: window.session.codec.bypass), (chip, lambda: window.session.codec.layers == 1)):
        button.setFocus()
        qtbot.keyClick(button, Qt.Key.Key_Return)
        assert pressed()
    menus = []
    window.header.preset_menu.aboutToShow.connect(lambda: menus.append("presets") or QTimer.singleShot(0, window.header.preset_menu.close))
    window.header.preset_button.setFocus()
    qtbot.keyClick(window.header.preset_button, Qt.Key.Key_Return)
    assert menus == ["presets"]


def test_the_bitrate_of_all_channels_is_told(window, qtbot, sound):
    window.open(sound)
    wait(qtbot, lambda: window.session.document.path == sound)
    assert window.controls.caption.remark.text() == "per channel; 12.0 kbps in all"
    window.session.parameters.set("layers", 24)
    assert window.controls.caption.remark.text() == "per channel; 36.0 kbps in all"
    assert window.usage_caption.remark.text() == "2 × 240 bits per frame"


def test_the_quick_rates_set_the_knob(window, qtbot):
    chips = window.controls.quick._chips
    qtbot.mouseClick(chips[16], Qt.MouseButton.LeftButton)
    assert window.session.codec.layers == 16 and chips[16].isChecked() and not chips[8].isChecked()
    qtbot.mouseClick(chips[16], Qt.MouseButton.LeftButton)
    assert chips[16].isChecked()


def test_gains_mix_and_bypass_reach_the_codec(window, qtbot):
    codec, knobs = window.session.codec, window.controls.knobs
    for name, text, value in (("mix", "30", 0.3), ("input_gain_db", "-6", -6.0), ("output_gain_db", "3.5 dB", 3.5)):
        knobs[name].edit(text)
        qtbot.keyClick(knobs[name]._editor, Qt.Key.Key_Return)
        assert getattr(codec, name) == pytest.approx(value) and knobs[name].accessibleName()
    qtbot.mouseClick(window.controls.bypass, Qt.MouseButton.LeftButton)
    assert codec.bypass and window.controls.bitrate.is_bypassed
    qtbot.keyClick(window, Qt.Key.Key_B)
    assert not codec.bypass


def test_denoise_and_noise_only_reach_the_codec(window, qtbot):
    codec, knob, switch = window.session.codec, window.controls.knobs["denoise"], window.controls.noise_only
    assert knob.isEnabled() and switch.isEnabled() and "wasn't trained" not in knob.toolTip() + switch.toolTip()
    qtbot.mouseClick(switch, Qt.MouseButton.LeftButton)
    assert codec.noise_only and switch.isChecked()
    wait(qtbot, lambda: "Denoise is at 0" in window.output_caption.remark.text())
    knob.edit("70")
    qtbot.keyClick(knob._editor, Qt.Key.Key_Return)
    assert codec.denoise == pytest.approx(0.7)
    wait(qtbot, lambda: "silent" not in window.output_caption.remark.text())
    qtbot.keyClick(window, Qt.Key.Key_N)
    assert not codec.noise_only and not switch.isChecked()


def test_with_a_model_that_cannot_denoise_both_controls_are_off_and_say_why(window, qtbot, undenoising_bundle):
    install_bundle(undenoising_bundle, "my-band")
    window.session.apply_preset(load_preset("what-was-removed"))
    assert window.session.codec.noise_only and window.session.codec.denoise == 1.0
    window.loader.choose_model("my-band")
    wait(qtbot, lambda: window.session.codec.model == "my-band")
    controls = (window.controls.knobs["denoise"], window.controls.noise_only)
    assert not any(control.isEnabled() for control in controls) and all("wasn't trained" in control.toolTip() for control in controls)
    # Were noise only still on, nothing would be heard, and no control could end it.
    qtbot.keyClick(window, Qt.Key.Key_N)
    for name, value in (("denoise", 0.0), ("noise_only", False)):
        assert window.session.parameters[name] == getattr(window.session.codec, name) == value
    assert not window.controls.noise_only.isChecked()

    window.session.parameters.set("mix", 0.3)
    window.session.apply_preset(load_preset("what-was-removed"))
    assert window.notice.isVisible() and "not trained to denoise" in window.notice.label.text()
    codec = window.session.codec
    assert (codec.layers, codec.mix, codec.denoise, codec.noise_only) == (24, 1.0, 0.0, False)


def test_presets_set_the_knobs_and_edits_are_marked(window):
    action = window.header.preset_menu.actions()[0]
    action.trigger()
    assert window.header.preset_button.text() == action.text() and action.toolTip()
    window.session.parameters.set("layers", 5 if window.session.parameters["layers"] != 5 else 6)
    assert window.header.preset_button.text() == f"{action.text()} (edited)"


def test_a_preset_is_saved_and_opened_again(window, monkeypatch, tmp_path):
    path = tmp_path / "Mine.json"
    choose(monkeypatch, "Mine")  # the dialog completes the suffix
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    window.session.parameters.set("layers", 3)
    window.session.parameters.set("mix", 0.4)
    window.dialogs.save_preset()
    assert "Mine.json" in window.notice.label.text()
    window.session.parameters.set("layers", 20)
    window.dialogs.open_preset()
    assert (window.session.codec.layers, window.session.codec.mix) == (3, 0.4)
    path.write_text("{}")
    window.dialogs.open_preset()
    assert window.session.codec.layers == 3 and "Mine.json" in window.notice.label.text()


# Models.


def model_actions(window, qtbot):
    """Opens the model menu as a user does, and waits until it shows what is there."""
    shown = [action.text() for action in window.header.model_menu.actions()]
    window.header.model_menu.aboutToShow.emit()
    wait(qtbot, lambda: not window.background.is_busy)
    return {action.data(): action for action in window.header.model_menu.actions()}, shown


def test_a_model_that_was_trained_meanwhile_is_chosen_while_playing(window, qtbot, sound, tmp_path):
    window.open(sound)
    wait(qtbot, lambda: window.header.title.text() == "two tones.wav")
    actions, _ = model_actions(window, qtbot)
    assert list(actions) == ["lamina-24k"] and actions["lamina-24k"].isChecked()
    assert window.header.model_button.text() == "lamina-24k"

    source = shutil.copytree(weights_folder() / "lamina-24k", tmp_path / "bundle")
    install_bundle(source, "my-band")
    window.session.parameters.set("layers", 3)
    window.session.set_loop_region(0.2, 0.9)
    window.toggle_play()
    wait(qtbot, lambda: window.session.is_playing and window.session.player.position_seconds > 0.1)
    actions, before = model_actions(window, qtbot)
    assert before == ["lamina-24k"] and list(actions) == ["lamina-24k", "my-band"]
    actions["my-band"].trigger()
    wait(qtbot, lambda: window.session.codec.model == "my-band")
    assert actions["my-band"].isChecked() and not actions["lamina-24k"].isChecked()
    assert window.header.model_button.text() == "my-band"
    # The session goes on: same file, settings and loop, still playing.
    assert window.header.title.text() == "two tones.wav" and window.session.loop_seconds == (0.2, 0.9)
    assert window.session.codec.layers == 3
    wait(qtbot, lambda: window.session.is_playing and window.session.usage.n_frames > 0)

    window.session.start_export(tmp_path / "out.wav")
    assert window.session.export._make_effect().model == "my-band"
    wait(qtbot, lambda: not window.session.is_exporting)


def test_a_damaged_model_is_told_and_the_present_one_stays(window, qtbot, tmp_path):
    source = shutil.copytree(weights_folder() / "lamina-24k", tmp_path / "bundle")
    folder = install_bundle(source, "my-band")
    (folder / "decoder.onnx").write_bytes(b"")
    actions, _ = model_actions(window, qtbot)
    action = actions["my-band"]
    assert action.text() == "my-band (damaged)" and "decoder.onnx" in action.toolTip()
    codec = window.session.codec
    action.trigger()
    wait(qtbot, lambda: window.notice.isVisible() and "decoder.onnx" in window.notice.label.text())
    assert window.session.codec is codec and window.session.can_play
    assert not action.isChecked() and actions["lamina-24k"].isChecked()
    assert window.header.model_button.text() == "lamina-24k"


def test_a_preset_brings_its_model_or_says_that_it_is_missing(window, qtbot, monkeypatch, tmp_path):
    source = shutil.copytree(weights_folder() / "lamina-24k", tmp_path / "bundle")
    install_bundle(source, "my-band")
    window.loader.choose_model("my-band")
    wait(qtbot, lambda: window.session.codec.model == "my-band")
    window.session.parameters.set("layers", 3)
    window.loader.save_preset(tmp_path / "mine.json")
    window.loader.choose_model("lamina-24k")
    wait(qtbot, lambda: window.session.codec.model == "lamina-24k")
    window.session.parameters.set("layers", 20)

    window.loader.open_preset(tmp_path / "mine.json")
    wait(qtbot, lambda: window.session.preset_name == "mine")
    assert (window.session.codec.model, window.session.codec.layers) == ("my-band", 3)

    window.loader.choose_model("lamina-24k")
    wait(qtbot, lambda: window.session.codec.model == "lamina-24k")
    window.session.parameters.set("layers", 20)
    shutil.rmtree(own_bundles_folder() / "my-band")
    window.loader.open_preset(tmp_path / "mine.json")
    wait(qtbot, lambda: window.notice.isVisible() and "my-band" in window.notice.label.text())
    assert (window.session.codec.model, window.session.codec.layers) == ("lamina-24k", 20)


# Playing.


def test_without_an_output_it_says_so_and_plays_silently(window, qtbot):
    wait(qtbot, lambda: window.status.remark.text() == NO_OUTPUT.remark)
    assert window.status.rescan_button.isVisible() and window.session.output == SILENT
    window.status.rescan_button.click()
    wait(qtbot, lambda: window.notice.isVisible() and "No sound output" in window.notice.label.text())


def test_playing_moves_every_view(window, qtbot):
    qtbot.keyClick(window, Qt.Key.Key_Space)
    wait(qtbot, lambda: window.session.player.position_seconds > 0.5)
    wait(qtbot, lambda: window.session.usage.used()[:8].min() > 1)
    assert window.transport.play_button.accessibleName() == "Pause"
    wait(qtbot, lambda: not window.session.output_spectrogram.ring.is_empty)
    session = window.session
    assert session.input_spectrogram.ring.levels.max() > 0 and session.output_spectrogram.ring.levels.max() > 0
    assert session.input_spectrogram.ring.n_columns == session.output_spectrogram.ring.n_columns
    assert session.input_meter.peak_db.max() > -40 and session.output_meter.peak_db.max() > -40
    assert session.usage.active_layers == 8 and session.usage.used()[8:].max() == 0
    wait(qtbot, lambda: window.waveform._seconds > 0.5)
    wait(qtbot, lambda: "latency" in window.status.figures.text())
    window.session.parameters.set("layers", 2)
    wait(qtbot, lambda: session.usage.active_layers == 2)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    wait(qtbot, lambda: session.player.state is PlayState.PAUSED)
    qtbot.keyClick(window, Qt.Key.Key_Home)
    wait(qtbot, lambda: session.player.state is PlayState.STOPPED and session.player.position_seconds == 0.0)


def test_clicking_the_waveform_seeks(window, qtbot):
    view, length = window.waveform, window.session.document.seconds
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(view.width() // 2, view.height() - 10))
    wait(qtbot, lambda: window.session.player.position_seconds == pytest.approx(length / 2, rel=0.01))
    window.toggle_play()
    wait(qtbot, lambda: window.session.player.position_seconds > length / 2 + 0.2)


@pytest.mark.parametrize("way", ["ruler", "shift"])
def test_dragging_marks_a_loop_that_repeats(window, qtbot, way):
    view, session = window.waveform, window.session
    y = 5 if way == "ruler" else view.height() - 20
    keys = Qt.KeyboardModifier.ShiftModifier if way == "shift" else Qt.KeyboardModifier.NoModifier
    width = view.width()
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, keys, QPoint(width // 2, y))
    qtbot.mouseMove(view, QPoint(width // 2 + width // 30, y))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, keys, QPoint(width // 2 + width // 30, y))
    assert session.loop_seconds == pytest.approx((session.document.seconds / 2, session.document.seconds * (0.5 + 1 / 30)), rel=0.01)
    assert window.transport.loop_button.isChecked()
    start, stop = session.loop_seconds
    session.seek(start)
    wait(qtbot, lambda: session.player.position_seconds == start)
    window.toggle_play()
    wait(qtbot, lambda: session.player.position_seconds > (start + stop) / 2)
    wait(qtbot, lambda: session.player.position_seconds < (start + stop) / 2)
    assert session.player.state is PlayState.PLAYING
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(width // 4, 5))
    assert session.loop_seconds is None
    qtbot.keyClick(window, Qt.Key.Key_L)
    assert not session.is_looping


# Export.


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


def test_an_export_without_a_suffix_gets_one_and_a_preset_keeps_its_dots(window, qtbot, sound, tmp_path, monkeypatch):
    choose(monkeypatch, "bounce")
    window.dialogs.export()
    wait(qtbot, lambda: window.session.export is not None and window.session.export.state is ExportState.DONE)
    assert (tmp_path / "bounce.wav").is_file()
    window.loader.save_preset(tmp_path / "grit v1.2")
    assert (tmp_path / "grit v1.2.json").is_file()


def test_a_defect_is_told_and_the_window_stays(window, capsys):
    try:
        raise RuntimeError("a screw came loose")
    except RuntimeError as error:
        window.tell_defect(RuntimeError, error, error.__traceback__)
    assert "a screw came loose" in window.notice.label.text() and window.notice.isVisible()
    assert "Traceback" in capsys.readouterr().err


def test_a_cancelled_export_leaves_nothing(window, qtbot, tmp_path):
    long_sound = tmp_path / "long.wav"
    with AudioFile(str(long_sound), "w", 48000, 2) as file:
        file.write(np.random.default_rng(0).normal(0, 0.1, (2, 48000 * 120)).astype(np.float32))
    window.open(long_sound)
    wait(qtbot, lambda: window.session.document.path == long_sound)
    assert window.session.start_export(tmp_path / "out.wav")
    window._tell()
    assert window.status.export_strip.isVisible()
    window.status.cancel_button.click()
    wait(qtbot, lambda: window.session.export.state is not ExportState.RUNNING)
    assert window.session.export.state is ExportState.CANCELLED
    wait(qtbot, lambda: "cancelled" in window.notice.label.text())
    assert [path.name for path in tmp_path.iterdir()] == ["long.wav"]
    wait(qtbot, lambda: not window.status.export_strip.isVisible())


@pytest.mark.parametrize("name", ["two tones.wav", "song.xyz", "no such folder/out.wav"])
def test_a_target_that_cannot_be_is_refused_with_a_sentence(window, qtbot, sound, tmp_path, name):
    window.open(sound)
    wait(qtbot, lambda: window.session.document.path == sound)
    before = sound.read_bytes()
    assert not window.session.start_export(tmp_path / name)
    assert window.notice.isVisible() and window.notice.label.text().endswith(".")
    assert [path.name for path in tmp_path.iterdir()] == ["two tones.wav"] and sound.read_bytes() == before


# The end.


def test_closing_while_playing_and_exporting_ends_every_thread(window, qtbot, tmp_path):
    window.toggle_play()
    wait(qtbot, lambda: window.session.player.position_seconds > 0.1)
    window.session.start_export(tmp_path / "out.wav")
    window.close()
    assert lamina_threads() == []


@pytest.mark.parametrize(("width", "height"), [(1000, 640), (1280, 800), (1920, 1080)])
def test_nothing_is_cut_off_at_any_size(window, qtbot, width, height):
    window.resize(width, height)
    qtbot.wait(20)
    assert (window.width(), window.height()) == (width, height)
    for widget in (*window.controls.switches.values(), window.status, window.usage, window.output_view, *window.controls.knobs.values()):
        corner = widget.mapTo(window, widget.rect().bottomRight())
        assert corner.x() < width and corner.y() < height
        assert widget.width() >= widget.minimumSizeHint().width() and widget.height() >= widget.minimumSizeHint().height()
