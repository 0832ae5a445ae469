"""The page of slots: what is compared at the left, how it looks at the right, and what can be done with it above."""

from __future__ import annotations

from functools import partial

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.model.files.document import clock
from lamina.gui.model.listening.comparing import Comparing
from lamina.gui.model.listening.slots import SlotState
from lamina.gui.widgets.controls.buttons import MenuButton, SignButton, Switch
from lamina.gui.widgets.controls.panel import Caption, Panel
from lamina.gui.widgets.controls.status_line import ElidedLabel
from lamina.gui.widgets.controls.tips import plain_tip, set_tip
from lamina.gui.widgets.listening.region_picture import RegionPicture
from lamina.gui.widgets.listening.slot_row import SlotRow
from lamina.gui.widgets.views.frequency_axis import AXIS_WIDTH
from lamina.plugin.host.transport.comparison import MOST_SOUNDS

LIST_WIDTH = 404
HEADS = "bits counted, all channels; gain"
EMPTY = (
    "Nothing is compared yet.\n\nMark a loop, choose settings, and press C: the original and these settings are here "
    "then. "
    "Change the settings and press C again, up to nine slots. The keys 1 to 9 change over while it plays."
)


class ComparePage(QWidget):
    """Shows a `Comparing` and passes gestures on.

    `test_asked` asks for a blind test of what is here, `figures_asked` for its figures, `results_asked` for what
    listeners heard in tests.
    """

    test_asked = pyqtSignal()
    figures_asked = pyqtSignal()
    results_asked = pyqtSignal()

    def __init__(self, comparing: Comparing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._comparing = comparing
        self.rows: list[SlotRow] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.MARGIN, theme.MARGIN, theme.MARGIN, theme.MARGIN)
        column.setSpacing(theme.MARGIN)
        column.addLayout(self._bar())
        middle = QHBoxLayout()
        middle.setSpacing(theme.MARGIN)
        middle.addWidget(self._slots_panel())
        middle.addWidget(self._pictures_panel(), 1)
        column.addLayout(middle, 1)
        comparing.changed.subscribe(self._changed)
        self.show_all()

    # Putting together.

    def _bar(self) -> QHBoxLayout:
        comparing = self._comparing
        self.play_button = SignButton("play", "Play", diameter=44, is_round=True)
        self.play_button.setToolTip("Play the region again and again, or pause (Space).")
        self.play_button.clicked.connect(comparing.toggle)
        self.region = ElidedLabel("title", theme.TEXT)
        self.region.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.remark = ElidedLabel("detail")
        self.remark.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        names = QVBoxLayout()
        names.setSpacing(1)
        names.addStretch(1)
        names.addWidget(self.region)
        names.addWidget(self.remark)
        names.addStretch(1)
        self.loop_button = QPushButton("Use the loop")
        self.loop_button.setProperty("role", "quiet")
        set_tip(self.loop_button, "Compare the loop that is marked now; every slot is made anew.")
        self.loop_button.clicked.connect(comparing.take_region)
        self.matched = Switch("", "Same loudness", theme.WET, theme.WET_DEEP)
        set_tip(
            self.matched,
            "<b>Same loudness</b> (M)<br>Every slot is made as loud as the original, by integrated LUFS of the region, "
            "because the louder of two sounds is taken for the better one. Each slot shows its gain.",
        )
        self.matched.clicked.connect(comparing.set_matched)
        self.difference = Switch("", "Difference", theme.DRY, theme.DRY_DEEP)
        set_tip(
            self.difference,
            "<b>Difference</b> (D)<br>Hear and see the original without the slot: what the slot has lost and added.",
        )
        self.difference.clicked.connect(comparing.set_difference)
        self.test_button = QPushButton("Blind test…")
        self.test_button.setProperty("role", "primary")
        set_tip(self.test_button, "Find out whether you really hear a difference, or which one you like better (T).")
        self.test_button.clicked.connect(self.test_asked)
        self.figures_button = QPushButton("Figures")
        self.figures_button.setProperty("role", "quiet")
        set_tip(self.figures_button, "What measures say of each slot beside the original (F).")
        self.figures_button.clicked.connect(self.figures_asked)
        self.results_button = QPushButton("Results")
        self.results_button.setProperty("role", "quiet")
        set_tip(self.results_button, "What listeners heard in blind tests, yours or those that others sent (R).")
        self.results_button.clicked.connect(self.results_asked)
        row = QHBoxLayout()
        row.setSpacing(theme.MARGIN)
        row.addWidget(self.play_button)
        row.addLayout(names, 1)
        for widget in (
            self.loop_button,
            self.matched,
            self.difference,
            self.figures_button,
            self.results_button,
            self.test_button,
        ):
            row.addWidget(widget)
        return row

    def _slots_panel(self) -> Panel:
        panel = Panel()
        panel.setFixedWidth(LIST_WIDTH)
        self.caption = Caption("Slots", theme.WET)
        panel.content.addWidget(self.caption)
        self.list = QVBoxLayout()
        self.list.setSpacing(2)
        panel.content.addLayout(self.list)
        self.empty = QLabel(EMPTY)
        self.empty.setWordWrap(True)
        self.empty.setProperty("role", "muted")
        panel.content.addWidget(self.empty)
        panel.content.addStretch(1)
        self.add_button = MenuButton("Add a slot")
        set_tip(self.add_button, "The settings of A or B, a preset, or another codec.")
        self.add_menu = QMenu(self)
        self.add_menu.setToolTipsVisible(True)
        self.add_button.setMenu(self.add_menu)
        panel.content.addWidget(self.add_button)
        return panel

    def _pictures_panel(self) -> Panel:
        panel = Panel()
        self.original = RegionPicture("Spectrogram of the original")
        self.heard = RegionPicture("Spectrogram of what is heard")
        self.heard_caption = Caption("Heard", theme.WET)
        self.axis = _RegionAxis()
        panel.content.addWidget(Caption("Original", theme.DRY))
        panel.content.addWidget(self.original, 1)
        panel.content.addSpacing(theme.GAP)
        panel.content.addWidget(self.heard_caption)
        panel.content.addWidget(self.heard, 1)
        panel.content.addWidget(self.axis)
        for picture in (self.original, self.heard):
            picture.sought.connect(lambda share: self._comparing.seek(share * self._comparing.seconds))
        return panel

    # Showing.

    def show_all(self) -> None:
        """Shows everything as it is."""
        self._show_rows()
        self._show_heard()
        self._show_playing()

    def refresh(self) -> None:
        """One step of what moves."""
        comparing = self._comparing
        share = comparing.position_seconds / comparing.seconds if comparing.seconds else 0.0
        for picture in (self.original, self.heard):
            picture.show_place(share)
        for index, slot in enumerate(comparing.slots):
            if slot.is_busy and index < len(self.rows):
                self._show_row(index)
        self._show_playing()

    def _changed(self, what: str) -> None:
        if what == "slots":
            self._show_rows()
        if what == "playing":
            self._show_playing()
        else:
            self._show_heard()

    def _show_rows(self) -> None:
        comparing = self._comparing
        while len(self.rows) > len(comparing.slots):
            row = self.rows.pop()
            self.list.removeWidget(row)
            row.hide()
            row.deleteLater()
        while len(self.rows) < len(comparing.slots):
            row = SlotRow(len(self.rows) + 1)
            index = len(self.rows)
            row.chosen.connect(partial(comparing.hear, index))
            row.cross_pressed.connect(partial(self.cross, index))
            self.rows.append(row)
            self.list.addWidget(row)
        for index in range(len(comparing.slots)):
            self._show_row(index)
        self.empty.setVisible(not comparing.slots)
        self.add_button.setEnabled(len(comparing.slots) < MOST_SOUNDS)
        n_busy = sum(slot.is_busy for slot in comparing.slots)
        self.caption.remark.setText(f"{n_busy} being made" if n_busy else HEADS if comparing.slots else "")
        self.region.setText(comparing.region_text)
        self.loop_button.setVisible(not comparing.fits_loop)
        self.matched.setChecked(comparing.is_matched)

    def _show_row(self, index: int) -> None:
        slots = self._comparing.slots
        self.rows[index].show_slot(slots[index], index == self._comparing.heard, index > 0 or len(slots) == 1)

    def _show_heard(self) -> None:
        comparing = self._comparing
        for index in range(min(len(self.rows), len(comparing.slots))):
            self._show_row(index)
        self.difference.setChecked(comparing.is_difference)
        arranged = comparing.arranged
        self.remark.setText(arranged.remark if arranged is not None else "")
        self.remark.setVisible(bool(self.remark.text()))
        set_tip(self.remark, plain_tip(self.remark.text()))
        original, pictures = comparing.pictures(0), comparing.pictures(comparing.heard)
        self.original.show_levels(original.sound if original is not None else None, "")
        slot = comparing.slots[comparing.heard] if comparing.heard < len(comparing.slots) else None
        hint = ""
        if slot is not None and slot.state is not SlotState.READY:
            hint = slot.trouble if slot.state is SlotState.FAILED else "Not made yet"
        levels = None
        if pictures is not None:
            levels = pictures.difference if comparing.is_difference else pictures.sound
        self.heard.show_levels(levels, hint)
        name = slot.recipe.title if slot is not None else ""
        self.heard_caption.name.setText(
            f"Original \N{MINUS SIGN} {name}" if comparing.is_difference else name or "Heard"
        )
        self.axis.show_seconds(comparing.seconds)
        self._show_playing()

    def _show_playing(self) -> None:
        comparing = self._comparing
        self.play_button.setEnabled(comparing.can_play)
        self.play_button.show_sign(
            "pause" if comparing.is_playing else "play", "Pause" if comparing.is_playing else "Play"
        )
        self.test_button.setEnabled(comparing.can_play)

    # Gestures.

    def cross(self, index: int) -> None:
        """Ends a slot's making, or takes it away."""
        if index < len(self._comparing.slots) and self._comparing.slots[index].is_busy:
            self._comparing.cancel(index)
        else:
            self._comparing.remove(index)


class _RegionAxis(QWidget):
    """Seconds of the region, under the pictures."""

    def __init__(self) -> None:
        super().__init__()
        self._seconds = 0.0
        self.setFixedHeight(16)

    def show_seconds(self, seconds: float) -> None:
        """How long the region is."""
        if seconds != self._seconds:
            self._seconds = seconds
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        if not self._seconds:
            return
        painter = QPainter(self)
        painter.setFont(theme.font(theme.SMALL_PIXELS - 1))
        painter.setPen(theme.colour(theme.MUTED))
        width = self.width() - AXIS_WIDTH
        most = max(2, width // 90)
        step = next(step for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60) if self._seconds / step <= most or step == 60)
        for number in range(int(self._seconds / step) + 1):
            x = AXIS_WIDTH + width * number * step / self._seconds
            box = QRectF(min(max(AXIS_WIDTH, x - 24.0), self.width() - 48.0), 2, 48, 14)
            side = Qt.AlignmentFlag.AlignLeft if number == 0 else Qt.AlignmentFlag.AlignHCenter
            painter.drawText(box, side | Qt.AlignmentFlag.AlignVCenter, clock(number * step))
