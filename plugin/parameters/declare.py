"""How a parameter is declared: once, as an attribute of a `ParameterGroup`, beside the code that obeys it.

    class Parameters(ParameterGroup, group="codes", page="echo"):
        code_delay: int = parameter("Code delay", 1, 300, default=28, unit="frames", help="Time after which codes come
        back.")

Settings, attributes and arguments of `NeuralCodec`, the table `PARAMETERS`, the app's desk and the docs are made of
that. Type checkers read the same lines (PEP 681): they know every name and type, in `NeuralCodec(code_delay=…)` as in
`codec.code_delay = …`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar, dataclass_transform, overload

from lamina.plugin.parameters.kinds import Choice, Group, Kind, Parameter, Place

T = TypeVar("T", bool, int, float)
Taken = TypeVar("Taken", contravariant=True)
Held = TypeVar("Held", covariant=True)


class Given(Generic[Taken, Held]):
    """For type checkers: an attribute that takes one type and holds another, such as any sequence and a tuple.

    Nothing is ever one.
    """

    @overload
    def __get__(self, owner: None, kind: type) -> Given[Taken, Held]: ...
    @overload
    def __get__(self, owner: object, kind: type) -> Held: ...
    def __get__(self, owner: object | None, kind: type) -> Given[Taken, Held] | Held:
        raise NotImplementedError

    def __set__(self, owner: object, value: Taken) -> None:
        raise NotImplementedError


class Declared:
    """A parameter without the name and the place that its group gives it."""

    def __init__(self, kind: type[Parameter], fields: dict[str, Any]) -> None:
        self._kind, self._fields = kind, fields

    def built(self, name: str, shared: dict[str, Any]) -> Parameter:
        """The parameter itself; what the declaration says goes before what its group says."""
        return self._kind(name=name, **{**shared, **self._fields})


def parameter(
    label: str,
    minimum: float,
    maximum: float,
    step: float | None = None,
    *,
    default: T,
    kw_only: bool = True,
    **fields: Any,
) -> T:
    """A number: whole if its default is.

    Args:
        label: as the app writes it.
        minimum, maximum, step: its range and the smallest step of a knob; by default 1 for whole numbers and 0.01 for
            others.
        default: when nothing is said.
        kw_only: False for those that `NeuralCodec` also takes by their place; for type checkers.
        fields: `help`, which every parameter needs, and whatever else `Parameter` has.
    """
    is_whole = isinstance(default, int)
    step = step if step is not None else 1 if is_whole else 0.01
    kind: Kind = "int" if is_whole else "float"
    about = {"label": label, "minimum": minimum, "maximum": maximum, "step": step, "default": default, "kind": kind}
    declared: Any = Declared(Parameter, about | fields)
    return declared  # type: ignore[no-any-return]


def switch(label: str, *, default: bool = False, kw_only: bool = True, **fields: Any) -> bool:
    """Off or on. `default` must be written out, or type checkers take it for an argument that must be given."""
    about = {"label": label, "minimum": 0, "maximum": 1, "step": 1, "default": default, "kind": "bool"}
    declared: Any = Declared(Parameter, about | fields)
    return declared  # type: ignore[no-any-return]


def choice(label: str, words: Sequence[str], *, default: str, kw_only: bool = True, **fields: Any) -> str:
    """One of some words."""
    about = {"label": label, "minimum": 0, "maximum": len(words) - 1, "step": 1, "default": default, "kind": "choice"}
    declared: Any = Declared(Choice, about | {"choices": tuple(words)} | fields)
    return declared  # type: ignore[no-any-return]


def special(holder: type[Parameter], label: str, *, default: Any, kw_only: bool = True, **fields: Any) -> Any:
    """A parameter of a class of its own; annotate it with `Given[what it takes, what it holds]`."""
    return Declared(holder, {"label": label, "step": 1, "default": default} | fields)


@dataclass_transform(kw_only_default=True, field_specifiers=(parameter, switch, choice, special))
class ParameterGroup:
    """Parameters that belong together.

    A subclass's attributes declare them; groups are joined by inheriting from several.

    Args of the class statement, for all of its parameters that don't say otherwise: `group`, `tab`, `section` and
    `page`, as `Parameter` describes them.
    """

    declared: ClassVar[dict[str, Parameter]] = {}
    """Those of the group and of the groups it is made of, by name, in the order in which they are written."""

    def __init_subclass__(
        cls, group: Group = "codes", tab: Place = "", section: str = "", page: str = "", **more: Any
    ) -> None:
        super().__init_subclass__(**more)
        shared = {"unit": "", "group": group, "tab": tab, "section": section, "page": page}
        inherited = [base.declared for base in cls.__bases__ if issubclass(base, ParameterGroup)]
        own = {name: value.built(name, shared) for name, value in vars(cls).items() if isinstance(value, Declared)}
        declared: dict[str, Parameter] = {}
        for part in (*inherited, own):
            for name, built in part.items():
                if declared.setdefault(name, built) is not built:
                    raise TypeError(f"The parameter {name!r} is declared twice; give one of the two another name.")
        for name, built in own.items():
            setattr(cls, name, built.default)
        cls.declared = declared
