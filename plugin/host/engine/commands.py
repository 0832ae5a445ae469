"""What can be asked of the engine, as one table.

Both sides derive from it what they send, check, do, remember and restore.

A new command is one entry here and a method of `LiveEngine`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.models.bundles.bundle import DEFAULT_BUNDLE
from lamina.plugin.documents.boards import build_board, describe_board
from lamina.plugin.host.device.device_settings import DeviceSettings, device_settings
from lamina.plugin.host.live_board.boards import BOARDS
from lamina.plugin.host.transport.comparison import ComparedFiles
from lamina.plugin.parameters.model_shape import ModelShape, shape_named
from lamina.plugin.parameters.settings import FIELDS, Settings
from lamina.plugin.parameters.table import PARAMETERS, find_parameter

if TYPE_CHECKING:
    from lamina.plugin.host.engine.engine import Engine

Wanted = dict[str, Any]
"""What was asked for and granted (`lamina.plugin.host.client.granted.Wishes`).

JSON; commands put others in the places of its parts and change none of them.
"""

Attempt = Callable[[Callable[[], Any]], bool]
"""Does some work and says whether that went well; what went wrong is told at the end."""


@dataclass(frozen=True)
class Argument:
    """How a value goes over the pipe: `encode` makes JSON of it, `decode` checks that and makes a value of it."""

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


@dataclass(frozen=True)
class Command:
    """One thing to ask for.

    Args:
        do: what the engine does, called with it and the arguments by name; the answer is JSON.
        arguments: by name.
        remember: changes what is wanted when the command, with its arguments as they were sent, has been carried out.
        restore: asks a new engine for what is wanted, by attempts that may fail.
        is_transport: whether it moves the file's place.
        is_long: whether it takes seconds, in which the engine must be looked after.
    """

    do: Callable[..., Any]
    arguments: dict[str, Argument] = field(default_factory=dict)
    remember: Callable[..., None] | None = None
    restore: Callable[[Engine, Wanted, Attempt], None] | None = None
    is_transport: bool = False
    is_long: bool = False

    def encode(self, values: dict[str, Any]) -> dict[str, Any]:
        """Arguments as JSON. Raises KeyError for one that the command doesn't know."""
        return {name: self.arguments[name].encode(value) for name, value in values.items()}

    def carry_out(self, engine: Engine, sent: dict[str, Any]) -> Any:
        """Do it. Raises what a wrong argument or the engine raises."""
        return self.do(engine, **{name: argument.decode(sent[name]) for name, argument in self.arguments.items()})


def _board_name(name: object) -> str:
    if name not in BOARDS:
        raise ValueError(f"There is no board {name!r}; the boards are {' and '.join(BOARDS)}.")
    return str(name)


def _plain_values(values: dict[str, Any]) -> dict[str, Any]:
    return {name: PARAMETERS[name].plain(value) if name in PARAMETERS else value for name, value in values.items()}


def _loop(seconds: Any) -> tuple[float, float] | None:
    return None if seconds is None else (float(seconds[0]), float(seconds[1]))


def _as_it_is(value: Any) -> Any:
    return value


ON = {"on": Argument(bool, bool)}
SECONDS = Argument(float, float)
FILE = Argument(lambda path: str(Path(path).resolve()), Path)
BOARD_NAME = Argument(str, _board_name)
# What comes over the pipe is the app's own: it has made the board, or allowed what stands in its document.
BOARD = Argument(describe_board, partial(build_board, allow_vst3=True))
DEVICES = Argument(DeviceSettings.document, device_settings)
LOOP = Argument(lambda seconds: None if seconds is None else [float(seconds[0]), float(seconds[1])], _loop)


# None for no comparison.
COMPARED = Argument(
    lambda sounds: (
        {"files": [str(file) for file in sounds.files], "sample_rate": sounds.sample_rate} if sounds else None
    ),
    lambda sent: ComparedFiles(tuple(map(Path, sent["files"])), int(sent["sample_rate"])) if sent else None,
)


def _put(name: str, argument: str) -> Callable[..., None]:
    def remember(wanted: Wanted, **sent: Any) -> None:
        wanted[name] = sent[argument]

    return remember


def _remember_board(wanted: Wanted, name: str, board: Any) -> None:
    wanted["boards"] = {**wanted.get("boards", {}), name: board}
    wanted["bypassed"] = {other: effects for other, effects in wanted.get("bypassed", {}).items() if other != name}


def _remember_parameters(wanted: Wanted, name: str, path: list[int], values: dict[str, Any]) -> None:
    with contextlib.suppress(LookupError, TypeError):
        board = _with_parameters(wanted["boards"][name], path, values)
        wanted["boards"] = {**wanted["boards"], name: board}


def _with_parameters(document: Any, path: list[int], values: dict[str, Any]) -> Any:
    """A board's or an effect's document with other values; what was handed out before stays as it was."""
    changed = dict(document)
    if path:
        changed["effects"] = list(document["effects"])
        changed["effects"][path[0]] = _with_parameters(document["effects"][path[0]], path[1:], values)
    elif document["effect"] == "NeuralCodec":
        _set_codec(changed, values)
    else:
        changed["parameters"] = {**document.get("parameters", {}), **values}
    return changed


