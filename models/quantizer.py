"""The residual vector quantizer: each layer codes what the layers before it left over.

Codebooks are not trained by gradient but follow exponential moving averages of the vectors assigned to
them (SoundStream section III-C; van den Oord et al. 2017, appendix A.1). A code that falls out of use is
re-seeded from the current batch; the threshold is relative to uniform use, so it does not depend on the
batch size. No operation synchronises with a GPU.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

DEAD_SHARE = 0.02
"""A code used less than this share of uniform use is replaced."""

RESEED_SHARE = 0.3
"""The use a re-seeded code starts with, as a share of uniform use, so that it is not replaced at once."""


def nearest(x: Tensor, codebook: Tensor, half_norm: Tensor | None = None) -> Tensor:
    """Index of the nearest entry (Euclidean) for each row: `x [..., D]`, `codebook [K, D]` → `[...]` int64."""
    half_norm = codebook.square().sum(-1) / 2 if half_norm is None else half_norm
    return (x @ codebook.t() - half_norm).argmax(-1)


class ResidualVectorQuantizer(nn.Module):
    """`layers` codebooks of `size` entries in `channels` dimensions.

    Buffers: `codebooks [layers, size, channels]`, `use [layers, size]` and `sums [layers, size, channels]`,
    the moving averages behind the entries.
    """

    codebooks: Tensor
    use: Tensor
    sums: Tensor

    def __init__(self, channels: int, layers: int, size: int, decay: float = 0.99) -> None:
        super().__init__()
        self.layers, self.size, self.decay = layers, size, decay
        self.register_buffer("codebooks", torch.randn(layers, size, channels) * 0.1)
        self.register_buffer("use", torch.ones(layers, size))
        self.register_buffer("sums", self.codebooks.clone())

    def encode(self, z: Tensor, layers: int | None = None) -> Tensor:
        """Latents `[B, T, D]` → codes `[B, T, layers]`."""
        residual = z
        codes = []
        for book in self.codebooks[:layers]:
            index = nearest(residual, book)
            residual = residual - book[index]
            codes.append(index)
        return torch.stack(codes, -1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes `[B, T, n]` → quantized latents `[B, T, D]`, the sum over the first n layers."""
        quantized = torch.zeros(*codes.shape[:-1], self.codebooks.shape[-1], device=codes.device)
        for layer in range(codes.shape[-1]):
            quantized = quantized + self.codebooks[layer][codes[..., layer]]
        return quantized

    def forward(self, z: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
        """Quantize with `active [B]` layers per example.

        Returns the straight-through quantized latents `[B, T, D]` and the commitment loss (mean square
        distance of `z` to its quantization, gradient to `z` only). In training mode codebooks are updated.
        """
        residual = z.detach().clone()
        quantized = torch.zeros_like(residual)
        with torch.no_grad():
            for layer in range(self.layers):
                on = (active > layer).to(residual.dtype)[:, None]
                codes = nearest(residual, self.codebooks[layer])
                entries = self.codebooks[layer][codes]
                if self.training:
                    self._update(layer, residual, codes, on.expand(codes.shape))
                step = entries * on[..., None]
                quantized = quantized + step
                residual = residual - step
        return z + (quantized - z).detach(), (z - quantized).square().mean()

    def _update(self, layer: int, x: Tensor, codes: Tensor, weight: Tensor) -> None:
        x, codes, weight = x.reshape(-1, x.shape[-1]), codes.reshape(-1), weight.reshape(-1)
        use, sums = self.use[layer], self.sums[layer]
        fresh = 1 - self.decay
        use.mul_(self.decay).index_add_(0, codes, weight * fresh)
        sums.mul_(self.decay).index_add_(0, codes, x * (weight * fresh)[:, None])
        # A random example stands ready for every code; only dead codes take theirs.
        candidates = torch.randint(len(x), (self.size,), device=x.device)
        dead = (use < DEAD_SHARE * use.mean()) & (weight[candidates] > 0)
        start = use.mean() * RESEED_SHARE
        use.copy_(torch.where(dead, start, use))
        sums.copy_(torch.where(dead[:, None], x[candidates] * start, sums))
        self.codebooks[layer] = sums / use.clamp(min=1e-6)[:, None]


@torch.no_grad()
def kmeans(x: Tensor, size: int, iterations: int = 6) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm from random examples: `x [N, D]` → entries `[size, D]`, counts `[size]`. Empty cells are re-seeded."""
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
def fit_codebooks(quantizer: ResidualVectorQuantizer, latents: Tensor, iterations: int = 6, batch_frames: int = 400) -> Tensor:
    """Set every codebook by k-means on the residuals of `latents [N, D]`; returns what is left `[N, D]`.

    `batch_frames` is the number of frames of a training batch, which scales the moving averages.
    """
    residual = latents.clone()
    for layer in range(quantizer.layers):
        entries, counts = kmeans(residual, quantizer.size, iterations)
        quantizer.codebooks[layer] = entries
        quantizer.use[layer] = (counts / len(latents) * batch_frames).clamp(min=1e-3)
        codes = torch.cat([nearest(part, entries) for part in torch.split(residual, 8192)])
        residual = residual - entries[codes]
    quantizer.sums.copy_(quantizer.codebooks * quantizer.use[..., None])
    return residual
