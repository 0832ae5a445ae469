"""The third rolling picture shows what differs: louder and quieter in two colours, chosen by a button or a key."""

import numpy as np
import pytest
from gui_parts import wait
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QApplication

from lamina.gui.look import theme
from lamina.gui.look.palettes import CONTRAST, DARK, LIGHT, _luminance
from lamina.gui.model.kept_session import KeptSession
from lamina.gui.model.sound.difference import NEUTRAL, Difference, difference_words, lately_words
from lamina.gui.model.sound.pictures import PICTURES, Pictures
from lamina.gui.model.sound.spectrogram import QUIETEST_DB, SpectrogramRing, height_of
from lamina.gui.widgets.views.rolling_view import _lines
from lamina.gui.window import MainWindow

pytest_plugins = ["gui_fixtures"]

MINUS = "\N{MINUS SIGN}"
BELOW = QUIETEST_DB - 6.0
STEP_DB = 84.0 / 255.0  # what a spectrogram tells apart


def rings(*levels, n_columns=1, n_bands=4):
    """Two rings with as many columns of the same levels each, in and out."""
    made = SpectrogramRing(n_bands, 8), SpectrogramRing(n_bands, 8)
    for ring, level in zip(made, levels, strict=True):
        ring.push(np.full((n_columns, n_bands), level, np.float32))
    return made


@pytest.mark.parametrize(
    ("in_db", "out_db", "shade"),
    [
        (-40.0, -40.0, NEUTRAL),
        (BELOW, BELOW, NEUTRAL),
        (-40.0, -28.0, NEUTRAL + 63.5),
        (-40.0, -52.0, NEUTRAL - 63.5),
        (-60.0, -20.0, 255),
        (-20.0, BELOW, 1),
    ],
)
def test_louder_is_above_the_middle_quieter_below_and_nothing_in_the_middle(in_db, out_db, shade):
    shades = Difference(*rings(in_db, out_db)).shades(np.arange(1))
    # Half a step of brightness on either side, in shades, and their own rounding.
    assert shades == pytest.approx(shade, abs=STEP_DB * 127 / 24 + 0.5)
    if in_db == out_db:
        assert (shades == NEUTRAL).all()


def test_what_differs_rolls_with_both_and_its_figure_is_of_what_was_heard():
    went_in, came_out = rings(BELOW, BELOW, n_columns=5)
    difference = Difference(went_in, came_out)
    assert not difference.is_empty and difference.write_place == 5 and difference.lately_db() is None
    columns = np.full((1, 4), BELOW, np.float32)
    columns[0, 0] = -30.0
    went_in.push(columns)
    columns[0, 0] = -42.0
    came_out.push(columns)
    assert difference.n_columns == 6
    assert difference.lately_db() == pytest.approx(12.0, abs=STEP_DB)  # of one place in 24; the others are silent
    # Low bands come last.
    assert difference.shades(np.array([5]))[3, 0] < NEUTRAL and (difference.shades(np.array([5]))[:3] == NEUTRAL).all()
    assert lately_words(6.04) == "differs by 6.0 dB lately" and lately_words(None) == ""


@pytest.mark.parametrize(
    ("in_db", "out_db", "words"),
    [
        (-31.0, -44.0, "13 dB quieter"),
        (-44.0, -41.0, "3 dB louder"),
        (-44.0, -44.3, "as loud as before"),
        (-50.0, QUIETEST_DB, "at least 40 dB quieter"),
        (QUIETEST_DB, QUIETEST_DB, "nothing on either side"),
    ],
)
def test_a_difference_has_its_words(in_db, out_db, words):
    assert difference_words(in_db, out_db) == words


def test_one_picture_is_always_shown_and_they_keep_their_order():
    pictures, told = Pictures(), []
    pictures.changed.subscribe(told.append)
    for name in ("difference", "in", "out", "difference", "in"):
        pictures.toggle(name)
    in_vain = ("difference",)
    assert told == [PICTURES, ("out", "difference"), in_vain, in_vain, ("in", "difference")]
    pictures.show(("nonsense", "out"))
    assert pictures.shown == ("out",)


