"""Memory: the codec looks for what comes next in its own past, and codes only what it did not foresee.

Every classic speech codec has long-term prediction (CELP's adaptive codebook: Schroeder and Atal 1985): a voice repeats
itself from one pitch period to the next, so most of a frame is in the sound that the decoder already has. Here, frame
by frame:

    sketch      the last quantized latents → the sound they stand for, as near to the waveform as a small network gets
    extension   that sound goes on as it did one *lag* ago (the frame's first code), periodically where the lag is
    shorter than a frame prediction  the extension's coefficients and the last latents → the latent that is to be
    expected residual    what the encoder's latent has beyond the prediction is quantized; prediction + entries is the
    quantized latent

The loop runs on a few layers only and on nothing but what was sent, so encoder and decoder agree whatever is done to a
frame on its way to the ears. The sketch stands in for the decoder: it needs no long memory, hears no denoising, and
leaves the decoder free to work on long stretches. Its error dies as soon as its past has passed by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lamina.models.config import CodecConfig, MemoryConfig
from lamina.models.network.transform import LOG_GATE_RANGE, POWER_FLOOR, Companding, mdct_basis

LARGEST_LATENT = 12.0
"""Latents are remembered up to so many times their usual size: whatever codes arrive, the loop stays bounded."""
LARGEST_CORRECTION = 4.0
"""What the predictor may add to the extension, as a multiple of the latent's usual size."""
LEAK = 0.95
"""Most that a prediction takes over of what the extension says: whatever was heard wrongly dies away."""
SKETCHED = 0.3
"""How much the sketch's correction counts while it is trained, beside its linear path."""
STEADINESS = -0.5
"""The confidence in the extension before training, as a logit."""


def lag_table(memory: MemoryConfig) -> Tensor:
    """Lag in samples of each lag code, `[n_lags]` int64, rising."""
    fine = memory.shortest_lag + torch.arange(memory.fine_lags)
    first = memory.shortest_lag + memory.fine_lags
    return torch.cat([fine, first + 2 * torch.arange(memory.coarse_lags)])


def extension_index(lags: Tensor, past: int, length: int) -> Tensor:
    """Where in the past `[past]` each sample of the extension by each lag `[…]` lies, `[…, length]`.

    A lag shorter than the extension repeats its period.
    """
    return past - lags[..., None] + torch.arange(length, device=lags.device) % lags[..., None]


@dataclass
class MemoryState:
    """What the loop remembers of a stream.

    Args:
        latents: quantized latents as the loop heard them, the newest last, one after the other: `[B, history ·
            latent]`.
        tail: what the sketch's last frame adds to the next one, `[B, overlap]`.
        past: the sketch's sound up to the frame before the newest latent's, `[B, past]`.
    """

    latents: Tensor
    tail: Tensor
    past: Tensor

    def remember(self, latent: Tensor) -> MemoryState:
        """The state after the loop has heard `latent [B, latent]`."""
        return MemoryState(torch.cat([self.latents[:, latent.shape[1] :], latent], 1), self.tail, self.past)


GAIN = 0.5
"""Of the blocks' changes while they are trained."""


