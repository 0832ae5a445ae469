"""A level meter: RMS as a bar, the peak as a pale bar above it, the held peak as a line and a figure."""

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QLinearGradient, QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from lamina.dsp.levels import LevelMeter
from lamina.gui.look import theme

LOWEST_DB = -60.0
MARKS_DB = (0, -6, -12, -24, -36, -48)
CLIP_DB = -0.1
SCALE_WIDTH = 24
LIGHT_HEIGHT = 7


class MeterView(QWidget):
    """Draws a `LevelMeter` upright, one bar per channel, in dBFS.

    `has_clipped` says whether full scale was reached since the last click on it or `let_go`; it is lit until then.
    """

    def __init__(self, name: str, accent: str, accent_deep: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._accent, self._deep = accent, accent_deep
        self._meter: LevelMeter | None = None
        self._levels: list[tuple[float, float, float]] = []
        self.has_clipped = False
        self._n_full = 0
        self.setAccessibleName(name)
        self.setFixedWidth(54)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setToolTip(
            "Bar: RMS. Pale bar: peak. Line: highest peak of the last moments. All in dBFS. Red at the top: full scale "
            "was reached, so that the sound clips; a click puts it out, and so does the next start."
        )

    def show_meter(self, meter: LevelMeter | None) -> None:
        """Draws another meter from now on."""
        self._meter = meter
        self._n_full = 0
        self.refresh()

    def let_go(self) -> None:
        """Puts the clip light out."""
        self._n_full = self._meter.n_full if self._meter is not None else 0
        self._show_clipped(False)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        self.let_go()

    def refresh(self) -> None:
        """Reads the meter and repaints where it moved."""
        levels: list[tuple[float, float, float]] = []
        if self._meter is not None:
            readings = zip(self._meter.rms_db, self._meter.peak_db, self._meter.hold_db, strict=True)
            levels = [(round(float(r), 1), round(float(p), 1), round(float(h), 1)) for r, p, h in readings]
            n_full = self._meter.n_full
            if n_full > self._n_full:
                self._show_clipped(True)
            self._n_full = n_full
        if levels != self._levels:
            self._levels = levels
            self.update()

    def _show_clipped(self, has_clipped: bool) -> None:
        if has_clipped != self.has_clipped:
            self.has_clipped = has_clipped
            self.setAccessibleDescription("clipped" if has_clipped else "")
            self.update()

    def text(self) -> str:
        """Highest held peak and RMS of all channels in dBFS, in words."""
        peak = max((hold for _, _, hold in self._levels), default=LOWEST_DB)
        rms = max((rms for rms, _, _ in self._levels), default=LOWEST_DB)
        return f"peak {level_text(peak)}   RMS {level_text(rms)}"

    def sizeHint(self) -> QSize:
        return QSize(54, 180)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        light = QRectF(0, 0, self.width() - SCALE_WIDTH, LIGHT_HEIGHT)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(theme.ALERT if self.has_clipped else theme.WELL))
        painter.drawRoundedRect(light, 2, 2)
        area = QRectF(0, LIGHT_HEIGHT + 3, light.width(), self.height() - LIGHT_HEIGHT - 3)
        levels = self._levels or [(LOWEST_DB, LOWEST_DB, LOWEST_DB)]
        gap = 3.0
        width = (area.width() - gap * (len(levels) - 1)) / len(levels)
        for index, (rms, peak, hold) in enumerate(levels):
            bar = QRectF(area.left() + index * (width + gap), area.top(), width, area.height())
            self._draw_bar(painter, bar, rms, peak, hold)
        painter.setFont(theme.font(theme.SMALL_PIXELS - 1))
        painter.setPen(theme.colour(theme.DIM))
        last_y = -99.0
        for mark in MARKS_DB:
            y = min(max(area.top() + 7.0, self._y(area, mark)), area.bottom() - 7)
            if y - last_y < 12:
                continue
            last_y = y
            box = QRectF(area.right() + 2, y - 7, SCALE_WIDTH - 2, 14)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, str(abs(mark)))

    def _draw_bar(self, painter: QPainter, bar: QRectF, rms: float, peak: float, hold: float) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(theme.WELL))
        painter.drawRoundedRect(bar, 2, 2)
        if rms > LOWEST_DB:
            fill = QLinearGradient(bar.bottomLeft(), bar.topLeft())
            fill.setColorAt(0.0, theme.colour(self._deep))
            fill.setColorAt(0.85, theme.colour(self._accent))
            painter.setBrush(fill)
            painter.drawRoundedRect(
                QRectF(bar.left(), self._y(bar, rms), bar.width(), bar.bottom() - self._y(bar, rms)), 2, 2
            )
        if peak > max(rms, LOWEST_DB):
            top = self._y(bar, peak)
            painter.setBrush(theme.colour(self._accent, 0.28))
            painter.drawRect(QRectF(bar.left(), top, bar.width(), self._y(bar, max(rms, LOWEST_DB)) - top))
        if hold > LOWEST_DB:
            painter.setPen(QPen(theme.colour(theme.ALERT if hold > CLIP_DB else self._accent), 1.5))
            y = max(bar.top() + 1, self._y(bar, hold))
            painter.drawLine(QPointF(bar.left(), y), QPointF(bar.right(), y))

    def _y(self, area: QRectF, level_db: float) -> float:
        share = min(1.0, max(0.0, (level_db - LOWEST_DB) / -LOWEST_DB))
        return area.bottom() - share * area.height()


def level_text(level_db: float, lowest_db: float = LOWEST_DB) -> str:
    """A level in dB as figures; minus infinity from `lowest_db` down."""
    return f"{level_db:.1f}".replace("-", "\N{MINUS SIGN}") if level_db > lowest_db else "\N{MINUS SIGN}∞"