@pytest.mark.parametrize("name", [DARK, LIGHT, CONTRAST])
def test_louder_and_quieter_stand_out_alike_in_every_theme(qapp, name):
    theme.apply(qapp, name)
    light = np.array([_luminance(f"#{c & 0xFFFFFF:06X}") for c in theme.colour_table(theme.DIFFERENCE_STOPS)])
    theme.apply(qapp)
    away = np.diff(light if name != LIGHT else -light)
    assert (away[: NEUTRAL - 1] <= 1e-9).all() and (away[NEUTRAL:] >= -1e-9).all()
    # Equally far from the ground at both ends: neither direction is louder than the other to the eye.
    assert light[0] == pytest.approx(light[-1], abs=0.06)


def fill(window, in_db, out_db, n_columns=600):
    """Has so many columns of these levels heard, as if they had been played."""
    listening = window.session.listening
    for spectrogram, level in ((listening.input_spectrogram, in_db), (listening.output_spectrogram, out_db)):
        spectrogram.ring.push(np.full((n_columns, spectrogram.ring.n_bands), level, np.float32))
    window.spectra.refresh()


def press(qtbot, window, name):
    qtbot.mouseClick(window.spectra.choice.buttons[name], Qt.MouseButton.LeftButton)
    QApplication.processEvents()


def colour_in(view, share_x, share_y):
    picture, image = view._picture(), view.grab().toImage()
    spot = picture.left() + share_x * picture.width(), picture.top() + share_y * picture.height()
    scale = image.devicePixelRatio()
    return QColor(image.pixel(round(spot[0] * scale), round(spot[1] * scale)))


def test_the_buttons_choose_pictures_and_the_last_one_stays(window, qtbot):
    spectra = window.spectra
    views = {"in": spectra.input_view, "out": spectra.output_view, "difference": spectra.difference_view}

    def seen():
        lit = tuple(name for name, button in spectra.choice.buttons.items() if button.isChecked())
        assert lit == tuple(name for name, view in views.items() if view.isVisible())
        return lit

    assert seen() == ("in", "out")
    press(qtbot, window, "difference")
    assert seen() == ("in", "out", "difference")
    heights = [view.height() for view in views.values()]
    press(qtbot, window, "in")
    press(qtbot, window, "out")
    assert seen() == ("difference",) and spectra.difference_view.height() > 2 * max(heights)
    press(qtbot, window, "difference")
    assert seen() == ("difference",)
    assert spectra.difference_caption.isVisible() and spectra.choice.isVisible()
    press(qtbot, window, "in")
    qtbot.keyClick(window, Qt.Key.Key_V)
    assert seen() == ("in",)
    qtbot.keyClick(window, Qt.Key.Key_V)
    assert seen() == ("in", "difference")
    assert all(button.toolTip() and button.accessibleName() for button in spectra.choice.buttons.values())


@pytest.mark.parametrize("size", [(980, 620), (1280, 800)])
@pytest.mark.parametrize("is_desk_open", [False, True])
def test_any_number_of_pictures_has_room_at_any_size(window, qtbot, size, is_desk_open):
    window.resize(*size)
    if is_desk_open:
        window.desk.toggle()
    spectra = window.spectra
    for shown in (PICTURES, ("difference",), ("out", "difference")):
        spectra.pictures.show(shown)
        QApplication.processEvents()
        assert (window.width(), window.height()) == size
        views = [
            view for view in (spectra.input_view, spectra.output_view, spectra.difference_view) if view.isVisible()
        ]
        assert len(views) == len(shown) and all(view.width() > 90 and view.height() > 35 for view in views)
        # Aligned with each other, so that one moment is one place.
        corners = [view.mapTo(spectra, QPoint(0, 0)) for view in views]
        assert len({corner.y() if spectra.is_flat else corner.x() for corner in corners}) == 1
        for each in (*views, spectra.choice):
            assert spectra.rect().contains(each.mapTo(spectra, QPoint(0, 0)))
            assert spectra.rect().contains(each.mapTo(spectra, QPoint(each.width() - 1, each.height() - 1)))


def test_louder_is_warm_quieter_is_cool_and_silence_is_the_ground(window, qtbot):
    window._motion.stop()
    view = window.spectra.difference_view
    press(qtbot, window, "difference")
    fill(window, -60.0, -30.0)
    warm = colour_in(view, 0.6, 0.55)
    assert warm.red() > warm.blue() + 60
    fill(window, -30.0, -60.0, 300)
    cool, older = colour_in(view, 0.8, 0.55), colour_in(view, 0.2, 0.55)
    assert cool.blue() > cool.red() + 60 and older == warm
    fill(window, BELOW, BELOW)
    assert colour_in(view, 0.6, 0.55).name() == theme.colour(theme.WELL).name()


