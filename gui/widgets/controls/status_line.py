"""The line at the bottom: how things are, a running export, and where the sound goes and comes from."""

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

from lamina.gui.look import theme
from lamina.gui.widgets.controls.tips import plain_tip

LONGEST_NAME = 26


class StatusLine(QWidget):
    """Signals what was chosen; shows what it is told."""

    devices_asked = pyqtSignal()
    cancel_asked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(36)
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 0, 0)
        row.setSpacing(theme.MARGIN)
        self.remark = ElidedLabel()
        self.remark.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.export_strip = self._export_strip()
        self.figures = _label()
        self.devices_button = QPushButton("Sound devices")
        self.devices_button.setProperty("role", "quiet")
        self.devices_button.setAccessibleName("Sound devices")
        self.devices_button.clicked.connect(self.devices_asked)
        row.addWidget(self.remark, 1)
        row.addWidget(self.export_strip)
        row.addWidget(self.figures)
        row.addWidget(self.devices_button)

    def _export_strip(self) -> QWidget:
        strip = QWidget()
        row = QHBoxLayout(strip)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.GAP)
        self.export_label = _label()
        self.export_bar = QProgressBar()
        self.export_bar.setRange(0, 1000)
        self.export_bar.setTextVisible(False)
        self.export_bar.setFixedWidth(160)
        self.export_bar.setAccessibleName("Export progress")
        self.export_share = _label()
        self.export_share.setFixedWidth(38)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setProperty("role", "quiet")
        self.cancel_button.setToolTip("Stop the export; nothing is written.")
        self.cancel_button.clicked.connect(self.cancel_asked)
        for widget in (self.export_label, self.export_bar, self.export_share, self.cancel_button):
            row.addWidget(widget)
        strip.hide()
        return strip

    def show_remark(self, text: str) -> None:
        """A sentence about the state of things."""
        self.remark.setText(text)
        self.remark.setToolTip(plain_tip(text))

    def show_figures(self, text: str, tip: str = "") -> None:
        """Figures about the engine at work."""
        self.figures.setText(text)
        self.figures.setToolTip(tip)

    def show_devices(self, output: str, source: str, tip: str) -> None:
        """Names the output, and the input while there is one."""
        text = f"{_short(output)}  ←  {_short(source)}" if source else _short(output)
        self.devices_button.setText(text)
        self.devices_button.setToolTip(tip)

    def show_export(self, name: str, progress: float | None, is_running: bool) -> None:
        """Shows a running export, busily if nobody knows how far it is (None), or hides the strip."""
        self.export_strip.setVisible(is_running)
        self.figures.setVisible(not is_running)
        if is_running:
            self.export_label.setText(f"Exporting {name if len(name) <= 36 else name[:35] + '…'}")
            self.export_bar.setRange(0, 0 if progress is None else 1000)
            self.export_bar.setValue(round((progress or 0.0) * 1000))
            self.export_share.setText("" if progress is None else f"{progress * 100:.0f} %")


class ElidedLabel(QLabel):
    """A line of text that ends in an ellipsis where the room does."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "status")

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(theme.colour(theme.MUTED))
        shown = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(QRectF(self.rect()), Qt.AlignmentFlag.AlignVCenter, shown)


def _label() -> QLabel:
    label = QLabel()
    label.setProperty("role", "status")
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
