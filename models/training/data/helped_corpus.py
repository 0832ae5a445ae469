"""A corpus with helpers: processes that draw examples while the network trains.

A GPU eats them faster than one process can draw.

What they draw depends on how many they are and on when they began, so a run with helpers doesn't go on bit for bit.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from lamina.models.training.data.corpus import Corpus

T = TypeVar("T")

MOST_HELPERS = 12
WAITING = 2
"""What each helper has ready."""
SHARED_MEMORY = Path("/dev/shm")


def count_helpers(example_bytes: int) -> int:
    """How many processes can help on this machine, if each has so many bytes ready.

    0 where processes can't be forked.
    """
    if "fork" not in multiprocessing.get_all_start_methods() or not SHARED_MEMORY.is_dir():
        return 0
    room = shutil.disk_usage(SHARED_MEMORY).free // (2 * (WAITING + 1) * example_bytes)
    return max(0, min(MOST_HELPERS, len(os.sched_getaffinity(0)) - 2, room))


class HelpedCorpus(Corpus):
    """A corpus that hands out what `helpers` processes have drawn from it ahead.

    Args:
        corpus: what to draw from; its random stream is taken over.
        helpers: processes, at least one.
        pinned: whether what they draw is brought to page-locked memory, from which a GPU fetches it without anyone
            waiting.
    """

    def __init__(self, corpus: Corpus, helpers: int, pinned: bool) -> None:
        super().__init__(corpus.clips, 0, corpus.augmentation, corpus.sample_rate)
        self.random, self.helpers, self.pinned = corpus.random, helpers, pinned
        self._ready: Iterator[object] | None = None

    def ahead(self, draw: Callable[[Corpus], T]) -> T:
        """The next of what `draw` gives, the same function each time; the helpers begin with the first call."""
        if self._ready is None:
            source = _Endless(self, draw, int(self.random.integers(1 << 62)))
            self._ready = iter(
                DataLoader(
                    source,
                    batch_size=None,
                    num_workers=self.helpers,
                    prefetch_factor=WAITING,
                    pin_memory=self.pinned,
                    multiprocessing_context="fork",
                )
            )
        return next(self._ready)  # type: ignore[return-value]

    def close(self) -> None:
        """Let the helpers go; the next call of `ahead` begins anew."""
        self._ready = None


class _Endless(IterableDataset[T], Generic[T]):
    def __init__(self, corpus: Corpus, draw: Callable[[Corpus], T], seed: int) -> None:
        self.corpus, self.draw, self.seed = corpus, draw, seed

    def __iter__(self) -> Iterator[T]:
        worker = get_worker_info()
        self.corpus.random = np.random.default_rng([self.seed, 0 if worker is None else worker.id])
        torch.manual_seed(int(self.corpus.random.integers(1 << 62)))
        while True:
            yield self.draw(self.corpus)