def test_what_was_heard_while_it_was_hidden_is_there(window, qtbot):
    window._motion.stop()
    fill(window, -30.0, -60.0)
    press(qtbot, window, "difference")
    cool = colour_in(window.spectra.difference_view, 0.6, 0.55)
    assert cool.blue() > cool.red() + 60


def test_the_cross_tells_the_difference_and_is_in_all_three(window, qtbot):
    window._motion.stop()
    press(qtbot, window, "difference")
    fill(window, -31.0, -44.0)
    spectra = window.spectra
    view = spectra.difference_view
    picture = view._picture()
    before = [each.grab().toImage() for each in spectra._views]
    qtbot.mouseMove(view, QPoint(round(picture.center().x()), round(picture.height() * (1 - height_of(880.0)))))
    QApplication.processEvents()
    words = view.words_at(view._hover)
    assert "A5" in words and " 4.0 s ago" in words and f"13 dB quieter   in {MINUS}31 dB, out {MINUS}44 dB" in words
    assert spectra.input_view._cross == spectra.output_view._cross == view._hover
    assert all(old != each.grab().toImage() for old, each in zip(before, spectra._views, strict=True))
    assert f"({MINUS}13)" in spectra.input_view.words_at(view._hover)


def test_words_beside_the_cross_are_broken_where_a_line_has_no_room_for_them():
    words = "3.2 kHz   G7 +28 ct   3.2 s ago   6 dB louder"
    assert _lines(words, lambda line: len(line) < 30) == ["3.2 kHz   G7 +28 ct", "3.2 s ago   6 dB louder"]
    assert _lines(words, lambda line: False) == words.split("   ")
    assert _lines(words, lambda line: True) == [words]


def test_a_line_stands_where_the_codecs_band_ends(window, qtbot):
    window._motion.stop()
    press(qtbot, window, "difference")
    for view in window.spectra._views:
        assert view._end_hz == 12_000  # the shipped model works at 24 kHz
        with_line = view.grab().toImage()
        y = round(view._picture().height() * (1 - height_of(12_000)))
        view.show_codec_end(None)
        without = view.grab().toImage()
        scale = with_line.devicePixelRatio()
        across = range(round(view._picture().left() * scale), with_line.width())
        row = [with_line.pixel(x, round(y * scale)) != without.pixel(x, round(y * scale)) for x in across]
        assert sum(row) > len(row) / 4  # dots
        view.show_codec_end(24_000)  # beyond the picture
        assert view.grab().toImage() == without


def test_playing_shows_what_the_codec_did(window, qtbot):
    press(qtbot, window, "difference")
    window.session.parameters.set("layers", 1)
    window.session.set_looping(True)
    window.toggle_play()
    caption = window.spectra.difference_caption
    wait(qtbot, lambda: caption.remark.text().endswith((" dB", " dB lately")))
    difference = window.spectra.difference_view.difference
    began = difference.n_columns
    wait(qtbot, lambda: difference.n_columns > began + 100)
    shades = difference.shades(np.arange(difference.width))
    assert (shades > NEUTRAL + 20).any() and (shades < NEUTRAL - 20).any()
    window.session.parameters.set("bypass", True)
    # What is the same on both sides differs by nothing: both are compared at the same moment, to the sample.
    wait(qtbot, lambda: difference.lately_db() == 0.0)
    window.toggle_play()


def test_the_pictures_are_shown_again_next_time(qtbot, monkeypatch, tmp_path):
    monkeypatch.setattr("lamina.gui.loading.probe_devices", list)

    def opened():
        kept = KeptSession(tmp_path, tmp_path / "data")
        window = MainWindow(kept.session, kept)
        qtbot.addWidget(window)
        window.show()
        window.load(None)
        wait(qtbot, lambda: window.session.can_play)
        return window

    window = opened()
    qtbot.keyClick(window, Qt.Key.Key_V)
    press(qtbot, window, "in")
    qtbot.mouseClick(window.stage.codebooks.choice.buttons["surprise"], Qt.MouseButton.LeftButton)
    window._tell()
    window.close()
    again = opened()
    assert again.stage.codebooks.kind == "surprise"
    assert again.spectra.pictures.shown == ("out", "difference") and not again.spectra.input_view.isVisible()
    again.close()
