"""Standard input and output as files, for what needs to go back and forth in them: they lie on the disk meanwhile."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lamina.cli.batch import PIPE, pipe_of


@contextlib.contextmanager
def from_standard_input(path: Path, suffix: str) -> Iterator[Path]:
    """The path, or for - a temporary file that holds all of standard input and goes when the block ends."""
    if path != PIPE:
        yield path
        return
    with _folder() as folder:
        spooled = folder / f"standard input{suffix}"
        with spooled.open("wb") as file:
            shutil.copyfileobj(pipe_of(sys.stdin, "Standard input"), file)
        yield spooled


@contextlib.contextmanager
def to_standard_output(path: Path, suffix: str) -> Iterator[Path]:
    """The path, or for - that of a temporary file, which goes to standard output when the block ends without error."""
    if path != PIPE:
        yield path
        return
    pipe = pipe_of(sys.stdout, "Standard output")
    with _folder() as folder:
        spooled = folder / f"standard output{suffix}"
        yield spooled
        with spooled.open("rb") as file:
            shutil.copyfileobj(file, pipe)
        pipe.flush()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lamina-") as name:
        yield Path(name)
