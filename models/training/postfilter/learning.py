"""What the postfilter learns from, what is minimised, and the run itself.

The codec stays as it is: its decoded sound is recorded once, at bitrates drawn by lot, and the network that decides how
far the filter goes is all that is trained. Ten minutes of one core are enough.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from lamina.dsp.arrays import FloatArray
from lamina.models.engines.postfilter import BLOCK, PAST, SEEN, ChannelPostfilter, Network
from lamina.models.network.transform import mdct_basis
from lamina.models.runtime import CodecRuntime
from lamina.models.training.data.corpus import Corpus
from lamina.models.training.losses.hearing import LoudnessDistance, ModulationDistance
from lamina.models.training.losses.losses import compand
from lamina.models.training.postfilter.network import Deciding, Looked, filtered

log = logging.getLogger(__name__)

SECONDS_PER_SOUND = 4
LAYERS = (2, 3, 4, 4, 6, 8, 8, 12, 16, 16, 20, 24, 24)
"""Of which each sound's are drawn; of models with fewer, as many as there are."""
SEARCH = 4
BATCH, CROP_BLOCKS, LEAD_BLOCKS = 12, 120, 12
"""Sounds per step, blocks of each that are judged, and blocks before them that only fill the filter."""
LEARNING_RATE, LEAST_RATE, CLIP_NORM = 3e-3, 0.02, 1.0
REPORT_SECONDS = 60
PLAYED = 0.75
"""Of what is learnt so much is played: beyond that PESQ still rises, at the cost of the waveform."""
QUIETEST_RMS = 0.002


@dataclass(frozen=True)
class Weights:
    """What counts how much. Loudness and modulation are models of hearing voices, and count less for other sounds
    (`others_heard`); there the waveform counts more (`others_exact`).
    """

    loudness: float = 3.0
    modulation: float = 0.5
    transform: float = 2.0
    error: float = 0.6
    others_heard: float = 0.2
    others_exact: float = 2.0


@dataclass(frozen=True)
class Recorded:
    """Sounds and what a codec made of them.

    Args:
        sounds, decoded: `[B, samples]`, aligned.
        layers: of each, `[B]`.
        speech: 1 or 0, `[B]`.
        looked: what is seen of the decoded ones.
    """

    sounds: Tensor
    decoded: Tensor
    layers: Tensor
    speech: Tensor
    looked: Looked


def record(
    runtime: CodecRuntime, corpus: Corpus, n_sounds: int, seed: int, on_sound: Callable[[int], None] = lambda _: None
) -> Recorded:
    """Draw sounds and code them. Raises ValueError if the postfilter isn't made for the model's rate."""
    config = runtime.config
    if runtime.postfilter(1) is None:
        raise ValueError("The postfilter is made for models of 24 kHz whose frames are multiples of 160 samples.")
    random, delay = np.random.default_rng(seed), config.delay_samples
    n_frames = SECONDS_PER_SOUND * config.sample_rate // config.frame
    n_samples = n_frames * config.frame
    kept: list[tuple[FloatArray, FloatArray, int, float]] = []
    while len(kept) < n_sounds:
        drawn = corpus.draw(1, n_samples + config.frame)
        audio = drawn.audio.numpy().astype(np.float32)
        if np.sqrt(np.mean(audio**2)) < QUIETEST_RMS:
            continue
        layers = min(int(random.choice(LAYERS)), config.layers)
        z = runtime.quantized(audio, layers, SEARCH)
        decoded, _ = runtime.decode(z, runtime.decoder_state(1), layers=layers)
        speech = float(drawn.kind[0] == "speech")
        kept.append((audio[0, :n_samples], decoded[0, delay : delay + n_samples], layers, speech))
        on_sound(len(kept))
    sounds, decoded_sounds, layer_counts, speech_or_not = zip(*kept, strict=True)
    kbps = [float(runtime.summed_bits[n]) * config.sample_rate / config.frame / 1000 for n in layer_counts]
    return Recorded(
        torch.from_numpy(np.stack(sounds)),
        torch.from_numpy(np.stack(decoded_sounds)),
        torch.tensor(layer_counts),
        torch.tensor(speech_or_not),
        look(np.stack(decoded_sounds), kbps),
    )


