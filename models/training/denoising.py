"""Training a denoiser alone, behind a codec that stays as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from lamina.models.config import CodecConfig
from lamina.models.network.denoiser import Denoiser
from lamina.models.network.network import CodecNetwork

USUAL_BLOCKS = 5
PLAN: dict[str, Any] = {
    "only_denoiser": True,
    # Long crops, because it takes the better part of a second to tell what is noise.
    "batch": 16,
    "crop_frames": 112,
    "learning_rate": 2e-3,
    "noisy": 1.0,
    "few_layers": 0.2,
    # What is sent, and the codebooks, are those of the codec.
    "damaged": 0.0,
    "lossy": 0.0,
    "refits": (),
}
"""Fields of `TrainingPlan` that differ from the usual ones."""


def with_denoiser_config(config: CodecConfig) -> CodecConfig:
    """The same codec's config with a denoiser. Raises ValueError if its design has no place for one."""
    if config.design != "transform":
        raise ValueError(
            f"Only models of the transform design can have a denoiser; this one is of the design {config.design!r}."
        )
    blocks = config.transform.denoiser_blocks or USUAL_BLOCKS
    return replace(config, transform=replace(config.transform, denoiser_blocks=blocks))


def with_denoiser(network: CodecNetwork) -> CodecNetwork:
    """The same codec with a denoiser that is still to be trained, instead of what it did about noise before.

    A denoiser that it has is kept. Raises ValueError if its design has no place for one.
    """
    config = with_denoiser_config(network.config)
    if network.decoder.denoiser is not None:
        return network
    result = CodecNetwork(config)
    result.load_state_dict({**result.state_dict(), **network.state_dict()})
    # What FiLM takes away of a voice, no denoiser behind it brings back.
    forget_denoising(result)
    return result


def forget_denoising(network: CodecNetwork) -> None:
    """Make denoise change nothing, or next to nothing, as at the start of training."""
    with torch.no_grad():
        for weights in network.decoder.denoising:
            weights.zero_()
    _begin(network)


def _begin(network: CodecNetwork) -> None:
    if network.decoder.denoiser is not None:
        network.decoder.denoiser.begin(None if network.memory is None else network.memory.scale)


def can_denoise(network: CodecNetwork) -> bool:
    """Whether the network has ever learnt to denoise.

    Without noise in the data, training leaves the conditioning alone.
    """
    denoiser = network.decoder.denoiser
    learnt = network.decoder.denoising + ([] if denoiser is None else [denoiser.output.weight])
    return any(bool(weights.any()) for weights in learnt)


def freeze_all_but(denoiser: Denoiser | None, network: nn.Module) -> None:
    """Let nothing but the denoiser be trained. Raises ValueError if there is none."""
    if denoiser is None:
        raise ValueError("This network has no denoiser to train.")
    for weights in network.parameters():
        weights.requires_grad_(False)
    for weights in denoiser.parameters():
        weights.requires_grad_(True)
