"""A and B: two complete sets of settings, of which one is heard and shown by the controls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lamina.gui.model.edits.edit import Edit, Place
from lamina.gui.model.values.answers import Answers
from lamina.gui.model.values.observable import Observable
from lamina.gui.model.values.parameters import ParameterValues, plain
from lamina.models.json_files import JsonText, json_text
from lamina.plugin import Board, NeuralCodec
from lamina.plugin.documents.presets import Preset
from lamina.plugin.host.client.live_engine import LiveEngine
from lamina.plugin.parameters.model_shape import USUAL, shape_named
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.parameters.table import PARAMETERS, Value, find_parameter

NAMES = ("A", "B")
KINDS = ("model", "preset", "edited")
"""What a board has besides its values, as undo calls it, in the order of its description."""


@dataclass
class BoardState:
    """One board's settings while the other one is shown.

    codec: checks the values and holds them; its networks are never loaded here. None before the model is known.
    preset, is_edited: the preset it began with, and whether it was changed since.
    """

    values: dict[str, Value] = field(default_factory=dict)
    codec: NeuralCodec | None = None
    preset: str = ""
    is_edited: bool = False


@dataclass(frozen=True)
class ReadBoards:
    """Both boards out of a document, and which was chosen: for `BoardPair.take`."""

    states: dict[str, BoardState]
    chosen: str


class BoardPair:
    """Both boards, in step with the engine's. `parameters` are those of the chosen one.

    `changed` names what changed: "board" (another one is chosen), "codec" (another model is heard), "preset". `edited`
    passes every complete change of settings, of whichever board; None is one that there is no way back from.
    """

    def __init__(self, engine: LiveEngine, answers: Answers) -> None:
        self.parameters = ParameterValues()
        self.changed: Observable[[str]] = Observable()
        self.edited: Observable[[Edit | None]] = Observable()
        self.chosen = NAMES[0]
        self._engine, self._answers = engine, answers
        self._states = {name: BoardState(self.parameters.values()) for name in NAMES}
        self._is_passing_on = False
        self.parameters.changed.subscribe(self._parameter_changed)

    @property
    def state(self) -> BoardState:
        """The chosen board's."""
        return self._states[self.chosen]

    @property
    def other(self) -> str:
        """The board that is not chosen."""
        return NAMES[1 - NAMES.index(self.chosen)]

    def use_codec(self, codec: NeuralCodec) -> None:
        """The chosen board's codec from now on, with the settings as they stand; the first one serves both boards."""
        with self._quietly():
            self.parameters.attach(codec)
        self.state.codec = codec
        self._keep()
        self._tell_engine(self.chosen)
        other = self._states[self.other]
        if other.codec is None:
            other.codec, other.values = _codec_with(codec.model, other.values)
            self._tell_engine(self.other)
        self.changed.notify("codec")
        self.edited.notify(Edit())

    def choose(self, name: str) -> None:
        """Hear and show board "A" or "B"."""
        if name == self.chosen:
            return
        self._keep()
        before = self.state.codec
        self.chosen = name
        self._answers.expect(self._engine.choose_board(name))
        self._show_chosen()
        self.changed.notify("board")
        if self.state.codec is not None and (before is None or before.model != self.state.codec.model):
            self.changed.notify("codec")
        self.changed.notify("preset")

    def copy_to_other(self) -> None:
        """Make the other board equal to the chosen one.

        Raises ValueError or OSError if its model is not there any more.
        """
        self._keep()
        state = self.state
        copy = BoardState(dict(state.values), None, state.preset, state.is_edited)
        if state.codec is not None:
            copy.codec, copy.values = _codec_with(state.codec.model, state.values)
        self._states[self.other] = copy
        self._tell_engine(self.other)
        self.edited.notify(Edit(f"Copy {self.chosen} to {self.other}", f"{self.other} is now equal to {self.chosen}."))

    def apply_preset(self, preset: Preset) -> str:
        """Set what a preset names on the chosen board, and everything else to its default.

        A bypass that it doesn't name stays.

        Returns a sentence about what had to be left out, or nothing.
        """
        settings = preset.settings()
        lost = self._unsaved()
        names = [name for name in self.parameters.parameters if name != "bypass" or name in preset.parameters]
        refusals = self._change({name: settings.value(name) for name in names})
        self._pass_on(self.parameters.values())
        self.state.preset, self.state.is_edited = preset.title, False
        self._keep()
        self.changed.notify("preset")
        told = f"{preset.title} took the place of {lost}." if lost else ""
        self.edited.notify(Edit(f"Preset {preset.title}", told))
        return f"Part of the preset {preset.title} was left out: {refusals[0]}" if refusals else ""

    def change(self, values: Mapping[str, Value], edit: Edit | None = None) -> str:
        """Set several parameters of the chosen board in one go; `edit` says what is done by it.

        Returns a sentence about one that was refused, or nothing.
        """
        refusals = self._change(values)
        self._pass_on({name: self.parameters[name] for name in values})
        self._mark_edited()
        self.edited.notify(edit or Edit())
        return refusals[0] if refusals else ""

    # For undo and redo.

    def look(self) -> dict[Place, Value]:
        """Everything of both boards that can be changed, by where it stands: references, in no time."""
        found: dict[Place, Value] = {}
        for name, state in self._states.items():
            for kind, value in zip(KINDS, self._described(state).values(), strict=True):
                found[Place(name, kind)] = value
            for parameter, value in self._values_of(name).items():
                found[Place(name, "value", parameter)] = value
        return found

    def put(self, look: Mapping[Place, Value], chosen: str) -> None:
        """Make what stands at some places what it once was there, and hear `chosen`. What stands elsewhere stays.

        Raises ValueError or OSError if a model is not there any more, and changes nothing.
        """
        if any(place.kind == "model" for place in look):
            self._put_models({**self.look(), **look}, chosen)
            return
        self.choose(chosen)
        for name, state in self._states.items():
            values = {place.name: value for place, value in look.items() if place[:2] == (name, "value")}
            if name == chosen:
                self._change(values)
                self._keep()
            elif values:
                state.values = {**state.values, **values}
                if state.codec is not None:
                    state.codec.set_parameters(values)
            self._pass_on(values, name)
            state.preset = look.get(Place(name, "preset"), state.preset)
            state.is_edited = look.get(Place(name, "edited"), state.is_edited)
        self.changed.notify("preset")

    def _put_models(self, look: Mapping[Place, Value], chosen: str) -> None:
        states = {}
        for name in NAMES:
            values = {place.name: value for place, value in look.items() if place[:2] == (name, "value")}
            model, preset, is_edited = (look[Place(name, kind)] for kind in KINDS)
            codec, values = _codec_with(model, values) if model is not None else (None, values)
            states[name] = BoardState(values, codec, preset, is_edited)
        self.take(ReadBoards(states, chosen))

    # For the session that is kept on disk.

    def snapshot(self) -> dict[str, Any]:
        """Both boards as they are now, in no time: `BoardsAsText` makes JSON of it, on any thread."""
        states = {
            name: {**self._described(state), "values": self._values_of(name)} for name, state in self._states.items()
        }
        return {"chosen": self.chosen, "states": states}

    def document(self) -> dict[str, Any]:
        """Both boards as JSON would have them."""
        snapshot = self.snapshot()
        states = {name: {**state, "values": plain(state["values"])} for name, state in snapshot["states"].items()}
        return {**snapshot, "states": states}

    def restore(self, document: dict[str, Any]) -> None:
        """Both boards as they were described; raises as `read_boards` does, and changes nothing."""
        self.take(read_boards(document))

    def take(self, read: ReadBoards, edit: Edit | None = None) -> None:
        """Both boards as they were read, on whatever thread that was; `edit` says what the user did by it, if it was
        the user.
        """
        self._states, self.chosen = dict(read.states), read.chosen
        self._answers.expect(self._engine.choose_board(self.chosen))
        for name in NAMES:
            self._tell_engine(name)
        self._show_chosen()
        for what in ("board", "codec", "preset"):
            self.changed.notify(what)
        self.edited.notify(edit)

    def reset(self) -> None:
        """Every parameter of both boards at its default, with the models they have; A is heard.

        Raises as `restore` does.
        """
        fresh = {"preset": "", "is_edited": False, "values": {}}
        states = {name: {**self._described(state), **fresh} for name, state in self._states.items()}
        read = read_boards({"chosen": NAMES[0], "states": states})
        self.take(read, Edit("Start afresh", "A and B are at their defaults.", self.chosen))

    def named(self, preset: str) -> None:
        """The chosen board's settings as they stand are now called `preset`."""
        self.state.preset, self.state.is_edited = preset, False
        self.changed.notify("preset")
        self.edited.notify(None)

    def renamed(self, preset: str) -> None:
        """The chosen board's preset is called something else now."""
        self.state.preset = preset
        self.changed.notify("preset")
        self.edited.notify(None)

    # How it works.

    def _show_chosen(self) -> None:
        with self._quietly():
            self.parameters.exchange(self.state.values, self.state.codec)

    def _keep(self) -> None:
        self.state.values = self.parameters.values()

    def _values_of(self, name: str) -> dict[str, Value]:
        return self.parameters.values() if name == self.chosen else dict(self._states[name].values)

    @staticmethod
    def _described(state: BoardState) -> dict[str, Any]:
        return {
            "model": state.codec.model if state.codec is not None else None,
            "preset": state.preset,
            "is_edited": state.is_edited,
        }

    def _tell_engine(self, name: str) -> None:
        codec = self._states[name].codec
        if codec is not None:
            self._answers.expect(self._engine.set_board(name, Board([codec])))

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """What changes now is told to the engine as a whole afterwards, and is no edit of a preset."""
        self._is_passing_on = True
        try:
            yield
        finally:
            self._is_passing_on = False

    def _parameter_changed(self, name: str, value: Value) -> None:
        if self._is_passing_on:
            return
        self._pass_on({name: value})
        self._mark_edited()
        self.edited.notify(Edit())

    def _change(self, values: Mapping[str, Value]) -> list[str]:
        """Sets what can be set without telling the engine; returns the sentences of what can't."""
        refusals = []
        with self._quietly():
            for name, value in values.items():
                try:
                    self.parameters.set(name, value)
                except (ValueError, TypeError) as error:
                    refusals.append(str(error))
        return refusals

    def _pass_on(self, values: Mapping[str, Value], name: str = "") -> None:
        """Tell the engine values of a board, the chosen one if none is named."""
        name = name or self.chosen
        if self._states[name].codec is not None and values:
            self._answers.expect(self._engine.set_parameters(name, [0], plain(values)))

    def _unsaved(self) -> str:
        """What would be lost with the chosen board's settings, in words, or nothing."""
        if self.state.preset:
            return f"{self.state.preset} with your changes" if self.state.is_edited else ""
        parameters = self.parameters.parameters
        is_changed = any(value != parameters[name].default for name, value in self.parameters.values().items())
        return "settings that had no name" if is_changed else ""

    def _mark_edited(self) -> None:
        if self.state.preset and not self.state.is_edited:
            self.state.is_edited = True
            self.changed.notify("preset")


