"""Boards as documents of plain values: for sessions, and to hand a board to another process.

A document names effects of Lamina, rival codecs, built-in effects of pedalboard, and VST3 plugins by their path.
Plugins are programs, which are loaded only where the caller allows it, and so are those of EVS; no other code can be
named in a document.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pedalboard import Plugin, VST3Plugin

from lamina.models.bundles.bundle import DEFAULT_BUNDLE, BundleError
from lamina.plugin.board import Board
from lamina.plugin.call.effect_list import BoardItem
from lamina.plugin.documents.native import CONTAINERS, build_native, check_native, describe_native, native_effects
from lamina.plugin.documents.rivals import RIVAL, check_programs, describe_rival, is_kept, read_rival, rival_names
from lamina.plugin.documents.vst3 import VST3Error, load_vst3, parameters_of_vst3, path_of_vst3, set_vst3_parameters
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.parameters.model_shape import shape_named
from lamina.plugin.parameters.table import find_parameter, suggest
from lamina.plugin.rivals.coding.rival import Rival

SCHEMA_VERSION = 1
DEEPEST = 16
NATIVE = "pedalboard."

Build = Callable[[], BoardItem]
AllowVst3 = bool | Iterable[str | Path]
Allowed = frozenset[Path] | None
"""Files of plugins that may be loaded; None for all."""


class BoardDocumentError(ValueError):
    """A board can't be described, or a document is no board; the message says which effect and why."""


def describe_board(board: Board) -> dict[str, Any]:
    """The board as a document: dictionaries, lists, text, numbers and booleans only.

    Effects stand in it with all their parameters. Raises BoardDocumentError for an effect of a class that is neither
    Lamina's nor pedalboard's own, and for one whose parameters are not plain values.
    """
    return {"schema": SCHEMA_VERSION, "effects": _describe_all(board, "")}


def build_board(document: Any, allow_vst3: AllowVst3 = False) -> Board:
    """A board with new effects from a document, checked completely before the first effect is made.

    Effects stand with what `describe_board` writes; a parameter left out has its default.

    Args:
        document: plain values.
        allow_vst3: whether it may load VST3 plugins, or the files of those that it may load. A plugin is a program that
            runs with all your rights: a document that names one is as good as a program, so allow it only for
            documents of your own. The same holds for a folder with EVS's programs, but for the one that LAMINA_EVS
            names.

    Raises BoardDocumentError, also where a rival codec needs something that is not here: its sentence says how to get
    it, and the document opens once that is there.
    """
    if not isinstance(document, dict) or "schema" not in document:
        raise BoardDocumentError('This is not a board document: it has no "schema".')
    schema = document["schema"]
    if type(schema) is not int or schema != SCHEMA_VERSION:
        raise BoardDocumentError(
            f"The board document has schema {schema!r}; this Lamina reads {SCHEMA_VERSION}. Update Lamina."
        )
    _check_fields(document, "The board document", {"schema", "effects"})
    builds = _read_all(document, "The board document", "", 0, _allowed(allow_vst3))
    board = Board()
    for index, build in enumerate(builds):
        board.append(_built(build, _place("", index)))
    return board


def check_vst3(document: Any, allow_vst3: AllowVst3 = False) -> None:
    """Refuse a document that names a VST3 plugin, or programs of EVS, which aren't allowed, as `build_board` does.

    Raises BoardDocumentError; nothing else of the document is checked.
    """
    allowed, entries = _allowed(allow_vst3), [document]
    while entries:
        entry = entries.pop()
        if isinstance(entry, dict):
            if entry.get("effect") == "vst3":
                _check_allowed(entry.get("path"), allowed)
            elif str(entry.get("effect")).startswith(RIVAL):
                _check_programs(entry, allowed)
            effects = entry.get("effects")
            entries += effects if isinstance(effects, list) else []


def _allowed(allow_vst3: AllowVst3) -> Allowed:
    """Everything, or the files that may be loaded."""
    if isinstance(allow_vst3, bool):
        return None if allow_vst3 else frozenset()
    if isinstance(allow_vst3, str | Path) or not isinstance(allow_vst3, Iterable):
        raise TypeError(f"allow_vst3 is {allow_vst3!r}; give True, False, or a list of paths.")
    return frozenset(Path(path).resolve() for path in allow_vst3)


