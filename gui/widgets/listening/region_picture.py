"""The spectrogram of a whole region, with the place that is heard: still, so that one can look for what one hears."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from lamina.gui.look import theme
from lamina.gui.look.themed import ThemedWidget
from lamina.gui.widgets.controls.pixels import image_over
from lamina.gui.widgets.views.frequency_axis import AXIS_WIDTH, draw_frequencies


class RegionPicture(ThemedWidget):
    """Draws brightness `[bands, columns]`. `sought` carries the share of the region that was clicked on, 0–1."""

    sought = pyqtSignal(float)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table = np.array(theme.colour_table(theme.SPECTRUM_STOPS), np.uint32)
        self._levels: NDArray[np.uint8] | None = None
        self._pixels: NDArray[np.uint32] | None = None
        self._image: QImage | None = None
        self._hint, self._share = "", 0.0
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def renew_colours(self) -> None:
        """The picture in other colours."""
        self._table = np.array(theme.colour_table(theme.SPECTRUM_STOPS), np.uint32)
        levels, self._levels = self._levels, None
        self.show_levels(levels, self._hint)

    @property
    def levels(self) -> NDArray[np.uint8] | None:
        """What is drawn; None while nothing is."""
        return self._levels

    def show_levels(self, levels: NDArray[np.uint8] | None, hint: str = "") -> None:
        """Draws a picture, or `hint` in an empty one."""
        if levels is not self._levels or hint != self._hint:
            self._levels, self._hint = levels, hint
            # The image looks into this array.
            self._pixels = self._table[levels] if levels is not None and levels.shape[1] else None
            self._image = image_over(self._pixels) if self._pixels is not None else None
            self.update()

    def show_place(self, share: float) -> None:
        """Marks the place that is heard, as a share of the region."""
        if share != self._share:
            self._share = share
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(420, 180)

    def minimumSizeHint(self) -> QSize:
        return QSize(220, 90)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        picture = self._picture()
        if event.button() is Qt.MouseButton.LeftButton and picture.contains(event.position()):
            self.sought.emit((event.position().x() - picture.left()) / picture.width())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        picture = self._picture()
        painter.fillRect(picture, theme.colour(theme.WELL))
        if self._image is None:
            painter.setFont(theme.font())
            painter.setPen(theme.colour(theme.MUTED))
            room = picture.adjusted(24, 0, -24, 0)
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._hint)
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(picture, self._image)
        draw_frequencies(painter, picture)
        if self._image is not None:
            x = picture.left() + self._share * picture.width()
            painter.setPen(QPen(theme.colour("#FFFFFF", 0.8), 1))
            painter.drawLine(QPointF(x, picture.top()), QPointF(x, picture.bottom()))

    def _picture(self) -> QRectF:
        return QRectF(AXIS_WIDTH, 0, max(1, self.width() - AXIS_WIDTH), self.height())
