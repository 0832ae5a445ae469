"""The line at the bottom: how things are, a running export, and where the sound goes."""

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QPainter, QPaintEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QMenu, QProgressBar, QPushButton, QSizePolicy, QWidget

from lamina.gui import theme
from lamina.gui.model.outputs import SILENT, Output, OutputList
from lamina.gui.widgets.buttons import MenuButton
from lamina.gui.widgets.tips import plain_tip


class StatusLine(QWidget):
    """Signals what was chosen; shows what it is told."""

    output_chosen = pyqtSignal(object)
    rescan_asked = pyqtSignal()
    cancel_asked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(36)
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 0, 0)
        row.setSpacing(theme.MARGIN)
        self.remark = ElidedLabel()
        self.remark.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.rescan_button = QPushButton("Look again")
        self.rescan_button.setProperty("role", "quiet")
        self.rescan_button.setToolTip("Look for sound outputs again.")
        self.rescan_button.clicked.connect(self.rescan_asked)
        self.rescan_button.hide()
        self.export_strip = self._export_strip()
        self.figures = _label()
        self.output_button = MenuButton("Output: …", is_quiet=True)
        self.output_button.setToolTip("Where the sound goes.")
        self.output_menu = QMenu(self)
        self.output_button.setMenu(self.output_menu)
        row.addWidget(self.remark, 1)
        row.addWidget(self.rescan_button)
        row.addWidget(self.export_strip)
        row.addWidget(self.figures)
        row.addWidget(self.output_button)

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

    def show_remark(self, text: str, can_rescan: bool = False) -> None:
        """A sentence about the state of things."""
        self.remark.setText(text)
        self.remark.setToolTip(plain_tip(text))
        self.rescan_button.setVisible(can_rescan)

    def show_figures(self, text: str, tip: str = "") -> None:
        """Figures about the codec at work."""
        self.figures.setText(text)
        self.figures.setToolTip(tip)

    def show_outputs(self, outputs: OutputList, current: Output) -> None:
        """Fills the output menu and names the one in use."""
        self.output_menu.clear()
        for output in (*outputs.outputs, SILENT):
            action = QAction("Silent (no sound, every view moves)" if output.is_silent else output.name, self.output_menu)
            action.setCheckable(True)
            action.setChecked(output == current)
            action.triggered.connect(lambda _checked, output=output: self.output_chosen.emit(output))
            self.output_menu.addAction(action)
        self.output_menu.addSeparator()
        again = QAction("Look for outputs again", self.output_menu)
        again.triggered.connect(self.rescan_asked)
        self.output_menu.addAction(again)
        name = current.name if len(current.name) <= 28 else current.name[:27] + "…"
        self.output_button.setText(f"Output: {name}")

    def show_export(self, name: str, progress: float, is_running: bool) -> None:
        """Shows a running export, or hides the strip."""
        self.export_strip.setVisible(is_running)
        self.figures.setVisible(not is_running)
        if is_running:
            self.export_label.setText(f"Exporting {name if len(name) <= 36 else name[:35] + '…'}")
            self.export_bar.setValue(round(progress * 1000))
            self.export_share.setText(f"{progress * 100:.0f} %")


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
