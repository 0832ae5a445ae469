"""What lost frames cost: held-out speech through models while 0, 5 and 10 % of the frames get lost on their way.

Frames are drawn by a seed that belongs to the item: every model loses the same ones, and every item others.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

# One thread is enough, and leaves the other cores alone; set before numpy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from heldout import SPEECH, read_windows
from metrics import SAMPLE_RATE, Samples, Scores, mean_scores, scores
from results import HEADINGS
from side_by_side import add_model_options, cell, named_models, print_markdown, write_json

from lamina.models.bundles.bundle import BundleError
from lamina.plugin import PARAMETERS, NeuralCodec

LAYERS = 16
"""12 kbps."""
LOSSES = (0.0, 0.05, 0.1)
MEASURES = {"pesq": 2, "estoi": 3, "si_sdr": 2}
"""What is measured, and decimals in the table."""
MOST_SEEDS = round(PARAMETERS["seed"].maximum) + 1
CONCEALMENT = PARAMETERS["concealment"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heldout", type=Path, default=Path("heldout"), help="folder with speech/ (default: heldout)")
    add_model_options(parser)
    parser.add_argument("--layers", type=int, default=LAYERS, metavar="N", help=f"layers (default: {LAYERS})")
    parser.add_argument(
        "--concealment",
        default=CONCEALMENT.default,
        choices=CONCEALMENT.choices,
        help=f"what stands in for lost frames (default: {CONCEALMENT.default})",
    )
    parser.add_argument(
        "--items", type=int, default=12, metavar="N", help="how many clips, taken evenly from all (default: 12)"
    )
    parser.add_argument("--seconds", type=float, default=6.0, help="from the middle of each clip (default: 6)")
    parser.add_argument("--seed", type=int, default=0, help="of the first item; the others follow (default: 0)")
    options = parser.parse_args(arguments)
    if not (options.heldout / SPEECH).is_dir():
        print(
            f"There is no speech in {options.heldout}; name a folder that holds {SPEECH}/ (make bench-loss "
            "HELDOUT=folder)."
        )
        print("Nothing was measured.")
        return 0
    try:
        models = named_models(options.model, [options.layers])
        items = read_items(options.heldout, options.items, options.seconds)
    except (BundleError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    found: dict[str, dict[float, Scores]] = {}
    for name, folder in models.items():
        codec = NeuralCodec(layers=options.layers, concealment=options.concealment, model=folder)
        found[name] = {loss: mean_scores(through_losses(codec, items, loss, options.seed)) for loss in LOSSES}
    print(
        f"\nSpeech, {len(items)} clips of {options.seconds:g} s, {options.layers} layers, concealment "
        f"{options.concealment}: "
        "means by the share of frames lost\n"
    )
    print_losses(found)
    settings = {name: getattr(options, name) for name in ("layers", "concealment", "seconds", "seed")}
    taken = {
        name: {
            f"{loss:g}": {measure: asdict(means)[measure] for measure in MEASURES} for loss, means in by_loss.items()
        }
        for name, by_loss in found.items()
    }
    write_json(options.json, {"settings": {**settings, "items": len(items)}, "means": taken})
    return 0


def read_items(heldout: Path, items: int, seconds: float) -> list[Samples]:
    """The middle of so many clips of speech, float32 `[n]` at 24 kHz, evenly over the alphabet.

    Shorter clips are left out.

    Raises ValueError if there are none.
    """
    if items < 1 or not seconds > 0:
        raise ValueError(f"--items is {items} and --seconds {seconds:g}; both must be more than 0.")
    found = [window.reference for window in read_windows(heldout, (SPEECH,), None, seconds, seconds, ())]
    if not found:
        raise ValueError(f"No speech in {heldout} lasts {seconds:g} s; choose shorter --seconds.")
    if items < len(found):
        found = [found[round(index * (len(found) - 1) / max(items - 1, 1))] for index in range(items)]
    return found


def through_losses(codec: NeuralCodec, items: Sequence[Samples], loss: float, seed: int) -> list[Scores]:
    """Each item through a codec that loses the share `loss` of its frames; item `i` with seed `seed + i`."""
    codec.frame_loss = loss
    found = []
    for index, item in enumerate(items):
        codec.seed = (seed + index) % MOST_SEEDS
        found.append(scores(item, codec(item, SAMPLE_RATE), frozenset(MEASURES)))
    return found


def print_losses(found: dict[str, dict[float, Scores]]) -> None:
    """The table: a row for each share of lost frames, a column of each measure for each model."""
    titles = ["lost", *(f"{name}: {HEADINGS[measure]}" for name in found for measure in MEASURES)]
    rows = [
        [
            f"{100 * loss:g} %",
            *(
                cell(getattr(found[name][loss], measure), places)
                for name in found
                for measure, places in MEASURES.items()
            ),
        ]
        for loss in LOSSES
    ]
    print_markdown(titles, rows)


if __name__ == "__main__":
    sys.exit(main())
