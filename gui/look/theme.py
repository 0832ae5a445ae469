"""How Lamina looks: colours, sizes, type, and the stylesheet made of them. Every view takes its look from here.

Colours are named as they are in the dark theme; `colour` and `ink` give what they are in the one that is shown.
"""

from pathlib import Path

from PyQt6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PyQt6.QtWidgets import QApplication, QWidget

from lamina.gui.look.palettes import CONTRAST, DARK, PALETTES, translated

# Neutrals, darkest first: one hue, so that the two accents are the only colours that speak.
WELL = "#0B0D10"  # where pictures live: spectrograms, waveform, strips
WINDOW = "#121519"
PANEL = "#191D22"
RAISED = "#232930"
HOVER = "#2C333B"
LINE = "#2A3038"
SLOT = "#303741"
DIM = "#7F8A97"
MUTED = "#98A2AE"
TEXT = "#E7EAED"

WET = "#F0A458"  # warm: what comes out of the codec, and everything that shapes it
WET_DEEP = "#8A5A2B"
DRY = "#6CB4D2"  # cool: what goes in
DRY_DEEP = "#2F5D73"
ALERT = "#EC6A5E"
MOVING = "#FFE2BD"  # light: where a value is that moves by itself

GAP = 8
MARGIN = 12
RADIUS = 8
CONTROL_HEIGHT = 32
LEFT_WIDTH = 284
RIGHT_WIDTH = 314  # 64 cells of 3 pixels in the codebook strips, and their figures

TEXT_PIXELS = 13
SMALL_PIXELS = 11

FONTS = Path(__file__).with_name("fonts")
TABULAR = QFont.Tag("tnum") if hasattr(QFont, "Tag") else None
"""Figures as wide as each other, where Qt can ask a font for them (6.7 and later)."""

FAMILIES = ["Inter", "SF Pro Text", "Segoe UI Variable", "Segoe UI", "Cantarell", "Noto Sans", "DejaVu Sans"]

# Dark to light through violet and amber, rising evenly in lightness, so that equal steps in dB look equally large.
SPECTRUM_STOPS = (
    (0.00, "#0B0D10"),
    (0.22, "#1B1B33"),
    (0.42, "#4A2A5E"),
    (0.60, "#8E3B63"),
    (0.76, "#D2694F"),
    (0.90, "#F3B562"),
    (1.00, "#FFF3D0"),
)
STRIP_STOPS = ((0.00, "#0F1215"), (0.25, "#4A3420"), (0.60, "#B5783B"), (1.00, "#FFD9A3"))
# From cool to warm past green and rose, each as light as the next, for what has an order and no more or less.
CODE_STOPS = (
    (0.00, "#5B7BD5"),
    (0.25, "#3FA7A0"),
    (0.50, "#B9A64A"),
    (0.75, "#DB7F55"),
    (1.00, "#C76BA6"),
)
# Quieter is cool and louder warm, equally light at equal distance from the middle, where nothing has changed.
DIFFERENCE_STOPS = (
    (0.00, "#7CCBEF"),
    (0.25, "#2E7C9E"),
    (128 / 255, "#0B0D10"),
    (0.75, "#A05F1C"),
    (1.00, "#F5BC78"),
)


_shown = DARK


def shown() -> str:
    """The theme that is shown, by its name."""
    return _shown


def ink(name: str) -> str:
    """A palette colour as the theme that is shown has it."""
    return PALETTES[_shown].get(name.upper(), name)


def colour(name: str, alpha: float = 1.0) -> QColor:
    """A palette colour with an opacity of 0–1, as the theme that is shown has it."""
    result = QColor(ink(name))
    result.setAlphaF(alpha)
    return result


def font(pixels: int = TEXT_PIXELS, bold: bool = False) -> QFont:
    """The app's type at a size in logical pixels; figures are as wide as each other."""
    result = QFont()
    result.setFamilies(FAMILIES)
    result.setPixelSize(pixels)
    result.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    if TABULAR is not None:
        result.setFeature(TABULAR, 1)
    return result


def caption_font() -> QFont:
    """Small spaced capitals for the names of panels."""
    result = font(SMALL_PIXELS, bold=True)
    result.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, 1.2)
    result.setCapitalization(QFont.Capitalization.AllUppercase)
    return result


def colour_table(stops: tuple[tuple[float, str], ...], n_colours: int = 256) -> list[int]:
    """`n_colours` opaque 0xAARRGGBB values along a gradient given as (place 0–1, colour), as the theme has them."""
    table = []
    for index in range(n_colours):
        place = index / (n_colours - 1)
        upper = next(k for k in range(1, len(stops)) if place <= stops[k][0])
        (start, start_name), (stop, stop_name) = stops[upper - 1], stops[upper]
        share = (place - start) / (stop - start)
        first, second = QColor(ink(start_name)), QColor(ink(stop_name))
        red, green, blue = (
            round(a + share * (b - a))
            for a, b in zip(
                (first.red(), first.green(), first.blue()), (second.red(), second.green(), second.blue()), strict=True
            )
        )
        table.append(0xFF000000 | red << 16 | green << 8 | blue)
    return table


