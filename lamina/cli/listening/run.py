"""`lamina listen run`: an ABX test by keyboard in a terminal, with live sound."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.cli.answers import DONE, FAILED, shown

if TYPE_CHECKING:
    from lamina.plugin.host.client.live_engine import LiveEngine
    from lamina.plugin.listening.abx import AbxTest
    from lamina.plugin.listening.plans import Prepared

TURN_SECONDS, START_SECONDS = 0.1, 20.0
CLEARED = "\r\x1b[K"
"""Back to the line's start, with nothing in it (ECMA-48)."""
LEFT, RIGHT = "\x1b[D", "\x1b[C"
ANSWERS = {LEFT: "a", "1": "a", RIGHT: "b", "2": "b"}
ENDINGS = ("q", "\x03", "\x04", "")
"""Q, Ctrl-C, Ctrl-D, and a terminal that went away."""
HELP = "A, B, X listen · ← X is A · → X is B · space pauses · Q stops; it goes on another time"


def add_run(parts: Any) -> None:
    """Declare the command."""
    run = parts.add_parser(
        "run",
        help="take an ABX test here, by keyboard",
        description="Take an ABX test in this terminal. A, B and X are heard by their keys and go over into each other "
        "without a click, ← says that X is A and → that it is B, Q stops; the same command goes on. The file of "
        "results is one like those of the page.",
        epilog="Example: lamina listen run test.json --listener Ann",
    )
    run.add_argument("plan", type=Path, metavar="TEST", help="a plan of the kind abx, made by `lamina listen plan`")
    run.add_argument("--listener", required=True, metavar="NAME", help="a name, or any word for whoever listens")
    run.add_argument(
        "--out", type=Path, default=Path(), metavar="FOLDER", help="where the file of results goes; default: here"
    )
    run.add_argument(
        "--output", metavar="DEV", help="output by name or a part of it (see `lamina devices`); default: the last one"
    )
    run.add_argument(
        "--train", action="store_true", help="tell after each answer whether it was right; nothing is kept"
    )
    run.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from lamina.plugin.files.atomic import NotWrittenError
    from lamina.plugin.host.client.process_handle import EngineError
    from lamina.plugin.listening.plans import PlanError, load_plan, prepare
    from lamina.plugin.listening.results import ResultExistsError, result_path, test_id

    if sys.stdin is None or not sys.stdin.isatty():
        raise ValueError("A test is taken by keyboard, and standard input is no terminal.")
    plan = load_plan(options.plan)
    if plan.kind != "abx":
        raise PlanError(
            f"In a terminal only ABX can be taken, not {plan.kind}; make a page with `lamina listen export`."
        )
    if not options.out.is_dir():
        raise NotWrittenError(f"The folder {options.out} does not exist. Make it first.")
    prepared = prepare(plan, lambda what: print(f"lamina: {shown(what)} …", file=sys.stderr))
    one = test_id(prepared.kind, prepared.sounds, prepared.settings)
    path = result_path(options.out, options.listener, [one])
    if path.exists() and not options.train:
        raise ResultExistsError(f"{path} is there already: {options.listener} has taken this test.")
    unfinished = path.with_suffix(".unfinished")
    test, began = _begun(unfinished, prepared, options.train)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="lamina-listen-") as folder,
            _engine(prepared, Path(folder), options) as (
                engine,
                taken,
            ),
        ):
            is_alive = _take(engine, taken, test, lambda: _keep(unfinished, test, began))
    except EngineError as error:
        raise ValueError(str(error)) from error
    if test.is_over:
        print(test.outcome().sentence)
        if options.train:
            return DONE
        print(f"{shown(_save(options, prepared, test, began, one))}: saved.")
        unfinished.unlink(missing_ok=True)
    elif not options.train:
        print(f"{test.trial} of {test.n_trials} are answered; the same command goes on.")
    return DONE if is_alive else FAILED


def _begun(unfinished: Path, prepared: Prepared, is_training: bool) -> tuple[AbxTest, datetime]:
    """The test as it was left, or a new one. Raises PlanFileError for a file that can't be gone on from."""
    from lamina.models.json_files import JsonError, read_json
    from lamina.plugin.listening.abx import AbxTest
    from lamina.plugin.listening.hidden import StateError
    from lamina.plugin.listening.plans import PlanFileError

    if is_training or not unfinished.exists():
        return AbxTest.plan(prepared.n_trials, is_training), datetime.now(UTC)
    try:
        kept = read_json(unfinished)
        test = AbxTest.from_dict(kept["state"])
        if test.n_trials != prepared.n_trials or test.training:
            raise StateError("it is of another test")
        return test, datetime.fromisoformat(kept["started"])
    except (JsonError, StateError, KeyError, TypeError, ValueError, OSError) as error:
        raise PlanFileError(
            f"The test that was begun can't go on from {unfinished}: {error}. Remove the file to begin anew."
        ) from error


def _keep(unfinished: Path, test: AbxTest, began: datetime) -> None:
    from lamina.plugin.files.atomic import atomic_file

    if test.training:
        return
    with atomic_file(unfinished) as partial:
        partial.write_text(json.dumps({"started": began.isoformat(), "state": test.to_dict()}), encoding="utf-8")


