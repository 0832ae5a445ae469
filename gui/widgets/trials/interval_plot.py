"""Points with their intervals, one row for each, drawn by pyqtgraph."""

from __future__ import annotations

import numpy as np
import pyqtgraph
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.plugin.listening.report import Picture

LONGEST_LABEL = 26
POINT_PIXELS = 10


class IntervalPlot(QWidget):
    """Shows a `Picture`; it can't be moved, since there is nothing beyond its ends."""

    def __init__(self) -> None:
        super().__init__()
        self.picture: Picture | None = None
        self.plot = pyqtgraph.PlotWidget(background=theme.ink(theme.PANEL))
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.setMenuEnabled(False)
        self.plot.setMouseEnabled(False, False)
        self.plot.hideButtons()
        for name in ("left", "bottom"):
            axis = self.plot.getAxis(name)
            axis.setPen(pyqtgraph.mkPen(theme.ink(theme.LINE)))
            axis.setTextPen(pyqtgraph.mkPen(theme.ink(theme.TEXT)))
            axis.setStyle(tickFont=theme.font(theme.TEXT_PIXELS), tickLength=0, autoExpandTextSpace=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.plot)

    def show_picture(self, picture: Picture | None) -> None:
        """Draws it anew; None for an empty one."""
        self.picture = picture
        self.plot.clear()
        self.plot.setVisible(picture is not None)
        if picture is None:
            return
        points = picture.points
        rows = np.arange(len(points), 0, -1, dtype=float)
        for place, _ in picture.ticks:
            self.plot.addItem(pyqtgraph.InfiniteLine(place, 90, pyqtgraph.mkPen(theme.ink(theme.LINE))))
        if picture.middle is not None:
            pen = pyqtgraph.mkPen(theme.ink(theme.DRY), style=Qt.PenStyle.DashLine)
            self.plot.addItem(pyqtgraph.InfiniteLine(picture.middle, 90, pen))
        values = np.array([point.value for point in points])
        low = np.array([point.value if point.low is None else max(point.low, picture.low) for point in points])
        high = np.array([point.value if point.high is None else min(point.high, picture.high) for point in points])
        self.plot.addItem(
            pyqtgraph.ErrorBarItem(
                x=values,
                y=rows,
                left=values - low,
                right=high - values,
                beam=0.16,
                pen=pyqtgraph.mkPen(theme.ink(theme.WET_DEEP), width=3),
            )
        )
        self.plot.addItem(
            pyqtgraph.ScatterPlotItem(
                x=values,
                y=rows,
                size=POINT_PIXELS,
                pen=None,
                brush=pyqtgraph.mkBrush(theme.ink(theme.WET)),
                pxMode=True,
            )
        )
        names = [(row, _short(f"{point.label}   {point.value:.1f}")) for row, point in zip(rows, points, strict=True)]
        self.plot.getAxis("left").setTicks([names])
        self.plot.getAxis("bottom").setTicks([[(place, text) for place, text in picture.ticks]])
        self.plot.setLabel("bottom", picture.axis, color=theme.ink(theme.MUTED))
        # Room for the last tick's text, which pyqtgraph leaves out where it doesn't fit.
        span = picture.high - picture.low
        self.plot.setXRange(picture.low - 0.03 * span, picture.high + 0.07 * span, padding=0)
        self.plot.setYRange(0.4, len(points) + 0.6, padding=0)
        self.setAccessibleName(f"{picture.axis}: " + ", ".join(f"{point.label} {point.value:.1f}" for point in points))


def _short(label: str) -> str:
    if len(label) <= LONGEST_LABEL + 7:
        return label
    name, figure = label.rsplit("   ", 1)
    return f"{name[: LONGEST_LABEL - 1]}…   {figure}"
