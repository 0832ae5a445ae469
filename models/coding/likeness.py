"""Which entries of a codebook are like each other.

Codes are numbers without a meaning; whoever bends them needs an order.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray

Indices = npt.NDArray[np.int64]

MOST_NEIGHBOURS = 64
SQUARINGS = 12
"""Directions whose spread is a thousandth less than the widest one's are a sixtieth of it by then."""


class Likeness:
    """Orders and neighbours in each layer's codebook; worked out when first asked for.

    Args:
        codebooks: `[layers, codebook_size, code_width]`.
    """

    def __init__(self, codebooks: FloatArray) -> None:
        self.codebooks = codebooks
        self.energies: FloatArray = np.einsum("lkd,lkd->lk", codebooks, codebooks)
        """Squared length of each entry, `[layers, codebook_size]`."""

    @cached_property
    def order(self) -> Indices:
        """Each layer's entries as a walk from each to the nearest one not yet visited, `[layers, codebook_size]`."""
        return np.stack([_walk(book, energy) for book, energy in zip(self.codebooks, self.energies, strict=True)])

    @cached_property
    def place(self) -> Indices:
        """Where each entry stands in that order, `[layers, codebook_size]`."""
        return np.argsort(self.order, axis=1)

    @cached_property
    def neighbours(self) -> Indices:
        """Each entry's nearest other entries, the nearest first.

        `[layers, codebook_size, MOST_NEIGHBOURS]`, or all the others where there are fewer.
        """
        nearest = []
        for book, energy in zip(self.codebooks, self.energies, strict=True):
            distance = energy[None] - 2 * (book @ book.T)
            np.fill_diagonal(distance, np.inf)
            most = min(MOST_NEIGHBOURS, len(book) - 1)
            found = np.argpartition(distance, most, axis=1)[:, :most]
            rank = np.argsort(np.take_along_axis(distance, found, 1), axis=1, kind="stable")
            nearest.append(np.take_along_axis(found, rank, 1))
        return np.stack(nearest)


def principal_ranks(codebooks: FloatArray) -> Indices:
    """How many entries of its layer lie below each along the direction in which the layer's entries differ most.

    Neighbours in this order sound more alike than others, in the first layers above all. `[layers, codebook_size]` for
    codebooks `[layers, codebook_size, code_width]`.
    """
    centred = codebooks.astype(np.float64) - codebooks.mean(1, keepdims=True)
    powers = np.matmul(centred.transpose(0, 2, 1), centred)
    # By squaring, not by eigenvalues: on a busy machine the threads of many small ones take a second.
    for _ in range(SQUARINGS):
        powers = np.matmul(powers, powers)
        powers /= np.abs(powers).max(axis=(1, 2), keepdims=True)
    longest = np.linalg.norm(powers, axis=1).argmax(axis=1)
    directions = powers[np.arange(len(powers)), :, longest]
    places = np.matmul(centred, directions[:, :, None])[..., 0]
    return np.argsort(np.argsort(places, axis=1, kind="stable"), axis=1)


def _walk(book: FloatArray, energy: FloatArray) -> Indices:
    """A tour of the entries by the nearest-neighbour rule.

    It begins at one end of the direction in which the entries differ most.
    """
    distance = energy[None] - 2 * (book @ book.T)
    walk = np.empty(len(book), np.int64)
    walk[0] = np.argmin(_principal_places(book))
    visited = np.zeros(len(book), np.float32)
    for step in range(1, len(book)):
        visited[walk[step - 1]] = np.inf
        walk[step] = np.argmin(distance[walk[step - 1]] + visited)
    return walk


def _principal_places(book: FloatArray) -> npt.NDArray[np.float64]:
    centred = book.astype(np.float64) - book.mean(0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    direction = directions[:, -1]
    # An axis has two ends; the one with the longest component is taken for the upper one.
    places: npt.NDArray[np.float64] = centred @ (direction * np.sign(direction[np.argmax(np.abs(direction))]))
    return places
