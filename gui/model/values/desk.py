"""The code desk's parameters.

Which of them stand on which of its tabs, which matter now, and which differ from their default.

Where a parameter stands it says itself, where it is declared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lamina.gui.model.edits.edit import Edit
from lamina.gui.model.values.parameters import ParameterValues, plain
from lamina.plugin import PARAMETERS
from lamina.plugin.parameters.kinds import Place

PANEL_NAMES = tuple(
    name for name, parameter in PARAMETERS.items() if parameter.tab == "panel" and parameter.view_of is None
)
"""Parameters whose controls are always in the window; all others are the desk's."""

UNSHOWN_NAMES = ("automation", *(name for name, parameter in PARAMETERS.items() if not parameter.tab))
"""Parameters for scripts: kept with everything else, and set back with the desk, without a control of their own."""

DESK_KEY, FREEZE_KEY = "D", "F"


@dataclass(frozen=True)
class Section:
    """Controls that belong together: their heading, and their names in rows."""

    title: str
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Tab:
    """One tab of the desk. `extra` names parameters whose controls are not made from `sections`."""

    name: str
    help: str
    sections: tuple[Section, ...] = ()
    extra: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every parameter on it."""
        return (*self.extra, *(name for section in self.sections for row in section.rows for name in row))


def _tab(name: Place, help: str, *also: str) -> Tab:
    """A tab with every parameter that says it stands there, and `also` some that stand elsewhere too."""
    sections: dict[str, list[list[str]]] = {}
    extra = []
    for parameter in PARAMETERS.values():
        if parameter.tab != name:
            continue
        if not parameter.section:
            extra.append(parameter.name)
            continue
        rows = sections.setdefault(parameter.section, [])
        if parameter.beside and rows:
            rows[-1].append(parameter.name)
        else:
            rows.append([parameter.name])
    made = tuple(Section(title, tuple(tuple(row) for row in rows)) for title, rows in sections.items())
    return Tab(name, help, made, (*extra, *also))


TABS = (
    _tab("Layers", "How loud each layer is, and what is played."),
    _tab("Channel", "How two channels are sent, and what gets lost on the way."),
    _tab("Codes", "Freeze, slices and echoes, made of codes."),
    _tab("Bend", "Other codes in the place of those that were sent."),
    _tab("Motion", "What moves by itself.", "tempo"),
)

TAB_NAMES = tuple(tab.name for tab in TABS)


class Desk:
    """What the desk shows of `ParameterValues`; `set_back` gets values to be set in one go, by name, and what is done
    by it.
    """

    def __init__(self, values: ParameterValues, set_back: Callable[[dict[str, object], Edit], object]) -> None:
        self._values, self.set_back = values, set_back

    @property
    def names(self) -> tuple[str, ...]:
        """All parameters of the desk, those without a control included."""
        return tuple(name for name in self._values.parameters if name not in PANEL_NAMES)

    def is_changed(self, name: str) -> bool:
        """Whether a parameter differs from its default."""
        return bool(self._values[name] != self._values.parameters[name].default)

    def changed_names(self) -> tuple[str, ...]:
        """The desk's parameters that differ from their defaults."""
        return tuple(name for name in self.names if self.is_changed(name))

    def changed_tabs(self) -> set[str]:
        """Names of the tabs on which something differs from its default."""
        return {tab.name for tab in TABS if any(self.is_changed(name) for name in tab.names)}

    def reset(self) -> None:
        """Every parameter of the desk back to its default, in one go."""
        defaults = {name: self._values.parameters[name].default for name in self.changed_names()}
        self.set_back(defaults, Edit("Reset desk", "Everything on the desk is at its default."))

    def matters(self, name: str) -> bool:
        """Whether a parameter can be heard with this model and as the others stand.

        What refines a parameter that moves by itself always can.
        """
        parameter = PARAMETERS[name]
        if name == "postfilter":
            return self._values.shape.has_postfilter
        if parameter.refines is None:
            return True
        value = self._values[parameter.refines]
        suits = value in parameter.suits if parameter.suits else value != PARAMETERS[parameter.refines].default
        moving = (*self._values["motions"], *self._values["automation"])
        return suits or any(item.target == parameter.refines for item in moving)


def presettable(values: ParameterValues) -> dict[str, object]:
    """What a preset of the present settings names.

    Everything of the panel but bypass, and what was changed on the desk.
    """
    kept = {
        name: value
        for name, value in values.values().items()
        if name != "bypass" and (name in PANEL_NAMES or value != values.parameters[name].default)
    }
    return plain(kept)
