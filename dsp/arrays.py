"""The array type that sound is handed around in."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
"""Samples `[channels, samples]`, or other values of 32-bit floats."""
