"""What `lamina train` tells of its held-out sounds: how well they are coded before the run and after it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from lamina.models.network.network import CodecNetwork
    from lamina.models.training.heldout import Judgement

FILE = "heldout.json"
"""In a run's folder: what the network was like when the run began, for the calls that go on with it."""


class Judged:
    """The held-out sounds of a run, and what its network made of them in the beginning.

    Args:
        windows: of the held-out sounds, `[windows, samples]`.
        network: as the run begins or goes on.
        folder: of the run.
    """

    def __init__(self, windows: Tensor, network: CodecNetwork, folder: Path) -> None:
        from lamina.models.training.heldout import Judgement, judge

        self._windows, self._file = windows, folder / FILE
        if self._file.is_file():
            self.before = [Judgement(**row) for row in json.loads(self._file.read_text(encoding="utf-8"))["before"]]
            return
        self.before = judge(network, windows)
        folder.mkdir(parents=True, exist_ok=True)
        self._write({"before": self.before})

    def tell(self, network: CodecNetwork) -> str:
        """How the network compares with what it was, in a few lines."""
        from lamina.models.training.heldout import judge

        after = judge(network, self._windows)
        self._write({"before": self.before, "after": after})
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
        return "\n".join([head, *rows, *verdict])

    def _write(self, judgements: dict[str, list[Judgement]]) -> None:
        rows = {name: [asdict(one) for one in found] for name, found in judgements.items()}
        self._file.write_text(json.dumps(rows, indent=1), encoding="utf-8")
