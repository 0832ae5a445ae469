"""The controls: the bitrate knob, four smaller knobs, noise only and bypass, all made from the parameter table."""

from collections.abc import Mapping

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QBoxLayout, QGridLayout, QHBoxLayout, QPushButton, QWidget

from lamina.gui.look import theme
from lamina.gui.model.values.boards import NAMES
from lamina.gui.model.values.parameters import ParameterValues
from lamina.gui.model.values.sent import bits_of_all
from lamina.gui.model.values.words import kbps_text, layers_text
from lamina.gui.widgets.controls.bitrate_knob import BitrateKnob
from lamina.gui.widgets.controls.buttons import Switch
from lamina.gui.widgets.controls.chips import Segments
from lamina.gui.widgets.controls.knob import Knob
from lamina.gui.widgets.controls.panel import Caption, Panel
from lamina.gui.widgets.controls.tips import set_tip
from lamina.plugin.parameters.model_shape import USUAL, ModelShape
from lamina.plugin.parameters.table import Value

BYPASS_KEY, NOISE_ONLY_KEY, BOARD_KEY, COMPARE_KEY = "B", "N", "X", "C"
SMALL_KNOBS = (("input_gain_db", "output_gain_db"), ("denoise", "mix"))
ROOM_FOR_QUICK_RATES = 416
"""Pixels of height from which they fit below the knob at its smallest; in less they stand beside it."""
COLUMNS_BESIDE, LEAST_CHIP_WIDTH = 2, 38
QUICK_LAYERS = (1, 2, 4, 8, 16, 24)


