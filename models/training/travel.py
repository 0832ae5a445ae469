"""A run in a few small files, to go on with it on another machine.

Averaged weights and codebooks in half precision, the clock and the discriminators as they are, and of the optimizer how
strong the gradients are: a sixth of the checkpoint. Going on is not exact, as it is from a checkpoint, but nothing
starts from nothing. The moving average takes the place of the running weights; each matrix' mean squared gradients are
kept as means over its rows and columns (Shazeer and Stern 2018, "Adafactor", section 3).
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lamina.models.config import CodecConfig
from lamina.models.network.network import CodecNetwork
from lamina.models.training.checkpoint import Checkpoint, load_state
from lamina.models.training.data.pack import drop_parts_from
from lamina.models.training.data.packed import part_path

FORMAT = 1
LARGE = 4096
"""Tensors with at least this many numbers are kept in half precision."""
PART_BYTES = 16_500_000
"""Below 16 MiB."""
SUMS, BOOKS, USE = "sums", "codebooks", "use"


def save_travelling(checkpoint: Checkpoint, path: Path, part_bytes: int = PART_BYTES) -> list[Path]:
    """Write `path.part1` … of at most `part_bytes` each; returns the files. Raises OSError if that fails."""
    kept = {**checkpoint.network, **checkpoint.average}
    fresh = CodecNetwork(checkpoint.config).state_dict()
    data = {
        "travelling": FORMAT,
        "config": checkpoint.config.to_json(),
        # Filterbanks and the like are as in a new network. A codebook's sums are its entries times their use.
        "weights": {
            name: _small(value)
            for name, value in kept.items()
            if not torch.equal(value, fresh[name]) and name.rpartition(".")[2] != SUMS
        },
        "optimizer": _without_moments(checkpoint.optimizer),
        "adversary": checkpoint.adversary,
        "progress": checkpoint.progress,
    }
    buffer = io.BytesIO()
    torch.save(data, buffer)
    whole = buffer.getbuffer()
    path.parent.mkdir(parents=True, exist_ok=True)
    written = [part_path(path, number + 1) for number in range(-(-len(whole) // part_bytes))]
    for number, place in enumerate(written):
        partial = place.with_name(place.name + ".partial")
        partial.write_bytes(whole[number * part_bytes : (number + 1) * part_bytes])
        partial.replace(place)
    drop_parts_from(path, len(written) + 1)
    return written


def is_travelling(path: Path) -> bool:
    """Whether a run's files of this name lie there."""
    return part_path(path, 1).is_file()


def load_travelling(path: Path) -> Checkpoint:
    """Read the run in `path.part1` …; its random generators start anew.

    Raises ValueError if that isn't one, or not all of one.
    """
    pieces, number = [], 1
    while part_path(path, number).is_file():
        pieces.append(part_path(path, number).read_bytes())
        number += 1
    try:
        data = torch.load(io.BytesIO(b"".join(pieces)), map_location="cpu", weights_only=True)
        if data["travelling"] != FORMAT:
            raise ValueError(f"format {data['travelling']}")
        config = CodecConfig.from_json(data["config"])
        network = CodecNetwork(config)
        state = {**network.state_dict(), **{name: value.float() for name, value in data["weights"].items()}}
        for name in [name for name in state if name.endswith(f".{SUMS}")]:
            part = name.removesuffix(SUMS)
            state[name] = state[part + BOOKS] * state[part + USE][..., None]
        load_state(network, state)
        average = {
            name: parameter.detach().clone()
            for name, parameter in network.named_parameters()
            if parameter.requires_grad
        }
        optimizer = _with_moments(data["optimizer"])
        return Checkpoint(config, network.state_dict(), average, optimizer, data["adversary"], data["progress"])
    except Exception as error:
        places = f"{part_path(path, 1)} to {part_path(path, number - 1).name}"
        raise ValueError(
            f"{places} are not a run that was written to travel, or not all of one ({error}). Copy them again."
        ) from error


def _small(value: Tensor) -> Tensor:
    """Large tensors in half precision; a copy, so that no more is saved than the tensor itself."""
    return (value.half() if value.is_floating_point() and value.numel() >= LARGE else value).clone()


def _without_moments(optimizer: dict[str, Any]) -> dict[str, Any]:
    """Adam's state, smaller.

    Mean squared gradients of matrices become means over rows and columns; mean gradients are left out.

    The latter are of the last five steps only.
    """
    state = {}
    for index, of_one in optimizer.get("state", {}).items():
        squares = of_one["exp_avg_sq"].cpu()
        state[index] = {
            "step": of_one["step"],
            "means": [squares.mean(1), squares.mean(0)] if squares.ndim == 2 else [squares],
        }
    return {**optimizer, "state": state}


def _with_moments(optimizer: dict[str, Any]) -> dict[str, Any]:
    state = {}
    for index, of_one in optimizer["state"].items():
        means = of_one["means"]
        squares = means[0] if len(means) == 1 else torch.outer(means[0] / means[0].mean().clamp(min=1e-30), means[1])
        state[index] = {"step": of_one["step"], "exp_avg": torch.zeros_like(squares), "exp_avg_sq": squares}
    return {**optimizer, "state": state}