def _check_allowed(path: Any, allowed: Allowed) -> None:
    if allowed is not None and (not isinstance(path, str) or Path(path).resolve() not in allowed):
        raise BoardDocumentError(
            f"The board document wants to load the VST3 plugin {path!r}. A plugin is a program: if you trust the "
            "document, allow it with allow_vst3=True or a list of the plugins' paths."
        )


def _check_programs(entry: dict[str, Any], allowed: Allowed) -> None:
    try:
        check_programs(entry, allowed)
    except ValueError as error:
        raise BoardDocumentError(str(error)) from error


# Board → document.


def _describe_all(effects: Any, inside: str) -> list[dict[str, Any]]:
    return [_describe(effect, _place(inside, index)) for index, effect in enumerate(effects)]


def _describe(effect: BoardItem, place: str) -> dict[str, Any]:
    kind = type(effect)
    if isinstance(effect, NeuralCodec) and kind is NeuralCodec:
        values = effect.settings.plain()
        bypass = values.pop("bypass")
        return {"effect": "NeuralCodec", "model": effect.model, "parameters": values, "bypass": bypass}
    if isinstance(effect, Board) and kind is Board:
        return {"effect": "board", "effects": _describe_all(effect, place)}
    if isinstance(effect, Rival) and is_kept(effect):
        return describe_rival(effect)
    for name, container in CONTAINERS.items():
        if kind is container:
            return {"effect": NATIVE + name, "effects": _describe_all(effect, place)}
    try:
        for name, native in native_effects().items():
            if kind is native and isinstance(effect, Plugin):
                return {"effect": NATIVE + name, "parameters": describe_native(effect)}
        if isinstance(effect, VST3Plugin):
            path = path_of_vst3(effect)
            return {
                "effect": "vst3",
                "path": path,
                "name": str(getattr(effect, "name", "")),
                "parameters": parameters_of_vst3(effect),
            }
    except ValueError as error:
        raise BoardDocumentError(f"{place} ({kind.__name__}) can't be kept in a document: {error}.") from error
    raise BoardDocumentError(
        f"{place} is a {kind.__name__}, which can't be kept in a document. Accepted: NeuralCodec, Board, Lamina's "
        "rival codecs, pedalboard's built-in effects, VST3 plugins. Effects of other classes play in the process that "
        "made them only."
    )


# Document → board: first everything is read and checked, then built.


def _read_all(entry: dict[str, Any], place: str, inside: str, depth: int, allowed: Allowed) -> list[Build]:
    effects = entry.get("effects")
    if not isinstance(effects, list):
        raise BoardDocumentError(f'{place} needs "effects", a list.')
    if depth > DEEPEST:
        raise BoardDocumentError(f"{place} holds boards within boards more than {DEEPEST} deep. Take some out.")
    return [_read(effect, _place(inside, index), depth, allowed) for index, effect in enumerate(effects)]


def _read(entry: Any, place: str, depth: int, allowed: Allowed) -> Build:
    if not isinstance(entry, dict) or not isinstance(entry.get("effect"), str):
        raise BoardDocumentError(f'{place} needs "effect", a name.')
    name: str = entry["effect"]
    where = f"{place} ({name})"
    known = ["NeuralCodec", "board", "vst3", *(NATIVE + native for native in (*native_effects(), *CONTAINERS))]
    if name not in known and not (name.startswith(RIVAL) and name in rival_names()):
        known += rival_names()
        raise BoardDocumentError(
            f"{place} is {name!r}, which is not an effect that a document may name.{suggest(name, known)}"
        )
    try:
        if name == "NeuralCodec":
            return _read_codec(entry, where)
        if name == "vst3":
            return _read_vst3(entry, where, allowed)
        if name.startswith(RIVAL):
            return _read_rival(entry, where, allowed)
        if name == "board" or name.removeprefix(NATIVE) in CONTAINERS:
            return _read_container(entry, name, where, place, depth, allowed)
        _check_fields(entry, where, {"effect", "parameters"})
        native, parameters = name.removeprefix(NATIVE), _parameters(entry, where)
        check_native(native, parameters)
    except BoardDocumentError:
        raise
    except (ValueError, TypeError) as error:
        raise BoardDocumentError(_sentence(where, error)) from error
    return lambda: build_native(native, parameters)