def _set_codec(entry: dict[str, Any], values: dict[str, Any]) -> None:
    """A codec's entry in a board document after these values were set, in this order.

    The engine granted them, and the entry is what it made of earlier ones, so only names that are parts of others or
    other units (kbps of layers, one layer's gain of all) need to be worked in; all others are put in their places.
    """
    shape = shape_named(entry.get("model", DEFAULT_BUNDLE))
    parameters = {**entry.get("parameters", {}), "bypass": entry.get("bypass", False)}
    if parameters.keys() != set(FIELDS):
        parameters = _all_of(parameters, shape)
    for name, value in values.items():
        if name in FIELDS:
            parameter = find_parameter(name, shape)
            parameters[name] = parameter.plain(parameter.validate(value))
        else:
            parameters = _all_of({**parameters, name: value}, shape)
    entry["bypass"] = parameters.pop("bypass")
    entry["parameters"] = parameters


def _all_of(values: dict[str, Any], shape: ModelShape) -> dict[str, Any]:
    """Every parameter as JSON, after these were set in their order."""
    settings = Settings().on(shape)
    for name, value in values.items():
        settings = settings.with_value(name, value)
    return settings.plain()


def _remember_bypass(wanted: Wanted, index: int, on: bool) -> None:
    chosen = wanted.get("board", BOARDS[0])
    bypassed = set(wanted.get("bypassed", {}).get(chosen, ()))
    (bypassed.add if on else bypassed.discard)(index)
    wanted["bypassed"] = {**wanted.get("bypassed", {}), chosen: sorted(bypassed)}


def _remember_file(wanted: Wanted, path: str) -> None:
    wanted["clip"] = {"path": path, "loop": None, "seconds": 0.0, "is_playing": False}


def _forget_file(wanted: Wanted) -> None:
    wanted["clip"] = None


def _remember_in_file(**changes: Any) -> Callable[..., None]:
    def remember(wanted: Wanted, **sent: Any) -> None:
        if wanted.get("clip"):
            wanted["clip"] = {**wanted["clip"], **changes, **sent}

    return remember


def _remember_loop(wanted: Wanted, seconds: Any) -> None:
    _remember_in_file(loop=seconds)(wanted)


def _remember_stop(wanted: Wanted) -> None:
    loop = (wanted.get("clip") or {}).get("loop")
    _remember_in_file(is_playing=False, seconds=(loop or [0.0])[0])(wanted)


def _remember_compared(wanted: Wanted, sounds: Any) -> None:
    wanted["compared"] = {"sounds": sounds} if sounds else None


def _remember_in_compared(wanted: Wanted, **sent: Any) -> None:
    if wanted.get("compared"):
        wanted["compared"] = {**wanted["compared"], **sent}


def _remember_compared_loop(wanted: Wanted, seconds: Any) -> None:
    _remember_in_compared(wanted, loop=seconds)


def _forget_recording(wanted: Wanted) -> None:
    wanted["record"] = None


def _restore_boards(engine: Engine, wanted: Wanted, attempt: Attempt) -> None:
    for name, board in wanted.get("boards", {}).items():
        attempt(partial(_build_board, engine, name, board))


def _build_board(engine: Engine, name: str, board: Any) -> None:
    engine.set_board(_board_name(name), build_board(board, allow_vst3=True))


def _restore_bypass(engine: Engine, wanted: Wanted, attempt: Attempt) -> None:
    for name, indices in wanted.get("bypassed", {}).items():
        engine.boards.bypass_from_now_on(_board_name(name), set(indices))


def _restore_choice(engine: Engine, wanted: Wanted, attempt: Attempt) -> None:
    engine.choose_board(_board_name(wanted.get("board", BOARDS[0])))


def _restore_devices(engine: Engine, wanted: Wanted, attempt: Attempt) -> None:
    engine.prefer(device_settings(wanted.get("devices", {})), bool(wanted.get("live")), wanted.get("margin_samples"))


def _restore_file(engine: Engine, wanted: Wanted, attempt: Attempt) -> None:
    clip = wanted.get("clip")
    if clip:
        attempt(lambda: engine.load(Path(clip["path"])))


def _restore_place(engine: Engine, wanted: Wanted, attempt: Attempt) -> None:
    clip = wanted.get("clip")
    if clip and engine.has_file:
        attempt(lambda: engine.set_loop(_loop(clip.get("loop"))))
        attempt(lambda: engine.player.seek(float(clip.get("seconds", 0.0))))
        if clip.get("is_playing"):
            attempt(engine.player.play)


def _restore_compared(engine: Engine, wanted: Wanted, attempt: Attempt) -> None:
    compared = wanted.get("compared")
    if compared and attempt(lambda: engine.compare(COMPARED.decode(compared["sounds"]))):
        attempt(lambda: engine.comparison.hear(int(compared.get("index", 0)), bool(compared.get("difference"))))
        attempt(lambda: engine.comparison.loop(_loop(compared.get("loop"))))
        if compared.get("on"):
            attempt(engine.comparison.play)


