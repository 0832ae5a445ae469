"""`lamina compare`: sounds through Lamina and other codecs beside each other, with figures and a page to listen to."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.cli.answers import DONE, INCOMPLETE, WITHOUT, code_of, print_json, shown, told
from lamina.cli.batch import Job, add_talk_options, advance, progress_bar, say, without_existing
from lamina.cli.interruption import Interruption, signals_end_it_cleanly
from lamina.dsp.soundfiles.formats import readable
from lamina.plugin.rivals.coding.asked import LAMINA_FORM, PRESET_FORM, RIVAL_FORM, forms

if TYPE_CHECKING:
    from lamina.plugin.comparison.compare import Item
    from lamina.plugin.metrics import Metric, ScoreStore

USUAL_CODECS = "lamina:3,lamina:6,opus:12"
LARGE_REPORT = 50_000_000
"""Bytes from which on a browser takes its time."""


def add_compare_command(commands: Any) -> None:
    """Declare the command."""
    compare = commands.add_parser(
        "compare",
        help="compare codecs on sounds, by figures and by ear",
        description="Run sounds through Lamina at any settings and through other codecs, and tell their bitrates and "
        "figures beside the original. --report writes a page to listen to: one file that switches between all of them "
        "at the same place, equally loud.",
        epilog="Examples: lamina compare song.wav --with lamina:3,lamina:6,opus:12 --report song.html · lamina compare "
        "talk/*.wav --with lamina:6,lamina:6:denoise=1,preset:walkie-talkie --metrics speech --json · lamina compare "
        "song.wav --with lamina:3,lamina:3:two_pass=on,opus:12:frame_ms=60",
    )
    compare.add_argument("files", nargs="+", type=Path, metavar="IN", help=f"sound files ({readable()})")
    compare.add_argument(
        "--with",
        action="append",
        dest="codecs",
        metavar="CODECS",
        help=f"who takes part beside the original, separated by commas: {forms(LAMINA_FORM, PRESET_FORM, RIVAL_FORM)}; "
        f"may be repeated; default {USUAL_CODECS}",
    )
    compare.add_argument(
        "--metrics",
        action="append",
        metavar="NAMES",
        help="which figures, separated by commas: any (those that hear every sound; default), speech (these and those "
        "that hear speech only), none, or visqol, visqol_speech, pesq, estoi, si_sdr, log_mel, dnsmos",
    )
    compare.add_argument("--start", type=float, default=0.0, metavar="S", help="begin S seconds into each sound")
    compare.add_argument("--seconds", type=float, metavar="S", help="take S seconds of each sound (default: all)")
    compare.add_argument("--report", type=Path, metavar="FILE", help="write the page to listen to (.html)")
    existing = compare.add_mutually_exclusive_group()
    existing.add_argument("-f", "--force", action="store_true", help="replace a report that exists")
    existing.add_argument("--no-clobber", action="store_true", help="never replace a report, and never ask")
    compare.add_argument("--json", action="store_true", help="print everything as JSON instead of a table")
    compare.add_argument(
        "--own-loudness", action="store_true", help="leave each as loud as its codec makes it, instead of equally loud"
    )
    compare.add_argument(
        "--no-cache", action="store_true", help="measure everything anew, and remember nothing of it for the next time"
    )
    add_talk_options(compare)
    compare.set_defaults(run=_compare, skip_existing=False)


def _compare(options: argparse.Namespace) -> int:
    from lamina.plugin.comparison.contenders import contenders

    _check_part(options)
    codecs = contenders(options.codecs or [USUAL_CODECS])
    for codec in codecs:
        if codec.lacks:
            print(f"lamina: {shown(codec.lacks)} (The others are compared without it.)", file=sys.stderr)
    metrics = _metrics(options)
    report = _checked_report(options)
    with signals_end_it_cleanly() as interruption:
        items, code = _compared(options, codecs, metrics, interruption)
        if report is not None and items:
            _write_report(items, metrics, report, options)
    if options.json:
        from lamina.plugin.comparison.summary import as_json

        print_json(as_json(items, metrics, not options.own_loudness))
    elif items:
        _print_table(items, metrics, options)
    return code


def _check_part(options: argparse.Namespace) -> None:
    if not 0 <= options.start < float("inf"):
        raise ValueError(f"--start is {options.start:g}; give 0 seconds or more.")
    if options.seconds is not None and not 0 < options.seconds < float("inf"):
        raise ValueError(f"--seconds is {options.seconds:g}; give more than 0.")


def _metrics(options: argparse.Namespace) -> list[Metric]:
    """The measures asked for; tells which of a group are left out."""
    from lamina.plugin.metrics import METRICS, chosen_metrics
    from lamina.plugin.metrics.table import GROUPS

    given = [name.strip() for text in options.metrics or ["any"] for name in text.split(",") if name.strip()]
    if given == ["none"]:
        return []
    chosen = chosen_metrics(given)
    for key in dict.fromkeys(key for name in given for key in GROUPS.get(name, ())):
        if lacking := METRICS[key].missing():
            print(f"lamina: {lacking}", file=sys.stderr)
    return chosen


def _checked_report(options: argparse.Namespace) -> Path | None:
    """Where the report may be written; raises NotWrittenError before anything is computed."""
    from lamina.plugin.files.atomic import NotWrittenError

    report: Path | None = options.report
    if report is None:
        return None
    if report.suffix.lower() not in (".html", ".htm"):
        raise NotWrittenError(f"{report} is to be a page; give it a name that ends in .html.")
    if report.is_dir():
        raise NotWrittenError(f"{report} is a folder; name a file.")
    if not report.parent.is_dir():
        raise NotWrittenError(f"The folder {report.parent} does not exist. Make it first.")
    if not os.access(report.parent, os.W_OK) or (report.exists() and not os.access(report, os.W_OK)):
        raise NotWrittenError(f"{report} can't be written: permission denied.")
    without_existing([Job(options.files[0], report)], options)
    return report


def _compared(
    options: argparse.Namespace, codecs: Sequence[Any], metrics: Sequence[Metric], interruption: Interruption
) -> tuple[list[Item], int]:
    """Every sound; a bad one, or a codec that fails, is told, and the rest goes on."""
    from lamina.plugin.comparison.compare import compare_sound

    items: list[Item] = []
    codes: list[int] = []
    store = _store(options)
    try:
        for path in options.files:
            try:
                with progress_bar(options, path.name) as bar:

                    def follow(share: float, bar: Any = bar) -> None:
                        interruption.check()
                        advance(bar, share)

                    item = compare_sound(
                        path,
                        codecs,
                        metrics,
                        options.start,
                        options.seconds,
                        not options.own_loudness,
                        store,
                        follow,
                    )
            except (ValueError, OSError) as error:
                if len(options.files) == 1:
                    raise
                print(told(error), file=sys.stderr)
                codes.append(code_of(error))
                continue
            failures = [row.failure for row in item.rows if not row.is_absent]
            for trouble in (*([item.trouble] if item.trouble else []), *failures):
                if trouble:
                    print(f"lamina: {shown(path)}: {shown(trouble)}", file=sys.stderr)
                    codes.append(INCOMPLETE)
            _tell_too_short(item, metrics)
            items.append(item)
    finally:
        if store is not None:
            if store.trouble and options.verbose:
                print(f"lamina: {shown(store.trouble)}", file=sys.stderr)
            store.close()
    failed = [code for code in codes if code != INCOMPLETE]
    if failed or codes:
        return items, failed[0] if failed else INCOMPLETE
    return items, WITHOUT if any(codec.lacks for codec in codecs) else DONE


def _store(options: argparse.Namespace) -> ScoreStore | None:
    from lamina.plugin.metrics import ScoreStore

    return None if options.no_cache else ScoreStore()


def _tell_too_short(item: Item, metrics: Sequence[Metric]) -> None:
    short = [metric for metric in metrics if item.original.seconds < metric.least_seconds]
    if short:
        needs = ", ".join(f"{metric.title} {metric.least_seconds:g} s" for metric in short)
        print(
            f"lamina: {shown(item.path)}: {item.original.seconds:.2f} s are too short for some figures ({needs}).",
            file=sys.stderr,
        )


def _write_report(items: Sequence[Item], metrics: Sequence[Metric], report: Path, options: argparse.Namespace) -> None:
    from lamina.plugin.comparison.report import write_report

    n_bytes = write_report(report, items, metrics, not options.own_loudness)
    if n_bytes > LARGE_REPORT:
        print(
            f"lamina: {shown(report)} has {n_bytes / 1e6:.0f} MB, which a browser takes a while to open: --seconds 10 "
            "takes less of each sound.",
            file=sys.stderr,
        )
    elif not options.json:
        say(options, f"{shown(report)}: {n_bytes / 1e6:.1f} MB; open it in a browser.")


def _print_table(items: Sequence[Item], metrics: Sequence[Metric], options: argparse.Namespace) -> None:
    from lamina.plugin.comparison.summary import cell, heading, means

    titles = ["", "kbps", *map(heading, metrics)]
    for item in items:
        rows = [
            [
                row.label,
                _kbps(row.kbps),
                *(metric.text(row.scores.get(metric.key, float("nan"))) for metric in metrics),
                *(["not here"] if row.is_absent else ["failed"] if row.failure else []),
            ]
            for row in item.rows[1:]
        ]
        part = f", {item.original.seconds:.1f} s" + (f" from {item.start_seconds:g} s" if item.start_seconds else "")
        _print_rows(options, f"{shown(item.path)}{part}", titles, rows)
    if len(items) > 1:
        rows = [
            [label, _kbps(kbps.value), *(cell(metric, scores[metric.key]) for metric in metrics)]
            for label, kbps, scores in means(items, metrics)
        ]
        _print_rows(options, f"Means over {len(items)} sounds, ± half the 95 % interval", titles, rows)
    if metrics and not options.quiet:
        print("What these figures can't hear:")
        for metric in metrics:
            print(f"  {metric.title}: {metric.what_it_cannot_hear}")


def _print_rows(options: argparse.Namespace, caption: str, titles: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(row[place]) for row in [titles, *rows] if place < len(row)) for place in range(len(titles))]

    def line(row: list[str]) -> str:
        first, *rest = (
            text.ljust(width) if place == 0 else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=False))
        )
        return "  ".join([shown(first), *rest, *row[len(titles) :]]).rstrip()

    print(caption)
    for row in [titles, *rows]:
        print(f"  {line(row)}")
    print()


def _kbps(value: float) -> str:
    return f"{value:.2f}" if value == value else "–"