class Blocks(nn.Module):
    """h + ½ W₂ gelu(W₁ h), several times, then gelu."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.first = nn.ModuleList(nn.Linear(width, width) for _ in range(blocks))
        self.second = nn.ModuleList(nn.Linear(width, width) for _ in range(blocks))
        self.gain = GAIN

    @torch.no_grad()
    def set_gain(self, gain: float) -> None:
        """The same function with the factor before W₂ h as `gain`: 1 has the least to compute."""
        for values in self.second.parameters():
            values.mul_(self.gain / gain)
        self.gain = gain

    def forward(self, h: Tensor) -> Tensor:
        for first, second in zip(self.first, self.second, strict=True):
            change = second(nn.functional.gelu(first(h), approximate="tanh"))
            h = h + (change if self.gain == 1 else self.gain * change)
        return nn.functional.gelu(h, approximate="tanh")


class Sketch(nn.Module):
    """The last quantized latents → coefficients of the newest one's frame."""

    def __init__(self, config: CodecConfig, memory: MemoryConfig) -> None:
        super().__init__()
        self.frame = config.frame
        self.input = nn.Linear(memory.history * config.latent, memory.width)
        self.blocks = Blocks(memory.width, memory.sketch_blocks)
        self.output = nn.Linear(memory.width, 2 * config.frame)
        self.linear_path = nn.Linear(config.latent - 1, config.frame, bias=False)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.folded = False

    @torch.no_grad()
    def fold(self, on: bool) -> None:
        """Move the constant factor into the weights, or out of them again for training.

        The function stays the same; folded it costs less.
        """
        if on != self.folded:
            factor = SKETCHED if on else 1 / SKETCHED
            for values in (self.output.weight, self.output.bias):
                values[: self.frame] *= factor
            self.folded = on

    def forward(self, scaled: Tensor, newest: Tensor, companding: Companding) -> Tensor:
        """Sketch the next frame, `[B, T, frame]`, from remembered latents.

        `[B, T, history · latent]` in units of their usual size, and the newest one as it is.
        """
        raw = self.output(self.blocks(self.input(scaled)))
        correction, log_mask = raw[..., : self.frame], raw[..., self.frame :]
        correction = correction if self.folded else correction * SKETCHED
        v = (correction + self.linear_path(newest[..., :-1])) * torch.exp(log_mask.clamp(*LOG_GATE_RANGE))
        return companding.expand(v, companding.latent_to_gain(newest[..., -1:]))


class Predictor(nn.Module):
    """Coefficients of the extension, and the last quantized latents → the latent to be expected."""

    def __init__(self, config: CodecConfig, memory: MemoryConfig) -> None:
        super().__init__()
        self.input = nn.Linear(2 * config.frame + 1 + memory.history * config.latent, memory.width)
        self.blocks = Blocks(memory.width, memory.predictor_blocks)
        self.gate = nn.Linear(memory.width, config.frame)
        self.confidence = nn.Linear(memory.width, config.latent)
        self.correction = nn.Linear(memory.width, config.latent)
        self.linear_path = nn.Linear(config.frame, config.latent - 1, bias=False)
        for layer in (self.gate, self.correction, self.confidence):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.confidence.bias, STEADINESS)
        self.frame, self.folded = config.frame, False

    @torch.no_grad()
    def fold(self, on: bool) -> None:
        """Move the constant factors and offsets into the weights, or out of them again; see `Sketch.fold`."""
        if on == self.folded:
            return
        weight, bias, n = self.input.weight, self.input.bias, self.frame
        parts = ((slice(0, n), 2.0, 0.0), (slice(n, 2 * n), 0.2, 2.0), (slice(2 * n, 2 * n + 1), 0.5, 2.0))
        for columns, factor, offset in parts:
            if on:
                bias.add_(offset * weight[:, columns].sum(1))
                weight[:, columns] *= factor
            else:
                weight[:, columns] /= factor
                bias.sub_(offset * weight[:, columns].sum(1))
        for values in (self.correction.weight, self.correction.bias):
            values *= 1 / LARGEST_CORRECTION if on else LARGEST_CORRECTION
        self.folded = on

    def forward(
        self, c: Tensor, has_lag: Tensor, scaled: Tensor, newest: Tensor, scale: Tensor, companding: Companding
    ) -> Tensor:
        """Predict the latent `[B, T, latent]`.

        `c [B, T, frame]` are the extension's coefficients, zero without a lag; `has_lag [B, 1, 1]` is 1 or 0; the rest
        as for `Sketch`.
        """
        u, log_gain = companding.compress(c)
        log_power = torch.log(c * c + POWER_FLOOR)
        seen = [u, log_power, log_gain] if self.folded else [u * 2, log_power * 0.2 + 2, log_gain * 0.5 + 2]
        features = torch.cat([*seen, scaled], -1)
        hidden = self.blocks(self.input(features))
        gain = has_lag * companding.gain_to_latent(log_gain) + (1 - has_lag) * newest[..., -1:]
        extended = torch.cat([self.linear_path(u * torch.exp(self.gate(hidden).clamp(*LOG_GATE_RANGE))), gain], -1)
        correction = self.correction(hidden)
        correction = torch.tanh(correction if self.folded else correction / LARGEST_CORRECTION) * (
            LARGEST_CORRECTION * scale
        )
        return LEAK * torch.sigmoid(self.confidence(hidden)) * extended + correction


