"""What goes into the line here, and where what comes out of it goes."""

from __future__ import annotations

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QLineEdit, QSizePolicy, QWidget

from lamina.gui.look import theme
from lamina.gui.model.line.choices import BUFFERS, PACKETS, SINKS
from lamina.gui.model.line.line import OWN_PARAMETERS, Line
from lamina.gui.model.values.words import layers_text
from lamina.gui.widgets.controls.bitrate_knob import BitrateKnob
from lamina.gui.widgets.controls.choice_box import ChoiceBox
from lamina.gui.widgets.controls.knob import Knob
from lamina.gui.widgets.controls.panel import Caption, Panel
from lamina.gui.widgets.controls.status_line import ElidedLabel
from lamina.gui.widgets.controls.tips import plain_tip, set_tip
from lamina.gui.widgets.views.level_bar import LevelBar
from lamina.plugin.parameters.table import Value

LABEL_WIDTH, PACKETS_WIDTH, BUFFER_WIDTH = 52, 136, 150
PACKETS_TIP = (
    "<b>Packets</b><br>Frames that travel together. Each packet has 93 bytes of headers: 6 kbps of codes travel as 70, "
    "38 (2 frames), 28 (3) or 22 kbps (4). Each further frame comes 13.3 ms later. Can be changed while you talk."
)
BUFFER_TIP = (
    "<b>Buffer</b><br>How long packets are waited for before they are heard. Automatic follows the network; a fixed "
    "time doesn't change, and what comes later is concealed. Can be changed while you talk."
)


class EndsPanel(Panel):
    """Shows a `Line`'s ends and passes gestures on to it. `refused` carries the sentence for a value not allowed."""

    refused = pyqtSignal(str)

    def __init__(self, line: Line, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._line = line
        self.setFixedWidth(theme.LEFT_WIDTH)
        self.name = QLineEdit()
        self.name.setPlaceholderText("shown at the other end")
        self.name.setAccessibleName("Your name")
        self.name.setToolTip("Your name, as the other end sees it.")
        self.name.setFixedHeight(theme.CONTROL_HEIGHT)
        self.name.textChanged.connect(self._rename)
        self.source, self.sink = ChoiceBox("What is sent"), ChoiceBox("Where it is heard")
        self.packets, self.buffer = ChoiceBox("Frames in a packet"), ChoiceBox("Jitter buffer")
        set_tip(self.packets, PACKETS_TIP)
        set_tip(self.buffer, BUFFER_TIP)
        for box in (self.source, self.sink):
            box.setMinimumContentsLength(12)
        for box, width in ((self.packets, PACKETS_WIDTH), (self.buffer, BUFFER_WIDTH)):
            box.setMinimumContentsLength(4)
            box.setFixedWidth(width)
            box.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.packets.chosen.connect(line.use_frames_per_packet)
        self.buffer.chosen.connect(line.use_buffer)
        self.source.chosen.connect(self._choose_source)
        self.sink.chosen.connect(self._choose_sink)
        self.whence, self.where = ElidedLabel("detail"), ElidedLabel("detail")
        for label in (self.whence, self.where):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.send_caption = Caption("You send", theme.DRY)
        self.content.addWidget(self.send_caption)
        grid = QGridLayout()
        grid.setSpacing(theme.GAP)
        grid.setColumnMinimumWidth(0, LABEL_WIDTH)
        grid.setColumnStretch(1, 1)
        for row, (word, widget) in enumerate((("Name", self.name), ("Sound", self.source))):
            grid.addWidget(_muted(word), row, 0)
            grid.addWidget(widget, row, 1)
        grid.addWidget(self.whence, 2, 1)
        self.level = LevelBar("Level of what is sent")
        grid.addWidget(_muted("Level"), 3, 0)
        grid.addWidget(self.level, 3, 1)
        self.content.addLayout(grid)
        table = line.parameters.parameters
        self.bitrate, self.denoise = BitrateKnob(table["layers"]), Knob(table["denoise"])
        self.knobs: dict[str, Knob] = dict(zip(OWN_PARAMETERS, (self.bitrate, self.denoise), strict=True))
        self.content.addWidget(self.bitrate, 1)
        travels = QHBoxLayout()
        travels.setSpacing(theme.GAP)
        travels.addWidget(self.denoise, 1)
        travels.addWidget(self.packets)
        self.content.addLayout(travels)
        self.content.addSpacing(theme.GAP)
        self.hear_caption = Caption("You hear", theme.WET)
        waits = QHBoxLayout()
        waits.setSpacing(theme.GAP)
        waits.addWidget(self.hear_caption, 1)
        waits.addWidget(self.buffer)
        self.content.addLayout(waits)
        self.content.addWidget(self.sink)
        self.content.addWidget(self.where)
        for name, knob in self.knobs.items():
            knob.moved.connect(lambda value, name=name: self._set(name, value))
            knob.refused.connect(self.refused)
        line.parameters.reshaped.subscribe(self._reshape)
        line.parameters.changed.subscribe(self._show)
        for name in OWN_PARAMETERS:
            self._show(name, line.parameters[name])
        self.show_all()

    def show_all(self) -> None:
        """Shows what is chosen, and what can be."""
        line = self._line
        self.source.show_choices(line.sources(), line.source)
        self.sink.show_choices(SINKS, line.sink)
        self.packets.show_choices(PACKETS, line.frames_per_packet)
        self.buffer.show_choices(BUFFERS, line.buffer)
        for widget in (self.name, self.source, self.sink):
            widget.setEnabled(not line.is_held)
        self.denoise.setEnabled(line.can_denoise)
        for label, words in ((self.whence, line.source_words), (self.where, line.sink_words)):
            label.setText(words)
            set_tip(label, plain_tip(words))
            label.setVisible(bool(words))

    def refresh(self) -> None:
        """One step of what moves."""
        channels = self._line.level
        if not channels:
            self.level.show_levels()
            return
        self.level.show_levels(*(max(getattr(each, name) for each in channels) for name in ("rms", "peak", "hold")))

    def show_sent_layers(self, n_layers: int | None) -> None:
        """Shows how many layers are really sent, where the link carries less than the knob says; None if it doesn't."""
        self.bitrate.show_moving(n_layers)
        self.send_caption.remark.setText("" if n_layers is None else f"now {layers_text(n_layers)}")

    def _rename(self, name: str) -> None:
        self._line.name = name

    def _choose_source(self, value: str) -> None:
        self._line.source = value
        self.show_all()

    def _choose_sink(self, value: str) -> None:
        self._line.sink = value
        self.show_all()

    def _set(self, name: str, value: object) -> None:
        try:
            self._line.parameters.set(name, value)
        except (ValueError, TypeError) as error:
            self.refused.emit(str(error))
            self._show(name, self._line.parameters[name])

    def _show(self, name: str, value: Value) -> None:
        if name in self.knobs:
            self.knobs[name].show_value(value)

    def _reshape(self) -> None:
        values = self._line.parameters
        self.bitrate.use_parameter(values.parameters["layers"], values.shape)


def _muted(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", "muted")
    return label
