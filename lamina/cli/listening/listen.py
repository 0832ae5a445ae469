"""`lamina listen`: plans listening tests, exports them as pages for a browser, takes them, and says what was heard."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from lamina.cli.answers import DONE, INCOMPLETE, INPUT, print_json, shown
from lamina.cli.listening.run import add_run
from lamina.plugin.rivals.coding.asked import LAMINA_FORM, ORIGINAL_FORM, RIVAL_FORM, forms


def add_listen_command(commands: Any) -> None:
    """Declare the command and its parts."""
    listen = commands.add_parser(
        "listen",
        help="blind listening tests: plan one, export it as a page, read the results",
        description="Blind listening tests. `plan` writes down what is compared, `export` makes a page of it that "
        "opens in any browser and gives a file of results back, `run` takes one here in the terminal, `results` says "
        "what the listeners' files mean.",
        epilog="Example: lamina listen plan abx song.wav --with original --with lamina:6 --out test.json && "
        "lamina listen export test.json --out test.html && lamina listen results back/*.json",
    )
    parts = listen.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_plan(parts)
    add_run(parts)

    export = parts.add_parser(
        "export",
        help="make one HTML page of tests, with the sounds inside",
        description="Render what the plans compare, make it equally loud, and put it into one HTML page that needs "
        "nothing else. What X is, is drawn in the browser for each listener anew.",
    )
    export.add_argument("plans", nargs="+", type=Path, metavar="TEST", help="plans, made by `lamina listen plan`")
    export.add_argument("--out", type=Path, required=True, metavar="PAGE", help="the page: a file that ends in .html")
    export.add_argument("--force", action="store_true", help="replace a page that is there already")
    export.set_defaults(run=_export)

    results = parts.add_parser(
        "results",
        help="check and combine listeners' files, and say what they mean",
        description="Check the files of one test's listeners and say what they heard: outcomes in sentences, means "
        "with 95 % intervals, and Wilcoxon's test with Holm's correction. A file that was edited, cut off or of "
        "another test, and the second of two listeners with one name, is told and left out; the others are combined, "
        "and the command ends with code 5.",
    )
    results.add_argument("files", nargs="+", type=Path, metavar="FILE", help="files of results, one for each listener")
    results.add_argument("--json", action="store_true", help="as JSON")
    results.add_argument("--csv", type=Path, metavar="TABLE", help="also write every answer into a table (CSV)")
    results.add_argument("--report", type=Path, metavar="PAGE", help="also write a page (HTML) with pictures")
    results.add_argument("--force", action="store_true", help="replace a page that is there already")
    results.set_defaults(run=_results)


def _add_plan(parts: Any) -> None:
    plan = parts.add_parser(
        "plan",
        help="write down what a test compares",
        description="Write a plan of a test. abx: is there a difference between two versions? preference: which of two "
        "is better? mushra: how good are up to 8, beside the reference and two anchors? staircase: how many "
        "of Lamina's layers does it take until nobody tells it from the original?",
    )
    plan.add_argument("kind", choices=("abx", "preference", "mushra", "staircase"), help="which test")
    plan.add_argument("sounds", nargs="+", metavar="SOUND", help="sound files; one, but for mushra")
    plan.add_argument(
        "--with",
        dest="versions",
        action="append",
        default=[],
        metavar="VERSION",
        help=f"what is compared: {forms(ORIGINAL_FORM, LAMINA_FORM, RIVAL_FORM)}; may be repeated",
    )
    plan.add_argument(
        "--trials", type=int, metavar="N", help="how many; default 16 (abx), 12 (preference), 40 (staircase)"
    )
    plan.add_argument("--title", default="", help="for people")
    plan.add_argument(
        "--start", type=float, default=0.0, metavar="S", help="where the part begins, in seconds; default 0"
    )
    plan.add_argument("--seconds", type=float, default=10.0, metavar="S", help="how long the part is; default 10")
    plan.add_argument("--as-loud-as-it-is", action="store_true", help="don't make the versions equally loud")
    plan.add_argument("--out", type=Path, required=True, metavar="TEST", help="the plan: a file that ends in .json")
    plan.add_argument("--force", action="store_true", help="replace a plan that is there already")
    plan.set_defaults(run=_plan)


def _plan(options: argparse.Namespace) -> int:
    import os

    from lamina.plugin.files.sound import probe_audio
    from lamina.plugin.listening.plans import Plan, check_sounds
    from lamina.plugin.rivals.registry import parse

    target = _new_file(options.out, ".json", options.force)
    for sound in options.sounds:
        probe_audio(sound)
    for version in options.versions:
        parse(version)
    folder = target.resolve().parent
    plan = Plan(
        options.kind,
        tuple(os.path.relpath(Path(sound).resolve(), folder) for sound in options.sounds),
        tuple(options.versions),
        options.title,
        options.trials,
        options.start,
        options.seconds,
        not options.as_loud_as_it_is,
    )
    check_sounds(replace(plan, sounds=tuple(options.sounds)))
    plan.save(target)
    what = "pages" if plan.kind == "mushra" else "trials"
    print(
        f"{shown(target)}: {plan.kind}, {plan.n_trials} {what}. Next: lamina listen export {shown(target)} --out "
        f"PAGE.html, or lamina listen run {shown(target)} --listener NAME"
    )
    return 0


def _export(options: argparse.Namespace) -> int:
    from lamina.plugin.listening.page.export import export_page
    from lamina.plugin.listening.plans import load_plan, prepare

    target = _new_file(options.out, ".html", options.force)
    plans = [load_plan(path) for path in options.plans]
    tests = [prepare(plan, lambda what: print(f"lamina: {shown(what)} …", file=sys.stderr)) for plan in plans]
    size = export_page(tests, target)
    for test in tests:
        for item, row in test.sounds.items():
            gains = ", ".join(f"{sound.label} {sound.gain_db:+.2f} dB" for sound in row.values())
            print(f"{shown(item)}: made equally loud: {shown(gains)}" if test.settings["match"] else shown(item))
    print(f"{shown(target)}: {size / 1e6:.1f} MB. Open it in a browser; each listener saves a file of results.")
    return 0


def _results(options: argparse.Namespace) -> int:
    from lamina.plugin.files.atomic import atomic_file
    from lamina.plugin.listening.gathering import gather_one_test
    from lamina.plugin.listening.results import as_csv

    report = _new_file(options.report, ".html", options.force) if options.report is not None else None
    try:
        from lamina.plugin.listening.report import write_report
        from lamina.plugin.listening.summary import summarise, told
    except ImportError as error:  # SciPy is missing; the message says how to get it
        raise ValueError(str(error)) from error
    gathered = gather_one_test(options.files)
    for sentence in gathered.refused.values():
        print(f"lamina: {shown(sentence)}", file=sys.stderr)
    if not gathered.groups:
        return INPUT
    results = gathered.groups[0]
    summary = summarise(results)
    if options.csv is not None:
        with atomic_file(options.csv) as partial:
            partial.write_text(as_csv(results), encoding="utf-8", newline="")
    if report is not None:
        write_report(report, summary, gathered.refused)
    if options.json:
        print_json({**summary, "refused": {str(path): sentence for path, sentence in gathered.refused.items()}})
    else:
        for line in told(summary):
            print(shown(line))
    return INCOMPLETE if gathered.refused else DONE


def _new_file(target: Path, suffix: str, force: bool) -> Path:
    from lamina.plugin.files.atomic import NotWrittenError

    if target.suffix.lower() != suffix:
        raise NotWrittenError(f"{target} doesn't end in {suffix}.")
    if not target.parent.is_dir():
        raise NotWrittenError(f"The folder {target.parent} does not exist. Make it first.")
    if target.exists() and not force:
        raise NotWrittenError(f"{target} exists already; choose another name, or add --force.")
    return target
