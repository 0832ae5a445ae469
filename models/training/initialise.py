"""What is fitted to data rather than trained by gradient: starting points, and the codebooks at the end.

The transform design starts as a working codec: PCA of the companded coefficients gives the linear path,
k-means on the resulting latents the codebooks.
"""

from __future__ import annotations

import torch

from lamina.models.network import CodecNetwork
from lamina.models.quantizer import fit_codebooks
from lamina.models.training.corpus import Corpus
from lamina.models.transform import TransformDecoder, TransformEncoder

SKIPPED_FRAMES = 2
"""Frames at the start of each crop that still hear the zero state."""
SETTLING_BATCHES = 700
SETTLING_DECAYS = (0.98, 0.995, 0.998)
"""Decays of the codebooks' averages while they settle, each for a third of the batches."""


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
    return float(variances[-kept:].sum() / variances.sum())


@torch.no_grad()
def fit_quantizer(network: CodecNetwork, corpus: Corpus, n_frames: int = 60_000, crop_frames: int = 48, iterations: int = 5) -> None:
    """Fit all codebooks by k-means to latents of `n_frames` corpus frames."""
    network.eval()
    device = next(network.parameters()).device
    latents = []
    for _ in range(-(-n_frames // (16 * (crop_frames - SKIPPED_FRAMES)))):
        x = corpus.batch(16, crop_frames * network.config.frame).to(device)
        z, _ = network.encoder(x[..., None], network.encoder.initial_state(16))
        latents.append(z[:, SKIPPED_FRAMES:].reshape(-1, network.config.latent))
    fit_codebooks(network.quantizer, torch.cat(latents), iterations)
    network.train()


@torch.no_grad()
def settle_codebooks(
    network: CodecNetwork, corpus: Corpus, batches: int = SETTLING_BATCHES, batch: int = 16, crop_frames: int = 48
) -> None:
    """Let the codebooks catch up with a network that no longer moves.

    During training they follow the running weights; the averaged weights that are shipped encode a little
    differently. First fast, then ever slower averaging, until an entry is the mean of hundreds of frames; every layer sees every frame.
    """
    quantizer, decay = network.quantizer, network.quantizer.decay
    device = next(network.parameters()).device
    network.eval()
    quantizer.train()
    every_layer = torch.full((batch,), network.config.layers)
    for index in range(batches):
        quantizer.decay = SETTLING_DECAYS[index * len(SETTLING_DECAYS) // batches]
        x = corpus.batch(batch, crop_frames * network.config.frame).to(device)
        z, _ = network.encoder(x[..., None], network.encoder.initial_state(batch))
        quantizer(z[:, SKIPPED_FRAMES:], every_layer)
    quantizer.decay = decay
    quantizer.eval()
