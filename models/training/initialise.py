"""What is fitted to data rather than trained by gradient: starting points, and the codebooks at the end.

The transform design starts as a working codec: PCA of the companded coefficients gives the linear path,
k-means on the resulting latents the codebooks.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lamina.models.config import CodecConfig
from lamina.models.network.network import CodecNetwork
from lamina.models.network.quantizer import fit_codebooks
from lamina.models.network.transform import TransformDecoder, TransformEncoder
from lamina.models.training.data.corpus import Corpus
from lamina.models.training.losses.losses import SketchDistance

log = logging.getLogger(__name__)

SKIPPED_FRAMES = 2
"""Frames at the start of each crop that still hear the zero state."""
SETTLING_BATCHES = 700
SETTLING_DECAYS = (0.98, 0.995, 0.998)
"""Decays of the codebooks' averages while they settle, each for a third of the batches."""
CROPS, CROP_FRAMES = 16, 32
FIRST_FRAMES = 40_000
"""Frames to which codebooks are fitted before and after a new memory has learnt."""
COARSE_SHARE = 0.25
COARSE_BATCH_FRAMES = 100
"""Frames without a lag in a usual training batch, which scales their codebooks' averages."""
SKETCH_WEIGHT = 20.0
"""Brings the sketch's error to the size of the predictor's, as both share one clipping of the gradient."""


@torch.no_grad()
def fit_linear_path(network: CodecNetwork, corpus: Corpus, crops: int = 1500, frames: int = 15) -> float:
    """Set encoder and decoder projections to the leading principal components; returns the share of variance kept."""
    encoder, decoder = network.encoder, network.decoder.decoder
    if not isinstance(encoder, TransformEncoder) or not isinstance(decoder, TransformDecoder):
        raise TypeError("Only the transform design has a linear path to fit.")
    config = network.config
    x = corpus.batch(crops, frames * config.frame)
    coefficients, _ = encoder.analysis(x[..., None], encoder.analysis.initial_state(crops))
    companded, log_gain = encoder.companding.compress(coefficients)
    rows = companded[:, 1:].reshape(-1, config.frame)
    for side in (encoder.companding, decoder.companding):
        side.mean_log_gain.copy_(log_gain[:, 1:].mean())
    variances, directions = torch.linalg.eigh(rows.t() @ rows / len(rows))
    kept = config.latent - 1
    components = directions[:, -kept:].flip(1)
    encoder.linear_path.weight.copy_(components.t())
    decoder.linear_path.weight.copy_(components)
    if network.memory is not None:
        network.memory.predictor.linear_path.weight.copy_(components.t())
        network.memory.sketch.linear_path.weight.copy_(components)
    return float(variances[-kept:].sum() / variances.sum())


@torch.no_grad()
def fit_quantizer(
    network: CodecNetwork, corpus: Corpus, n_frames: int = 60_000, crop_frames: int = 48, iterations: int = 5
) -> None:
    """Fit all codebooks by k-means to what they code of `n_frames` frames of the corpus.

    These are latents, or with a memory what its predictions leave over.
    """
    network.eval()
    fine, coarse = _to_code(network, corpus, n_frames, crop_frames)
    fit_codebooks(network.quantizer, fine, iterations)
    if network.memory is not None:
        fit_codebooks(network.coarse_quantizer, coarse, iterations, COARSE_BATCH_FRAMES)
    network.train()


def fit_memory(network: CodecNetwork, corpus: Corpus, steps: int) -> None:
    """Give a network whose memory is new, its encoder and decoder trained or fitted, a memory that works.

    The codebooks are fitted to latents, as if nothing were foreseen; then sketch and predictor learn in the closed loop
    for so many steps, the rest of the network as it stands, and the codebooks are fitted to what is left.
    """
    memory, encoder = network.memory, network.encoder
    if memory is None or not isinstance(encoder, TransformEncoder):
        raise TypeError("This network has no memory to fit.")
    network.eval()
    latents = _latents(network, corpus, FIRST_FRAMES, CROP_FRAMES)
    with torch.no_grad():
        memory.companding.mean_log_gain.copy_(encoder.companding.mean_log_gain)
        memory.scale.copy_(latents.std(0) + 1e-3)
    for quantizer in network.quantizers:
        fit_codebooks(quantizer, latents, 4)
    learn_memory(network, corpus, steps)
    fit_quantizer(network, corpus, FIRST_FRAMES)