def apply(app: QApplication, theme: str = DARK) -> None:
    """Gives the whole application Lamina's look, in one of the themes; it can be changed while windows are open.

    What keeps colours of its own renews them when its palette changes.
    """
    global _shown
    _shown = theme if theme in PALETTES else DARK
    for file in FONTS.glob("*.otf"):
        if file.name not in _loaded:
            _loaded.add(file.name)
            QFontDatabase.addApplicationFont(str(file))
    app.setStyle("Fusion")
    app.setFont(font())
    palette = QPalette()
    for role, name in (
        (QPalette.ColorRole.Window, WINDOW),
        (QPalette.ColorRole.WindowText, TEXT),
        (QPalette.ColorRole.Base, WELL),
        (QPalette.ColorRole.AlternateBase, PANEL),
        (QPalette.ColorRole.Text, TEXT),
        (QPalette.ColorRole.PlaceholderText, DIM),
        (QPalette.ColorRole.Button, RAISED),
        (QPalette.ColorRole.ButtonText, TEXT),
        (QPalette.ColorRole.ToolTipBase, RAISED),
        (QPalette.ColorRole.ToolTipText, TEXT),
        (QPalette.ColorRole.Highlight, WET_DEEP),
        (QPalette.ColorRole.HighlightedText, TEXT),
    ):
        palette.setColor(role, QColor(ink(name)))
    app.setPalette(palette)
    app.setStyleSheet(translated(STYLESHEET, _shown) + (BORDERS if _shown == CONTRAST else ""))
    for window in app.topLevelWidgets():
        for widget in (window, *window.findChildren(QWidget)):
            widget.update()


_loaded: set[str] = set()
BORDERS = """
QFrame[role="panel"] { border: 1px solid #8C8C8C; }
QPushButton { border-color: #8C8C8C; }
QMenu, QToolTip { border-color: #FFFFFF; }
"""
"""What is told apart by a border where all surfaces are black."""


