"""Pictures that live in arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtGui import QImage


def image_over(pixels: NDArray[np.uint32]) -> QImage:
    """An image of the array `[height, width]` of 0xAARRGGBB values itself, not a copy.

    Keep the array as long.
    """
    height, width = pixels.shape
    data: Any = pixels.data  # PyQt takes any buffer, though its stubs say bytes
    return QImage(data, width, height, width * 4, QImage.Format.Format_RGB32)
