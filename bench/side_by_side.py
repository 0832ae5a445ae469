"""Several models beside each other in one Markdown table: a group of columns for each."""

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lamina.models.bundles.bundle import DEFAULT_BUNDLE, open_bundle


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """`--model`, which may be given several times, and `--json`."""
    parser.add_argument(
        "--model",
        action="append",
        metavar="MODEL",
        help=f"name or folder of a model; several times for several beside each other (default: {DEFAULT_BUNDLE})",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured here too")


def named_models(models: Sequence[str] | None, layers: Sequence[int]) -> dict[str, str]:
    """What a table calls each model, and its folder.

    Its name, or its folder's last two parts where two have the same name.

    Raises BundleError for what is no model, and ValueError if one has fewer than `layers` layers or is named twice.
    """
    bundles = [open_bundle(model) for model in models or [DEFAULT_BUNDLE]]
    for bundle in bundles:
        if not all(1 <= count <= bundle.config.layers for count in layers):
            raise ValueError(
                f"The layers are {' '.join(map(str, layers))}; {bundle.name} has 1 to {bundle.config.layers}. Choose "
                "from these."
            )
    names = [bundle.name for bundle in bundles]
    if len(set(names)) < len(names):
        names = [f"{bundle.path.parent.name}/{bundle.path.name}" for bundle in bundles]
    if len(set(names)) < len(names):
        raise ValueError(f"The models are {', '.join(names)}; name each of them once.")
    return {name: str(bundle.path) for name, bundle in zip(names, bundles, strict=True)}


def print_markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A Markdown table, its columns padded so that it reads well in a terminal too."""
    widths = [max(len(line[column]) for line in (titles, *rows)) for column in range(len(titles))]
    print("| " + " | ".join(f"{title:<{width}}" for title, width in zip(titles, widths, strict=True)) + " |")
    print(
        "| "
        + " | ".join("-" * (width - 1) + ":" if column else "-" * width for column, width in enumerate(widths))
        + " |"
    )
    for row in rows:
        cells = (
            f"{cell:>{width}}" if column else f"{cell:<{width}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("| " + " | ".join(cells) + " |")


def cell(value: float, decimals: int) -> str:
    """A number for a table; a dash for what was not measured."""
    return f"{value:.{decimals}f}".replace("-", "−") if math.isfinite(value) else "–"


def write_json(path: Path | None, found: dict[str, Any]) -> None:
    """Write what was measured, if a file is named; numbers that aren't finite become null."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_finite(found), indent=1), encoding="utf-8")
    print(f"\nAs JSON: {path}")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _finite(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
