"""The app's type is its own, and every theme can be read: contrast of at least 4.5 for all words and figures."""

import json

import numpy as np
import pytest
from gui_parts import wait
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QFontDatabase, QFontInfo, QFontMetricsF
from PyQt6.QtWidgets import QApplication

from lamina.gui.look import palettes, theme
from lamina.gui.look.palettes import CONTRAST, DARK, HEX, LIGHT, PALETTES, contrast, translated
from lamina.gui.model.kept_look import KeptLook, Look
from lamina.gui.widgets.desk.layer_drawing import fader_area

pytest_plugins = ["gui_fixtures"]

WORDS = (theme.TEXT, theme.MUTED, theme.DIM, theme.WET, theme.DRY, theme.ALERT)
GROUNDS = (theme.WINDOW, theme.PANEL, theme.WELL)
LEAST = 4.5  # WCAG 2, AA, for text of usual size
ON_ACCENT = "#1A1208"


@pytest.fixture
def app(qapp):
    """The application, which is dark again afterwards."""
    theme.apply(qapp)
    yield qapp
    theme.apply(qapp)


def in_theme(name, colour):
    return PALETTES[name].get(colour, colour)


def test_contrast_is_counted_as_wcag_has_it():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21.0)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)
    assert contrast("#FFFFFF", "#777777") == contrast("#777777", "#FFFFFF")


@pytest.mark.parametrize("name", [DARK, LIGHT, CONTRAST])
def test_words_and_figures_can_be_read_in_every_theme(name):
    pairs = [(word, ground) for word in WORDS for ground in GROUNDS]
    pairs += [(theme.TEXT, ground) for ground in (theme.RAISED, theme.HOVER)] + [(theme.MUTED, theme.RAISED)]
    pairs += [(ON_ACCENT, accent) for accent in (theme.WET, "#F7B672")]  # Play, Export, what is lit
    pairs += [(theme.WELL, accent) for accent in (theme.DRY, theme.ALERT)]  # Live, M and S
    pairs += [(theme.WET, "#2A2118"), (theme.WET, theme.RAISED)]  # a lit chip, a menu's tick
    low = {
        (word, ground): round(contrast(in_theme(name, word), in_theme(name, ground)), 2)
        for word, ground in pairs
        if contrast(in_theme(name, word), in_theme(name, ground)) < LEAST
    }
    assert not low
    if name == CONTRAST:
        assert contrast(in_theme(name, theme.DIM), in_theme(name, theme.PANEL)) >= 7.0


def test_every_colour_of_the_dark_theme_has_its_like_in_the_light_one():
    used = set(HEX.findall(theme.STYLESHEET)) | {
        colour
        for stops in (theme.SPECTRUM_STOPS, theme.STRIP_STOPS, theme.DIFFERENCE_STOPS, theme.CODE_STOPS)
        for _, colour in stops
    }
    assert {colour.upper() for colour in used} <= set(PALETTES[LIGHT])
    assert "#191D22" not in translated(theme.STYLESHEET, LIGHT)
    assert translated(theme.STYLESHEET, DARK) == theme.STYLESHEET


@pytest.mark.parametrize("name", [DARK, LIGHT, CONTRAST])
def test_equal_steps_in_level_look_equally_large(app, name):
    theme.apply(app, name)
    table = np.array(theme.colour_table(theme.SPECTRUM_STOPS))
    light = [palettes._luminance(f"#{value & 0xFFFFFF:06X}") for value in table]
    steps = np.diff(light)
    assert (steps >= -1e-9).all() if name != LIGHT else (steps <= 1e-9).all()


def test_the_type_comes_with_the_app_and_its_figures_are_as_wide_as_each_other(app):
    assert "Inter" in QFontDatabase.families()
    for is_bold in (False, True):
        face = theme.font(13, is_bold)
        assert QFontInfo(face).family() == "Inter"
        widths = [QFontMetricsF(face).horizontalAdvance(figure) for figure in "0123456789"]
        # To what a hinted pixel is off; a 1 of the type's own is 3 pixels narrower.
        assert max(widths) - min(widths) < 0.05
    assert (theme.FONTS / "OFL.txt").read_text().startswith("Copyright 2016-2022 The Inter Project Authors")


def test_a_theme_is_shown_at_once_and_next_time(window, qtbot, app, data_folder):
    wait(qtbot, lambda: window.session.can_play)
    window.resize(1280, 800)
    before = window.grab().toImage()
    qtbot.mouseClick(window.status.look_button, Qt.MouseButton.LeftButton)
    menu = window.looking.menu
    assert menu.isVisible() and window.looking.themes[DARK].isChecked() and window.looking.sizes[100].isChecked()
    menu.close()
    window.looking.themes[LIGHT].trigger()
    qtbot.wait(20)
    after = window.grab().toImage()

    def brightness(image):
        return np.mean([image.pixelColor(x, y).lightness() for x in range(5, 1280, 40) for y in range(5, 800, 40)])

    assert brightness(before) < 60 and brightness(after) > 190
    # What keeps pictures of its own is drawn anew too: the spectrograms' ground is that of the wells.
    view = window.spectra.output_view
    pixel = view.grab().toImage().pixelColor(view.width() // 2, view.height() // 3)
    assert pixel.lightness() > 200
    assert KeptLook().read() == Look(LIGHT, 100)
    window.looking.themes[DARK].trigger()
    qtbot.wait(20)
    assert brightness(window.grab().toImage()) < 60


@pytest.mark.parametrize("name", [DARK, LIGHT, CONTRAST])
def test_how_far_a_fader_can_go_is_seen_in_every_theme(window, qtbot, app, name):
    theme.apply(app, name)
    window.resize(1280, 800)
    window.desk.open_tab("Layers")
    qtbot.wait(20)
    faders = window.desk.layers.faders
    place = fader_area(faders.column(1)).center()
    image = window.grab().toImage()
    corner = faders.mapTo(window, faders.rect().topLeft())
    x, y = round(corner.x() + place.x()), round(corner.y() + place.y() - 30)
    row = [image.pixelColor(x + off, y).name() for off in range(-4, 5)]
    ground = image.pixelColor(x - 9, y).name()
    # As WCAG has it for what isn't text, where contrast is what one chose the theme for.
    assert max(contrast(ground, there) for there in row) > (3.0 if name == CONTRAST else 1.1)


def test_a_size_is_kept_for_the_next_start_and_said(window):
    window.looking.sizes[150].trigger()
    assert KeptLook().read() == Look("dark", 150)
    assert "150 %" in window.notice.label.text() and "next start" in window.notice.label.text()


@pytest.mark.parametrize(
    "text", ["", "[]", '{"theme": 3}', '{"theme": "dark", "size": 1e400}', '{"theme": "dark", "size": 7}', "x" * 9000]
)
def test_a_damaged_look_is_the_usual_one(data_folder, qapp, text):
    (data_folder / "look.json").write_text(text)
    assert KeptLook().read() == Look()


def test_a_theme_that_nobody_knows_is_the_dark_one(app, data_folder):
    (data_folder / "look.json").write_text(json.dumps({"theme": "pink", "size": 125}))
    look = KeptLook().read()
    theme.apply(QApplication.instance(), look.theme)
    assert theme.shown() == DARK and look.size == 125


def test_a_look_that_cant_be_kept_is_shown_and_said(window, app, monkeypatch):
    def full(_self, _look):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(KeptLook, "keep", full)
    window.looking.themes[CONTRAST].trigger()
    assert theme.shown() == CONTRAST and "No space left on device" in window.notice.label.text()