class Memory(nn.Module):
    """Sketch, extension and prediction of one codec.

    `scale [latent]` is the usual size of each of the latent's dimensions.
    """

    synthesis: Tensor
    lags: Tensor
    scale: Tensor

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        if config.memory is None:
            raise ValueError("This config has no memory.")
        memory, overlap = config.memory, config.transform.overlap
        self.config, self.frame, self.overlap, self.latent = memory, config.frame, overlap, config.latent
        self.sketch, self.predictor = Sketch(config, memory), Predictor(config, memory)
        self.companding = Companding(config)
        self.register_buffer("synthesis", mdct_basis(config.frame, overlap), persistent=False)
        self.register_buffer("lags", lag_table(memory), persistent=False)
        self.register_buffer("scale", torch.ones(config.latent))

    def initial_state(self, batch: int) -> MemoryState:
        """Before the first frame: silence."""
        device, memory = self.scale.device, self.config
        return MemoryState(
            torch.zeros(batch, memory.history * self.latent, device=device),
            torch.zeros(batch, self.overlap, device=device),
            torch.zeros(batch, memory.past, device=device),
        )

    def fold(self, on: bool) -> None:
        """The same functions with constants in the weights (`Sketch.fold`), or as they are trained."""
        self.sketch.fold(on)
        self.predictor.fold(on)

    def sketched(self, latents: Tensor) -> Tensor:
        """Remembered latents `[B, T, history · latent]` → coefficients of the newest ones' frames `[B, T, frame]`."""
        scaled, newest = self._scaled(latents)
        coefficients: Tensor = self.sketch(scaled, newest, self.companding)
        return coefficients

    def predicted(self, c: Tensor, has_lag: Tensor, latents: Tensor) -> Tensor:
        """The prediction `[B, T, latent]`.

        From the extension's coefficients `[B, T, frame]`, `has_lag [B, 1]`, and remembered latents.
        """
        scaled, newest = self._scaled(latents)
        prediction: Tensor = self.predictor(c, has_lag[:, None], scaled, newest, self.scale, self.companding)
        return prediction

    def step(self, lag: Tensor, has_lag: Tensor, state: MemoryState) -> tuple[Tensor, Tensor, MemoryState]:
        """One frame of the loop.

        Lag codes `[B]`, and whether they count, `[B, 1]` → the prediction `[B, latent]`, the extension's coefficients,
        and the new state.

        Lag codes from `n_lags` on are those of guarded frames. The state still waits for the frame's quantized latent
        (`MemoryState.remember`).
        """
        index = extension_index(self.lags[lag % self.config.n_lags], self.config.past, self.frame + self.overlap)
        return self.foresee(index, has_lag, self.shares(lag, has_lag), state)

    def foresee(
        self, index: Tensor, has_lag: Tensor, shares: Tensor, state: MemoryState
    ) -> tuple[Tensor, Tensor, MemoryState]:
        """`step` for extensions that are given by their place in the past.

        `index [B, frame + overlap]`, and the prediction's share `[B, 1]`.
        """
        latents = state.latents[:, None]
        wide = self.sketched(latents) @ self.synthesis
        head = torch.cat([wide[..., : self.overlap] + state.tail[:, None], wide[..., self.overlap : self.frame]], -1)
        past = torch.cat([state.past[:, None, self.frame :], head], -1)
        extension = torch.gather(past, 2, index[:, None])
        c = (extension @ self.synthesis.t()) * has_lag[:, None]
        prediction = self.predicted(c, has_lag, latents) * shares[:, None]
        return prediction[:, 0], c[:, 0], MemoryState(state.latents, wide[:, 0, self.frame :], past[:, 0])

    def shares(self, lag: Tensor, has_lag: Tensor) -> Tensor:
        """How much of the prediction counts for lag codes `[…]` and `has_lag [B, 1]`, `[…, 1]`."""
        guarded = (lag >= self.config.n_lags).float()[..., None] * (has_lag if lag.ndim == 1 else has_lag[:, None])
        return self.config.trust + (self.config.guarded - self.config.trust) * guarded

    def _scaled(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Remembered latents in units of their usual size and within their bounds, and the newest as it is then."""
        scaled = (latents * (1 / self.scale).repeat(self.config.history)).clamp(-LARGEST_LATENT, LARGEST_LATENT)
        return scaled, scaled[..., -self.latent :] * self.scale


DECIMATION = 4
PRE_EMPHASIS = 0.6
LOW_PASS_HZ, LOW_PASS_TAPS = 2500.0, 49
ENERGY_FLOOR = 1e-6


@dataclass
class LagState:
    """What the search for lags has heard of a stream.

    Args:
        tail: the last samples, for the filters, `[B, LOW_PASS_TAPS]`.
        sharp: the last samples with pre-emphasis, `[B, past + overlap]`.
        slow: the same at the slower rate, `[B, (past + overlap) / DECIMATION]`.
    """

    tail: Tensor
    sharp: Tensor
    slow: Tensor


class LagSearch(nn.Module):
    """Finds each frame's lag in the encoder's own input.

    Normalised correlation of the frame with what came one lag before, as the open-loop pitch search of CELP codecs:
    first at a quarter of the rate below 2.5 kHz, then sample by sample around the best, there with the extension
    itself. It hears the input, not the loop's sound, so that nothing waits for it.
    """

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        if config.memory is None:
            raise ValueError("This config has no memory.")
        memory = config.memory
        self.frame, self.overlap, self.past = config.frame, config.transform.overlap, memory.past
        self.support = self.frame + self.overlap
        self.shortest, self.longest = memory.shortest_lag // DECIMATION, memory.longest_lag // DECIMATION
        lags, slow = lag_table(memory), torch.arange(self.shortest, self.longest + 1)
        places = torch.arange(self.support // DECIMATION)[:, None] + torch.arange(len(slow))
        offsets = torch.arange(-DECIMATION // 2, DECIMATION // 2 + 1)
        near = (slow[:, None] * DECIMATION + offsets).clamp(memory.shortest_lag, memory.longest_lag)
        self.register_buffer("filter", _decimating_filter(config.sample_rate, config.frame), persistent=False)
        self.register_buffer("earlier", places.flatten().int(), persistent=False)
        window = torch.zeros(len(places) + len(slow) - 1, len(slow)).scatter_(0, places, 1.0)
        self.register_buffer("window", window, persistent=False)
        # A lag that the table passes over is taken for the one before it.
        self.register_buffer("near", torch.searchsorted(lags, near, right=True) - 1, persistent=False)
        self.register_buffer("lags", lags, persistent=False)

    def initial_state(self, batch: int = 1) -> LagState:
        """Before the first sample: silence."""
        device, n_before = self.get_buffer("filter").device, self.past + self.overlap
        sizes = (LOW_PASS_TAPS, n_before, n_before // DECIMATION)
        return LagState(*(torch.zeros(batch, size, device=device) for size in sizes))

    def forward(self, x: Tensor, state: LagState) -> tuple[Tensor, LagState]:
        """One frame's samples `[B, frame]` → lag codes `[B]`, and the new state; quickest for one channel at a time."""
        joined = torch.cat([state.tail, x], 1)
        sharp = torch.cat([state.sharp, _emphasised(joined)], 1)
        slow = torch.cat([state.slow, joined @ self.get_buffer("filter")], 1)
        found = LagState(joined[:, self.frame :], sharp[:, self.frame :], slow[:, self.frame // DECIMATION :])
        return self._find(sharp, slow), found

    @torch.no_grad()
    def whole(self, x: Tensor) -> Tensor:
        """Samples `[B, T · frame]` from a stream's beginning → lag codes `[B, T]`."""
        n_before = self.past + self.overlap
        padded = nn.functional.pad(x, (LOW_PASS_TAPS, 0))
        frames = padded.unfold(1, LOW_PASS_TAPS + self.frame, self.frame)
        sharp = nn.functional.pad(_emphasised(padded), (n_before, 0))
        slow = nn.functional.pad((frames @ self.get_buffer("filter")).flatten(1), (n_before // DECIMATION, 0))
        step = self.frame // DECIMATION
        windows = (
            sharp.unfold(1, n_before + self.frame, self.frame),
            slow.unfold(1, n_before // DECIMATION + step, step),
        )
        return self._find(*(part.flatten(0, 1) for part in windows)).view(len(x), -1)

    def _find(self, sharp: Tensor, slow: Tensor) -> Tensor:
        """Each frame's past and support, `[N, past + support]` and the same at the slower rate → lag codes `[N]`."""
        codes = self.get_buffer("near")[self._coarse(slow)]
        past, target = sharp[:, : self.past], sharp[:, self.past :]
        index = extension_index(self.get_buffer("lags")[codes], self.past, self.support)
        extensions = torch.gather(past, 1, index.flatten(1)).view(index.shape)
        product = (extensions @ target[..., None])[..., 0].clamp(min=0)
        likeness = product * product / ((extensions * extensions).sum(-1) + ENERGY_FLOOR)
        return torch.gather(codes, 1, likeness.argmax(-1, keepdim=True))[:, 0]

    def _coarse(self, slow: Tensor) -> Tensor:
        """Which of the lags at the slower rate is best, the shortest being 0, `[N]`."""
        n_past, n_support = self.past // DECIMATION, self.support // DECIMATION
        # What lies one lag before the frame, from the longest lag to the shortest.
        reached = slow[:, n_past - self.longest : n_past + n_support - self.shortest]
        energy = (reached * reached) @ self.get_buffer("window")
        product = self._products(reached, slow[:, n_past:]).clamp(min=0)
        return self.longest - self.shortest - (product * product / (energy + ENERGY_FLOOR)).argmax(-1)

    def _products(self, reached: Tensor, target: Tensor) -> Tensor:
        """`target [N, n]` times every stretch of `reached [N, n + lags − 1]` that is as long, `[N, lags]`."""
        if len(target) == 1:
            # What live frames take, one channel at a time: the target is the kernel of a convolution.
            products: Tensor = nn.functional.conv1d(reached[None], target[None])[0]
            return products
        earlier = torch.index_select(reached, 1, self.get_buffer("earlier")).view(*target.shape, -1)
        return (target[:, None] @ earlier)[:, 0]


def _emphasised(x: Tensor) -> Tensor:
    """Pre-emphasis, `[B, LOW_PASS_TAPS + n]` → `[B, n]`."""
    return x[:, LOW_PASS_TAPS:] - PRE_EMPHASIS * x[:, LOW_PASS_TAPS - 1 : -1]


def _decimating_filter(sample_rate: int, frame: int) -> Tensor:
    """Pre-emphasis, low-pass and every fourth sample as a matrix, `[LOW_PASS_TAPS + frame, frame / DECIMATION]`.

    The low-pass is a windowed sinc (Hamming); it comes later by half its length, for past and frame alike.
    """
    n = torch.arange(LOW_PASS_TAPS, dtype=torch.float64) - (LOW_PASS_TAPS - 1) / 2
    share = 2 * LOW_PASS_HZ / sample_rate
    taps = torch.sinc(n * share) * (0.54 + 0.46 * torch.cos(2 * math.pi * n / (LOW_PASS_TAPS - 1)))
    taps = taps / taps.sum()
    sharp = torch.cat([taps, taps.new_zeros(1)]) - PRE_EMPHASIS * torch.cat([taps.new_zeros(1), taps])
    matrix = torch.zeros(LOW_PASS_TAPS + frame, frame // DECIMATION, dtype=torch.float64)
    for column in range(frame // DECIMATION):
        newest = LOW_PASS_TAPS + DECIMATION * column + DECIMATION - 1
        matrix[newest - LOW_PASS_TAPS : newest + 1, column] = sharp.flip(0)
    return matrix.float()
