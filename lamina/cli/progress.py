"""A bar with the time that is left, where there is a terminal to draw it on."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

BAR_FORMAT = "{desc} {bar} {percentage:3.0f} %  {remaining} left"


@contextlib.contextmanager
def progress_bar(title: str, is_quiet: bool = False) -> Iterator[Callable[[float], None]]:
    """A function that takes the share done, 0 … 1."""
    from tqdm import tqdm

    # Without a terminal there is no bar; with stderr closed there is not even a place to ask.
    no_bar = True if is_quiet or sys.stderr is None else None
    with tqdm(total=100, desc=title, bar_format=BAR_FORMAT, disable=no_bar) as bar:

        def advance(share: float) -> None:
            bar.update(round(share * 100) - bar.n)

        yield advance
