"""Products that are the same to the last bit in every process."""

from __future__ import annotations

import numpy as np

from lamina.dsp.arrays import FloatArray


def exact_product(a: FloatArray, b: FloatArray) -> FloatArray:
    """The product a · b of stacked matrices, the same to the last bit in every process.

    The decoder rounds to bytes what it makes of it, so a last bit could become audible.

    Bundles store both in half precision, so double precision holds every sum of products exactly. In single precision a
    product depends on the order of its sums, and that on how many threads OpenBLAS finds.
    """
    product: FloatArray = np.stack(
        [(x.astype(np.float64) @ y.astype(np.float64)).astype(np.float32) for x, y in zip(a, b, strict=True)]
    )
    return product
