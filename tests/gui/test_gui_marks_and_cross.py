"""The rolling views show what was done when, and what lies at a place: frequency, note, time and both levels."""

import numpy as np
import pytest
from gui_parts import wait
from PyQt6.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt6.QtWidgets import QApplication

from lamina.gui.model.sound.marks import Marks
from lamina.gui.model.sound.notes import note_of
from lamina.gui.model.sound.spectrogram import LOUDEST_DB, QUIETEST_DB, height_of
from lamina.gui.model.values.motion_desk import MotionDesk

pytest_plugins = ["gui_fixtures"]

MINUS = "\N{MINUS SIGN}"


def marks(window):
    """What is marked in the pictures, the latest first."""
    listening = window.session.listening
    ring = listening.output_spectrogram.ring
    return [text for _, text in sorted(listening.marks.within(ring.n_columns, ring.width))]


@pytest.mark.parametrize(
    ("hz", "words"),
    [(440.0, "A4 0 ct"), (815.0, f"G♯5 {MINUS}33 ct"), (261.63, "C4 0 ct"), (32.70, "C1 0 ct"), (452.89, "A4 +50 ct")],
)
def test_a_frequency_has_its_note(hz, words):
    assert note_of(hz) == words


def test_marks_age_and_those_of_a_knob_that_is_turned_are_one():
    kept = Marks()
    kept.add("layers", "7 layers", 100)
    kept.add("layers", "6 layers", 105)
    kept.add("board", "B", 105)
    kept.add("layers", "3 layers", 140)
    assert kept.within(150, 600) == [(45, "6 layers · B"), (10, "3 layers")]
    assert kept.within(720, 600) == [(580, "3 layers")]
    kept.clear()
    assert kept.within(150, 600) == []


def test_what_is_done_while_it_plays_is_marked_and_what_moves_by_itself_is_not(window, qtbot):
    session = window.session
    session.parameters.set("layers", 5)
    session.seek(1.0)
    assert marks(window) == []  # at rest nothing rolls
    session.set_looping(True)
    window.toggle_play()
    ring = session.listening.output_spectrogram.ring

    def roll(n_columns=30):
        began = ring.n_columns
        wait(qtbot, lambda: ring.n_columns > began + n_columns)

    roll()
    session.parameters.set("layers", 3)
    roll()
    session.parameters.set("listen", "difference")
    roll()
    session.seek(2.5)
    roll()
    session.boards.choose("B")
    roll()
    assert marks(window) == ["8 layers · wet · B", "0:02.5", "difference", "3 layers"]
    picture = window.spectra.output_view
    wait(qtbot, lambda: len(picture._marks) == 4)
    MotionDesk(session.parameters).add("lfo")
    roll(100)
    assert len(marks(window)) == 4
    window.toggle_play()


def test_the_cross_is_in_both_pictures_and_tells_both_levels(window, qtbot):
    window._motion.stop()
    spectra, listening = window.spectra, window.session.listening
    for spectrogram, level in ((listening.input_spectrogram, -31.0), (listening.output_spectrogram, -44.0)):
        spectrogram.ring.push(np.full((600, spectrogram.ring.n_bands), level, np.float32))
    view = spectra.input_view
    view.refresh()
    picture = view._picture()
    spot = QPoint(round(picture.left() + picture.width() / 2), round(picture.height() * (1 - height_of(880.0))))
    before = [each.grab().toImage() for each in (spectra.input_view, spectra.output_view)]
    qtbot.mouseMove(view, spot)
    QApplication.processEvents()
    words = view.words_at(view._hover)
    assert "A5" in words and " 4.0 s ago" in words
    assert f"in {MINUS}31 dB, out {MINUS}44 dB ({MINUS}13)" in words
    assert spectra.output_view._cross == view._hover
    after = [each.grab().toImage() for each in (spectra.input_view, spectra.output_view)]
    assert all(old != new for old, new in zip(before, after, strict=True))
    QApplication.sendEvent(view, QEvent(QEvent.Type.Leave))
    assert spectra.output_view._cross is None and view._hover is None
    assert [each.grab().toImage() for each in (spectra.input_view, spectra.output_view)] == before
    assert Qt.MouseButton.NoButton == QApplication.mouseButtons()


def test_levels_are_read_where_they_were_written_and_silence_is_below(window):
    ring = window.session.listening.input_spectrogram.ring
    columns = np.full((ring.width, ring.n_bands), QUIETEST_DB, np.float32)
    columns[-1, 0] = LOUDEST_DB  # the lowest band, now
    ring.push(columns)
    view = window.spectra.input_view
    assert view.level_at(QPointF(1.0, 1.0)) == pytest.approx(LOUDEST_DB)
    assert view.level_at(QPointF(1.0, 0.0)) == view.level_at(QPointF(0.5, 1.0)) == QUIETEST_DB
    assert f"in below {MINUS}90 dB, out below {MINUS}90 dB" in view.words_at(QPointF(0.5, 0.5))
