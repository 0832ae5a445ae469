"""`lamina data`: pack training sounds into one file."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

PACKAGES_MISSING = "Training data needs more packages; install them with: pip install 'lamina[train]'"
BAR_FORMAT = "{desc} {bar} {percentage:3.0f} %  {remaining} left"
MOST_LISTED = 20


def add_data_command(commands: Any) -> None:
    """Declare the command and its subcommands."""
    data = commands.add_parser(
        "data",
        help="pack training sounds",
        description="Prepare sounds for `lamina train`: pack folders into one file.",
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
    pack.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="folder of sound files, with or without speech/, music/, noise/")
    pack.add_argument("--out", required=True, type=Path, metavar="FILE", help="the packed file")
    pack.add_argument(
        "--part-size", type=float, metavar="MB", help="write FILE.part1, FILE.part2 … of at most so many megabytes; train with --data FILE"
    )
    pack.set_defaults(run=_pack)


@contextlib.contextmanager
def progress_bar(description: str) -> Iterator[Callable[[float], None]]:
    """A bar on the terminal (none without one); give the share done, 0 … 1, to what comes back."""
    from tqdm import tqdm

    with tqdm(total=100, desc=description, bar_format=BAR_FORMAT, disable=True if sys.stderr is None else None, leave=False) as bar:
        yield partial(_advance, bar)


def _advance(bar: Any, share: float) -> None:
    bar.update(round(share * 100) - bar.n)


def packages_are_missing() -> bool:
    """Says so on stderr if the packages that decode and resample are not installed."""
    try:
        import scipy  # noqa: F401
        import soundfile  # noqa: F401
        import soxr  # noqa: F401
    except ImportError as error:
        print(f"lamina: {PACKAGES_MISSING} ({error})", file=sys.stderr)
        return True
    return False


def _pack(options: argparse.Namespace) -> int:
    if packages_are_missing():
        return 2
    from lamina.models.training.pack import pack_folders
    from lamina.models.training.packed import open_packed

    part_bytes = None if options.part_size is None else _bytes(options.part_size)
    with progress_bar("packing") as progress:
        written = pack_folders(options.folders, options.out, part_bytes=part_bytes, progress=progress)
    packed = open_packed(options.out)
    size = sum(path.stat().st_size for path in written)
    names = str(written[0]) if len(written) == 1 else f"{written[0]} to {written[-1].name}"
    print(f"{names}: {len(packed.clips)} clips, {packed.seconds / 3600:.2f} hours, {size / 1e6:.1f} MB")
    if packed.left_out:
        print(f"{len(packed.left_out)} files were left out:")
        for entry in packed.left_out[:MOST_LISTED]:
            print(f"  {entry.path}: {entry.reason}")
        if len(packed.left_out) > MOST_LISTED:
            print(f"  … and {len(packed.left_out) - MOST_LISTED} more")
    return 0


def _bytes(megabytes: float) -> int:
    if not 1 <= megabytes <= 1e9:
        raise ValueError(f"--part-size is {megabytes:g}; it must be at least 1 (megabyte).")
    return int(megabytes * 1e6)
