"""The residual vector quantizer: each layer codes what the layers before it left over.

Codebooks are not trained by gradient but follow exponential moving averages of the vectors assigned to
them (SoundStream section III-C; van den Oord et al. 2017, appendix A.1). A code that falls out of use is
re-seeded from the current batch; the threshold is relative to uniform use, so it does not depend on the
batch size. No operation synchronises with a GPU.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

DEAD_SHARE = 0.02
"""A code used less than this share of uniform use is replaced."""

RESEED_SHARE = 0.3
"""The use a re-seeded code starts with, as a share of uniform use, so that it is not replaced at once."""


def _itself(x: Tensor) -> Tensor:
    return x


def nearest(x: Tensor, codebook: Tensor) -> Tensor:
    """Index of the nearest entry (Euclidean) for each row: `x [..., D]`, `codebook [K, D]` → `[...]` int64."""
    return (x @ codebook.t() - codebook.square().sum(-1) / 2).argmax(-1)


class ResidualVectorQuantizer(nn.Module):
    """`layers` codebooks of `size` entries; each searches its own subspace of the `channels`-dimensional latent.

    A layer sees the residual through an orthonormal basis of `width` directions. Ten bits refine a few dimensions far
    better than many: spread thin, most of a code is spent on choosing where nothing is gained. Different layers look
    at different directions, so together they reach more of the latent than any one of them could.

    Buffers: `bases [layers, channels, width]` with orthonormal columns, `codebooks [layers, size, width]` in those
    coordinates, `use [layers, size]` and `sums [layers, size, width]`, the moving averages behind the entries.
    """

    bases: Tensor
    codebooks: Tensor
    use: Tensor
    sums: Tensor

    def __init__(self, channels: int, layers: int, size: int, width: int | None = None, decay: float = 0.99) -> None:
        super().__init__()
        self.total: Callable[[Tensor], Tensor] = _itself
        """Adds up counts over the processes of a training run; here there is one."""
        self.layers, self.size, self.decay = layers, size, decay
        self.width = channels if width is None else width
        self.register_buffer("bases", torch.eye(channels)[:, : self.width].repeat(layers, 1, 1))
        self.register_buffer("codebooks", torch.randn(layers, size, self.width) * 0.1)
        self.register_buffer("use", torch.ones(layers, size))
        self.register_buffer("sums", self.codebooks.clone())

    def entries(self) -> Tensor:
        """What each code adds to the latent, `[layers, size, channels]`."""
        return self.codebooks @ self.bases.transpose(1, 2)

    def encode(self, z: Tensor, layers: int | None = None) -> Tensor:
        """Latents `[B, T, D]` → codes `[B, T, layers]`."""
        residual = z
        codes = []
        for layer in range(self.layers if layers is None else layers):
            basis, book = self.bases[layer], self.codebooks[layer]
            index = nearest(residual @ basis, book)
            residual = residual - book[index] @ basis.t()
            codes.append(index)
        return torch.stack(codes, -1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes `[B, T, n]` → quantized latents `[B, T, D]`, the sum over the first n layers."""
        quantized = torch.zeros(*codes.shape[:-1], self.bases.shape[1], device=codes.device)
        for layer in range(codes.shape[-1]):
            quantized = quantized + self.codebooks[layer][codes[..., layer]] @ self.bases[layer].t()
        return quantized

    def forward(self, z: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
        """Quantize with `active [B]` layers per example: `quantize` without the codes."""
        return self.quantize(z, active)[:2]

    def quantize(self, z: Tensor, active: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Quantize with `active [B]` layers per example (kept on the CPU, so that no GPU has to be waited for).

        Returns the straight-through quantized latents `[B, T, D]`, the commitment loss (mean square distance of `z` to
        its quantization, gradient to `z` only), and the codes `[B, T, layers]`, −1 in layers that are not active. In
        training mode codebooks are updated.
        """
        # Examples in the order of their layers, so that each layer works on the first few of them only.
        order = torch.argsort(active, descending=True)
        counts = (active[:, None] > torch.arange(self.layers)).sum(0).tolist()
        # A frame that isn't finite must not reach the moving averages; its gradient tells the trainer.
        residual = torch.nan_to_num(z.detach(), 0.0, 0.0, 0.0)[order.to(z.device)]
        codes = torch.full((*z.shape[:2], self.layers), -1, device=z.device)
        with torch.no_grad():
            for layer, count in enumerate(counts):
                part, basis = residual[:count], self.bases[layer]
                seen = part @ basis
                chosen = nearest(seen, self.codebooks[layer])
                entries = self.codebooks[layer][chosen]
                codes[:count, :, layer] = chosen
                if self.training:
                    self._update(layer, seen.flatten(0, 1), chosen.flatten())
                part -= entries @ basis.t()
            back = torch.argsort(order).to(z.device)
            quantized = z.detach() - residual[back]
        return z + (quantized - z).detach(), (z - quantized).square().mean(), codes[back]

    def take_away(self, left: Tensor, counts: list[int], learn_from: int | None = None) -> Tensor:
        """Code the first `counts[k]` rows of `left [B, T, D]` with layer k.

        What the entries say is taken away from them, in place.

        Returns the codes `[B, T, layers]`, −1 where there are none. With `learn_from`, in training mode, every layer's
        averages move towards what it sees of all rows from that frame on, also where it isn't counted.
        """
        codes = torch.full((*left.shape[:-1], len(counts)), -1, device=left.device)
        learns = self.training and learn_from is not None
        seen_by_all = left.clone() if learns else left
        with torch.no_grad():
            for layer, count in enumerate(counts):
                if count == 0 and not learns:
                    break
                part = seen_by_all if learns else left[:count]
                basis, book = self.bases[layer], self.codebooks[layer]
                seen = part @ basis
                chosen = nearest(seen, book)
                change = book[chosen] @ basis.t()
                codes[:count, ..., layer] = chosen[:count]
                left[:count] -= change[:count]
                if learns:
                    seen_by_all -= change
                    self._update(layer, seen[:, learn_from:].flatten(0, 1), chosen[:, learn_from:].flatten())
        return codes

    def learn(self, x: Tensor) -> None:
        """In training mode, move every layer's averages towards what it codes.

        `x [N, D]` are coded greedily by all layers.
        """
        self.take_away(x[None].clone(), [0] * self.layers, 0)

    def _update(self, layer: int, x: Tensor, codes: Tensor) -> None:
        """Move a layer's averages towards `x [N, width]`, which chose `codes [N]`, and revive codes nobody chooses."""
        use, sums = self.use[layer], self.sums[layer]
        fresh = torch.zeros(self.size, x.shape[1] + 1, device=x.device)
        fresh.index_add_(0, codes, torch.cat([x, torch.ones_like(x[:, :1])], 1))
        fresh = self.total(fresh) * (1 - self.decay)
        use.mul_(self.decay).add_(fresh[:, -1])
        sums.mul_(self.decay).add_(fresh[:, :-1])
        if len(x):
            # A random example stands ready for every code; only dead codes take theirs.
            candidates = x[torch.randint(len(x), (self.size,), device=x.device)]
            level = use.mean()
            dead = use < DEAD_SHARE * level
            start = level * RESEED_SHARE
            use.copy_(torch.where(dead, start, use))
            sums.copy_(torch.where(dead[:, None], candidates * start, sums))
        self.codebooks[layer] = sums / use.clamp(min=1e-6)[:, None]


@torch.no_grad()
def kmeans(x: Tensor, size: int, iterations: int = 6) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm from random examples.

    `x [N, D]` → entries `[size, D]` and counts `[size]`; empty cells are seeded anew.
    """
    entries = x[torch.randperm(len(x), device=x.device)[:size]].clone()
    if len(entries) < size:
        extra = x[torch.randint(len(x), (size - len(entries),), device=x.device)]
        entries = torch.cat([entries, extra + torch.randn_like(extra) * x.std() * 0.1])
    counts = torch.zeros(size, device=x.device)
    for _ in range(iterations):
        codes = torch.cat([nearest(part, entries) for part in torch.split(x, 8192)])
        counts = torch.zeros(size, device=x.device).index_add_(0, codes, torch.ones(len(x), device=x.device))
        means = torch.zeros_like(entries).index_add_(0, codes, x) / counts.clamp(min=1)[:, None]
        seeds = x[torch.randint(len(x), (size,), device=x.device)]
        entries = torch.where((counts > 0)[:, None], means, seeds)
    return entries, counts


@torch.no_grad()
def fit_codebooks(
    quantizer: ResidualVectorQuantizer, latents: Tensor, iterations: int = 6, batch_frames: int = 400
) -> Tensor:
    """Set every basis and codebook from the residuals of `latents [N, D]`; returns what is left `[N, D]`.

    A layer's basis are the directions in which the residual is strongest, its codebook comes from k-means there.
    `batch_frames` is the number of frames of a training batch, which scales the moving averages.
    """
    residual = latents.clone()
    for layer in range(quantizer.layers):
        basis = strongest_directions(residual, quantizer.width)
        seen = residual @ basis
        entries, counts = kmeans(seen, quantizer.size, iterations)
        quantizer.bases[layer] = basis
        quantizer.codebooks[layer] = entries
        quantizer.use[layer] = (counts / len(latents) * batch_frames).clamp(min=1e-3)
        codes = torch.cat([nearest(part, entries) for part in torch.split(seen, 8192)])
        residual -= entries[codes] @ basis.t()
    quantizer.sums.copy_(quantizer.codebooks * quantizer.use[..., None])
    return residual


def strongest_directions(x: Tensor, count: int) -> Tensor:
    """The `count` directions in which `x [N, D]` has most energy, strongest first: orthonormal columns `[D, count]`."""
    directions: Tensor = torch.linalg.eigh(x.t() @ x)[1]
    return directions.flip(1)[:, :count]
