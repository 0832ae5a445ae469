"""`lamina data`: pack training sounds into one file, and check them."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.cli.answers import print_json
from lamina.cli.batch import BAR_FORMAT, add_replacing_options, advance, check_replacing
from lamina.cli.interruption import signals_end_it_cleanly
from lamina.plugin.extras import missing_extra

MOST_LISTED = 20
MOST_EXAMPLES = 5
SAMPLE_RATE = 24_000

if TYPE_CHECKING:
    from lamina.models.training.data.data_checks import Report
    from lamina.models.training.data.packed import PackedSet


def add_data_command(commands: Any) -> None:
    """Declare the command and its subcommands."""
    data = commands.add_parser(
        "data",
        help="pack and check training sounds",
        description="Prepare sounds for `lamina train`: pack folders into one file, and find what is wrong with them.",
        epilog="Example: lamina data pack my_takes/ --out takes.lpack",
    )
    data.set_defaults(run=lambda _: data.print_help() or 2)
    actions = data.add_subparsers(title="commands", metavar="COMMAND")
    pack = actions.add_parser(
        "pack",
        help="make one packed file of folders",
        description="Decode, mix to mono and resample every sound file of the folders, once, into one file that "
        "`lamina train --data` takes. Files that can't be read are left out and listed.",
        epilog="Example: lamina data pack voices/ band/ --out all.lpack --part-size 90",
    )
    pack.add_argument(
        "folders",
        nargs="+",
        type=Path,
        metavar="DIR",
        help="folder of sound files, with or without speech/, music/, noise/",
    )
    pack.add_argument("--out", required=True, type=Path, metavar="FILE", help="the packed file")
    pack.add_argument(
        "--part-size",
        type=float,
        metavar="MB",
        help="write FILE.part1, FILE.part2 … of at most so many megabytes; train with --data FILE",
    )
    add_replacing_options(pack)
    pack.set_defaults(run=_pack)
    compact = actions.add_parser(
        "compact",
        help="choose what fits into a few small files",
        description="Choose sounds at random, each kind as often as training draws it, and write them into files of a "
        "given size, for a "
        "machine to which little can be brought: about 50 minutes in 60 MB, with noise 60 dB below the sound. `lamina "
        "train --data` takes "
        "them as they are; reading them needs no package that decodes sound.",
        epilog="Example: lamina data compact all.lpack --out travel.lpack --part-size 40 --parts 2",
    )
    compact.add_argument(
        "sources",
        nargs="+",
        type=Path,
        metavar="DIR",
        help="folder of sound files, or a file made by `lamina data pack`",
    )
    compact.add_argument(
        "--out", required=True, type=Path, metavar="FILE", help="the files become FILE.part1, FILE.part2 …"
    )
    compact.add_argument(
        "--part-size", type=float, default=60.0, metavar="MB", help="size of a file at most (default %(default)g)"
    )
    compact.add_argument(
        "--parts", type=int, default=1, metavar="N", help="so many files, with different sounds (default %(default)s)"
    )
    compact.add_argument("--seed", type=int, default=0, help="another seed chooses other sounds")
    compact.add_argument(
        "--cache", type=Path, metavar="DIR", help="where decoded audio is kept (default: the user's cache folder)"
    )
    add_replacing_options(compact)
    compact.set_defaults(run=_compact)
    check = actions.add_parser(
        "check",
        help="find what is wrong with training sounds",
        description="Report unreadable files, duplicates, clipping, silence, DC, narrow-band sounds and sample rates, "
        "worst first, and any "
        "held-out sound that is in the training data too, even re-encoded, shifted or cut out. Exit code 2 if training "
        "must not start.",
        epilog="Example: lamina data check my_takes/ --heldout my_tests/",
    )
    check.add_argument(
        "sources",
        nargs="+",
        type=Path,
        metavar="DIR",
        help="folder of sound files, or a file made by `lamina data pack`",
    )
    check.add_argument(
        "--heldout",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="sounds never to train on; may be repeated",
    )
    check.add_argument("--all", action="store_true", help="list every case, not only the worst")
    check.add_argument("--json", action="store_true", help="as JSON, with every case")
    check.add_argument(
        "--cache", type=Path, metavar="DIR", help="where decoded audio is kept (default: the user's cache folder)"
    )
    check.set_defaults(run=_check)


@contextlib.contextmanager
def progress_bar(description: str) -> Iterator[Callable[[float], None]]:
    """A bar on the terminal (none without one); give the share done, 0 … 1, to what comes back.

    While it is there, signals that end the command end it cleanly.
    """
    from tqdm import tqdm

    disable = True if sys.stderr is None else None
    with (
        signals_end_it_cleanly() as interruption,
        tqdm(total=100, desc=description, bar_format=BAR_FORMAT, disable=disable, leave=False) as bar,
    ):

        def follow(share: float) -> None:
            interruption.check()
            advance(bar, share)

        yield follow


def packages_are_missing(sources: list[Path]) -> bool:
    """Whether packages that decode or resample are missing; says so on stderr.

    Resampling is needed only where some source is a folder of sound files.
    """
    try:
        import scipy  # noqa: F401

        if any(source.is_dir() for source in sources):
            import soxr  # noqa: F401
    except ImportError as error:
        print(f"lamina: {missing_extra('Preparing training data', 'train', error)}", file=sys.stderr)
        return True
    return False


def _pack(options: argparse.Namespace) -> int:
    if packages_are_missing(options.folders):
        return 2
    from lamina.models.training.data.pack import pack_folders
    from lamina.models.training.data.packed import open_packed

    part_bytes = None if options.part_size is None else _bytes(options.part_size)
    _check_replacing(options, in_parts=part_bytes is not None)
    with progress_bar("packing") as progress:
        written = pack_folders(options.folders, options.out, part_bytes=part_bytes, progress=progress)
    packed = open_packed(options.out)
    _print_written(written, packed)
    if packed.left_out:
        print(f"{len(packed.left_out)} files were left out:")
        for entry in packed.left_out[:MOST_LISTED]:
            print(f"  {entry.path}: {entry.reason}")
        if len(packed.left_out) > MOST_LISTED:
            print(f"  … and {len(packed.left_out) - MOST_LISTED} more")
    return 0


def _compact(options: argparse.Namespace) -> int:
    if packages_are_missing(options.sources):
        return 2
    from lamina.models.training.data.compact_pack import pack_compactly
    from lamina.models.training.data.packed import open_packed
    from lamina.models.training.data.sources import open_sources
    from lamina.models.training.sounds.audio_files import KINDS, PLAIN_KIND

    if options.parts < 1:
        raise ValueError(f"--parts is {options.parts}; it must be at least 1.")
    part_bytes = _bytes(options.part_size)
    _check_replacing(options, in_parts=True)
    with progress_bar("reading sounds") as progress:
        sets = open_sources(options.sources, options.cache, SAMPLE_RATE, progress)
    with progress_bar("packing") as progress:
        written = pack_compactly(sets, options.out, part_bytes, options.parts, options.seed, progress)
    packed = open_packed(options.out)
    _print_written(written, packed)
    seconds = {
        kind: sum(clip.length for clip in packed.clips if clip.kind == kind) / SAMPLE_RATE
        for kind in (*KINDS, PLAIN_KIND)
    }
    print("; ".join(f"{kind} {length / 60:.1f} minutes" for kind, length in seconds.items() if length))
    return 0


def _check_replacing(options: argparse.Namespace, in_parts: bool) -> None:
    """Refuse a target that is there and may not be replaced, before sounds are read.

    Raises NotWrittenError for a file, or the first part of a set.
    """
    from lamina.models.training.data.packed import part_path

    first = part_path(options.out, 1) if in_parts else options.out
    check_replacing([first] if first.is_file() else [], options, "--force to replace it, or another name")


def _print_written(written: list[Path], packed: PackedSet) -> None:
    size = sum(path.stat().st_size for path in written)
    names = str(written[0]) if len(written) == 1 else f"{written[0]} to {written[-1].name}"
    print(f"{names}: {len(packed.clips)} clips, {packed.seconds / 3600:.2f} hours, {size / 1e6:.1f} MB")


def _check(options: argparse.Namespace) -> int:
    sources = [*options.sources, *options.heldout]
    if packages_are_missing(sources):
        return 2
    from lamina.models.training.data.data_checks import check_data
    from lamina.models.training.data.sources import open_sources

    with progress_bar("reading sounds") as progress:
        sets = open_sources(sources, options.cache, SAMPLE_RATE, progress)
    training, heldout = sets[: len(options.sources)], sets[len(options.sources) :]
    report = check_data(training, heldout or None, read_all=True)
    if options.json:
        print_json(asdict(report))
    else:
        print_report(report, None if options.all else MOST_EXAMPLES)
    return 2 if report.stops else 0


def print_report(report: Report, most_examples: int | None) -> None:
    """Print the findings, worst first, and what there is of each kind."""
    for finding in report.findings:
        print(f"{finding.severity:8} {finding.check:11} {finding.text}")
        for example in finding.examples[:most_examples]:
            print(f"{'':20} · {example}")
        if most_examples is not None and len(finding.examples) > most_examples:
            print(f"{'':20} · … and {len(finding.examples) - most_examples} more (--all lists them)")
    print(f"\n{'kind':8}{'clips':>7}{'hours':>8}{'narrow-band hours':>20}{'drawn':>8}{'narrow-band drawn':>20}")
    for kind in report.kinds:
        print(
            f"{kind.kind:8}{kind.clips:7}{kind.hours:8.2f}{kind.narrow_hours:20.2f}{kind.drawn:8.0%}{kind.narrow_drawn:20.0%}"
        )


def _bytes(megabytes: float) -> int:
    if not 1 <= megabytes <= 1e9:
        raise ValueError(f"--part-size is {megabytes:g}; it must be at least 1 (megabyte).")
    return int(megabytes * 1e6)
