"""The dialog of sound devices: where sound goes and comes from.

How long it takes, too, and how to try it. Every choice applies at once.
"""

from PyQt6.QtCore import QTimer, pyqtSignal
from PyQt6.QtGui import QHideEvent, QShowEvent
from PyQt6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.model.session import Notice, Session
from lamina.gui.widgets.controls.choice_box import ChoiceBox
from lamina.gui.widgets.controls.panel import Caption, Panel
from lamina.gui.widgets.frame.latency_table import LatencyTable
from lamina.gui.widgets.views.level_bar import LevelBar

MOTION_MS, TEXT_MS = 33, 300
WIDTH = 780
LABEL_WIDTH = 92
NOT_OPEN = "Nothing is open yet; devices are opened as soon as something sounds."


class DevicesDialog(QDialog):
    """Shows the session's `devices` and `check`.

    Not modal, so that one plays meanwhile. `search_asked` asks to look again.
    """

    search_asked = pyqtSignal()

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._error = ""
        self.setWindowTitle("Sound devices – Lamina")
        self.setFixedWidth(WIDTH)
        columns = QHBoxLayout()
        columns.setSpacing(theme.MARGIN)
        columns.addWidget(self._choices_panel(), 1)
        columns.addWidget(self._delay_panel(), 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.MARGIN, theme.MARGIN, theme.MARGIN, theme.MARGIN)
        column.setSpacing(theme.MARGIN)
        column.addLayout(columns)
        column.addLayout(self._foot())
        self._motion, self._text = QTimer(self), QTimer(self)
        self._motion.setInterval(MOTION_MS)
        self._motion.timeout.connect(self._move)
        self._text.setInterval(TEXT_MS)
        self._text.timeout.connect(session.check.ask_latency)
        session.changed.subscribe(self._changed)
        session.noticed.subscribe(self._noticed)

    # Putting together.

    def _choices_panel(self) -> Panel:
        panel, chooser = Panel(), self._session.devices
        panel.content.addWidget(Caption("Devices", theme.DRY))
        self.output, self.input = ChoiceBox("Output"), ChoiceBox("Input")
        self.channels, self.rate, self.buffer = (
            ChoiceBox("Input channels"),
            ChoiceBox("Sample rate"),
            ChoiceBox("Buffer"),
        )
        self.output.chosen.connect(chooser.choose_output)
        self.input.chosen.connect(chooser.choose_input)
        self.channels.chosen.connect(chooser.choose_channels)
        self.rate.chosen.connect(chooser.choose_rate)
        self.buffer.chosen.connect(chooser.choose_buffer)
        self.rate.setToolTip("Automatic: the file's where the output takes it, else the device's own.")
        self.buffer.setToolTip("What the device takes at a time: less is quicker, more is safer.")
        self.level = LevelBar("Input level")  # of the device alone: one checks a microphone with it
        self.tone_button = QPushButton("Test tone")
        self.tone_button.setProperty("role", "toggle")
        self.tone_button.setCheckable(True)
        self.tone_button.setToolTip("A soft tone of 1 kHz, to hear whether the output is the right one.")
        self.tone_button.clicked.connect(self._session.check.set_tone)
        self.search_button = QPushButton("Look again")
        self.search_button.setToolTip("Look for devices that were connected meanwhile.")
        self.search_button.clicked.connect(self.search_asked)
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.GAP)
        grid.setVerticalSpacing(theme.GAP + 2)
        grid.setColumnMinimumWidth(0, LABEL_WIDTH)
        grid.setColumnStretch(1, 1)
        for row, (name, widget) in enumerate(
            (
                ("Output", self.output),
                ("Input", self.input),
                ("Channels", self.channels),
                ("Sample rate", self.rate),
                ("Buffer", self.buffer),
                ("Input level", self.level),
            )
        ):
            grid.addWidget(_muted(name), row, 0)
            grid.addWidget(widget, row, 1)
        panel.content.addLayout(grid)
        panel.content.addStretch(1)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.GAP)
        buttons.addWidget(self.tone_button)
        buttons.addStretch(1)
        buttons.addWidget(self.search_button)
        panel.content.addLayout(buttons)
        return panel

    def _delay_panel(self) -> Panel:
        panel, check = Panel(), self._session.check
        panel.content.addWidget(Caption("Delay", theme.WET))
        self.latency = LatencyTable()
        panel.content.addWidget(self.latency)
        self.round_trip = QLabel()
        self.round_trip.setProperty("role", "detail")
        self.round_trip.setWordWrap(True)
        self.round_trip.setFixedHeight(66)
        panel.content.addWidget(self.round_trip)
        panel.content.addStretch(1)
        self.margin_button = QPushButton("Give a frame back")
        self.margin_button.setToolTip(
            "The safety margin grows by a codec frame (13.3 ms) when sound came late repeatedly. This takes one frame "
            "off again."
        )
        self.margin_button.clicked.connect(check.shrink_margin)
        self.measure_button = QPushButton("Measure round trip")
        self.measure_button.setToolTip(
            "Connect the output to the input with a cable and go live: sweeps go out and are timed."
        )
        self.measure_button.clicked.connect(check.measure)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.GAP)
        buttons.addWidget(self.margin_button)
        buttons.addStretch(1)
        buttons.addWidget(self.measure_button)
        panel.content.addLayout(buttons)
        return panel

    def _foot(self) -> QHBoxLayout:
        self.remark = QLabel()
        self.remark.setProperty("role", "status")
        self.remark.setWordWrap(True)
        self.remark.setFixedHeight(34)
        self.close_button = QPushButton("Close")
        self.close_button.clicked.connect(self.close)
        foot = QHBoxLayout()
        foot.setContentsMargins(theme.MARGIN, 0, 0, 0)
        foot.addWidget(self.remark, 1)
        foot.addWidget(self.close_button)
        return foot

    # What it shows.

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        self._error = ""
        self._show_choices()
        self._show_check()
        self._session.check.ask_latency()
        self._motion.start()
        self._text.start()

    def hideEvent(self, event: QHideEvent | None) -> None:
        super().hideEvent(event)
        self._motion.stop()
        self._text.stop()
        if not self._session.is_gone:
            # Nobody would find where to end it.
            self._session.check.set_tone(False)

    def _changed(self, what: str) -> None:
        if not self.isVisible():
            return
        if what == "output":
            self._error = ""
            self._show_choices()
        elif what == "check":
            self._show_check()

    def _noticed(self, notice: Notice) -> None:
        if self.isVisible() and notice.is_error:
            # The window's own notices may be covered by this dialog.
            self._error = notice.text
            self._show_remark()

    def _show_choices(self) -> None:
        chooser, settings = self._session.devices, self._session.devices.settings
        self.output.show_choices(chooser.outputs(), settings.output)
        self.input.show_choices(chooser.inputs(), settings.input)
        self.channels.show_choices(chooser.channels(), settings.input_channels)
        self.rate.show_choices(chooser.rates(), settings.sample_rate)
        self.buffer.show_choices(chooser.buffers(self._session.sample_rate), settings.buffer)
        self._show_remark()

    def _show_check(self) -> None:
        check = self._session.check
        self.tone_button.setChecked(check.is_tone_on)
        self.latency.show_parts(check.latency)
        self.round_trip.setText(check.round_trip)
        self.measure_button.setEnabled(not check.is_measuring)
        self.margin_button.setEnabled(bool(check.latency))

    def _show_remark(self) -> None:
        opened = self._session.opened
        self.remark.setText(
            self._error or self._session.devices.remark or (opened.describe() if opened is not None else NOT_OPEN)
        )

    def _move(self) -> None:
        self.level.show_level(self._session.captured_meter if self._session.hears_input else None)


def _muted(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", "muted")
    return label