def _read_codec(entry: dict[str, Any], where: str) -> Build:
    _check_fields(entry, where, {"effect", "model", "parameters", "bypass"})
    parameters, model = _parameters(entry, where), entry.get("model", DEFAULT_BUNDLE)
    if not isinstance(model, str) or not model:
        raise BoardDocumentError(f'{where}: the "model" is {model!r}; it must be the name of a model.')
    if "bypass" in entry:
        if "bypass" in parameters:
            raise BoardDocumentError(f'{where} says "bypass" twice; keep one.')
        parameters = {**parameters, "bypass": entry["bypass"]}
    if "layers" in parameters and "kbps" in parameters:
        raise BoardDocumentError(f"{where} sets both layers and kbps, which are one value in two units; keep one.")
    shape = shape_named(model)
    for parameter, value in parameters.items():
        find_parameter(parameter, shape).validate(value)

    def build() -> NeuralCodec:
        codec = NeuralCodec(model=model)
        codec.set_parameters(parameters)
        return codec

    return build


def _read_vst3(entry: dict[str, Any], where: str, allowed: Allowed) -> Build:
    _check_fields(entry, where, {"effect", "path", "name", "parameters"})
    path, name, parameters = entry.get("path"), entry.get("name"), _parameters(entry, where)
    if not isinstance(path, str) or not path:
        raise BoardDocumentError(f'{where} needs "path", where the plugin lies.')
    if name is not None and not isinstance(name, str):
        raise BoardDocumentError(f'{where}: the "name" is {name!r}; it must be text.')
    for parameter, value in parameters.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise BoardDocumentError(f"{where}: {parameter} is {value!r}; it must be a number from 0 to 1.")
    _check_allowed(path, allowed)
    if not Path(path).exists():
        raise VST3Error(f"there is no VST3 plugin at {path}")

    def build() -> Plugin:
        plugin = load_vst3(path, name or None)
        set_vst3_parameters(plugin, parameters)
        return plugin

    return build


def _read_rival(entry: dict[str, Any], where: str, allowed: Allowed) -> Build:
    _check_fields(entry, where, {"effect", "kbps", "options"})
    _check_programs(entry, allowed)
    # Made now, so that a codec that lacks something here refuses the document before any other effect is made.
    rival = read_rival(entry)
    return lambda: copy.copy(rival)


def _read_container(entry: dict[str, Any], name: str, where: str, place: str, depth: int, allowed: Allowed) -> Build:
    _check_fields(entry, where, {"effect", "effects"})
    builds = _read_all(entry, where, place, depth + 1, allowed)
    if name == "board":
        return lambda: Board([_built(build, _place(place, index)) for index, build in enumerate(builds)])
    for index, effect in enumerate(entry["effects"]):
        if effect["effect"] in ("NeuralCodec", "board") or effect["effect"].startswith(RIVAL):
            raise BoardDocumentError(
                f"{_place(place, index)} ({effect['effect']}) can't stand in {name}, which takes native effects only."
            )
    container: Any = CONTAINERS[name.removeprefix(NATIVE)]
    return lambda: container([_built(build, _place(place, index)) for index, build in enumerate(builds)])


def _built(build: Build, place: str) -> BoardItem:
    try:
        return build()
    except BoardDocumentError:
        raise
    except (ValueError, TypeError, BundleError, RuntimeError, OSError) as error:
        raise BoardDocumentError(_sentence(f"{place} can't be made", error)) from error


def _parameters(entry: dict[str, Any], where: str) -> dict[str, Any]:
    parameters = entry.get("parameters", {})
    if not isinstance(parameters, dict) or not all(isinstance(name, str) for name in parameters):
        raise BoardDocumentError(f'{where}: "parameters" must be values by name.')
    return parameters


def _check_fields(entry: dict[str, Any], where: str, known: set[str]) -> None:
    for field in entry:
        if field not in known:
            raise BoardDocumentError(f"{where} has no field {field!r}.{suggest(str(field), known)}")


def _place(inside: str, index: int) -> str:
    """ "Effect 2", or "Effect 2.1" for the first one inside it."""
    return f"{inside}.{index + 1}" if inside else f"Effect {index + 1}"


def _sentence(where: str, error: Exception) -> str:
    return f"{where}: {' '.join(str(error).split()).rstrip('.')}."
