"""The postfilter in torch: the network that decides, and the filter as it learns through it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lamina.models.engines.postfilter import BLOCK, FADE, LONGEST, LOW_PASS_TAPS, SEEN, TAPS, Network, low_pass

HIDDEN = 32
MOST = 0.6
"""The comb's largest share."""
BIASES = (-1.0, -2.0, 0.0, 3.0, 0.0, -2.0)
"""Before training: a quarter of the comb, most of it the sample that lies one period before."""
ROOM = LONGEST + TAPS


@dataclass(frozen=True)
class Looked:
    """What was seen of decoded sounds, of `B` examples and `S` blocks.

    Args:
        periods: in samples, int64 `[B, S]`.
        seen: what the network sees, `[B, S, SEEN]`.
    """

    periods: Tensor
    seen: Tensor


class Deciding(nn.Module):
    """What is seen of blocks → the comb's share and its taps."""

    mean: Tensor
    scale: Tensor

    def __init__(self, seen: Tensor) -> None:
        """`seen [..., SEEN]` of many blocks, by which what is seen is brought to the same size."""
        super().__init__()
        every = seen.flatten(0, -2)
        self.register_buffer("mean", every.mean(0))
        self.register_buffer("scale", 1 / (every.std(0) + 1e-3))
        self.first, self.second = nn.Linear(SEEN, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.last = nn.Linear(HIDDEN, 1 + TAPS)
        with torch.no_grad():
            self.last.weight.mul_(0.1)
            self.last.bias.copy_(torch.tensor(BIASES))

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """`[B, S, SEEN]` → shares `[B, S]` and taps `[B, S, TAPS]`."""
        hidden = torch.relu(self.first((seen - self.mean) * self.scale))
        said = self.last(torch.relu(self.second(hidden)))
        return MOST * torch.sigmoid(said[..., 0]), torch.softmax(said[..., 1:], -1)

    def network(self) -> Network:
        """The same for playing."""
        first, second, last = (
            (layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy())
            for layer in (self.first, self.second, self.last)
        )
        return Network(self.mean.numpy(), self.scale.numpy(), *first, *second, *last, torch.tensor([MOST]).numpy())


def filtered(x: Tensor, periods: Tensor, shares: Tensor, taps: Tensor) -> Tensor:
    """Whole blocks `x [B, S · BLOCK]` through the filter, with a gradient to shares and taps (`BlockFilter`)."""
    n_blocks = periods.shape[1]
    padded = nn.functional.pad(x, (ROOM, 0))
    places = torch.arange(x.shape[1]) + ROOM

    def added(first: Tensor, share: Tensor, tap: Tensor) -> Tensor:
        lags = first.repeat_interleave(BLOCK, 1)
        comb = sum(
            tap[..., k].repeat_interleave(BLOCK, 1) * torch.gather(padded, 1, places - lags + TAPS // 2 - k)
            for k in range(TAPS)
        )
        return share.repeat_interleave(BLOCK, 1) * (comb - x)

    def before(values: Tensor) -> Tensor:
        return torch.cat([values[:, :1], values[:, :-1]], 1)

    ramp = ((torch.arange(BLOCK) + 0.5) / FADE).clamp(max=1).repeat(n_blocks)
    here, there = (periods, shares, taps), (before(periods), before(shares), before(taps))
    change = ramp * added(*here) + (1 - ramp) * added(*there)
    taps_of_low_pass = torch.from_numpy(low_pass()).flip(0)[None, None]
    low = nn.functional.conv1d(nn.functional.pad(change, (LOW_PASS_TAPS - 1, 0))[:, None], taps_of_low_pass)
    return x + low[:, 0]
