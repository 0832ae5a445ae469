"""The main window's views, put together."""

from PyQt6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.model.session import Session
from lamina.gui.model.values.desk import Desk
from lamina.gui.widgets.controls.panel import Panel
from lamina.gui.widgets.controls.status_line import StatusLine
from lamina.gui.widgets.desk.desk_panel import DeskPanel
from lamina.gui.widgets.frame.control_panel import ControlPanel
from lamina.gui.widgets.frame.drop_overlay import DropOverlay
from lamina.gui.widgets.frame.first_line import FirstLine
from lamina.gui.widgets.frame.header import Header
from lamina.gui.widgets.frame.notice import SeatedNotice
from lamina.gui.widgets.frame.stage import Stage
from lamina.gui.widgets.frame.transport_bar import TransportBar
from lamina.gui.widgets.views.waveform_view import WaveformView


class Views:
    """All that lies in the window, in its `centre`; nothing of it is connected yet.

    Args:
        session: whose parameters and desk the controls set.
    """

    def __init__(self, session: Session) -> None:
        self.header = Header()
        self.transport = TransportBar()
        self.waveform = WaveformView()
        self.controls = ControlPanel(session.parameters)
        self.desk = DeskPanel(session.parameters, Desk(session.parameters, session.boards.change))
        self.stage = Stage(self.desk)
        self.spectra, self.usage = self.stage.spectra, self.stage.usage
        self.status = StatusLine()
        top = QHBoxLayout()
        top.setSpacing(theme.MARGIN)
        waveform_panel = Panel()
        waveform_panel.content.addWidget(self.waveform)
        top.addWidget(self.transport)
        top.addWidget(waveform_panel, 1)
        bottom = QHBoxLayout()
        bottom.setSpacing(theme.MARGIN)
        bottom.addWidget(self.controls)
        bottom.addWidget(self.stage, 1)
        self.centre = QWidget()
        column = QVBoxLayout(self.centre)
        column.setContentsMargins(theme.MARGIN, 0, theme.MARGIN, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        self.first_line = FirstLine()
        column.addWidget(self.first_line)
        column.addLayout(top)
        column.addSpacing(theme.MARGIN)
        column.addLayout(bottom, 1)
        column.addWidget(self.status)
        self.notice = SeatedNotice(self.centre)
        self.status.seat(self.notice)
        self.drop_overlay = DropOverlay(self.centre)
