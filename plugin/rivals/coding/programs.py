"""Codecs that are other people's programs, which read and write files."""

from __future__ import annotations

import subprocess
from pathlib import Path

LONGEST_SECONDS = 3600
"""That a program may take; reference encoders are slow, but one that hangs must not hold Lamina for ever."""


class ProgramError(ValueError):
    """A program failed; its sentence says how."""


def run(program: Path, *arguments: str) -> None:
    """Run a program to its end; raises ProgramError with what it said last."""
    try:
        done = subprocess.run(
            [str(program), *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=LONGEST_SECONDS
        )
    except OSError as error:
        raise ProgramError(f"{program} can't be started ({error.strerror}); is it built for this machine?") from error
    except subprocess.TimeoutExpired as error:
        raise ProgramError(f"{program} did not end within an hour and was stopped; give it a shorter piece.") from error
    if done.returncode:
        said = (done.stderr + done.stdout).decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(said) if line.strip()), "nothing")
        raise ProgramError(f"{program.name} failed with exit code {done.returncode} and said: {last}")
