"""Training checkpoints: everything a run needs to go on as if it had not stopped.

Written whole beside the old file and renamed over it, so that the old checkpoint stays valid until the new
one is complete. Read with torch's weights-only loader: a checkpoint can't run code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from lamina.models.config import CodecConfig

FORMAT = 1


@dataclass
class Checkpoint:
    """Args:
    config: the network's shape.
    network: the trained network's state (the running weights).
    average: moving average of the trained parameters, by name; what evaluation and export use.
    optimizer: the optimizer's state, or empty.
    progress: steps, seconds, and audio seconds so far.
    random: states of torch's and the corpus' generators.
    """

    config: CodecConfig
    network: dict[str, torch.Tensor]
    average: dict[str, torch.Tensor]
    optimizer: dict[str, Any] = field(default_factory=dict)
    progress: dict[str, float] = field(default_factory=dict)
    random: dict[str, Any] = field(default_factory=dict)

    def averaged_network(self) -> dict[str, torch.Tensor]:
        """The network's state with averaged parameters."""
        return {**self.network, **self.average}

    def save(self, path: Path) -> None:
        partial = path.with_name(path.name + ".partial")
        torch.save(
            {
                "format": FORMAT,
                "config": self.config.to_json(),
                "network": self.network,
                "average": self.average,
                "optimizer": self.optimizer,
                "progress": self.progress,
                "random": self.random,
            },
            partial,
        )
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Raises ValueError if the file is not a checkpoint of this format."""
        try:
            data = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise ValueError(f"{path} is not a Lamina checkpoint ({error}).") from error
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ValueError(f"{path} is not a Lamina checkpoint of format {FORMAT}. Train anew or use the Lamina that wrote it.")
        return cls(
            CodecConfig.from_json(data["config"]),
            data["network"],
            data["average"],
            data["optimizer"],
            data["progress"],
            data["random"],
        )
