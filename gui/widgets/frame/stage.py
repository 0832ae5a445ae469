"""The room beside the controls: spectrograms, codebooks, and the desk's drawer below, which all share its height."""

from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.widgets.controls.panel import Caption, Panel
from lamina.gui.widgets.desk.desk_panel import DeskPanel
from lamina.gui.widgets.views.spectrum_panel import SpectrumPanel
from lamina.gui.widgets.views.usage_view import UsageHeads, UsageView

ROOM_FOR_CODEBOOKS = 1080
"""From this width on the codebooks stay beside the spectrograms while the desk is open."""


class Stage(QWidget):
    """Lays out `spectra`, `usage` and `desk`."""

    def __init__(self, desk: DeskPanel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.spectra = SpectrumPanel()
        self.usage = UsageView()
        self.usage_caption = Caption("Codebooks", theme.WET)
        self.usage_panel = Panel()
        self.usage_panel.setFixedWidth(theme.RIGHT_WIDTH)
        for widget in (self.usage_caption, UsageHeads()):
            self.usage_panel.content.addWidget(widget)
        self.usage_panel.content.addWidget(self.usage, 1)
        top = QHBoxLayout()
        top.setSpacing(theme.MARGIN)
        top.addWidget(self.spectra, 1)
        top.addWidget(self.usage_panel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.MARGIN)
        column.addLayout(top, 1)
        column.addWidget(desk)
        desk.opened.connect(lambda _is_open: self._share())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        self._share()

    def _share(self) -> None:
        self.usage_panel.setVisible(not self.desk.is_open or self.width() >= ROOM_FOR_CODEBOOKS)
