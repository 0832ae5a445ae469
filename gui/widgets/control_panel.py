"""The controls: the bitrate knob, four smaller knobs and bypass, all made from the parameter table."""

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QWidget

from lamina.gui import theme
from lamina.gui.model.parameters import ParameterValues
from lamina.gui.model.rate import kbps_text, layers_text
from lamina.gui.widgets.bitrate_knob import BitrateKnob
from lamina.gui.widgets.buttons import Switch
from lamina.gui.widgets.knob import Knob
from lamina.gui.widgets.panel import Caption, Panel
from lamina.plugin.parameters import KBPS_PER_LAYER, Value

SMALL_KNOBS = (("input_gain_db", "output_gain_db"), ("denoise", "mix"))
ROOM_FOR_QUICK_RATES = 470
QUICK_LAYERS = (1, 2, 4, 8, 16, 24)


class ControlPanel(Panel):
    """Shows `ParameterValues` and passes every gesture on to it; `refused` carries the sentence for a value not allowed."""

    refused = pyqtSignal(str)

    def __init__(self, values: ParameterValues, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values = values
        self.setFixedWidth(theme.LEFT_WIDTH)
        table = values.parameters
        self.caption = Caption("Bitrate", theme.WET)
        self.content.addWidget(self.caption)
        self.bitrate = BitrateKnob(table["layers"])
        self.content.addWidget(self.bitrate, 1)
        self.quick = QuickRates()
        self.quick.chosen.connect(lambda layers: self._set("layers", layers))
        self.content.addWidget(self.quick)
        self.content.addSpacing(theme.GAP)
        self.knobs: dict[str, Knob] = {"layers": self.bitrate}
        grid = QGridLayout()
        grid.setSpacing(theme.GAP)
        for row, names in enumerate(SMALL_KNOBS):
            for column, name in enumerate(names):
                self.knobs[name] = Knob(table[name], theme.DRY if name == "input_gain_db" else theme.WET)
                grid.addWidget(self.knobs[name], row, column)
        self.content.addLayout(grid)
        self.content.addSpacing(theme.GAP)
        self.bypass = Switch("bypass", table["bypass"].label)
        self.bypass.setToolTip(f"{table['bypass'].help} (B)")
        self.bypass.clicked.connect(lambda is_on: self._set("bypass", is_on))
        self.content.addWidget(self.bypass)
        for name, knob in self.knobs.items():
            knob.moved.connect(lambda value, name=name: self._set(name, value))
            knob.refused.connect(self.refused)
        values.changed.subscribe(self._show)
        for name, value in values.values().items():
            self._show(name, value)

    def show_channels(self, n_channels: int) -> None:
        """Says what all channels send together, since the knob counts one."""
        kbps = n_channels * int(self._values["layers"]) * KBPS_PER_LAYER
        self.caption.remark.setText(f"per channel; {kbps_text(kbps)} in all" if n_channels > 1 else "")

    def show_can_denoise(self, can_denoise: bool, is_loaded: bool) -> None:
        """Enables the denoise knob, or says why it can't be turned."""
        knob = self.knobs["denoise"]
        knob.setEnabled(can_denoise)
        help_text = self._values.parameters["denoise"].help
        if can_denoise:
            knob.explain(help_text)
        elif is_loaded:
            reason = "The loaded model wasn't trained for this, so the knob is off."
            knob.setToolTip(f"<b>{knob.parameter.label}</b><br>{help_text}<br>{reason}")

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        # In a low window the knob needs the room more than its short cuts.
        self.quick.setVisible(self.height() >= ROOM_FOR_QUICK_RATES)

    def _set(self, name: str, value: object) -> None:
        try:
            self._values.set(name, value)
        except (ValueError, TypeError) as error:
            self.refused.emit(str(error))
            self._show(name, self._values[name])

    def _show(self, name: str, value: Value) -> None:
        if name in self.knobs:
            self.knobs[name].show_value(value)
            if name == "layers":
                self.quick.show_layers(int(value))
        elif name == "bypass":
            self.bypass.setChecked(bool(value))
            self.bitrate.show_bypassed(bool(value))


class QuickRates(QWidget):
    """Bitrates that double from one to the next, each one click away: for listening to one after the other."""

    chosen = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self._chips: dict[int, QPushButton] = {}
        for layers in QUICK_LAYERS:
            chip = QPushButton(f"{layers * KBPS_PER_LAYER:g}")
            chip.setProperty("role", "chip")
            chip.setCheckable(True)
            chip.setToolTip(f"{kbps_text(layers * KBPS_PER_LAYER)}: {layers_text(layers)}")
            chip.setAccessibleName(f"{layers * KBPS_PER_LAYER:g} kilobits per second")
            chip.clicked.connect(lambda _checked, layers=layers: self._choose(layers))
            row.addWidget(chip, 1)
            self._chips[layers] = chip

    def show_layers(self, n_layers: int) -> None:
        """Lights the chip for this layer count, if there is one."""
        for layers, chip in self._chips.items():
            chip.setChecked(layers == n_layers)

    def _choose(self, layers: int) -> None:
        # A click on the lit chip must not put it out: the model decides what is lit.
        self._chips[layers].setChecked(True)
        self.chosen.emit(layers)