def _restore_tone(engine: Engine, wanted: Wanted, attempt: Attempt) -> None:
    if wanted.get("tone"):
        attempt(lambda: engine.set_tone(True))


def _restore_recording(engine: Engine, wanted: Wanted, attempt: Attempt) -> None:
    if wanted.get("record"):
        attempt(lambda: engine.record(Path(wanted["record"])))


COMMANDS: dict[str, Command] = {
    "board": Command(
        lambda engine, name, board: engine.set_board(name, board),
        {"name": BOARD_NAME, "board": BOARD},
        _remember_board,
        _restore_boards,
    ),
    "parameters": Command(
        lambda engine, name, path, values: engine.set_parameters(name, path, values),
        {"name": BOARD_NAME, "path": Argument(list, list), "values": Argument(_plain_values, dict)},
        _remember_parameters,
    ),
    "bypass": Command(
        lambda engine, index, on: engine.set_bypass(index, on),
        {"index": Argument(_as_it_is, int), **ON},
        _remember_bypass,
        _restore_bypass,
    ),
    "choose_board": Command(
        lambda engine, name: engine.choose_board(name),
        {"name": BOARD_NAME},
        _put("board", "name"),
        _restore_choice,
    ),
    "devices": Command(
        lambda engine, settings: engine.set_devices(settings),
        {"settings": DEVICES},
        _put("devices", "settings"),
        _restore_devices,
    ),
    "live": Command(lambda engine, on: engine.set_live(on), ON, _put("live", "on")),
    "load": Command(
        lambda engine, path: engine.load(path), {"path": FILE}, _remember_file, _restore_file, is_transport=True
    ),
    # Once a file has said at which rate the sound runs, and before a place in it is looked for, which may take long.
    "record": Command(
        lambda engine, path: engine.record(path), {"path": FILE}, _put("record", "path"), _restore_recording
    ),
    "stop_recording": Command(lambda engine: engine.stop_recording(), {}, _forget_recording),
    "unload": Command(lambda engine: engine.unload(), {}, _forget_file, is_transport=True),
    "play": Command(
        lambda engine: engine.player.play(),
        {},
        _remember_in_file(is_playing=True),
        _restore_place,
        is_transport=True,
    ),
    "pause": Command(lambda engine: engine.player.pause(), {}, _remember_in_file(is_playing=False), is_transport=True),
    "stop": Command(lambda engine: engine.player.stop(), {}, _remember_stop, is_transport=True),
    "seek": Command(
        lambda engine, seconds: engine.player.seek(seconds),
        {"seconds": SECONDS},
        _remember_in_file(),
        is_transport=True,
    ),
    "loop": Command(
        lambda engine, seconds: engine.set_loop(seconds), {"seconds": LOOP}, _remember_loop, is_transport=True
    ),
    "compare": Command(
        lambda engine, sounds: engine.compare(sounds), {"sounds": COMPARED}, _remember_compared, _restore_compared
    ),
    "hear_compared": Command(
        lambda engine, index, difference: engine.comparison.hear(index, difference),
        {"index": Argument(int, int), "difference": Argument(bool, bool)},
        _remember_in_compared,
    ),
    "play_compared": Command(lambda engine, on: engine.comparison.play(on), ON, _remember_in_compared),
    "seek_compared": Command(lambda engine, seconds: engine.comparison.seek(seconds), {"seconds": SECONDS}),
    "loop_compared": Command(
        lambda engine, seconds: engine.comparison.loop(seconds), {"seconds": LOOP}, _remember_compared_loop
    ),
    "tone": Command(lambda engine, on: engine.set_tone(on), ON, _put("tone", "on"), _restore_tone),
    "calibrate": Command(lambda engine: engine.calibrate(), is_long=True),
    "shrink_margin": Command(lambda engine: engine.shrink_margin()),
    "latency": Command(lambda engine: engine.latency()),
    "slots": Command(lambda engine: engine.slots()),
    "ping": Command(lambda engine: None),
}
"""By their names on the wire; a new engine restores what was wanted in this order."""


def restore(engine: Engine, wanted: Wanted) -> dict[str, Any]:
    """Everything at once, after a restart: as much as can be had.

    Returns {"troubles": sentences about the rest, "is_recording": whether what is heard is being recorded now}.
    """
    troubles: list[str] = []

    def attempt(work: Callable[[], Any]) -> bool:
        try:
            work()
        except Exception as error:
            # Whatever a device, a file or a plugin raised: the rest can still be had.
            troubles.append(str(error) or type(error).__name__)
            return False
        return True

    for command in COMMANDS.values():
        if command.restore is not None:
            command.restore(engine, wanted, attempt)
    if wanted.get("opens", True):
        attempt(engine.ensure_open)
    return {"troubles": troubles, "is_recording": engine.is_recording}
