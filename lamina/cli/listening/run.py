"""`lamina listen run`: a test by keyboard in a terminal, with live sound; it goes on where it was left."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.cli.answers import DONE, FAILED, shown
from lamina.cli.listening.player import open_player

if TYPE_CHECKING:
    from lamina.cli.listening.player import Player
    from lamina.plugin.listening.plans import Prepared


def add_run(parts: Any) -> None:
    """Declare the command."""
    run = parts.add_parser(
        "run",
        help="take a test here, by keyboard",
        description="Take a test in this terminal. What is compared is heard by keys and goes over into each other "
        "without a click; answers are keys, too, which the first line tells. Q stops; the same command goes on. The "
        "file of results is one like those of the page.",
        epilog="Example: lamina listen run test.json --listener Ann",
    )
    run.add_argument("plan", type=Path, metavar="TEST", help="a plan, made by `lamina listen plan`")
    run.add_argument("--listener", required=True, metavar="NAME", help="a name, or any word for whoever listens")
    run.add_argument(
        "--out", type=Path, default=Path(), metavar="FOLDER", help="where the file of results goes; default: here"
    )
    run.add_argument(
        "--output", metavar="DEV", help="output by name or a part of it (see `lamina devices`); default: the last one"
    )
    run.add_argument(
        "--train", action="store_true", help="abx: tell after each answer whether it was right; nothing is kept"
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
    if options.train and plan.kind != "abx":
        raise PlanError(
            f"Only ABX has answers that are right or wrong at once, so that one can train; not {plan.kind}."
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

    def keep() -> None:
        if not options.train:
            _keep(unfinished, test, began)

    try:
        with (
            tempfile.TemporaryDirectory(prefix="lamina-listen-") as folder,
            open_player(prepared, Path(folder), options) as player,
        ):
            is_alive, is_over = _taken(player, test, keep)
    except EngineError as error:
        raise ValueError(str(error)) from error
    if is_over:
        for sentence in _told(prepared, test):
            print(shown(sentence))
        if options.train:
            return DONE
        print(f"{shown(_save(options, prepared, test, began, one))}: saved.")
        unfinished.unlink(missing_ok=True)
    elif not options.train:
        print(f"{_so_far(test)}; the same command goes on.")
    return DONE if is_alive else FAILED


def _taken(player: Player, test: Any, keep: Callable[[], None]) -> tuple[bool, bool]:
    """Whether the engine lives after it, and whether the test is over."""
    from lamina.cli.listening.taking import take_ratings, take_trials
    from lamina.gui.model.trials.test_kinds import KINDS

    if test.kind == "mushra":
        return take_ratings(player, test, keep)
    is_alive = take_trials(player, KINDS[test.kind], test, keep)
    return is_alive, test.is_over


def _told(prepared: Prepared, test: Any) -> tuple[str, str]:
    """What the test came to, and what was what."""
    from lamina.gui.model.trials.rated import rated_revealed, rated_verdict
    from lamina.gui.model.trials.test_kinds import revealed, verdict

    row = next(iter(prepared.sounds.values()))
    if test.kind == "mushra":
        labels = {key: sound.label for key, sound in row.items()}
        return rated_verdict(test, labels), rated_revealed(test, labels)
    sounds = list(row.values())
    return verdict(test, sounds), revealed(test, sounds)


def _so_far(test: Any) -> str:
    if test.kind != "mushra":
        return f"{test.trial} of {test.n_trials} are answered"
    return f"Page {test.page + 1} of {test.n_pages} was reached"


def _begun(unfinished: Path, prepared: Prepared, is_training: bool) -> tuple[Any, datetime]:
    """The test as it was left, or a new one. Raises PlanFileError for a file that can't be gone on from."""
    from lamina.gui.model.trials.test_kinds import KINDS, gone_on
    from lamina.models.json_files import JsonError, read_json
    from lamina.plugin.listening.abx import AbxTest
    from lamina.plugin.listening.hidden import StateError
    from lamina.plugin.listening.plans import PlanFileError, state_of

    if is_training:
        return AbxTest.plan(prepared.n_trials, True), datetime.now(UTC)
    fresh = state_of(prepared)
    if not unfinished.exists():
        return fresh, datetime.now(UTC)
    try:
        kept = read_json(unfinished)
        test: Any = gone_on(KINDS[prepared.kind], kept["state"])
        if _shape_of(test) != _shape_of(fresh) or getattr(test, "training", False):
            raise StateError("it is of another test")
        return test, datetime.fromisoformat(kept["started"])
    except (JsonError, StateError, KeyError, TypeError, ValueError, OSError) as error:
        raise PlanFileError(
            f"The test that was begun can't go on from {unfinished}: {error}. Remove the file to begin anew."
        ) from error


def _shape_of(test: Any) -> tuple[Any, ...]:
    """What tests of one plan have in common, whatever was drawn for each."""
    if test.kind == "mushra":
        return tuple(sorted((item, tuple(sorted(order))) for item, order in test.to_dict()["orders"]))
    return test.n_trials, getattr(test, "levels", None)


def _keep(unfinished: Path, test: Any, began: datetime) -> None:
    from lamina.plugin.files.atomic import atomic_file

    with atomic_file(unfinished) as partial:
        partial.write_text(json.dumps({"started": began.isoformat(), "state": test.to_dict()}), encoding="utf-8")


def _save(options: argparse.Namespace, prepared: Prepared, test: Any, began: datetime, one: str) -> Path:
    from lamina.plugin.listening.results import TestRecord, save_result

    sounds = {item: {key: sound.described() for key, sound in row.items()} for item, row in prepared.sounds.items()}
    settings = {**prepared.settings, "taken_in": "terminal"}
    return save_result(options.out, options.listener, [TestRecord(one, prepared.title, test, sounds, settings)], began)