def learn_memory(
    network: CodecNetwork,
    corpus: Corpus,
    steps: int,
    batch: int = 16,
    crop_frames: int = 32,
    learning_rate: float = 1e-3,
) -> None:
    """Train a memory's networks in the closed loop, and the codebooks with them; encoder and decoder stand still."""
    memory = network.memory
    if memory is None:
        raise TypeError("This network has no memory to train.")
    network.eval()
    variance = float(memory.scale.square().mean())
    device = memory.scale.device
    distance = SketchDistance(network.config.frame).to(device)
    learners = [p for p in memory.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learners, lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    delay = network.config.delay_samples
    for quantizer in network.quantizers:
        quantizer.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = (
                learning_rate * min(1.0, (step + 1) / 30) * 0.5 * (1 + math.cos(math.pi * step / steps)) + 1e-6
            )
        x = corpus.batch(batch, crop_frames * network.config.frame).to(device)
        active = torch.randint(1, network.config.layers + 1, (batch,))
        surprise, sketch = network.recall(x, active)
        loss = surprise / variance + SKETCH_WEIGHT * distance(x[:, :-delay], sketch[:, delay:])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learners, 1.0)
        optimizer.step()
        if step % 50 == 49:
            log.info(
                "memory, step %d: %.1f dB foreseen", step + 1, 10 * math.log10(variance / float(surprise.detach()))
            )
    network.eval()


@torch.no_grad()
def settle_codebooks(
    network: CodecNetwork, corpus: Corpus, batches: int = SETTLING_BATCHES, batch: int = 16, crop_frames: int = 48
) -> None:
    """Let the codebooks catch up with a network that no longer moves.

    During training they follow the running weights; the averaged weights that are shipped encode a little
    differently. First fast, then ever slower averaging, until an entry is the mean of hundreds of frames; every layer
    sees every frame.
    """
    decay = network.quantizer.decay
    network.eval()
    for quantizer in network.quantizers:
        quantizer.train()
    for index in range(batches):
        for quantizer in network.quantizers:
            quantizer.decay = SETTLING_DECAYS[index * len(SETTLING_DECAYS) // batches]
        fine, coarse = _to_code(network, corpus, batch * (crop_frames - SKIPPED_FRAMES), crop_frames, batch)
        network.quantizer.learn(fine)
        if network.memory is not None:
            network.coarse_quantizer.learn(coarse)
    for quantizer in network.quantizers:
        quantizer.decay = decay
        quantizer.eval()


def _latents(network: CodecNetwork, corpus: Corpus, n_frames: int, crop_frames: int) -> Tensor:
    """Latents of about `n_frames` corpus frames, `[n, latent]`."""
    return torch.cat([z.flatten(0, 1) for _, z in _crops(network, corpus, n_frames, crop_frames, CROPS)])


def _to_code(
    network: CodecNetwork, corpus: Corpus, n_frames: int, crop_frames: int, crops: int = CROPS
) -> tuple[Tensor, Tensor]:
    """What the quantizers code of about `n_frames` frames.

    First of frames with a lag (of all, without a memory), then of those without one.
    """
    fine, coarse = [], []
    for x, z in _crops(network, corpus, n_frames, crop_frames, crops):
        if network.memory is None:
            fine.append(z)
            continue
        active = _draw_depths(network.config, len(x))
        lagged, without = network.residuals(x, active)
        fine.append(lagged[:, SKIPPED_FRAMES:])
        coarse.append(without[:, SKIPPED_FRAMES:])
    return tuple(
        torch.cat([part.flatten(0, 1) for part in parts]) if parts else torch.zeros(0) for parts in (fine, coarse)
    )  # type: ignore[return-value]


@torch.no_grad()
def _crops(
    network: CodecNetwork, corpus: Corpus, n_frames: int, crop_frames: int, crops: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Crops `[crops, samples]` and their latents `[crops, frames, latent]`.

    The first frames are left out: they still hear the zero state.
    """
    device = next(network.parameters()).device
    for _ in range(max(1, round(n_frames / (crops * (crop_frames - SKIPPED_FRAMES))))):
        x = corpus.batch(crops, crop_frames * network.config.frame).to(device)
        z, _ = network.encoder(x[..., None], network.encoder.initial_state(crops))
        yield x, z[:, SKIPPED_FRAMES:]


def _draw_depths(config: CodecConfig, size: int) -> Tensor:
    """How many layers each of `size` examples sends, `[size]`.

    A quarter have no lag, so that the few codebooks without one see enough; the rest draw any number.
    """
    first = config.coarse_layers + 1
    few = torch.randint(1, first, (size,))
    return torch.where(torch.rand(size) < COARSE_SHARE, few, torch.randint(first, config.layers + 1, (size,)))
