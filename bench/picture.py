"""The picture of a quality benchmark: every measure over the bitrate, speech above music, Lamina bold, rivals thin.

Run as a script, it draws the JSON of an earlier run again without measuring anything.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from results import HEADINGS, LYRA, OPUS

ROWS = ("speech", "music")
MEASURES = ("visqol", "pesq", "estoi", "si_sdr", "log_mel")
LOWER_IS_BETTER = "log_mel"
SUFFIXES = (".png", ".svg", ".pdf")
KBPS_TICKS = (0.75, 1.5, 3, 6, 12, 24)
_COLOURS = {OPUS: "#c05a1c", LYRA: "#5b6b7a"}
_BUNDLE_COLOURS = ("#1f5fbf", "#2f9e6e")
_MARKERS = {OPUS: "s", LYRA: "^"}


class PictureError(ValueError):
    """There is nothing to draw, or the picture can't be a file of that kind."""


def draw(found: dict[str, Any], path: Path) -> None:
    """Draw a run's results as a PNG, SVG or PDF (by the suffix of `path`; its folder is made).

    Args:
        found: what `quality.py` writes as JSON: under "windows" one entry per window and codec.
        path: the picture; an existing one is replaced.

    Raises PictureError if `found` has no results on clean speech or music, or the suffix is none that can be drawn.
    """
    from matplotlib.figure import Figure

    curves = {kind: _curves(found, kind) for kind in ROWS}
    if not any(curves.values()):
        raise PictureError("There are no results on speech or music to draw; run the benchmark on one of them.")
    check_target(path)
    figure = Figure(figsize=(17, 7), layout="constrained")
    axes = figure.subplots(len(ROWS), len(MEASURES), sharex=True)
    named: dict[str, Any] = {}
    for row, kind in enumerate(ROWS):
        for column, measure in enumerate(MEASURES):
            panel = axes[row][column]
            lines = {
                system: points for system, by_measure in curves[kind].items() if (points := by_measure.get(measure))
            }
            if not lines:
                panel.axis("off")
                continue
            for system, points in lines.items():
                named[system] = panel.plot(*zip(*points, strict=True), **_look(system, list(curves[kind])))[0]
            _label(panel, kind, measure)
    figure.legend(named.values(), named.keys(), loc="center", bbox_to_anchor=(0.4, 0.25), frameon=False, fontsize=13)
    figure.suptitle(_title(found), fontsize=13)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.stem}.partial{path.suffix}")
    figure.savefig(partial, dpi=110)
    partial.replace(path)


def check_target(path: Path) -> None:
    """Raises PictureError if `path` has a suffix that can't be drawn."""
    if path.suffix.lower() not in SUFFIXES:
        raise PictureError(f"{path} can't be drawn; give the picture one of the suffixes {', '.join(SUFFIXES)}.")


def _curves(found: dict[str, Any], kind: str) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Per system and measure `(kbps, mean)` in the order of rates; plain settings only, without denoise."""
    collected: dict[str, dict[str, dict[str, list[tuple[float, float]]]]] = {}
    for one in found.get("windows", []):
        if one["kind"] != kind or one["denoise"] or one["kbps"] is None:
            continue
        for measure in MEASURES:
            if one[measure] is not None:
                settings = collected.setdefault(one["system"], {}).setdefault(measure, {})
                settings.setdefault(one["setting"], []).append((one["kbps"], one[measure]))
    return {
        system: {
            measure: sorted(_mean(points) for points in settings.values()) for measure, settings in by_measure.items()
        }
        for system, by_measure in collected.items()
    }


def _mean(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return sum(kbps for kbps, _ in points) / len(points), sum(value for _, value in points) / len(points)


def _look(system: str, systems: Sequence[str]) -> dict[str, Any]:
    if system in _COLOURS:
        return {"color": _COLOURS[system], "marker": _MARKERS[system], "linewidth": 1.3, "markersize": 5}
    bundles = [name for name in systems if name not in _COLOURS]
    colour = _BUNDLE_COLOURS[bundles.index(system) % len(_BUNDLE_COLOURS)]
    return {"color": colour, "marker": "o", "linewidth": 3.2, "markersize": 6, "zorder": 3}


def _label(panel: Any, kind: str, measure: str) -> None:
    better = "lower is better" if measure == LOWER_IS_BETTER else "higher is better"
    panel.set_title(f"{kind}: {HEADINGS[measure]}", fontsize=12)
    panel.set_ylabel(better, fontsize=9, color="#555555")
    panel.set_xscale("log")
    panel.set_xticks(KBPS_TICKS, [f"{kbps:g}" for kbps in KBPS_TICKS])
    panel.set_xticks([], minor=True)
    panel.tick_params(labelbottom=True)
    panel.set_xlabel("kbps", fontsize=10)
    panel.grid(True, color="#e2e2e2", linewidth=0.8)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


def _title(found: dict[str, Any]) -> str:
    counts = []
    for kind in ROWS:
        of_kind = [one for one in found["windows"] if one["kind"] == kind]
        if of_kind:
            windows = {(one["clip"], one["index"]) for one in of_kind}
            counts.append(f"{kind}: {len(windows)} windows from {len({clip for clip, _ in windows})} clips")
    return f"Computed quality over bitrate, held-out {'; '.join(counts)}, {found['window_seconds']:g} s each"


def main() -> int:
    """Draw an earlier run's JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("json", type=Path, help="what quality.py wrote")
    parser.add_argument("picture", type=Path, help="picture to draw (.png, .svg or .pdf)")
    options = parser.parse_args()
    try:
        draw(json.loads(options.json.read_text(encoding="utf-8")), options.picture)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
