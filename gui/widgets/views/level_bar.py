"""A level meter that lies: the loudest channel's RMS, peak and held peak from left to right."""

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from lamina.dsp.levels import LevelMeter
from lamina.gui.look import theme
from lamina.gui.widgets.views.meter_view import CLIP_DB, LOWEST_DB, level_text


class LevelBar(QWidget):
    """Draws what `show_level` reads from a `LevelMeter`, or levels as they are; nothing where there is none."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.levels = (LOWEST_DB, LOWEST_DB, LOWEST_DB)
        self.setAccessibleName(name)
        self.setToolTip("Bar: RMS. Pale bar: peak. Line: highest peak of the last moments. All in dBFS, from −60 to 0.")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(240, 22)

    def show_level(self, meter: LevelMeter | None) -> None:
        """Reads the meter and repaints if it moved."""
        if meter is None:
            self.show_levels()
        else:
            self.show_levels(*(float(reading.max()) for reading in (meter.rms_db, meter.peak_db, meter.hold_db)))

    def show_levels(self, rms: float = LOWEST_DB, peak: float = LOWEST_DB, hold: float = LOWEST_DB) -> None:
        """Shows these levels, in dBFS, and repaints if they are others than before."""
        levels = round(rms, 1), round(peak, 1), round(hold, 1)
        if levels != self.levels:
            self.levels = levels
            self.update()

    def text(self) -> str:
        """The held peak in words."""
        return f"{level_text(self.levels[2])} dBFS"

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        figure_width = 82.0
        bar = QRectF(0, self.height() / 2 - 5, self.width() - figure_width, 10)
        rms, peak, hold = self.levels
        for level_db, brush in (
            (0.0, theme.colour(theme.WELL)),
            (peak, theme.colour(theme.DRY, 0.35)),
            (rms, theme.colour(theme.DRY)),
        ):
            painter.setBrush(brush)
            painter.drawRoundedRect(QRectF(bar.left(), bar.top(), bar.width() * _share(level_db), bar.height()), 3, 3)
        if hold > LOWEST_DB:
            painter.setBrush(theme.colour(theme.ALERT if hold > CLIP_DB else theme.TEXT))
            painter.drawRect(QRectF(bar.left() + bar.width() * _share(hold) - 2, bar.top() - 2, 2, bar.height() + 4))
        painter.setFont(theme.font(12))
        painter.setPen(theme.colour(theme.MUTED))
        box = QRectF(bar.right(), 0, figure_width, self.height())
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self.text())


def _share(level_db: float) -> float:
    return min(1.0, max(0.0, (level_db - LOWEST_DB) / -LOWEST_DB))