def look(decoded: FloatArray, kbps: list[float]) -> Looked:
    """What the filter sees of decoded sounds `[B, samples]`."""
    nothing = Network(*(np.zeros(shape, np.float32) for shape in (SEEN, SEEN, (SEEN, 1), 1, (1, 1), 1, (1, 6), 6, 1)))
    periods, seen = [], []
    for x, rate in zip(decoded, kbps, strict=True):
        watching = ChannelPostfilter(nothing)
        found = [watching.look_at(block, rate) for block in x[: len(x) // BLOCK * BLOCK].reshape(-1, BLOCK)]
        periods.append([period for period, _ in found])
        seen.append([features for _, features in found])
    return Looked(torch.tensor(periods), torch.from_numpy(np.array(seen, np.float32)))


class Loss(nn.Module):
    """Of filtered sounds `[B, samples]`."""

    basis: Tensor

    def __init__(self, weights: Weights, sample_rate: int, frame: int) -> None:
        super().__init__()
        self.weights, self.frame = weights, frame
        self.loudness, self.modulation = LoudnessDistance(sample_rate), ModulationDistance(sample_rate)
        self.register_buffer("basis", mdct_basis(frame, frame))

    def forward(self, wanted: Tensor, got: Tensor, speech: Tensor, exactness: Tensor) -> Tensor:
        """`exactness [B]`, 0 to 1, says how near to the waveform the codec came in the first place."""
        w = self.weights
        heard, exact = speech + w.others_heard * (1 - speech), speech + w.others_exact * (1 - speech)
        offset = int(torch.randint(self.frame, ()))
        raised = (0.1 / (wanted.square().mean(-1).sqrt() + QUIETEST_RMS)).sqrt()
        transform = (self._companded(wanted, offset) - self._companded(got, offset)).abs().mean((1, 2)) * raised
        floor = QUIETEST_RMS**4
        error = torch.log(((wanted - got).square().mean(-1) + floor) / (wanted.square().mean(-1) + floor))
        total: Tensor = (
            w.loudness * self.loudness(wanted, got) * heard
            + w.modulation * self.modulation(wanted, got) * heard
            + w.transform * transform * exact
            + w.error * error * exactness * exact
        ).mean()
        return total

    def _companded(self, x: Tensor, offset: int) -> Tensor:
        frames = x[:, offset:].unfold(1, 2 * self.frame, self.frame)
        return compand(frames @ self.basis.t())


def learn(
    recorded: Recorded,
    minutes: float,
    frame: int,
    sample_rate: int,
    weights: Weights | None = None,
    max_steps: int | None = None,
) -> Network:
    """Train the network that decides, for so long, or for `max_steps` if these are done sooner."""
    looked = recorded.looked
    deciding = Deciding(looked.seen)
    loss = Loss(weights or Weights(), sample_rate, frame)
    optimizer = torch.optim.Adam(deciding.parameters(), LEARNING_RATE)
    exactness = 0.3 + 0.7 / 24 * recorded.layers
    started = reported = time.monotonic()
    steps, running = 0, 0.0
    while steps != max_steps and (share := (time.monotonic() - started) / (minutes * 60)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * max(1 - share, LEAST_RATE)
        examples = torch.randint(len(recorded.sounds), (BATCH,))
        firsts = torch.randint(PAST // BLOCK, looked.seen.shape[1] - CROP_BLOCKS - LEAD_BLOCKS, (BATCH,))
        crops = list(zip(examples.tolist(), firsts.tolist(), strict=True))
        length = CROP_BLOCKS + LEAD_BLOCKS

        def cut(sounds: Tensor, crops: list[tuple[int, int]] = crops, length: int = length) -> Tensor:
            return torch.stack([sounds[i, first * BLOCK : (first + length) * BLOCK] for i, first in crops])

        def cut_blocks(values: Tensor, crops: list[tuple[int, int]] = crops, length: int = length) -> Tensor:
            return torch.stack([values[i, first : first + length] for i, first in crops])

        shares, taps = deciding(cut_blocks(looked.seen))
        got = filtered(cut(recorded.decoded), cut_blocks(looked.periods), shares, taps)
        judged = slice(LEAD_BLOCKS * BLOCK, None)
        total = loss(cut(recorded.sounds)[:, judged], got[:, judged], recorded.speech[examples], exactness[examples])
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(deciding.parameters(), CLIP_NORM)
        optimizer.step()
        steps, running = steps + 1, 0.98 * running + 0.02 * total.item()
        if time.monotonic() - reported > REPORT_SECONDS:
            reported = time.monotonic()
            log.info("step %d: loss %.3f, mean share %.3f", steps, running, shares.mean().item())
    network = deciding.network()
    return replace(network, most=PLAYED * network.most)