class BoardsAsText:
    """Makes JSON of snapshots of a `BoardPair`, one after the other: only of the values that have changed."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], tuple[Value, JsonText]] = {}

    def document(self, snapshot: dict[str, Any]) -> dict[str, Any]:
        """As `BoardPair.document`, its values as text."""
        states = {
            board: {
                **state,
                "values": {name: self._text(board, name, value) for name, value in state["values"].items()},
            }
            for board, state in snapshot["states"].items()
        }
        return {**snapshot, "states": states}

    def _text(self, board: str, name: str, value: Value) -> JsonText:
        # Values are never changed, only replaced, so the same one has the same text.
        made = self._made.get((board, name))
        if made is None or made[0] is not value:
            made = self._made[board, name] = value, JsonText(json_text(PARAMETERS[name].plain(value)))
        return made[1]


def read_boards(document: dict[str, Any]) -> ReadBoards:
    """The boards that a document describes, checked; where much is drawn on them, that takes a while.

    Raises ValueError, TypeError or LookupError.
    """
    states = {name: _read_state(document["states"][name]) for name in NAMES}
    if document["chosen"] not in NAMES:
        raise ValueError(f"There is no board {document['chosen']!r}.")
    return ReadBoards(states, document["chosen"])


def _codec_with(model: str, values: dict[str, Value]) -> tuple[NeuralCodec, dict[str, Value]]:
    """A codec that holds the values as far as its model can, and the values as it holds them."""
    codec, held = NeuralCodec(model=model), ParameterValues()
    held.exchange(values, None)
    held.attach(codec)
    return codec, held.values()


def _read_state(document: dict[str, Any]) -> BoardState:
    model = document["model"]
    shape = shape_named(str(model)) if model is not None else USUAL
    values = {name: find_parameter(name, shape).validate(value) for name, value in document["values"].items()}
    complete = {**Settings().on(shape).values(), **values}
    codec, complete = _codec_with(str(model), complete) if model is not None else (None, complete)
    return BoardState(complete, codec, str(document["preset"]), bool(document["is_edited"]))