def _save(options: argparse.Namespace, prepared: Prepared, test: AbxTest, began: datetime, one: str) -> Path:
    from lamina.plugin.listening.results import TestRecord, save_result

    sounds = {item: {key: sound.described() for key, sound in row.items()} for item, row in prepared.sounds.items()}
    settings = {**prepared.settings, "taken_in": "terminal"}
    return save_result(options.out, options.listener, [TestRecord(one, prepared.title, test, sounds, settings)], began)


@contextlib.contextmanager
def _engine(prepared: Prepared, folder: Path, options: argparse.Namespace) -> Iterator[tuple[LiveEngine, list[str]]]:
    """An engine that plays A and B, silent yet; with what it plays, by place. Raises EngineError if it can't."""
    import numpy as np

    from lamina.plugin.host.client.live_engine import LiveEngine
    from lamina.plugin.host.client.session_file import devices_of_last_time
    from lamina.plugin.host.device.device_settings import NONE
    from lamina.plugin.host.transport.comparison import ComparedFiles

    settings, trouble = devices_of_last_time()
    if trouble:
        print(f"lamina: {trouble}", file=sys.stderr)
    settings = settings.changed(input=NONE, **({"output": options.output} if options.output is not None else {}))
    row = next(iter(prepared.sounds.values()))
    keys = sorted(row)
    files = tuple(folder / f"{place}.npy" for place in range(len(keys)))
    for key, file in zip(keys, files, strict=True):
        np.save(file, row[key].samples, allow_pickle=False)
    with LiveEngine(opens=False) as engine:
        for answer in (
            engine.set_devices(settings),
            engine.compare(ComparedFiles(files, row[keys[0]].sample_rate)),
        ):
            answer.result(START_SECONDS)
        yield engine, keys


def _take(engine: LiveEngine, keys: list[str], test: AbxTest, keep: Callable[[], None]) -> bool:
    """The test until its end, or until the listener stops; False if the engine can't be kept alive."""
    print(HELP)
    heard: set[str] = set()
    is_playing, notice = False, ""
    with _single_keys():
        while not test.is_over:
            done = f"{test.n_correct} of {test.trial} right  " if test.training and test.trial else ""
            _line(f"Trial {test.trial + 1} of {test.n_trials}  {done}{notice or _left(heard)}")
            key = _key(lambda: _is_alive(engine))
            if key is None:
                return False
            notice = ""
            if key in ENDINGS:
                break
            if key in ("a", "b", "x"):
                heard.add(key)
                engine.hear_compared(keys.index(test.sound_of(key))).result(START_SECONDS)
                if not is_playing:
                    engine.play_compared(True).result(START_SECONDS)
                    is_playing = True
                notice = f"{key.upper()} is heard" + (f"; {_left(heard)}" if _left(heard) else "")
            elif key == " ":
                is_playing = not is_playing
                engine.play_compared(is_playing).result(START_SECONDS)
            elif key in ANSWERS and _left(heard):
                notice = _left(heard)
            elif key in ANSWERS:
                right = test.answer(ANSWERS[key])
                keep()
                heard.clear()
                notice = "" if right is None else "Right." if right else "Wrong."
        engine.play_compared(False).result(START_SECONDS)
    print()
    return True


def _left(heard: set[str]) -> str:
    missing = [name.upper() for name in ("a", "b", "x") if name not in heard]
    return f"listen to {' and '.join(missing)}" if missing else ""


def _is_alive(engine: LiveEngine) -> bool:
    """Tells what the engine has to say; False once it can't be kept alive."""
    for event in engine.take_events():
        if event["event"] == "message":
            print(f"{CLEARED}lamina: {shown(event['text'])}", file=sys.stderr)
        elif event["event"] == "gone":
            return False
    return True


def _key(is_alive: Callable[[], bool]) -> str | None:
    """The next key, as the terminal sends it, in small letters; None when there is no engine any more."""
    while is_alive():
        ready, _, _ = select.select([sys.stdin.fileno()], [], [], TURN_SECONDS)
        if ready:
            sent = os.read(sys.stdin.fileno(), 1)
            if sent == b"\x1b" and select.select([sys.stdin.fileno()], [], [], TURN_SECONDS)[0]:
                sent += os.read(sys.stdin.fileno(), 2)
            return sent.decode("ascii", "replace").lower().replace("[d", "[D").replace("[c", "[C")
    return None


@contextlib.contextmanager
def _single_keys() -> Iterator[None]:
    """Keys come one by one, unseen; Ctrl-C is one of them, so that it ends the test in order."""
    import termios
    import tty

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    tty.setcbreak(number)
    changed = termios.tcgetattr(number)
    changed[3] &= ~termios.ISIG
    termios.tcsetattr(number, termios.TCSADRAIN, changed)
    try:
        yield
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


def _line(text: str) -> None:
    sys.stdout.write(CLEARED + text)
    sys.stdout.flush()
