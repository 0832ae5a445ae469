"""Figures of a comparison over its sounds: means with 95 % intervals, and everything as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lamina.plugin.comparison.compare import Item, Row
from lamina.plugin.metrics import METRICS, Metric


@dataclass(frozen=True)
class Mean:
    """A mean over sounds, and half its 95 % interval; NaN where there are fewer than two, or scipy isn't installed."""

    value: float
    half_width: float
    n: int


def mean_of(values: Sequence[float]) -> Mean:
    """The mean of those that are numbers, with Student's t for the interval."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return Mean(math.nan, math.nan, 0)
    try:
        from lamina.plugin.listening import statistics
    except ImportError:  # scipy
        return Mean(math.fsum(known) / len(known), math.nan, len(known))
    found = statistics.mean_of(known)
    return Mean(found.mean, math.nan if found.high is None else found.high - found.mean, found.n)


def means(items: Sequence[Item], metrics: Sequence[Metric]) -> list[tuple[str, Mean, dict[str, Mean]]]:
    """For each codec its label, the mean of its bitrate, and of each measure by key."""
    rows: dict[str, list[Row]] = {}
    for item in items:
        for row in item.rows[1:]:
            rows.setdefault(row.label, []).append(row)
    return [
        (
            label,
            mean_of([row.kbps for row in found]),
            {metric.key: mean_of([row.scores.get(metric.key, math.nan) for row in found]) for metric in metrics},
        )
        for label, found in rows.items()
    ]


def as_json(items: Sequence[Item], metrics: Sequence[Metric], is_matched: bool) -> dict[str, Any]:
    """Everything but the sounds; no figure is None. "absent" has the codecs that lack something here, and what."""
    absent = {row.asked: row for item in items for row in item.rows if row.is_absent}
    return {
        "absent": [{"codec": row.asked, "label": row.label, "lacks": row.failure} for row in absent.values()],
        "loudness_matched": is_matched,
        "metrics": {
            metric.key: {
                "title": metric.title,
                "unit": metric.unit,
                "better": metric.better,
                "what_it_cannot_hear": metric.what_it_cannot_hear,
                "version": metric.version,
            }
            for metric in metrics
        },
        "sounds": [
            {
                "file": str(item.path),
                "start_seconds": item.start_seconds,
                "seconds": item.original.seconds,
                "sample_rate": item.sample_rate,
                "channels": len(item.original.samples),
                "trouble": item.trouble or None,
                "rows": [_row(row) for row in item.rows],
            }
            for item in items
        ],
        "means": [
            {
                "label": label,
                "kbps": _number(kbps.value),
                "scores": {
                    key: {"mean": _number(mean.value), "half_width_95": _number(mean.half_width), "sounds": mean.n}
                    for key, mean in scores.items()
                },
            }
            for label, kbps, scores in means(items, metrics)
        ],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "codec": row.asked,
        "label": row.label,
        "kbps": _number(row.kbps),
        "scores": {key: _number(value) for key, value in row.scores.items()},
        "lufs": _number(row.lufs),
        "gain_db": _number(row.gain_db),
        "moved_samples": row.moved_samples,
        "sha256": row.sound.sha256 if row.sound is not None else None,
        "model": row.sound.how.get("model") if row.sound is not None else None,
        "failure": row.failure or None,
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def cell(metric: Metric, mean: Mean) -> str:
    """A mean as it stands in tables: "4.31 ± 0.05"."""
    text = metric.text(mean.value)
    return f"{text} ± {METRICS[metric.key].text(mean.half_width)}" if math.isfinite(mean.half_width) else text


def heading(metric: Metric) -> str:
    """A measure as it stands above its column: "SI-SDR dB ↑"."""
    arrow = "↑" if metric.better == "higher" else "↓"
    return " ".join(part for part in (metric.title, metric.unit if metric.unit == "dB" else "", arrow) if part)
