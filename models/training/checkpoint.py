"""Training checkpoints: everything a run needs to go on as if it had not stopped.

Written whole beside the old file and renamed over it, so that the old checkpoint stays valid until the new
one is complete. Read with torch's weights-only loader: a checkpoint can't run code.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from lamina.models.config import CodecConfig
from lamina.models.network.network import CodecNetwork

FORMAT = 2


@dataclass
class Checkpoint:
    """Args:
    config: the network's shape.
    network: the trained network's state (the running weights).
    average: moving average of the trained parameters, by name; what evaluation and export use.
    optimizer: the optimizer's state, or empty.
    adversary: the discriminators and their optimizer, or empty.
    progress: steps, seconds, audio seconds and so on so far.
    random: states of torch's and the corpus' generators, a list with one entry for each process.
    """

    config: CodecConfig
    network: dict[str, torch.Tensor]
    average: dict[str, torch.Tensor]
    optimizer: dict[str, Any] = field(default_factory=dict)
    adversary: dict[str, Any] = field(default_factory=dict)
    progress: dict[str, float] = field(default_factory=dict)
    random: list[dict[str, Any]] = field(default_factory=list)

    def averaged_network(self) -> CodecNetwork:
        """A network with the averaged parameters. Raises ValueError that names what doesn't fit."""
        network = CodecNetwork(self.config)
        load_state(network, {**self.network, **self.average})
        return network

    def save(self, path: Path) -> None:
        """Write the file.

        Raises OSError if that fails; then the file that was there is unharmed and nothing is left beside it.
        """
        partial = path.with_name(path.name + ".partial")
        state = {
            name: getattr(self, name) for name in ("network", "average", "optimizer", "adversary", "progress", "random")
        }
        try:
            torch.save({"format": FORMAT, "config": self.config.to_json(), **state}, partial)
            partial.replace(path)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
            partial.unlink(missing_ok=True)
            raise OSError(
                f"The checkpoint {path} can't be written ({error}). Free some space; the one before it is unharmed."
            ) from error

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Raises ValueError if the file is not a checkpoint of this format, or lacks something."""
        try:
            data = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise ValueError(f"{path} is not a Lamina checkpoint ({error}).") from error
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ValueError(
                f"{path} is not a Lamina checkpoint of format {FORMAT}. Train anew or use the Lamina that wrote it."
            )
        missing = sorted(set(cls.__dataclass_fields__) - set(data))
        if missing:
            raise ValueError(f"The checkpoint {path} lacks its field {missing[0]!r}; it can't be gone on from.")
        try:
            config = CodecConfig.from_json(data["config"])
        except (ValueError, TypeError) as error:
            raise ValueError(f"The checkpoint {path} doesn't fit this Lamina: {error}") from error
        return cls(
            config, *(data[name] for name in ("network", "average", "optimizer", "adversary", "progress", "random"))
        )


def load_state(network: CodecNetwork, state: dict[str, torch.Tensor]) -> None:
    """Load `state` into `network`.

    Raises ValueError that names the first tensor that is missing, unknown or of another shape.
    """
    own = network.state_dict()
    for name in sorted(set(own) | set(state)):
        if name not in state:
            raise ValueError(f"The checkpoint lacks {name}; it was made for another network.")
        if name not in own:
            raise ValueError(f"The checkpoint has {name}, which this network has not.")
        if own[name].shape != state[name].shape:
            raise ValueError(
                f"{name} has the shape {tuple(state[name].shape)} in the checkpoint and {tuple(own[name].shape)} in "
                "the network."
            )
    network.load_state_dict(state)


def first_difference(one: CodecConfig, other: CodecConfig) -> str | None:
    """The first field in which two configs differ, as part of a sentence: `transform.width (256 and 160)`.

    None if they are equal.
    """
    ours, theirs = _fields(one), _fields(other)
    for name, value in ours.items():
        if value != theirs[name]:
            return f"{name} ({value} and {theirs[name]})"
    return None


def _fields(config: CodecConfig) -> dict[str, Any]:
    fields = asdict(config)
    sections = {name: fields.pop(name) for name in ("transform", "soundstream")}
    return {
        **fields,
        **{f"{section}.{name}": value for section, values in sections.items() for name, value in values.items()},
    }
