"""How a training run ends a call before its time is spent, and what it leaves so that it can go on elsewhere."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lamina.models.training.checkpoint import Checkpoint
    from lamina.models.training.trainer import Trainer

log = logging.getLogger(__name__)


@dataclass
class Pause:
    """Looks at a run after every step.

    Args:
        until: the moment, in seconds of `time.monotonic`, at which the call ends; None: when the run does.
        files: name of the files to go on from elsewhere, or None.
        every_seconds: of training, after which these are written anew, in case the machine is taken away.
    """

    until: float | None
    files: Path | None
    every_seconds: float
    came: bool = False
    _next: float = 0.0

    def after_step(self, trainer: Trainer) -> None:
        """End the call if it is time to, and write the files now and then."""
        if self.until is not None and time.monotonic() >= self.until:
            trainer.stop_requested = self.came = True
        elif self.files is not None and trainer.seconds >= self._next:
            self._next = trainer.seconds + self.every_seconds
            self._keep(trainer)

    def write(self, checkpoint: Checkpoint) -> list[Path]:
        """Write the files. Raises OSError if that fails, ValueError if none were asked for."""
        from lamina.models.training.travel import save_travelling

        if self.files is None:
            raise ValueError("No files were asked for.")
        return save_travelling(checkpoint, self.files)

    def _keep(self, trainer: Trainer) -> None:
        """A full disk now may have space again later: training goes on."""
        try:
            self.write(trainer.checkpoint())
        except OSError as error:
            log.warning("%s", error)
