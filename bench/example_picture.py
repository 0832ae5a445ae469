"""The pictures of the pages about the code desk, as spectrograms of one look.

What went in is above, what came out below.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray

WINDOW, HOP = 1024, 512
QUIETEST_DB, LOUDEST_DB = -96.0, -18.0
HIGHEST_KHZ = 12.0
LEVELS = 26
"""Steps from dark to light: as many as the eye needs, so that the file is small."""
GROUND, WELL, LINE, MUTED = "#121519", "#0B0D10", "#2A3038", "#98A2AE"
DRY, WET = "#6CB4D2", "#F0A458"
# Dark to light through violet and amber, rising evenly in lightness, as in the app.
STOPS = (
    (0.0, "#0B0D10"),
    (0.22, "#1B1B33"),
    (0.42, "#4A2A5E"),
    (0.60, "#8E3B63"),
    (0.76, "#D2694F"),
    (0.90, "#F3B562"),
    (1.0, "#FFF3D0"),
)


def draw(path: Path, rate: int, dry: FloatArray, wet: FloatArray, title: str) -> None:
    """A PNG of two sounds `[channels, samples]`; an existing one is replaced."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure
    from PIL import Image  # type: ignore[import-not-found,unused-ignore]

    colours = LinearSegmentedColormap.from_list("lamina", STOPS)
    figure = Figure(figsize=(8.4, 4.2), facecolor=GROUND, layout="constrained")
    panels = figure.subplots(2, 1, sharex=True)
    for panel, sound, name, colour in ((panels[0], dry, "dry", DRY), (panels[1], wet, title, WET)):
        panel.set_facecolor(WELL)
        seconds = sound.shape[1] / rate
        shown = panel.imshow(
            spectrogram_db(sound), origin="lower", aspect="auto", cmap=colours, vmin=QUIETEST_DB, vmax=LOUDEST_DB,
            interpolation="bilinear",
            extent=(0, seconds, 0, rate / 2000),
        )  # fmt: skip
        panel.set_ylim(0, HIGHEST_KHZ)
        panel.set_yticks([0, 4, 8, 12])
        panel.set_ylabel("kHz", color=MUTED, fontsize=11)
        panel.set_title(name, color=colour, fontsize=12, loc="left")
        _tone_down(panel)
    panels[1].set_xlabel("seconds", color=MUTED, fontsize=11)
    bar = figure.colorbar(shown, ax=panels, pad=0.015, aspect=36)
    bar.set_label("dBFS", color=MUTED, fontsize=11)
    bar.outline.set_edgecolor(LINE)
    bar.ax.tick_params(colors=MUTED, labelsize=10)
    partial = path.with_name(f"{path.stem}.partial.png")
    figure.savefig(partial, dpi=100, facecolor=GROUND)
    with Image.open(partial) as picture:
        palette = Image.new("P", (1, 1))
        palette.putpalette(_palette(colours))
        picture.convert("RGB").quantize(palette=palette, dither=Image.Dither.NONE).save(partial, optimize=True)
    partial.replace(path)


def spectrogram_db(sound: FloatArray) -> npt.NDArray[np.float64]:
    """Power of all channels together in dBFS, `[bins, columns]`."""
    window = np.hanning(WINDOW)
    power: Any = 0.0
    for channel in sound:
        frames = np.lib.stride_tricks.sliding_window_view(np.pad(channel, WINDOW // 2), WINDOW)[::HOP]
        power = power + np.square(np.abs(np.fft.rfft(frames * window)) / (WINDOW / 4)) / len(sound)
    decibels: npt.NDArray[np.float64] = 10 * np.log10(power + 1e-12).T
    return decibels


def _palette(colours: Any) -> bytes:
    """Every colour of a picture as red, green and blue.

    The ground, the steps of a colour map, and writing with its soft edges.
    """
    from matplotlib.colors import to_rgb

    ground = np.array(to_rgb(GROUND))
    inks = [
        ground + share * (np.array(to_rgb(ink)) - ground)
        for ink in (LINE, MUTED, DRY, WET)
        for share in (0.35, 0.7, 1.0)
    ]
    steps = colours(np.linspace(0, 1, LEVELS))[:, :3]
    return (255 * np.array([ground, *steps, *inks])).round().astype(np.uint8).tobytes()


def _tone_down(panel: Any) -> None:
    panel.tick_params(colors=MUTED, labelsize=10)
    for spine in panel.spines.values():
        spine.set_color(LINE)
