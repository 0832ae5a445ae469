"""The desk's tab of layers: what is listened to at the left, bitrate and postfilter, and a fader for each layer."""

from collections.abc import Mapping

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.model.values.layer_desk import NAMES, LayerDesk
from lamina.gui.widgets.controls.buttons import Switch
from lamina.gui.widgets.controls.chips import Segments
from lamina.gui.widgets.controls.tips import plain_tip, set_tip
from lamina.gui.widgets.desk.desk_controls import DeskControls, choice_text
from lamina.gui.widgets.desk.desk_sections import DeskTab, divider, heading
from lamina.gui.widgets.desk.layer_desk import LayerFaders
from lamina.plugin.parameters.settings import GAIN_OF
from lamina.plugin.parameters.table import Value

LISTEN_WIDTH, VARIABLE_WIDTH = 104, 88


class LayersTab(DeskTab):
    """Faders, mutes and solos of all layers, and the listen mode."""

    def __init__(self, controls: DeskControls, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = LayerDesk(controls.values, controls.set, controls.desk.set_back)
        self.faders = LayerFaders(self.desk)
        parameter = controls.values.parameters["listen"]
        self.listen = Segments({word: choice_text(word) for word in parameter.choices}, width=None, is_upright=True)
        self.listen.setFixedWidth(LISTEN_WIDTH)
        set_tip(self.listen, plain_tip(parameter.help))
        self.listen.chosen.connect(lambda word: controls.set("listen", word))
        self.reset_button = QPushButton("Reset layers")
        self.reset_button.setProperty("role", "quiet")
        self.reset_button.setToolTip("Every fader at 1.00, no mute, no solo.")
        self.reset_button.setFixedWidth(LISTEN_WIDTH)
        self.reset_button.clicked.connect(self.desk.reset)
        # The heading says of what: there is no room for both words beside so many faders.
        self.variable = controls.make("variable_rate")
        assert isinstance(self.variable, Switch)
        self.variable.setAccessibleName(controls.values.parameters["variable_rate"].label)
        self.variable.setText("Variable")
        self.variable.setFixedWidth(VARIABLE_WIDTH)
        left = QVBoxLayout()
        left.setSpacing(3)
        left.addWidget(heading(parameter.label))
        left.addSpacing(2)
        left.addWidget(self.listen, 0, Qt.AlignmentFlag.AlignTop)
        left.addStretch(1)
        left.addWidget(self.reset_button)
        bits = QVBoxLayout()
        bits.addWidget(heading("Bitrate"))
        bits.addWidget(self.variable)
        bits.addStretch(1)
        bits.addWidget(controls.make("postfilter"), 0, Qt.AlignmentFlag.AlignHCenter)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.MARGIN)
        row.addLayout(left)
        row.addWidget(divider())
        row.addLayout(bits)
        row.addWidget(divider())
        row.addWidget(self.faders, 1)
        controls.follow("listen", self.listen.show_chosen, self.listen.show_moving)
        for name in ("layers", "listen", "listen_layer", *NAMES):
            controls.follow(name, lambda _value: self._show())

    def show_moving(self, moving: Mapping[str, Value], n_sent: int | None) -> None:
        """Shows the gains that move by themselves, and how many layers are sent now."""
        gains = {
            int(name.removeprefix(GAIN_OF)): float(value) for name, value in moving.items() if name.startswith(GAIN_OF)
        }
        self.faders.show_moving(gains, n_sent)

    def _show(self) -> None:
        self.faders.show_desk()
        self.reset_button.setEnabled(self.desk.is_changed())
