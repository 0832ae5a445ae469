"""The room beside the controls: spectrograms, codebooks, and the desk's drawer below, which all share its height."""

from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.widgets.desk.desk_panel import DeskPanel
from lamina.gui.widgets.views.codebook_panel import CodebookPanel
from lamina.gui.widgets.views.spectrum_panel import SpectrumPanel

ROOM_FOR_CODEBOOKS = 1080
"""From this width on the codebooks stay beside the spectrograms while the desk is open."""


class Stage(QWidget):
    """Lays out `spectra`, `codebooks` and `desk`."""

    def __init__(self, desk: DeskPanel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.spectra = SpectrumPanel()
        self.codebooks = CodebookPanel()
        self.usage, self.usage_caption = self.codebooks.usage, self.codebooks.caption
        for view in (self.spectra.input_view, self.spectra.output_view, self.spectra.difference_view):
            view.hovered.connect(self.codebooks.roll.show_cross)
        top = QHBoxLayout()
        top.setSpacing(theme.MARGIN)
        top.addWidget(self.spectra, 1)
        top.addWidget(self.codebooks)
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
        self.codebooks.setVisible(not self.desk.is_open or self.width() >= ROOM_FOR_CODEBOOKS)
