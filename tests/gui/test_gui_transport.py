"""Playing in the window: keys, clicks and drags move the engine's transport, and every view follows what is heard."""

import numpy as np
import pytest
from gui_parts import wait, write_sound
from PyQt6.QtCore import QPoint, Qt

from lamina.gui.model.files.document import Document
from lamina.gui.model.sound.player import PlayState

pytest_plugins = ["gui_fixtures"]


def test_playing_moves_every_view(window, qtbot):
    qtbot.keyClick(window, Qt.Key.Key_Space)
    wait(qtbot, lambda: window.session.player.position_seconds > 0.5)
    wait(qtbot, lambda: window.session.listening.usage.used()[:8].min() > 1)
    assert window.transport.play_button.accessibleName() == "Pause"
    wait(qtbot, lambda: not window.session.listening.output_spectrogram.ring.is_empty)
    session = window.session
    assert (
        session.listening.input_spectrogram.ring.levels.max() > 0
        and session.listening.output_spectrogram.ring.levels.max() > 0
    )
    assert session.listening.input_spectrogram.ring.n_columns == session.listening.output_spectrogram.ring.n_columns
    assert session.input_meter.peak_db.max() > -40 and session.output_meter.peak_db.max() > -40
    assert session.listening.usage.active_layers == 8 and session.listening.usage.used()[8:].max() == 0
    wait(qtbot, lambda: window.waveform._seconds > 0.5)
    window.session.parameters.set("layers", 2)
    wait(qtbot, lambda: session.listening.usage.active_layers == 2)
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
    assert session.loop_seconds == pytest.approx(
        (session.document.seconds / 2, session.document.seconds * (0.5 + 1 / 30)), rel=0.01
    )
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


def test_the_codecs_tail_rings_out_after_a_pause_and_the_pictures_rest(window, qtbot):
    session = window.session
    window.toggle_play()
    wait(qtbot, lambda: session.player.position_seconds > 0.3)
    window.toggle_play()
    wait(qtbot, lambda: session.player.state is PlayState.PAUSED)
    place = session.player.position_seconds
    ring = session.listening.output_spectrogram.ring
    # The pictures stand still once everything has rung out; the engine goes on with silence.
    seen = []
    wait(qtbot, lambda: seen.append(ring.n_columns) or (len(seen) > 20 and seen[-20] == seen[-1]))
    stood = session.player.position_seconds
    n_samples = int(session.engine.telemetry.state()["n_processed"])
    wait(qtbot, lambda: int(session.engine.telemetry.state()["n_processed"]) > n_samples + 4410)
    assert ring.n_columns == seen[-1]
    # What was on its way when the pause came is heard before the place stands still.
    assert session.player.position_seconds == stood >= place


def test_opening_another_file_while_playing_shows_only_the_new_one(window, qtbot, tmp_path):
    mono = write_sound(tmp_path / "mono.wav", 44100, np.zeros((1, 3 * 44100)))
    window.toggle_play()
    wait(qtbot, lambda: window.session.player.position_seconds > 0.2)
    window.session.show(Document.open(mono))
    player = window.session.player
    assert (player.state, player.position_seconds) == (PlayState.STOPPED, 0.0)
    assert window.session.listening.input_spectrogram.ring.is_empty
    window.toggle_play()
    wait(qtbot, lambda: 0.2 < player.position_seconds <= 3.0)
    wait(qtbot, lambda: player.state is PlayState.STOPPED)


def test_live_lets_the_input_through_beside_the_file_and_shines(window, qtbot):
    session, button = window.session, window.transport.live_button
    assert button.accessibleName() == "Live"
    qtbot.keyClick(window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    assert session.is_live and button.isChecked()
    wait(qtbot, lambda: session.hears_input)
    wait(qtbot, lambda: window.spectra.input_caption.name.text() == "Live" and "Live" in window.status.remark.text())
    wait(qtbot, lambda: "silence" in window.status.devices_button.text())
    window.toggle_play()
    wait(qtbot, lambda: session.player.position_seconds > 0.2)
    assert session.hears_input and window.waveform._document is session.document
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not session.is_live
    wait(qtbot, lambda: not session.engine.telemetry.state()["is_live"])
    assert session.is_playing


def test_without_an_input_the_live_button_goes_back_and_says_what_to_do(window, qtbot):
    session = window.session
    session.devices.choose_input("none")
    qtbot.mouseClick(window.transport.live_button, Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: not session.is_live)
    assert not window.transport.live_button.isChecked()
    assert window.notice.isVisible() and "Ctrl+," in window.notice.label.text()


def test_without_an_output_it_says_so_and_plays_silently(window, qtbot):
    session = window.session
    session.devices.choose_output("default")
    wait(qtbot, lambda: "No sound output was found" in window.status.remark.text())
    session.devices.choose_output("virtual")
    wait(qtbot, lambda: window.status.remark.text() == "Ready")
    assert window.status.devices_button.text() == "No sound (silent)"


def test_figures_and_levels_are_told_and_explained(window, qtbot):
    window.toggle_play()
    wait(qtbot, lambda: window.status.figures.text().startswith("load "))
    tip = window.status.figures.toolTip()
    assert "99 of 100" in tip and "safety margin" in tip and "faded" in tip
    wait(qtbot, lambda: "∞" not in window.spectra.output_caption.remark.text())
    for caption in (window.spectra.input_caption, window.spectra.output_caption):
        assert all(word in caption.remark.text() for word in ("peak", "RMS", "LUFS"))