STYLESHEET = f"""
QMainWindow, QDialog {{ background: {WINDOW}; }}
QFrame[role="panel"] {{ background: {PANEL}; border-radius: {RADIUS}px; }}
QLabel {{ color: {TEXT}; background: transparent; }}
QLabel[role="muted"] {{ color: {MUTED}; }}
QLabel[role="status"] {{ color: {MUTED}; font-size: 12px; }}
QLabel[role="title"] {{ color: {TEXT}; font-size: 14px; font-weight: 600; }}
QLabel[role="detail"] {{ color: {MUTED}; font-size: 12px; }}
QFrame[role="divider"] {{ background: {LINE}; }}
QLabel[role="said"] {{ color: {TEXT}; font-size: 12px; }}
QLabel[role="keys"] {{ color: {WET}; font-size: 12px; }}
QLabel[role="alert"] {{ color: {ALERT}; font-size: 12px; }}
QPushButton {{
    background: {RAISED}; color: {TEXT}; border: 1px solid transparent; border-radius: 6px;
    padding: 0 12px; min-height: 30px;
}}
QPushButton:hover {{ background: {HOVER}; }}
QPushButton:pressed {{ background: {LINE}; }}
QPushButton:focus {{ border-color: {TEXT}; }}
QPushButton:disabled {{ color: {DIM}; background: {PANEL}; }}
QPushButton::menu-indicator {{ image: none; width: 0; }}
QPushButton[role="primary"] {{ background: {WET}; color: #1A1208; font-weight: 600; }}
QPushButton[role="primary"]:hover {{ background: #F7B672; }}
QPushButton[role="primary"]:disabled {{ background: {RAISED}; color: {DIM}; font-weight: 400; }}
QPushButton[role="toggle"]:checked {{ background: {WET}; color: #1A1208; }}
QPushButton[role="mute"]:checked {{ background: {ALERT}; color: #1A1208; font-weight: 600; }}
QPushButton[role="quiet"] {{
    background: transparent; color: {MUTED}; min-height: 24px; padding: 0 8px; font-size: 12px;
}}
QPushButton[role="quiet"] {{ border-color: {SLOT}; }}
QPushButton[role="quiet"]:hover {{ background: {RAISED}; color: {TEXT}; }}
QPushButton[role="quiet"]:focus {{ border-color: {TEXT}; }}
QPushButton[role="chip"] {{
    background: transparent; color: {MUTED}; border: 1px solid {SLOT}; border-radius: 5px; padding: 0;
    min-height: 22px; font-size: 12px;
}}
QPushButton[role="chip"]:hover {{ background: {RAISED}; color: {TEXT}; }}
QPushButton[role="chip"]:checked {{ color: {WET}; border-color: {WET_DEEP}; background: #2A2118; }}
QPushButton[role="chip"]:focus {{ border-color: {TEXT}; }}
QPushButton[role="chip"]:disabled {{ color: {DIM}; border-color: {RAISED}; background: transparent; }}
QPushButton[role="quiet"]:disabled {{ color: {DIM}; border-color: {RAISED}; background: transparent; }}
QMenu {{ background: {RAISED}; border: 1px solid {SLOT}; border-radius: 6px; padding: 6px; }}
QMenu::item {{ padding: 6px 20px 6px 12px; border-radius: 4px; color: {TEXT}; }}
QMenu::item:selected {{ background: {HOVER}; }}
QMenu::item:checked {{ color: {WET}; }}
QMenu::item:disabled {{ color: {DIM}; }}
QMenu::indicator {{ width: 0; }}
QMenu::section {{ color: {MUTED}; padding: 6px 12px; }}
QMenu::separator {{ height: 1px; background: {SLOT}; margin: 6px 8px; }}
QToolTip {{ background: {RAISED}; color: {TEXT}; border: 1px solid {SLOT}; padding: 6px 8px; font-size: 12px; }}
QLineEdit {{
    background: {WELL}; color: {TEXT}; border: 1px solid {SLOT}; border-radius: 4px; padding: 2px 4px;
    selection-background-color: {WET_DEEP};
}}
QLineEdit:focus {{ border-color: {WET}; }}
QLineEdit:disabled {{ color: {DIM}; background: {PANEL}; border-color: {RAISED}; }}
QProgressBar {{ background: {SLOT}; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }}
QProgressBar::chunk {{ background: {WET}; border-radius: 3px; }}
QFrame[role="notice"] {{ background: {RAISED}; border: 1px solid {SLOT}; border-radius: {RADIUS}px; }}
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
QHeaderView::section {{ background: {PANEL}; color: {MUTED}; border: none; padding: 4px 8px; }}
QTreeView, QListView {{ background: {WELL}; border: none; selection-background-color: {WET_DEEP}; }}
QTreeView[role="presets"] {{ border-radius: 6px; padding: 4px; outline: none; show-decoration-selected: 1; }}
QTreeView[role="presets"]::item {{ padding: 4px 2px; border: none; }}
QTreeView[role="presets"]::item:hover {{ background: {PANEL}; }}
QTreeView[role="presets"]::item:selected {{ background: {RAISED}; }}
QListWidget[role="desk"] {{ background: {WELL}; border: 1px solid transparent; border-radius: 6px; padding: 3px; }}
QListWidget[role="desk"] {{ outline: none; font-size: 12px; }}
QListWidget[role="desk"]:focus {{ border-color: {TEXT}; }}
QListWidget[role="desk"]::item {{ padding: 3px 6px; border-radius: 4px; color: {MUTED}; }}
QListWidget[role="desk"]::item:hover {{ background: {PANEL}; }}
QListWidget[role="desk"]::item:selected {{ background: {RAISED}; color: {WET}; }}
QComboBox {{ background: {RAISED}; color: {TEXT}; border: 1px solid {SLOT}; border-radius: 4px; padding: 3px 8px; }}
QComboBox[role="choice"] {{ padding: 0 26px 0 10px; border: 1px solid transparent; border-radius: 6px; }}
QComboBox[role="choice"]:hover {{ background: {HOVER}; }}
QComboBox[role="choice"]:focus {{ border-color: {TEXT}; }}
QComboBox[role="choice"]:disabled {{ background: {PANEL}; color: {DIM}; border-color: {RAISED}; }}
QComboBox[role="choice"]::drop-down {{ border: none; width: 24px; }}
QComboBox[role="choice"]::down-arrow {{ image: none; }}
QComboBox[role="choice"] QAbstractItemView {{
    background: {RAISED}; border: 1px solid {SLOT}; padding: 4px; outline: none;
    selection-background-color: {HOVER}; selection-color: {TEXT};
}}
QComboBox[role="choice"] QAbstractItemView::item {{ min-height: 26px; padding: 0 6px; }}
QScrollArea, QScrollArea > QWidget > QWidget {{ background: transparent; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; }}
QScrollBar::handle:horizontal {{ background: {SLOT}; border-radius: 5px; min-width: 24px; }}
QScrollBar:vertical {{ background: transparent; width: 10px; }}
QScrollBar::handle:vertical {{ background: {SLOT}; border-radius: 5px; min-height: 24px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; width: 0; }}
"""
