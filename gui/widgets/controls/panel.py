"""Panels: the rounded surfaces everything stands on, with their captions."""

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from lamina.gui.look import theme


class Panel(QFrame):
    """A rounded surface; `content` is its column of things."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self.content = QVBoxLayout(self)
        self.content.setContentsMargins(theme.MARGIN, theme.MARGIN, theme.MARGIN, theme.MARGIN)
        self.content.setSpacing(theme.GAP)


class Caption(QWidget):
    """A panel's name in small capitals, with a dot in its accent, and a remark at the right."""

    def __init__(self, text: str, accent: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._accent = accent
        self._remarks = ("", "")
        row = QHBoxLayout(self)
        row.setContentsMargins(14 if accent else 0, 0, 0, 0)
        self.name = QLabel(text)
        self.name.setFont(theme.caption_font())
        self.name.setProperty("role", "muted")
        self.remark = QLabel()
        self.remark.setProperty("role", "detail")
        self.remark.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.name)
        row.addStretch(1)
        row.addWidget(self.remark)
        self.setFixedHeight(18)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def show_name(self, text: str) -> None:
        """Calls the panel something else."""
        if text != self.name.text():
            self.name.setText(text)
            self._fit()

    def show_remark(self, text: str, is_alert: bool = False, shorter: str = "") -> None:
        """Shows a remark, in the colour of alerts if it is one; `shorter` is what it is where that has no room."""
        self._remarks = (text, shorter or text)
        self._fit()
        role = "alert" if is_alert else "detail"
        if role != self.remark.property("role"):
            self.remark.setProperty("role", role)
            # A style sheet is only looked at again when it is told that a property has changed.
            style = self.remark.style()
            if style is not None:
                style.unpolish(self.remark)
                style.polish(self.remark)

    def _fit(self) -> None:
        text, shorter = self._remarks
        if not text:
            return
        figures, margins = self.remark.fontMetrics(), self.contentsMargins()
        row = self.layout()
        assert row is not None
        room = self.width() - margins.left() - self.name.sizeHint().width() - 2 * row.spacing()
        has_room = not self.isVisible() or figures.horizontalAdvance(text) <= room
        self.remark.setText(text if has_room else shorter)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        if self._accent:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(self._accent))
            painter.drawEllipse(QRectF(0, self.height() / 2 - 3.5, 7, 7))
