"""What several listeners heard as pictures: points with their intervals, for the app and for one HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from lamina.plugin.files.atomic import NotWrittenError, atomic_file
from lamina.plugin.listening.mushra import SCALE

WIDTH, ROW, LEFT, RIGHT, TOP, FOOT = 860, 34, 260, 70, 26, 44
LINES = "Points are means or shares, lines their 95 % intervals."
STYLE = """
:root { color-scheme: light dark; --ground: #fbfaf8; --ink: #1d2129; --soft: #5d6572; --line: #dcdfe4; --mark: #a85b12;
  --bad: #a3261b; }
@media (prefers-color-scheme: dark) { :root { --ground: #14161b; --ink: #e8eaee; --soft: #9aa3b2; --line: #323844;
  --mark: #f0a458; --bad: #ff9a8f; } }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 920px; margin: 0 auto; padding: 24px 28px 64px; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .4rem; overflow-wrap: anywhere; }
p, li { overflow-wrap: anywhere; } .soft { color: var(--soft); } .bad { color: var(--bad); }
.wide { overflow-x: auto; } svg { max-width: 100%; height: auto; display: block; margin: 12px 0; }
svg text { fill: var(--ink); font: 14px system-ui, sans-serif; } svg .soft { fill: var(--soft); font-size: 12px; }
svg .grid { stroke: var(--line); } svg .mark { stroke: var(--mark); fill: var(--mark); stroke-width: 2; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } th, td { padding: 5px 10px; text-align: right;
  border-bottom: 1px solid var(--line); } th { color: var(--soft); font-size: .85rem; }
th:first-child, td:first-child { text-align: left; }
"""


@dataclass(frozen=True)
class Point:
    """One row of a picture: a value and its 95 % interval, which is None where there is none."""

    label: str
    value: float
    low: float | None
    high: float | None
    n: int = 1


@dataclass(frozen=True)
class Picture:
    """Points on one axis.

    Args:
        axis: what it is, with its unit.
        low, high: its ends.
        ticks: places on it, and what stands there.
        points: from top to bottom.
        middle: a place that means something by itself, such as guessing; None without.
    """

    axis: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    points: tuple[Point, ...]
    middle: float | None = None


def picture_of(test: Mapping[str, Any]) -> Picture | None:
    """The picture of one test of `summary.summarise`; None where there is nothing to draw.

    MUSHRA: the mean rating of each version. ABX: each listener's share of right answers, and that of all. Preference:
    how often the first was preferred. Staircase: each listener's number of layers.
    """
    each = test["each"]
    if test["kind"] == "mushra":
        points = [_mean_point(label, mean) for label, mean in test.get("means", {}).items()]
        ticks = tuple((float(number), str(number)) for number in range(0, 101, 20))
        return _picture("Rating: " + ", ".join(SCALE).lower(), 0, 100, ticks, points)
    percents = tuple((float(number), f"{number} %") for number in range(0, 101, 25))
    if test["kind"] == "abx":
        counted = {name: row for name, row in each.items() if "n_correct" in row}
        points = [_share_point(name, row["n_correct"], row["n_trials"]) for name, row in counted.items()]
        if len(counted) > 1:
            points.append(_share_point("All", test["n_correct"], test["n_trials"]))
        return _picture("Right answers; guessing makes 50 %", 0, 100, percents, points, 50)
    if test["kind"] == "preference":
        points = []
        for name, row in each.items():
            n_decided = row["n_a"] + row["n_b"]
            if n_decided:
                points.append(_share_point(name, row["n_a"], n_decided))
        points += [_mean_point("Mean", mean) for mean in test.get("means", {}).values()]
        return _picture(f"How often {test['versions'][0]} was preferred, where one was", 0, 100, percents, points, 50)
    most = max((row["most"] for row in each.values()), default=1)
    points = [
        Point(
            name if row["layers"] is not None else f"{name} (more)",
            float(row["layers"] if row["layers"] is not None else most),
            float(row["low"]),
            float(row["high"] if row["high"] is not None else most),
        )
        for name, row in each.items()
    ]
    if len(each) > 1:
        points += [_mean_point("Mean", mean) for mean in test.get("means", {}).values()]
    step = max(1, -(-most // 8))
    ticks = tuple((float(number), str(number)) for number in range(0, most + 1, step))
    return _picture("Layers from which it isn't told from the original", 0, float(most), ticks, points)


def write_report(target: Path, summary: Mapping[str, Any], refused: Mapping[Path, str] | None = None) -> None:
    """Write the page, complete or not at all.

    Args:
        target: an HTML file.
        summary: of `summary.summarise`.
        refused: files that weren't used, and why.

    Raises NotWrittenError if it can't be written.
    """
    try:
        with atomic_file(target) as partial:
            partial.write_text("".join(page(summary, refused or {})), encoding="utf-8")
    except OSError as error:
        raise NotWrittenError(f"{target} can't be written: {error.strerror or error}.") from error


def page(summary: Mapping[str, Any], refused: Mapping[Path, str]) -> Iterator[str]:
    """The page in parts."""
    listeners = summary["listeners"]
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        # Nothing is fetched from anywhere, whatever stands in names.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Lamina: what listeners heard</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<h1>What listeners heard</h1>\n<p class="soft">{_people(listeners)}</p>\n'
    )
    for test in summary["tests"]:
        yield from _section(test)
    if refused:
        rows = "".join(f"<li>{escape(sentence)}</li>" for sentence in refused.values())
        yield f'<h2>Files that were not used</h2>\n<ul class="bad">{rows}</ul>\n'
    yield "</main>\n</body>\n</html>\n"


def svg(picture: Picture) -> str:
    """A picture as SVG, without colours of its own: the page around it has them."""
    height = TOP + ROW * len(picture.points) + FOOT

    def at(value: float) -> float:
        share = (value - picture.low) / (picture.high - picture.low)
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max(share, 0.0), 1.0)

    bottom = TOP + ROW * len(picture.points)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        f'aria-label="{escape(_words_of(picture))}">'
    ]
    for place, text in picture.ticks:
        x = at(place)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{bottom}"/>')
        parts.append(f'<text class="soft" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{escape(text)}</text>')
    if picture.middle is not None:
        x = at(picture.middle)
        parts.append(
            f'<line class="mark" stroke-dasharray="4 4" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{bottom}"/>'
        )
    for row, point in enumerate(picture.points):
        y = TOP + ROW * (row + 0.5)
        parts.append(f'<text x="{LEFT - 12}" y="{y + 5:.1f}" text-anchor="end">{escape(_short(point.label))}</text>')
        if point.low is not None and point.high is not None:
            x1, x2 = at(point.low), at(point.high)
            parts.append(f'<line class="mark" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts += [
                f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 5:.1f}" y2="{y + 5:.1f}"/>' for x in (x1, x2)
            ]
        parts.append(f'<circle class="mark" cx="{at(point.value):.1f}" cy="{y:.1f}" r="5"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 14}" y="{y + 5:.1f}">{point.value:.1f}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(
        f'<text class="soft" x="{middle:.1f}" y="{bottom + 36}" text-anchor="middle">{escape(picture.axis)}</text>'
        "</svg>"
    )
    return "".join(parts)


def _section(test: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2>{escape(test['title'])}</h2>\n"
    for sentence in test["sentences"]:
        yield f"<p>{escape(sentence)}</p>\n"
    picture = picture_of(test)
    if picture is not None:
        yield f'<div class="wide">{svg(picture)}</div>\n<p class="soft">{LINES}</p>\n'
    excluded = test.get("excluded", {})
    if excluded:
        rows = "".join(f"<li>{escape(name)} {escape(why)}.</li>" for name, why in excluded.items())
        yield f'<p>Left out (ITU-R BS.1534-3):</p>\n<ul class="bad">{rows}</ul>\n'
    rows = "".join(
        f"<li>{escape(name)}: {escape(row['sentence'])}</li>"
        for name, row in test["each"].items()
        if name not in excluded
    )
    yield f"<ul>{rows}</ul>\n"
    pairs = test.get("pairs", [])
    if pairs:
        yield (
            f"<p class=\"soft\">Every pair by Wilcoxon's signed-rank test over {escape(test['units'])}, after Holm's "
            'correction for all of them:</p>\n<div class="wide"><table><thead><tr><th>versions</th><th>difference</th>'
            "<th>p</th><th>p after Holm</th><th>n</th></tr></thead><tbody>"
        )
        for pair in pairs:
            yield (
                f"<tr><td>{escape(pair['first'])} − {escape(pair['second'])}</td><td>{pair['difference']:+.1f}</td>"
                f"<td>{pair['p_value']:.3g}</td><td>{pair['p_holm']:.3g}</td><td>{pair['n']}</td></tr>"
            )
        yield "</tbody></table></div>\n"


def _picture(
    axis: str,
    low: float,
    high: float,
    ticks: tuple[tuple[float, str], ...],
    points: Sequence[Point],
    middle: float | None = None,
) -> Picture | None:
    return Picture(axis, low, high, ticks, tuple(points), middle) if points else None


def _mean_point(label: str, mean: Mapping[str, Any]) -> Point:
    return Point(label, mean["mean"], mean["low"], mean["high"], mean["n"])


def _share_point(label: str, n_hits: int, n_trials: int) -> Point:
    from lamina.plugin.listening.statistics import share_of  # here: it needs SciPy, and drawing doesn't

    low, high = share_of(n_hits, n_trials)
    return Point(label, 100 * n_hits / n_trials, 100 * low, 100 * high, n_trials)


def _people(listeners: Sequence[str]) -> str:
    return escape(f"{len(listeners)} {'listener' if len(listeners) == 1 else 'listeners'}: {', '.join(listeners)}")


def _words_of(picture: Picture) -> str:
    return f"{picture.axis}. " + "; ".join(f"{point.label} {point.value:.1f}" for point in picture.points)


def _short(label: str) -> str:
    return label if len(label) <= 34 else f"{label[:33]}…"
