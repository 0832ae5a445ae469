"""Everything that one motion has: target, source, depth, rate, shape, and its picture."""

from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.model.sound.devices import Choice
from lamina.gui.model.values.motion_desk import FIELDS, SOURCE_HELPS, SOURCE_TEXTS, MotionDesk, target_text, targets
from lamina.gui.widgets.controls.buttons import MenuButton
from lamina.gui.widgets.controls.chips import Segments
from lamina.gui.widgets.controls.choice_box import ChoiceBox
from lamina.gui.widgets.desk.desk_controls import BOX_HEIGHT, DeskKnob, Labelled, choice_text
from lamina.gui.widgets.desk.motion_picture import MotionPicture
from lamina.plugin.parameters.motion import SHAPES

WIDEST_BOX, LEAST_TARGET_WIDTH = 170, 110
SOURCE_OF_FIELD = {
    "phase": "lfo",
    "attack_ms": "envelope",
    "release_ms": "envelope",
    "swing": "steps",
    "n_steps": "steps",
}
"""Knobs that are there for one source only; the other ones are for all."""


class MotionEditor(QWidget):
    """Shows the motion that a `MotionDesk` edits and passes every gesture on to it.

    `refused` carries a refusal's sentence.
    """

    refused = pyqtSignal(str)

    def __init__(self, desk: MotionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.knobs: dict[str, DeskKnob] = {}
        for name, parameter in FIELDS.items():
            knob = self.knobs[name] = DeskKnob(parameter)
            knob.moved.connect(lambda value, name=name: self.desk.change(**{name: value}))
            knob.refused.connect(self.refused)
        self.source = Segments(SOURCE_TEXTS, width=None)
        for source, button in self.source.buttons.items():
            button.setToolTip(SOURCE_HELPS[source])
        self.source.chosen.connect(lambda source: self.desk.change(source=source))
        self.rate = _box("Rate", lambda beats: self.desk.change(beats=beats))
        self.shape = _box("Shape", lambda shape: self.desk.change(shape=shape))
        self.picture = MotionPicture(desk)
        self._target_menu()
        self._labelled_rate = Labelled(
            "Rate", "Length of a cycle, or of a step, as a note at the tempo; or cycles per second.", self.rate
        )
        self._labelled_shape = Labelled("Shape", "How an LFO goes; random draws a new value each cycle.", self.shape)
        for labelled in (self._labelled_rate, self._labelled_shape):
            labelled.setMaximumWidth(WIDEST_BOX)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GAP)
        self._rows = (
            _row(
                (Labelled("Moves", "The parameter that is moved, from where its control stands.", self.target), 1),
                (Labelled("Source", "What moves it.", self.source), 1),
                (self.knobs["depth"], 0),
            ),
            _row(
                (self._labelled_rate, 1), (self.knobs["hz"], 0), (self._labelled_shape, 1), (self.knobs["phase"], 0),
                (self.knobs["swing"], 0), (self.knobs["n_steps"], 0), (self.knobs["attack_ms"], 0),
                (self.knobs["release_ms"], 0),
                (QWidget(), 1),
            ),
        )  # fmt: skip
        for row in self._rows:
            column.addLayout(row)
        column.addWidget(self.picture, 1)

    def set_compact(self, is_compact: bool) -> None:
        """Takes less room, or as much as usual."""
        for row in self._rows:
            row.setSpacing(theme.GAP if is_compact else theme.MARGIN)

    def _target_menu(self) -> None:
        self.target = MenuButton("Layers", is_quiet=True)
        self.target.setAccessibleName("Target")
        self.target.setMinimumWidth(LEAST_TARGET_WIDTH)
        self.target.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.target_menu = QMenu(self)
        self.target_actions = {}
        for group, texts in targets().items():
            menu = self.target_menu.addMenu(group)
            assert menu is not None
            for name, text in texts.items():
                action = menu.addAction(text)
                assert action is not None
                action.setCheckable(True)
                action.triggered.connect(lambda _checked, name=name: self._choose_target(name))
                self.target_actions[name] = action
        self.target.setMenu(self.target_menu)

    def _choose_target(self, name: str) -> None:
        self.desk.change(target=name)
        self.show_motion()

    def show_motion(self) -> None:
        """Takes over what changed."""
        motion = self.desk.motion
        self.setEnabled(motion is not None)
        source = motion.source if motion is not None else "lfo"
        for name, knob in self.knobs.items():
            knob.show_value(self.desk.field(name))
            # Others would only take the room of those that matter. Without a motion all is there, and faint.
            knob.setVisible(
                self.desk.matters(name) if motion is not None else SOURCE_OF_FIELD.get(name, source) == source
            )
        self._labelled_rate.setVisible(source != "envelope")
        self._labelled_shape.setVisible(source == "lfo")
        self.source.show_chosen(source)
        self.rate.show_choices(
            [Choice(beats, text) for beats, text in self.desk.rates().items()], motion.beats if motion else 0.0
        )
        self.shape.show_choices(
            [Choice(shape, choice_text(shape)) for shape in SHAPES], motion.shape if motion else SHAPES[0]
        )
        target = motion.target if motion is not None else "layers"
        self.target.setText(target_text(target))
        for name, action in self.target_actions.items():
            action.setChecked(name == target)
        self.picture.show_motion()


def _box(name: str, choose: Callable[[Any], object]) -> ChoiceBox:
    box = ChoiceBox(name)
    box.setMinimumContentsLength(4)
    box.setFixedHeight(BOX_HEIGHT)
    box.chosen.connect(choose)
    return box


def _row(*widgets: tuple[QWidget, int]) -> QHBoxLayout:
    row = QHBoxLayout()
    for widget, stretch in widgets:
        row.addWidget(widget, stretch, Qt.AlignmentFlag.AlignTop)
    return row
