"""`EffectList`: effects in a list that takes nothing else, and none of them twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Self, overload

from pedalboard import Plugin
from pedalboard._pedalboard import Pedalboard

from lamina.plugin.call.effect import Effect

BoardItem = Effect | Plugin


class EffectList:
    """The methods of a list, for effects; those that make another list are the board's own.

    Slices may be assigned and deleted. Raises TypeError that names what is accepted for any other object; nothing has
    changed then.
    """

    __slots__ = ("_items",)

    def __init__(self, plugins: Iterable[BoardItem] | None = None) -> None:
        self._items: list[BoardItem] = []
        self.extend(plugins or [])

    def append(self, plugin: BoardItem) -> None:
        """Add an effect at the end."""
        self[len(self) :] = [plugin]

    def insert(self, index: int, plugin: BoardItem) -> None:
        """Insert an effect before `index`."""
        items = list(self._items)
        items.insert(index, plugin)
        self._replace(items)

    def extend(self, plugins: Iterable[BoardItem]) -> None:
        """Add several effects at the end, or none if one is refused."""
        self[len(self) :] = plugins

    def remove(self, plugin: BoardItem) -> None:
        """Take an effect out; raises ValueError if it is not on the board."""
        del self[self.index(plugin)]

    def pop(self, index: int = -1) -> BoardItem:
        """Take the effect at `index` out and return it."""
        return self._items.pop(index)

    def clear(self) -> None:
        """Take all effects out."""
        self._items.clear()

    def index(self, plugin: BoardItem) -> int:
        """Where an effect stands; raises ValueError if it is not on the board."""
        for position, item in enumerate(self._items):
            if item is plugin:
                return position
        raise ValueError(f"{plugin!r} is not on the board.")

    def count(self, plugin: BoardItem) -> int:
        """1 if the effect is on the board, else 0."""
        return sum(item is plugin for item in self._items)

    def reverse(self) -> None:
        """Turn the order round."""
        self._items.reverse()

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[BoardItem]:
        return iter(self._items)

    def __contains__(self, plugin: object) -> bool:
        return any(item is plugin for item in self._items)

    @overload
    def __setitem__(self, index: int, value: BoardItem) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[BoardItem]) -> None: ...
    def __setitem__(self, index: int | slice, value: BoardItem | Iterable[BoardItem]) -> None:
        items: list[Any] = list(self._items)
        if isinstance(index, slice) and isinstance(value, Effect | Plugin) and not isinstance(value, Iterable):
            raise TypeError(f"Give a list of effects; {value!r} is one effect. Write [{type(value).__name__}(…)].")
        new: Any = value
        if isinstance(index, slice):
            items[index] = new
        else:
            items[index] = new
        self._replace(items)

    def __delitem__(self, index: int | slice) -> None:
        del self._items[index]

    def __iadd__(self, plugins: Iterable[BoardItem]) -> Self:
        self.extend(plugins)
        return self

    def __getstate__(self) -> dict[str, Any]:
        natives = sorted({type(item).__name__ for item in self._items if not isinstance(item, Effect)})
        if natives:
            raise TypeError(
                f"A board with pedalboard's effects ({', '.join(natives)}) can't be pickled or copied deeply; its "
                "document can: build_board(describe_board(board)), both from lamina.plugin.documents.boards."
            )
        return {"items": self._items}

    def _replace(self, items: list[BoardItem]) -> None:
        """Check a new list completely, then take it."""
        for item in items:
            if isinstance(item, type) and issubclass(item, Effect | Plugin):
                raise TypeError(f"{item.__name__} is a class; put an instance on the board: {item.__name__}().")
            if not isinstance(item, Effect | Plugin):
                raise TypeError(
                    f"{item!r} ({type(item).__name__}) can't stand on a board. Accepted: pedalboard plugins, VST3 "
                    "plugins from pedalboard.load_plugin, pedalboard.Pedalboard, lamina NeuralCodec, lamina's rival "
                    "codecs, and lamina Board."
                )
            if isinstance(item, EffectList) and (item is self or self in _lists_inside(item)):
                raise ValueError("A board can't stand on itself.")
            if not isinstance(item, Effect):
                Pedalboard([item])  # refuses instruments with its own sentence
        refuse_duplicates(effects_in(items))
        self._items = items


def effects_in(items: Iterable[BoardItem]) -> list[BoardItem]:
    """All effects, those inside nested boards and pedalboard's boards included.

    Native `Chain` and `Mix` are one effect each.
    """
    found: list[BoardItem] = []
    for item in items:
        found += effects_in(item) if isinstance(item, EffectList | Pedalboard) else [item]
    return found


def refuse_duplicates(effects: list[BoardItem]) -> None:
    """Raises ValueError for an effect that is there twice.

    The list keeps them alive meanwhile: pedalboard's boards make an object anew for each effect that is asked for, and
    one that is gone leaves its identity to the next.
    """
    seen: set[int] = set()
    for effect in effects:
        if id(effect) in seen:
            raise ValueError(f"{effect!r} stands on the board twice. An effect has one state: make a second instance.")
        seen.add(id(effect))


def _lists_inside(effects: EffectList) -> Iterator[EffectList]:
    for item in effects:
        if isinstance(item, EffectList):
            yield item
            yield from _lists_inside(item)
