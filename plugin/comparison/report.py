"""The page of a comparison: one HTML file with table, pictures, sounds and their player, that needs nothing else."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

import numpy as np
from pedalboard.io import AudioFile

from lamina.plugin.comparison.compare import Item, Row
from lamina.plugin.comparison.spectrogram import columns_db, picture, ticks
from lamina.plugin.comparison.summary import cell, heading, means
from lamina.plugin.files.atomic import NotWrittenError, atomic_file
from lamina.plugin.listening.sounds import Condition
from lamina.plugin.metrics import Metric

_BITS = 24
_STEPS = 1 << (_BITS - 1)


def write_report(target: Path, items: Sequence[Item], metrics: Sequence[Metric], is_matched: bool = True) -> int:
    """Write the page; it appears complete or not at all. Returns its bytes.

    Args:
        target: an HTML file.
        items: the sounds, each with its rows.
        metrics: whose figures stand in the tables.
        is_matched: whether the sounds were made equally loud.

    Raises NotWrittenError if it can't be written.
    """
    try:
        with atomic_file(target) as partial, partial.open("w", encoding="utf-8") as file:
            for part in page(items, metrics, is_matched):
                file.write(part)
        return target.stat().st_size
    except OSError as error:
        raise NotWrittenError(f"{target} can't be written: {error.strerror or error}.") from error


def page(items: Sequence[Item], metrics: Sequence[Metric], is_matched: bool) -> Iterator[str]:
    """The page in parts, so that its sounds need not all be held as text at once."""
    title = items[0].path.name if len(items) == 1 else f"{len(items)} sounds"
    style, script = (files(__package__).joinpath(f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        # Nothing is fetched from anywhere, whatever stands in names.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; style-src '
        "'unsafe-inline'; script-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Lamina compares: {escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f"<header><h1>{escape(title)}</h1>\n<p>{_about(items, is_matched)}</p></header>\n"
    )
    if len(items) > 1:
        yield _means_table(items, metrics)
    if metrics:
        yield _deaf_spots(metrics)
    yield (
        '<p class="keys"><kbd>1</kbd> … <kbd>9</kbd> choose what is heard · <kbd>space</kbd> plays and stops · '
        "<kbd>L</kbd> loops · <kbd>←</kbd> <kbd>→</kbd> go back and on by a second · click into a picture to go there, "
        "drag over it to choose what is looped, <kbd>Esc</kbd> takes that back</p>\n"
    )
    for index, item in enumerate(items):
        yield from _section(index, item, metrics)
    yield f"</main>\n<script>\n{script}</script>\n</body>\n</html>\n"


def _about(items: Sequence[Item], is_matched: bool) -> str:
    loudness = (
        "All are equally loud by their integrated loudness (ITU-R BS.1770); the gains stand in the tables."
        if is_matched
        else "Each is as loud as its codec made it: the louder of two often seems the better."
    )
    n_codecs = len(items[0].rows) - 1
    return (
        f"The original and {n_codecs} codec{'s' * (n_codecs != 1)} beside each other, aligned to the sample. "
        f"{loudness} Bitrates are the bits really made per second. Figures were taken of the mono mix, before any gain."
    )


def _means_table(items: Sequence[Item], metrics: Sequence[Metric]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(label)}</th><td>{_number(kbps.value)}</td>'
        + "".join(_figure(metric, cell(metric, scores[metric.key])) for metric in metrics)
        + "</tr>\n"
        for label, kbps, scores in means(items, metrics)
    )
    return (
        f'<section class="means"><h2>Means over {len(items)} sounds</h2>\n<div class="wide"><table>\n'
        f"<thead><tr><th></th><th>kbps</th>{_headings(metrics)}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
        "<p>± is half the 95 % interval of the mean (Student’s t over the sounds).</p></section>\n"
    )


def _deaf_spots(metrics: Sequence[Metric]) -> str:
    rows = "".join(
        f"<dt>{escape(metric.title)}</dt><dd>{escape(metric.what_it_is)} Its span: {escape(metric.span)}. "
        f"<strong>{escape(metric.what_it_cannot_hear)}</strong></dd>\n"
        for metric in metrics
    )
    return f'<details open class="deaf"><summary>What the figures can’t hear</summary>\n<dl>\n{rows}</dl></details>\n'


def _section(index: int, item: Item, metrics: Sequence[Metric]) -> Iterator[str]:
    original = item.original
    levels = [None if row.sound is None else columns_db(row.sound.samples, item.sample_rate) for row in item.rows]
    top_db = float(levels[0].max()) if levels[0] is not None else 0.0
    part = f"{original.seconds:.2f} s" + (f" from {item.start_seconds:g} s" if item.start_seconds else "")
    yield (
        f'<section class="sound" data-rate="{item.sample_rate}" data-seconds="{original.seconds!r}" '
        f'aria-label="{escape(item.path.name)}">\n<h2>{escape(item.path.name)}</h2>\n'
        f'<p class="part">{part}, {item.sample_rate} Hz, {"mono" if len(original.samples) == 1 else "stereo"}'
        f"{'. ' + escape(item.trouble) if item.trouble else ''}</p>\n"
        '<div class="bar"><button type="button" class="play" aria-pressed="false">Play</button>\n'
        '<button type="button" class="loop" aria-pressed="true">Loop</button>\n'
        '<output class="place">0:00.0</output>\n<output class="heard" aria-live="polite">Original</output></div>\n'
        '<div class="wide"><table class="rows">\n<thead><tr><th class="key"></th><th></th>'
        f"<th>kbps</th>{_headings(metrics)}<th>gain dB</th><th></th></tr></thead>\n<tbody>\n"
    )
    key = 0
    for place, row in enumerate(item.rows):
        if row.sound is None:
            yield (
                f'<tr class="failed"><td class="key">–</td><th scope="row">{escape(row.label)}</th>'
                f'<td colspan="{len(metrics) + 3}">{escape(row.failure)}</td></tr>\n'
            )
            continue
        key += 1
        yield _row(key, place, row, item, metrics)
    yield '</tbody></table></div>\n<div class="pictures">\n'
    scale = "".join(
        f'<span style="bottom:{100 * height:.1f}%">{escape(text)}</span>' for text, height in ticks(item.sample_rate)
    )
    key = 0
    for row, levels_db in zip(item.rows, levels, strict=True):
        if row.sound is None or levels_db is None:
            continue
        key += 1
        png = base64.b64encode(picture(levels_db, top_db)).decode("ascii")
        yield (
            f'<figure data-key="{key}"><figcaption><kbd>{key}</kbd> {escape(row.label)}</figcaption>'
            f'<div class="picture"><img alt="Spectrogram of {escape(row.label)}" src="data:image/png;base64,{png}">'
            '<i class="region" hidden></i><i class="playhead" hidden></i>'
            f'<div class="scale">{scale}</div></div></figure>\n'
        )
    yield "</div>\n</section>\n"


def _row(key: int, place: int, row: Row, item: Item, metrics: Sequence[Metric]) -> str:
    assert row.sound is not None
    data, kind = stored(row.sound)
    name = f"{item.path.stem}-{place}.{kind}"
    moved = f" (moved by {row.moved_samples:+d} samples)" if row.moved_samples else ""
    figures = "".join(
        _figure(metric, metric.text(row.scores.get(metric.key, math.nan)) if place else "") for metric in metrics
    )
    return (
        f'<tr data-key="{key}"><td class="key"><button type="button" class="choose" aria-pressed="false" '
        f'aria-label="Hear {escape(row.label)}">{key}</button></td><th scope="row">{escape(row.label)}{moved}</th>'
        f"<td>{_number(row.kbps)}</td>{figures}<td>{_gain(row.gain_db)}</td>"
        f'<td><a download="{escape(name)}" title="save this sound" '
        f'href="data:audio/{kind};base64,{base64.b64encode(data).decode("ascii")}">save</a></td></tr>\n'
    )


def stored(sound: Condition) -> tuple[bytes, str]:
    """A sound as a file of 24 bits without loss, and its kind: "flac", or "wav" for a rate that FLAC doesn't take."""
    # Rounded here, as the upper bits of 32: of floats the library makes steps by rounding down.
    whole = np.rint(sound.samples.astype(np.float64) * _STEPS)
    steps = np.clip(whole, -_STEPS, _STEPS - 1).astype(np.int32) << (32 - _BITS)
    for kind in ("flac", "wav"):
        file = io.BytesIO()
        try:
            with AudioFile(
                file, "w", samplerate=sound.sample_rate, num_channels=len(sound.samples), format=kind, bit_depth=_BITS
            ) as writer:
                writer.write(steps)
        except (ValueError, RuntimeError):
            if kind == "wav":
                raise
            continue
        return file.getvalue(), kind
    raise AssertionError("unreachable")


def _headings(metrics: Sequence[Metric]) -> str:
    return "".join(
        f'<th title="{escape(metric.what_it_cannot_hear)}">{escape(heading(metric))}</th>' for metric in metrics
    )


def _figure(metric: Metric, text: str) -> str:
    """A number, which tells when it is pointed at what it can't hear."""
    return f'<td title="{escape(metric.title)}: {escape(metric.what_it_cannot_hear)}">{text}</td>'


def _gain(value: float) -> str:
    rounded = round(value, 1) + 0.0  # no −0.0
    return f"{rounded:+.1f}".replace("-", "−") if rounded else "0.0"


def _number(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else ""