class ControlPanel(Panel):
    """Shows `ParameterValues` and passes every gesture on to it.

    `refused` carries the sentence for a value not allowed.

    `board_chosen` carries "A" or "B"; `copy_asked` asks for the other one to be made equal, `compare_asked` for the
    settings that are heard to become a slot.
    """

    refused = pyqtSignal(str)
    board_chosen = pyqtSignal(str)
    copy_asked = pyqtSignal()
    compare_asked = pyqtSignal()

    def __init__(self, values: ParameterValues, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values = values
        self._n_channels = 1
        self._sent_kbps: float | None = None
        self.setFixedWidth(theme.LEFT_WIDTH)
        table = values.parameters
        self.content.addLayout(self._boards())
        self.caption = Caption("Bitrate", theme.WET)
        self.content.addWidget(self.caption)
        self.bitrate = BitrateKnob(table["layers"])
        self.quick = QuickRates()
        self.quick.chosen.connect(lambda layers: self._set("layers", layers))
        self._rates = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._rates.addWidget(self.bitrate, 1)
        self._rates.addWidget(self.quick)
        self.content.addLayout(self._rates, 1)
        self.content.addSpacing(theme.GAP)
        self.knobs: dict[str, Knob] = {"layers": self.bitrate}
        grid = QGridLayout()
        grid.setSpacing(theme.GAP)
        for row, names in enumerate(SMALL_KNOBS):
            for column, name in enumerate(names):
                self.knobs[name] = Knob(table[name], theme.DRY if name == "input_gain_db" else theme.WET)
                grid.addWidget(self.knobs[name], row, column)
        grid.setRowMinimumHeight(len(SMALL_KNOBS), theme.CONTROL_HEIGHT + theme.GAP)
        self.noise_only = Switch("noise", table["noise_only"].label, theme.WET, theme.WET_DEEP)
        self.bypass = Switch("bypass", table["bypass"].label, theme.DRY, theme.DRY_DEEP)
        self.bypass.setToolTip(f"{table['bypass'].help} ({BYPASS_KEY})")
        self.switches: dict[str, Switch] = {"noise_only": self.noise_only, "bypass": self.bypass}
        # Noise only stands below the denoise knob: the one says how much, the other which side of it.
        for column, (name, switch) in enumerate(self.switches.items()):
            switch.clicked.connect(lambda is_on, name=name: self._set(name, is_on))
            grid.addWidget(switch, len(SMALL_KNOBS), column, Qt.AlignmentFlag.AlignBottom)
        self.content.addLayout(grid)
        for name, knob in self.knobs.items():
            knob.moved.connect(lambda value, name=name: self._set(name, value))
            knob.refused.connect(self.refused)
        values.reshaped.subscribe(self._reshape)
        values.changed.subscribe(self._show)
        for name, value in values.values().items():
            self._show(name, value)

    def _boards(self) -> QHBoxLayout:
        self.board = Segments(NAMES)
        for name, button in self.board.buttons.items():
            button.setToolTip(
                f"Hear the settings {name}: A and B are two complete sets, one of which is heard ({BOARD_KEY} changes "
                "over)."
            )
            button.setAccessibleName(f"Settings {name}")
        self.board.chosen.connect(self.board_chosen)
        self.copy_button = QPushButton()
        self.copy_button.setProperty("role", "quiet")
        self.copy_button.clicked.connect(self.copy_asked)
        self.compare_button = QPushButton("Compare")
        self.compare_button.setProperty("role", "quiet")
        set_tip(
            self.compare_button,
            f"<b>Compare this</b> ({COMPARE_KEY})<br>Take the loop and the settings that are heard as a slot: up to "
            "nine beside each other, equally loud, and blind tests of them (Shift+C opens them).",
        )
        self.compare_button.clicked.connect(self.compare_asked)
        row = QHBoxLayout()
        row.setSpacing(theme.GAP)
        row.addWidget(self.board)
        row.addStretch(1)
        row.addWidget(self.compare_button)
        row.addWidget(self.copy_button)
        self.show_board(*NAMES)
        return row

    def show_board(self, chosen: str, other: str) -> None:
        """Lights the board that is heard."""
        self.board.show_chosen(chosen)
        self.copy_button.setText(f"Copy to {other}")
        self.copy_button.setToolTip(f"Make the settings {other} equal to {chosen}.")

    def show_channels(self, n_channels: int) -> None:
        """Says what all channels send together, since the knob counts one."""
        self._n_channels = n_channels
        self._show_rate()

    def show_sent(self, kbps: float | None) -> None:
        """Says what is really sent now where that differs from frame to frame; None if it doesn't."""
        self._sent_kbps = kbps
        self._show_rate()

    def show_moving(self, moving: Mapping[str, Value], n_sent: int | None) -> None:
        """Shows where what moves by itself is, and how many layers are sent now (None: as many as the knob says)."""
        for name, knob in self.knobs.items():
            knob.show_moving(n_sent if knob is self.bitrate else moving.get(name))
        for name, switch in self.switches.items():
            switch.show_moving(moving.get(name))

    def _reshape(self) -> None:
        shape = self._values.shape
        self.bitrate.use_parameter(self._values.parameters["layers"], shape)
        self.quick.show_model(shape)
        self._show_rate()

    def _show_rate(self) -> None:
        in_all = " in all" if self._n_channels > 1 else ""
        if self._sent_kbps is not None:
            self.caption.remark.setText(f"now {self._sent_kbps:.1f} kbps{in_all}")
        elif in_all:
            kbps = bits_of_all(self._values, self._n_channels) * self._values.shape.frame_rate / 1000
            self.caption.remark.setText(f"per channel; {kbps_text(kbps)}{in_all}")
        else:
            self.caption.remark.setText("")

    def show_can_denoise(self, can_denoise: bool, is_loaded: bool) -> None:
        """Enables the denoise knob and noise only, or says why they can't be used."""
        knob, switch = self.knobs["denoise"], self.noise_only
        table = self._values.parameters
        for control in (knob, switch):
            control.setEnabled(can_denoise)
        set_tip(switch, f"{table['noise_only'].help} ({NOISE_ONLY_KEY})")
        if can_denoise:
            knob.explain(table["denoise"].help)
        elif is_loaded:
            reason = "The loaded model wasn't trained for this, so it is off."
            knob.setToolTip(f"<b>{knob.parameter.label}</b><br>{table['denoise'].help}<br>{reason}")
            set_tip(switch, f"<b>{switch.text()}</b><br>{table['noise_only'].help}<br>{reason}")

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        is_low = self.height() < ROOM_FOR_QUICK_RATES
        direction = QBoxLayout.Direction.LeftToRight if is_low else QBoxLayout.Direction.TopToBottom
        if self._rates.direction() != direction:
            self._rates.setDirection(direction)
            self.quick.stand_in(COLUMNS_BESIDE if is_low else len(QUICK_LAYERS))
            # This size was laid out the other way; at once rather than with the next events, or knobs flash up cut.
            layout = self.layout()
            if layout is not None:
                layout.activate()

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
        elif name in self.switches:
            self.switches[name].setChecked(bool(value))


class QuickRates(QWidget):
    """Bitrates that double from one to the next, each one click away: for listening to one after the other."""

    chosen = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(4)
        self._chips: dict[int, QPushButton] = {}
        for layers in QUICK_LAYERS:
            chip = QPushButton()
            chip.setProperty("role", "chip")
            chip.setCheckable(True)
            chip.setMinimumWidth(LEAST_CHIP_WIDTH)
            chip.clicked.connect(lambda _checked, layers=layers: self._choose(layers))
            self._chips[layers] = chip
        self.stand_in(len(QUICK_LAYERS))
        self.show_model(USUAL)

    def stand_in(self, n_columns: int) -> None:
        """Arranges them in so many columns of the same width, row by row."""
        for column in range(len(QUICK_LAYERS)):
            self._grid.setColumnStretch(column, int(column < n_columns))
        for place, chip in enumerate(self._chips.values()):
            self._grid.addWidget(chip, *divmod(place, n_columns))
        self._grid.activate()

    def show_model(self, shape: ModelShape) -> None:
        """Names the rates of a model of this shape, as far as it has so many layers."""
        for layers, chip in self._chips.items():
            kbps = shape.kbps(layers)
            chip.setText(f"{kbps:g}")
            chip.setToolTip(f"{kbps_text(kbps)}: {layers_text(layers)}")
            chip.setAccessibleName(f"{kbps:g} kilobits per second")
            chip.setHidden(layers > shape.layers)

    def show_layers(self, n_layers: int) -> None:
        """Lights the chip for this layer count, if there is one."""
        for layers, chip in self._chips.items():
            chip.setChecked(layers == n_layers)

    def _choose(self, layers: int) -> None:
        # A click on the lit chip must not put it out: the model decides what is lit.
        self._chips[layers].setChecked(True)
        self.chosen.emit(layers)
