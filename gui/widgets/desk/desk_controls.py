"""The desk's controls, made from the parameter table.

A knob, a switch or a choice for each parameter, tied to its value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PyQt6.QtCore import QObject, QRectF, QSize, pyqtSignal
from PyQt6.QtGui import QFontMetrics
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.model.sound.devices import Choice
from lamina.gui.model.values.desk import Desk
from lamina.gui.model.values.parameters import ParameterValues
from lamina.gui.model.values.words import value_text
from lamina.gui.widgets.controls.buttons import Switch
from lamina.gui.widgets.controls.chips import Segments
from lamina.gui.widgets.controls.choice_box import ChoiceBox
from lamina.gui.widgets.controls.knob import Knob
from lamina.gui.widgets.controls.tips import plain_tip, set_tip
from lamina.plugin import Parameter
from lamina.plugin.parameters.table import Value

MOST_SEGMENTS = 5
BOX_HEIGHT = theme.CONTROL_HEIGHT - 6
ROW_HEIGHT = 44
DIAL, BESIDE_DIAL = 40, 8
SMALL_DIAL, BESIDE_SMALL_DIAL = 32, 6
SHORT = {"layer": "One layer", "latent": "Unquantized"}
"""Words whose parameter calls for more than a capital."""


class DeskControls(QObject):
    """Makes controls over `ParameterValues`, shows every change in them, and enables those that matter.

    `refused` carries the sentence for a value that isn't allowed; the control then shows the present one again.
    """

    refused = pyqtSignal(str)

    def __init__(self, values: ParameterValues, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.values, self.desk = values, desk
        self.by_name: dict[str, list[QWidget]] = {}
        self._shows: dict[str, list[Callable[[Value], object]]] = {}
        self._moves: dict[str, list[Callable[[Value | None], object]]] = {}
        self._moving: Mapping[str, Value] = {}
        self._knobs: list[DeskKnob] = []
        values.reshaped.subscribe(self._reshape)
        values.changed.subscribe(self._changed)

    def set(self, name: str, value: object) -> None:
        """Sets a parameter, or says why that can't be."""
        try:
            self.values.set(name, value)
        except (ValueError, TypeError) as error:
            self.refused.emit(str(error))
            self._show(name, self.values[name])

    def follow(
        self, name: str, show: Callable[[Value], object], show_moving: Callable[[Value | None], object] | None = None
    ) -> None:
        """Ties a parameter's value to what shows it.

        Calls `show` with the value, now and at every change, and `show_moving` with where it is while it moves by
        itself.
        """
        self._shows.setdefault(name, []).append(show)
        show(self.values[name])
        if show_moving is not None:
            self._moves.setdefault(name, []).append(show_moving)

    def show_moving(self, moving: Mapping[str, Value]) -> None:
        """Shows where the parameters are that move by themselves."""
        for name in (*moving, *(name for name in self._moving if name not in moving)):
            for show in self._moves.get(name, ()):
                show(moving.get(name))
        self._moving = moving

    def make(self, name: str) -> QWidget:
        """A control for one parameter, tied to it."""
        parameter = self.values.parameters[name]
        widget: QWidget
        if parameter.kind == "choice":
            widget = self._choice(parameter)
        elif parameter.kind == "bool":
            switch = Switch("", parameter.label, theme.WET, theme.WET_DEEP)
            set_tip(switch, plain_tip(parameter.help))
            switch.clicked.connect(lambda is_on: self.set(name, is_on))
            self.follow(name, lambda value: switch.setChecked(bool(value)), switch.show_moving)
            widget = switch
        else:
            knob = DeskKnob(parameter)
            knob.moved.connect(lambda value: self.set(name, value))
            knob.refused.connect(self.refused)
            self.follow(name, knob.show_value, knob.show_moving)
            if parameter.of_layers:
                knob.use_parameter(parameter, self.values.shape)
                self._knobs.append(knob)
            widget = knob
        self.tie(name, widget)
        return widget

    def tie(self, name: str, widget: QWidget) -> None:
        """Enables `widget` while parameter `name` matters."""
        self.by_name.setdefault(name, []).append(widget)
        widget.setEnabled(self.desk.matters(name))

    def _choice(self, parameter: Parameter) -> QWidget:
        name, words = parameter.name, {word: choice_text(word) for word in parameter.choices}
        chooser: Segments | ChoiceBox
        if len(words) <= MOST_SEGMENTS:
            chooser = Segments(words, width=None)
            for word, button in chooser.buttons.items():
                button.setAccessibleName(f"{parameter.label}: {words[word]}")
            self.follow(name, chooser.show_chosen, chooser.show_moving)
        else:
            box = chooser = ChoiceBox(parameter.label)
            box.setMinimumContentsLength(4)
            box.setFixedHeight(BOX_HEIGHT)
            choices = tuple(Choice(word, text) for word, text in words.items())
            self.follow(name, lambda value: box.show_choices(choices, value), box.show_moving)
        chooser.chosen.connect(lambda value: self.set(name, value))
        return Labelled(parameter.label, parameter.help, chooser)

    def _reshape(self) -> None:
        for knob in self._knobs:
            knob.use_parameter(self.values.parameters[knob.parameter.name], self.values.shape)
        self._enable()

    def _changed(self, name: str, value: Value) -> None:
        self._show(name, value)
        self._enable()

    def _enable(self) -> None:
        for tied, widgets in self.by_name.items():
            for widget in widgets:
                widget.setEnabled(self.desk.matters(tied))

    def _show(self, name: str, value: Value) -> None:
        for show in self._shows.get(name, ()):
            show(value)


class DeskKnob(Knob):
    """A knob as wide as its own words, so that many stand beside each other.

    `set_compact` makes its dial smaller too.
    """

    is_compact = False

    def set_compact(self, is_compact: bool) -> None:
        """Takes less room, or as much as usual."""
        if is_compact != self.is_compact:
            self.is_compact = is_compact
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        beside = BESIDE_SMALL_DIAL if self.is_compact else BESIDE_DIAL
        return QSize(self._words_width() + round(self._dial().width()) + beside, ROW_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _words_width(self) -> int:
        label = QFontMetrics(theme.font(theme.SMALL_PIXELS)).horizontalAdvance(self.parameter.label)
        figures = QFontMetrics(theme.font())
        edges = (
            value_text(self.parameter, value)
            for value in (self.parameter.minimum, self.parameter.maximum, self.parameter.default)
        )
        return max(label, *(figures.horizontalAdvance(text.replace("-", "\N{MINUS SIGN}")) for text in edges)) + (
            2 if self.is_compact else 6
        )

    def _dial(self) -> QRectF:
        side = SMALL_DIAL if self.is_compact else DIAL
        return QRectF(0, (self.height() - side) / 2, side, side)

    def _beside_dial(self) -> float:
        return BESIDE_SMALL_DIAL if self.is_compact else super()._beside_dial()


class Labelled(QWidget):
    """A control with its name above it."""

    def __init__(self, label: str, help: str, control: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.control = control
        set_tip(self, f"<b>{label}</b><br>{help}")
        self.setAccessibleName(label)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        self.name = QLabel(label)
        self.name.setFont(theme.font(theme.SMALL_PIXELS))
        self.name.setProperty("role", "muted")
        column.addWidget(self.name)
        row = QHBoxLayout()
        row.addWidget(control)
        column.addLayout(row)


def choice_text(word: str) -> str:
    """A choice as a button shows it."""
    return SHORT.get(word, word[:1].upper() + word[1:])
