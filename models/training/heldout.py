"""How well a network codes sounds that it isn't trained on, in two numbers for people: before a run and after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lamina.models.network.network import CodecNetwork
from lamina.models.training.data.packed import PackedSet
from lamina.models.training.losses.mel import LogMelDistance

WINDOW_SECONDS, MOST_WINDOWS = 4.0, 12
JUDGED_LAYERS = (4, 8, 24)
MEL_FFT, MEL_BANDS = 1024, 96
QUIETEST = 1e-9
WINDOWS_AT_ONCE = 4
"""As much sound as a usual training batch holds: what can train can judge. The loop over frames takes as long for one
window as for four.
"""


@dataclass(frozen=True)
class Judgement:
    """What a network makes of held-out sounds at a number of layers, on the average over windows.

    Args:
        layers: that are active.
        snr_db: how far the error lies below the sound; more is better.
        mel: mean difference of log-mel spectra, natural logarithm; less is better.
    """

    layers: int
    snr_db: float
    mel: float


def heldout_windows(sets: list[PackedSet], frame: int) -> Tensor:
    """Windows of the sets' sounds, the same at every call: `[windows, T · frame]`, each long enough to be judged.

    Args:
        sets: the held-out sounds; noise is left out, which no codec has to keep.
        frame: samples of a codec frame.

    Raises ValueError if no sound is a window long.
    """
    size = int(WINDOW_SECONDS * sets[0].sample_rate) // frame * frame
    sounds = [
        samples
        for packed in sets
        for clip, samples in zip(packed.clips, packed.samples, strict=True)
        if clip.kind != "noise" and len(samples) >= size
    ]
    if not sounds:
        raise ValueError(f"No held-out sound is {WINDOW_SECONDS:g} s long, so nothing can be judged by them.")
    n_windows = min(MOST_WINDOWS, len(sounds))
    chosen = [sounds[int(index)] for index in np.linspace(0, len(sounds) - 1, n_windows).round()]
    middles = [(len(samples) - size) // 2 for samples in chosen]
    windows = np.stack([samples[start : start + size] for samples, start in zip(chosen, middles, strict=True)])
    return torch.from_numpy(windows.astype(np.float32) / 32768)


def spectral_distance(judgements: list[Judgement]) -> float:
    """The one number by which checkpoints are compared: how far spectra are apart, on the average over layer counts."""
    return float(np.mean([judgement.mel for judgement in judgements]))


@torch.no_grad()
def judge(network: CodecNetwork, windows: Tensor) -> list[Judgement]:
    """Code the windows with a few numbers of layers; the network is as it was afterwards."""
    config, device = network.config, next(network.parameters()).device
    was_training, delay = network.training, config.delay_samples
    mel = LogMelDistance(MEL_FFT, MEL_BANDS, config.sample_rate).to(device)
    network.eval()
    found = []
    # What is drawn by lot in the run must not depend on whether anything is judged.
    with torch.random.fork_rng(devices=[]):
        for layers in sorted({min(layers, config.layers) for layers in JUDGED_LAYERS}):
            ratios, distances = [], []
            for some in torch.split(windows.to(device), WINDOWS_AT_ONCE):
                coded = network(some, torch.full((len(some),), layers)).output[:, delay:]
                for window, output in zip(some[:, None], coded[:, None], strict=True):
                    target = window[:, : output.shape[1]]
                    error = (target - output).square().sum() + QUIETEST
                    ratios.append(float(10 * torch.log10((target.square().sum() + QUIETEST) / error)))
                    distances.append(float(mel(target, output)))
            found.append(Judgement(layers, float(np.mean(ratios)), float(np.mean(distances))))
    network.train(was_training)
    return found
