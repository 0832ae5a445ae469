"""What held-out sounds say of a run of `lamina train`.

How well they are coded before, on the way and after, and which checkpoint is the best.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from lamina.models.network.network import CodecNetwork
    from lamina.models.training.checkpoint import Checkpoint
    from lamina.models.training.heldout import Judgement

FILE, BEST = "heldout.json", "best.pt"
"""In a run's folder: what was found so far, for the calls that go on with it, and the best checkpoint."""
MOST_OF_THE_RUN = 0.05
"""Share of a run's time that judging may take on the way."""

log = logging.getLogger(__name__)


class Judged:
    """The held-out sounds of a run, and what its network makes of them.

    Args:
        windows: of the held-out sounds, `[windows, samples]`.
        network: as the run begins or goes on.
        folder: of the run.
        goes_on: whether the run has begun before this call; what was found then is kept if it was found of the same
            windows.
    """

    def __init__(self, windows: Tensor, network: CodecNetwork, folder: Path, goes_on: bool = False) -> None:
        from lamina.models.training.heldout import Judgement, judge

        self._windows, self._file, self._best = windows, folder / FILE, folder / BEST
        self._device = next(network.parameters()).device
        digest = hashlib.sha256(windows.numpy().tobytes()).hexdigest()
        found = json.loads(self._file.read_text(encoding="utf-8")) if goes_on and self._file.is_file() else {}
        self._next = 0.0
        # Lamina used to keep the beginning alone.
        if found and found.get("windows", digest) == digest:
            self.before = [Judgement(**row) for row in found["before"]]
            self._found: dict[str, Any] = {"on_the_way": [], **found, "windows": digest}
            return
        if found:
            log.warning("the held-out sounds are others than when the run began: it is judged by these from here on")
        self.before = judge(network, windows)
        self._found = {"windows": digest, "before": _rows(self.before), "on_the_way": []}
        folder.mkdir(parents=True, exist_ok=True)
        self._best.unlink(missing_ok=True)
        self._write()

    def follow(self, checkpoint: Checkpoint) -> None:
        """Judge a checkpoint of the run, and keep it if it is the best so far; not so often that the run waits for it.

        Raises OSError if something can't be written; the run can do without.
        """
        if checkpoint.progress["seconds"] < self._next:
            return
        began = time.monotonic()
        self.judge_checkpoint(checkpoint)
        self._next = checkpoint.progress["seconds"] + (time.monotonic() - began) / MOST_OF_THE_RUN

    def judge_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Judge a checkpoint's averaged weights, and keep it if it is the best so far, whatever time that takes."""
        from lamina.models.training.checkpoint import Checkpoint
        from lamina.models.training.heldout import judge, spectral_distance

        judgements = judge(checkpoint.averaged_network().to(self._device), self._windows)
        distance, steps = spectral_distance(judgements), int(checkpoint.progress["steps"])
        best = self._best_distance()
        # What isn't a number is no record, and no JSON either.
        is_best = math.isfinite(distance) and (best is None or distance < best)
        log.info("held-out sounds at step %d: spectra %.3f apart%s", steps, distance, ", the best so far" * is_best)
        self._found["on_the_way"] = [row for row in self._found["on_the_way"] if row["steps"] != steps]
        if math.isfinite(distance):
            self._found["on_the_way"].append({"steps": steps, "distance": distance, "judgements": _rows(judgements)})
        if is_best:
            # What a run would go on with, the optimizer for one, is in the last checkpoint.
            Checkpoint(
                checkpoint.config, checkpoint.network, checkpoint.average, progress=dict(checkpoint.progress)
            ).save(self._best)
            self._found["best"] = {"steps": steps, "distance": distance}
        self._write()

    def best(self) -> Checkpoint | None:
        """The best checkpoint so far; None if there is none, or its file is gone.

        Raises ValueError if the file can't be read.
        """
        from lamina.models.training.checkpoint import Checkpoint

        return None if self._best_distance() is None else Checkpoint.load(self._best)

    def tell(self, network: CodecNetwork, steps: int, final_steps: int, wants_best: bool) -> str:
        """How the network that becomes the bundle compares with the beginning, and why it is this one, in a few lines.

        Args:
            network: as it is exported.
            steps: at which it was kept.
            final_steps: of the run.
            wants_best: whether the best one was to be exported.
        """
        from lamina.models.training.heldout import judge

        after = judge(network, self._windows)
        self._found.update(after=_rows(after), exported={"steps": steps})
        self._write()
        rows = [
            f"  {new.layers:2} layers: {old.snr_db:6.2f} → {new.snr_db:6.2f} dB, {old.mel:.3f} → {new.mel:.3f}"
            for old, new in zip(self.before, after, strict=True)
        ]
        worse = [str(new.layers) for old, new in zip(self.before, after, strict=True) if new.mel > old.mel]
        head = (
            f"The held-out sounds ({len(self._windows)} windows), before → after: how far the error lies below the "
            "sound (more is better), and how far the spectra are apart (less is better)"
        )
        verdict = [f"With {', '.join(worse)} layers the spectra got worse: listen before you use it."] if worse else []
        return "\n".join([head, *rows, *self._choice(steps, final_steps, wants_best), *verdict])

    def _choice(self, steps: int, final_steps: int, wants_best: bool) -> list[str]:
        """Which checkpoint was exported, in a sentence."""
        distances = {row["steps"]: row["distance"] for row in self._found["on_the_way"]}
        best = self._found.get("best")
        if best is None:
            return []
        judged = f"{len(distances)} checkpoint{'s were' if len(distances) > 1 else ' was'} judged by the spectra"
        if wants_best and steps == final_steps:
            return [f"{judged}; the last one, step {steps}, is the best and was exported."]
        last = f"the last one, step {final_steps}"
        apart = f"{best['distance']:.3f} apart"
        if final_steps in distances:
            apart += f" to {distances[final_steps]:.3f}"
        if wants_best:
            return [
                f"{judged}; the best, step {steps}, was exported, not {last} ({apart}). --export last takes that one."
            ]
        if best["steps"] == final_steps:
            return [f"{judged}; {last}, was exported, which is the best."]
        return [
            f"{judged}; {last}, was exported, though step {best['steps']} was better ({apart}). --export best takes "
            "that one."
        ]

    def _best_distance(self) -> float | None:
        best = self._found.get("best")
        return float(best["distance"]) if best is not None and self._best.is_file() else None

    def _write(self) -> None:
        self._file.write_text(json.dumps(self._found, indent=1), encoding="utf-8")


def _rows(judgements: list[Judgement]) -> list[dict[str, Any]]:
    return [asdict(one) for one in judgements]
