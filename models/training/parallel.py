"""One process or several (`torchrun`): who I am, which device is mine, and sums over all.

Every process trains the same weights on its own examples. Gradients and the quantizer's counts are summed over the
processes; what is left to chance in the quantizer (which vectors revive dead codes) is the leader's, now and then.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from torch import Tensor
from torch import distributed as dist

T = TypeVar("T")


class Workers:
    """The processes of a run; with one process nothing is exchanged.

    Args:
        device: "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:1".

    Started by `torchrun` (which sets RANK, WORLD_SIZE and LOCAL_RANK), the process group is joined here.
    Raises ValueError if the device isn't there.
    """

    def __init__(self, device: str = "auto") -> None:
        self.rank, self.count = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
        self.device = _device(device, int(os.environ.get("LOCAL_RANK", "0")))
        if self.count > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo")

    @property
    def leads(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def average(self, tensors: list[Tensor]) -> None:
        """Replace each tensor by its mean over the processes."""
        if self.count == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.count
        for tensor, part in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def sum(self, tensor: Tensor) -> Tensor:
        """The tensor summed over the processes."""
        if self.count > 1:
            dist.all_reduce(tensor)
        return tensor

    def share(self, tensors: list[Tensor]) -> None:
        """Give every process the leader's values."""
        if self.count > 1:
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def agree(self, value: float) -> float:
        """The leader's value: clocks and signals differ between processes, decisions must not."""
        if self.count == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        dist.broadcast(shared, 0)
        return float(shared)

    def gather(self, item: Any) -> list[Any]:
        """Every process' item, in the order of their ranks."""
        if self.count == 1:
            return [item]
        items: list[Any] = [None] * self.count
        dist.all_gather_object(items, item)
        return items

    def leader_first(self, work: Callable[[], T]) -> T:
        """Every process does `work`, the leader before the others (what it puts into a cache they find there).

        If it fails in one process it fails in all: with that one's own error there, with a ValueError of the same words
        elsewhere.
        """
        result: T | None = None
        for turn in (True, False):
            problem: Exception | None = None
            if self.leads is turn:
                try:
                    result = work()
                except (ValueError, OSError) as error:
                    problem = error
            words = [text for text in self.gather(None if problem is None else str(problem)) if text is not None]
            if problem is not None:
                raise problem
            if words:
                raise ValueError(words[0])
        return cast(T, result)

    def close(self) -> None:
        """Leave the process group."""
        if self.count > 1 and dist.is_initialized():
            dist.destroy_process_group()


def _device(wanted: str, local_rank: int) -> torch.device:
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise ValueError(f"{wanted!r} is no device; choose auto, cpu, cuda, or cuda:1 and so on.") from error
    if device.type == "cuda":
        index = local_rank if device.index is None else device.index
        if index >= torch.cuda.device_count():
            raise ValueError(
                f"There is no GPU {index} here ({torch.cuda.device_count()} found); use --device cpu or auto."
            )
        torch.cuda.set_device(index)
        return torch.device("cuda", index)
    if device.type != "cpu":
        raise ValueError(f"Training runs on CPU and CUDA devices, not on {wanted!r}.")
    return device
