"""A wider search for codes: several candidates are followed from layer to layer, and the best whole path wins.

Choosing the nearest entry layer by layer (the ordinary quantizer) is greedy: an entry that is second best now may leave
a residual that the next layers can code better. Following the `width` best partial paths costs so many times the
products and finds less error with the same number of bits (a beam search, as for multi-stage vector quantizers: LeBlanc
et al. 1993).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray

CodeArray = npt.NDArray[np.uint16]

MOST_CANDIDATES = 8
CHILDREN = 2
"""Entries that each candidate may go on with; the best `width` of all candidates' are followed."""
ENTRIES_PER_PRODUCT = 512
"""Entries compared in one matrix product. Larger products are spread over threads by OpenBLAS, with other last bits."""


class CodeSearch:
    """Searches codes of all layers together.

    Each frame's products are matrices of their own, so its codes don't depend on how many frames a call brings.

    Args:
        codebooks: `[layers, codebook_size, code_width]`, in each layer's own directions.
        bases: those directions, orthonormal columns, `[layers, latent, code_width]`.
        entries: what each code adds to the latent, `[layers, codebook_size, latent]`.
        energies: squared length of each entry, `[layers, codebook_size]`.
    """

    def __init__(self, codebooks: FloatArray, bases: FloatArray, entries: FloatArray, energies: FloatArray) -> None:
        self._bases, self.entries, self._energies = bases, entries, energies
        # Contiguous halves: −2 · codebookᵀ.
        size = codebooks.shape[1]
        self._parts = [slice(start, start + ENTRIES_PER_PRODUCT) for start in range(0, size, ENTRIES_PER_PRODUCT)]
        self._books = [[np.ascontiguousarray(-2 * book[part].T) for part in self._parts] for book in codebooks]

    def __call__(self, z: FloatArray, counts: npt.NDArray[np.integer], width: int) -> CodeArray:
        """Choose codes for latents `[n, latent]`, of which `counts [n]` layers are sent.

        Returns `[n, most layers]`; beyond a frame's count they are 0.
        """
        most = int(counts.max(initial=0))
        found = np.zeros((len(z), most), np.uint16)
        residual = z[:, None]
        cost = np.zeros((len(z), 1), np.float32)
        path = np.zeros((len(z), 1, most), np.uint16)
        rows = np.arange(len(z))[:, None]
        for layer in range(most):
            parent, code, cost = self._go_on(residual, cost, layer, width)
            residual = residual[rows, parent] - self.entries[layer, code]
            path = path[rows, parent]
            path[:, :, layer] = code
            ready = counts == layer + 1
            if ready.any():
                found[ready] = path[ready, cost[ready].argmin(1)]
        return found

    def _go_on(
        self, residual: FloatArray, cost: FloatArray, layer: int, width: int
    ) -> tuple[np.ndarray, np.ndarray, FloatArray]:
        """Extend the candidates by one layer and keep the best.

        Returns each one's parent, its code in this layer, and its cost, `[n, ≤ width]`.
        """
        n_frames, n_candidates, _ = residual.shape
        projected = np.matmul(residual, self._bases[layer])
        change = np.concatenate([np.matmul(projected, book) for book in self._books[layer]], 2)
        change += self._energies[layer]
        n_children = width if n_candidates == 1 else min(CHILDREN, width)
        codes = _smallest(change, n_children)
        costs = cost[..., None] + np.take_along_axis(change, codes, 2)
        codes, costs = codes.reshape(n_frames, -1), costs.reshape(n_frames, -1)
        chosen = np.argsort(costs, axis=1, kind="stable")[:, :width]
        return chosen // n_children, np.take_along_axis(codes, chosen, 1), np.take_along_axis(costs, chosen, 1)


def _smallest(values: FloatArray, count: int) -> npt.NDArray[np.int64]:
    """Places of the `count` smallest along the last axis, the smallest first; `values` is used up."""
    places = np.empty((*values.shape[:-1], count), np.int64)
    kept = np.empty((*values.shape[:-1], count), values.dtype)
    for index in range(count):
        place = values.argmin(-1)[..., None]
        places[..., index : index + 1] = place
        kept[..., index : index + 1] = np.take_along_axis(values, place, -1)
        np.put_along_axis(values, place, np.inf, -1)
    np.put_along_axis(values, places, kept, -1)
    return places
