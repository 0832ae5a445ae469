"""What users and networks do to codes, done to them in training: lost frames, wrong codes, layers turned up and down.

The decoder learns to go on sounding like the input instead of buzzing or blowing up.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lamina.models.network.quantizer import ResidualVectorQuantizer

LONGEST_BURST = 4
BURST_SHARE = 0.08
"""Share of frames with which a burst of losses begins, in an example that has any."""
LOSS_SHARE = 0.04
"""The same in the receiver's loop: between them there must be time to recover."""
WRONG_SHARE = 0.15
"""Share of frames with a wrong code in a damaged layer."""
LAYER_GAINS = (0.0, 1.6)


class Damage:
    """What happens to examples on their way; each is hit with a probability of its own.

    Args:
        quantizer: whose codes are sent.
        share: of the examples that are altered in one of two ways: some of one active layer's codes arrive wrong, or
            one active layer is turned up or down. Without a memory there is a third way: frames get lost, and the last
                one is held, or nothing arrives.
        lossy: share of the examples that lose frames in the receiver's loop, with a memory.
    """

    def __init__(self, quantizer: ResidualVectorQuantizer, share: float, lossy: float = 0.0) -> None:
        self.quantizer, self.share, self.lossy = quantizer, share, lossy

    def alter(self, z: Tensor, codes: Tensor, active: Tensor) -> Tensor:
        """`z` after its way to the decoder.

        Of its `codes [B, T, layers]`, on the CPU, the first `active [B]` count.
        """
        hit = torch.nonzero(torch.rand(len(z)) < self.share).flatten().tolist()
        if not hit:
            return z
        ways = (self.confuse_a_layer, self.turn_a_layer)
        rows = list(z)
        for index in hit:
            way = int(torch.randint(len(ways) + (self.lossy == 0), ()))
            if way == len(ways):
                rows[index] = self.lose_frames(rows[index])
            else:
                layer = int(torch.randint(int(active[index]), ()))
                rows[index] = ways[way](rows[index], codes[index, :, layer], layer)
        return torch.stack(rows)

    def draw_losses(self, size: int, frames: int) -> Tensor | None:
        """Frames that get lost in bursts, bool `[size, frames]`; None if none does."""
        hit = torch.rand(size, 1) < self.lossy
        lost = torch.zeros(size, frames, dtype=torch.bool)
        for example, start in torch.nonzero(hit & (torch.rand(size, frames) < LOSS_SHARE)).tolist():
            lost[example, start : start + 1 + int(torch.randint(LONGEST_BURST, ()))] = True
        return lost if lost.any() else None

    def lose_frames(self, z: Tensor) -> Tensor:
        """Bursts of frames of `z [T, D]` replaced by the one before them, or by nothing."""
        source = torch.arange(len(z))
        keep = torch.ones(len(z), 1)
        hold = bool(torch.rand(()) < 0.5)
        for start in torch.nonzero(torch.rand(len(z)) < BURST_SHARE).flatten().tolist():
            stop = start + 1 + int(torch.randint(LONGEST_BURST, ()))
            source[start:stop] = source[max(0, start - 1)]
            keep[start:stop] = 1.0 if hold else 0.0
        return z[source.to(z.device)] * keep.to(z.device)

    def confuse_a_layer(self, z: Tensor, sent: Tensor, layer: int) -> Tensor:
        """Some codes of a layer, `sent [T]`, replaced by any others."""
        book, basis = self.quantizer.codebooks[layer], self.quantizer.bases[layer]
        received = torch.randint(len(book), sent.shape, device=z.device)
        wrong = (torch.rand(len(z), 1) < WRONG_SHARE).to(z)
        return z + wrong * ((book[received] - book[sent]) @ basis.t())

    def turn_a_layer(self, z: Tensor, sent: Tensor, layer: int) -> Tensor:
        """What a layer adds by its codes `sent [T]`, made louder or softer."""
        gain = torch.empty(()).uniform_(*LAYER_GAINS).to(z.device)
        return z + (gain - 1) * (self.quantizer.codebooks[layer][sent] @ self.quantizer.bases[layer].t())
