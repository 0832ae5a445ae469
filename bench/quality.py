"""How good a bundle sounds beside Opus (and Lyra V2): on held-out speech and music, and on held-out speech with noise.

The held-out folder holds speech/, music/ and noise/ with sound files that training never saw. Every clip is cut into
windows of equal length; every codec codes the same windows from a fresh start, and the tables show means over windows.
Noisy speech is judged against the clean speech. Also written as JSON, with every window's scores, and drawn as a
picture.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

# Two processes measure side by side; more threads inside each would only get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from codebooks import codebook_use, print_codebooks, silence_out
from compare import print_comparison
from heldout import KINDS, MUSIC, NOISE_FOLDER, NOISY, SPEECH, Window, read_mono, read_windows, sound_files
from measuring import DECIDING_LAYERS, USUAL_SEARCH, Manner, measure
from musts import print_targets, targets
from picture import PictureError, check_target, draw
from results import as_json, print_table
from score_cache import CacheError, ScoreCache

from lamina.models.bundles.bundle import DEFAULT_BUNDLE, Bundle, BundleError, open_bundle
from lamina.models.coding.search import MOST_CANDIDATES
from lamina.models.runtime import load_runtime
from lamina.plugin.rivals.lyra import LYRA_VARIABLE, lyra_folder

LAYERS = (1, 2, 4, 8, 12, 16, 24)
SNRS_DB = (5.0,)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, write the JSON; return the exit code."""
    options = _parser().parse_args(arguments)
    if not any((options.heldout / kind).is_dir() for kind in (SPEECH, MUSIC)):
        print(
            f"There is no held-out audio in {options.heldout}; name a folder that holds speech/ and music/ with sound "
            "files "
            "(make bench-quality HELDOUT=folder). Nothing was measured."
        )
        return 0
    try:
        bundles = [open_bundle(name) for name in (options.bundle, options.against) if name]
        cache = ScoreCache(options.cache)
        _check(options, bundles)
        windows = list(
            read_windows(options.heldout, options.kinds, options.clips, options.window, options.seconds, options.snr)
        )
    except (BundleError, CacheError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if not windows:
        print(f"No clip in {options.heldout} lasts {options.window:g} s; choose a shorter --window.", file=sys.stderr)
        return 2

    names = _names(bundles)
    lyra = lyra_folder(options.lyra)
    measured, manners = dict(zip(names, bundles, strict=True)), {}
    if options.search is not None:
        manners[f"{names[0]}, search {options.search}"] = Manner(search=options.search)
    if options.two_pass:
        manners[f"{names[0]}, two passes"] = Manner(two_pass=True)
    if options.without_postfilter:
        manners[f"{names[0]}, no postfilter"] = Manner(postfilter=False)
    measured.update(dict.fromkeys(manners, bundles[0]))
    results = measure(windows, measured, options.layers, lyra, cache, options.processes, manners)
    for group in results.groups():
        print_table(group, results, options.window)
    runtime = load_runtime(str(bundles[0].path))
    more = sound_files(options.more) if options.more else []
    sounds = (read_mono(path) for path in [*_heldout_files(options.heldout), *more])
    use, silence = codebook_use(runtime, sounds), silence_out(runtime, range(1, runtime.config.layers + 1))
    print_codebooks(use, silence)
    deciding = [layers for layers in DECIDING_LAYERS if layers in options.layers]
    if len(names) == 2:
        print_comparison(results, names[0], names[1], deciding, bundles[0].kbps_per_layer)
    for other in manners:
        print_comparison(results, other, names[0], deciding, bundles[0].kbps_per_layer)
    table = targets(results, names[0], bundles[0].kbps_per_layer, use, silence)
    if options.musts:
        print_targets(table)
    for note in _notes(options, windows, bundles, lyra):
        print(note)
    found = {
        "bundles": {
            name: {"digest": bundle.digest, "training": bundle.training}
            for name, bundle in zip(names, bundles, strict=True)
        },
        "window_seconds": options.window,
        "most_seconds_per_clip": options.seconds,
        "codebooks": asdict(use),
        "silence": asdict(silence),
        "targets": [{**_finite(asdict(target)), "verdict": target.verdict} for target in table],
        **as_json(results),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(f"Every window's scores: {options.out}")
    if options.picture:
        try:
            draw(found, options.picture)
        except PictureError as error:
            print(error, file=sys.stderr)
            return 2
        print(f"The picture: {options.picture}")
    return 0


def _check(options: argparse.Namespace, bundles: Sequence[Bundle]) -> None:
    """Raises ValueError with a sentence for options that don't go together."""
    if not (options.window > 0 and options.seconds > 0):
        raise ValueError(f"--window is {options.window:g} and --seconds {options.seconds:g}; both must be more than 0.")
    most = min(bundle.config.layers for bundle in bundles)
    if not all(1 <= layers <= most for layers in options.layers):
        raise ValueError(f"--layers is {' '.join(map(str, options.layers))}; choose from 1 to {most}.")
    if options.clips is not None and options.clips < 1:
        raise ValueError(f"--clips is {options.clips}; it must be at least 1.")
    if options.picture is not None:
        check_target(options.picture)
    if options.more is not None and not options.more.is_dir():
        raise ValueError(f"--more {options.more} is not a folder; name a folder of sound files.")


def _names(bundles: Sequence[Bundle]) -> list[str]:
    """How bundles are called in the tables: two of the same name by their folders."""
    names = [bundle.name for bundle in bundles]
    return (
        names
        if len(set(names)) == len(names)
        else [f"{bundle.path.parent.name}/{bundle.path.name}" for bundle in bundles]
    )


def _heldout_files(heldout: Path) -> list[Path]:
    return [path for folder in (SPEECH, MUSIC, NOISE_FOLDER) for path in sound_files(heldout / folder)]


def _notes(
    options: argparse.Namespace, windows: Sequence[Window], bundles: Sequence[Bundle], lyra: Path | None
) -> Iterator[str]:
    if lyra is None:
        yield f"Lyra V2 left out: name the folder of its models with --lyra or {LYRA_VARIABLE}."
    if NOISY in options.kinds and not any(window.kind == NOISY for window in windows):
        yield f"Noisy speech left out: there are no sound files in {options.heldout / NOISE_FOLDER}."
    for bundle in bundles:
        if not bundle.conditioned:
            yield f"Denoise left out: {bundle.name} was not trained for it."


def _finite(values: dict[str, object]) -> dict[str, object]:
    return {
        name: None if isinstance(value, float) and not np.isfinite(value) else value for name, value in values.items()
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--heldout",
        type=Path,
        default=Path("heldout"),
        help="folder with speech/, music/ and noise/ (default: heldout)",
    )
    parser.add_argument(
        "--bundle", default=DEFAULT_BUNDLE, help=f"bundle to measure, by name or folder (default: {DEFAULT_BUNDLE})"
    )
    parser.add_argument(
        "--against", help="a second bundle to measure beside it; says which is better (paired bootstrap)"
    )
    parser.add_argument(
        "--search",
        type=int,
        choices=range(1, MOST_CANDIDATES + 1),
        metavar="N",
        help=f"measure the bundle with N candidates in the search for codes too, instead of {USUAL_SEARCH}, and say "
        "whether that is better",
    )
    parser.add_argument(
        "--two-pass",
        action="store_true",
        help="measure the bundle with each window's layers planned first, too, and say whether that is better",
    )
    parser.add_argument(
        "--without-postfilter",
        action="store_true",
        help="measure the bundle without the postfilter, too, and say whether that is better",
    )
    parser.add_argument("--musts", action="store_true", help="print the table of targets and whether each is met")
    parser.add_argument(
        "--lyra", type=Path, help=f"folder with Lyra V2's TFLite models (default: the variable {LYRA_VARIABLE})"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="FILE",
        help="remember scores here, so that nothing is measured twice over several runs",
    )
    parser.add_argument(
        "--kinds", nargs="+", choices=KINDS, default=KINDS, help="what to measure on (default: everything)"
    )
    parser.add_argument(
        "--layers",
        nargs="+",
        type=int,
        default=LAYERS,
        metavar="N",
        help=f"layer counts (default: {' '.join(map(str, LAYERS))})",
    )
    parser.add_argument(
        "--snr", nargs="+", type=float, default=SNRS_DB, metavar="DB", help="noise levels of noisy speech (default: 5)"
    )
    parser.add_argument("--more", type=Path, metavar="DIR", help="more sound files for the use of the codebooks")
    parser.add_argument("--clips", type=int, help="clips of each kind (default: all)")
    parser.add_argument("--window", type=float, default=4.0, help="seconds of one window (default: 4)")
    parser.add_argument("--seconds", type=float, default=8.0, help="at most so many seconds of each clip (default: 8)")
    parser.add_argument(
        "--processes", type=int, default=2, choices=(1, 2), help="how many to measure side by side (default: 2)"
    )
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw quality over bitrate (.png, .svg or .pdf)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("bench-out/quality.json"),
        help="JSON to write (default: bench-out/quality.json)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
