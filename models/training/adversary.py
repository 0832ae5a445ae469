"""The adversarial part: discriminators that learn to tell the codec's output from the original, and what they teach it.

Multi-scale STFT discriminators (the arrangement EnCodec's authors compared, arXiv 2210.13438) and, as an option,
SoundStream's waveform discriminators at three rates (arXiv 2107.03312, section III-D), with hinge losses and feature
matching.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from lamina.models.training.parallel import Workers

SLOPE = 0.2
STFT_SIZES = (2048, 1024, 512)
WAVEFORM_RATES = (1, 2, 4)
TIME_DILATIONS = (1, 2, 4)


@dataclass(frozen=True)
class AdversaryPlan:
    """What the adversary does.

    Args:
        start: share of the run after which it begins; 1 leaves it out.
        warm_up_steps: steps in which it only learns before it teaches.
        strength: norm of its gradient at the judged outputs, relative to that of the reconstruction losses.
        feature_matching: weight of feature matching against the hinge loss.
        judged: share of each batch's examples that it judges; its cost is in proportion.
        channels: width of the discriminators.
        waveform: whether waveform discriminators listen too.
        learning_rate: of the discriminators.
    """

    start: float = 1.0
    warm_up_steps: int = 100
    strength: float = 0.5
    feature_matching: float = 2.0
    judged: float = 0.25
    channels: int = 16
    waveform: bool = False
    learning_rate: float = 3e-4


class STFTDiscriminator(nn.Module):
    """Judges a complex spectrogram: `[B, samples]` → a map of verdicts and the layers' features."""

    hann: Tensor

    def __init__(self, n_fft: int, channels: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.register_buffer("hann", torch.hann_window(n_fft))
        layers = [nn.Conv2d(2, channels, (3, 9), padding=(1, 4))]
        for dilation in TIME_DILATIONS:
            layers.append(
                nn.Conv2d(channels, channels, (3, 9), stride=(1, 2), dilation=(dilation, 1), padding=(dilation, 4))
            )
        layers.append(nn.Conv2d(channels, channels, (3, 3), padding=1))
        self.layers = nn.ModuleList(weight_norm(layer) for layer in layers)
        self.verdict = weight_norm(nn.Conv2d(channels, 1, (3, 3), padding=1))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        frames = x.unfold(-1, self.n_fft, self.n_fft // 4) * self.hann
        spectrum = torch.view_as_real(torch.fft.rfft(frames, norm="ortho"))
        # Loudness is not the question: a quiet crop is judged like a loud one.
        spectrum = spectrum / (spectrum.detach().square().sum(-1).mean((1, 2)) + 1e-8).sqrt()[:, None, None, None]
        return _judge(spectrum.permute(0, 3, 1, 2), self.layers, self.verdict)


class WaveformDiscriminator(nn.Module):
    """Judges the waveform at 1/`rate` of its sample rate.

    Grouped strided convolutions, as in MelGAN and SoundStream.
    """

    def __init__(self, rate: int, channels: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool1d(2 * rate, rate, rate // 2) if rate > 1 else nn.Identity()
        layers = [nn.Conv1d(1, channels, 15, padding=7)]
        width = channels
        for _ in range(3):
            wider = min(width * 4, channels * 16)
            layers.append(nn.Conv1d(width, wider, 41, stride=4, padding=20, groups=max(1, width // 4)))
            width = wider
        layers.append(nn.Conv1d(width, width, 5, padding=2))
        self.layers = nn.ModuleList(weight_norm(layer) for layer in layers)
        self.verdict = weight_norm(nn.Conv1d(width, 1, 3, padding=1))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        x = x / (x.detach().square().mean(-1, keepdim=True) + 1e-8).sqrt()
        return _judge(self.pool(x[:, None]), self.layers, self.verdict)


def _judge(x: Tensor, layers: nn.ModuleList, verdict: nn.Module) -> tuple[Tensor, list[Tensor]]:
    features = []
    for layer in layers:
        x = nn.functional.leaky_relu(layer(x), SLOPE)
        features.append(x)
    return verdict(x), features


class Adversary:
    """Discriminators with their optimizer."""

    def __init__(self, plan: AdversaryPlan, workers: Workers) -> None:
        self.plan, self.workers, self.steps = plan, workers, 0
        judges: list[nn.Module] = [STFTDiscriminator(size, plan.channels) for size in STFT_SIZES]
        if plan.waveform:
            judges += [WaveformDiscriminator(rate, plan.channels) for rate in WAVEFORM_RATES]
        self.judges = nn.ModuleList(judges).to(workers.device)
        workers.share([p.detach() for p in self.judges.parameters()])
        self.optimizer = torch.optim.Adam(self.judges.parameters(), plan.learning_rate, betas=(0.5, 0.9))

    @property
    def teaches(self) -> bool:
        """Whether it has learnt enough to be listened to."""
        return self.steps > self.plan.warm_up_steps

    def choose(self, size: int) -> Tensor:
        """Which of a batch's `size` examples are judged: random indices, at least one."""
        return torch.randperm(size)[: max(1, round(size * self.plan.judged))]

    def learn(self, target: Tensor, output: Tensor) -> Tensor:
        """One step of the discriminators on originals and outputs `[B, samples]`; returns their hinge loss."""
        loss = torch.zeros((), device=target.device)
        for judge in self.judges:
            real, fake = judge(target)[0], judge(output.detach())[0]
            loss = loss + (1 - real).clamp(min=0).mean() + (1 + fake).clamp(min=0).mean()
        loss = loss / len(self.judges)
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        gradients = [p.grad for p in self.judges.parameters() if p.grad is not None]
        self.workers.average(gradients)
        norm = nn.utils.clip_grad_norm_(list(self.judges.parameters()), 10.0)
        if bool(torch.isfinite(norm)):
            self.optimizer.step()
        self.steps += 1
        return loss.detach()

    def lesson(self, target: Tensor, output: Tensor) -> Tensor:
        """What the codec should lower: hinge loss plus feature matching."""
        total = torch.zeros((), device=target.device)
        for judge in self.judges:
            with torch.no_grad():
                wanted = judge(target)[1]
            verdict, features = judge(output)
            matching = torch.stack(
                [(f - w).abs().mean() / w.abs().mean().clamp(min=1e-4) for f, w in zip(features, wanted, strict=True)]
            )
            total = total + (1 - verdict).clamp(min=0).mean() + self.plan.feature_matching * matching.mean()
        return total / len(self.judges)

    def state(self) -> dict[str, Any]:
        """Everything needed to go on exactly."""
        return {"judges": self.judges.state_dict(), "optimizer": self.optimizer.state_dict(), "steps": self.steps}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`. Raises ValueError if that had other discriminators."""
        own = {name: value.shape for name, value in self.judges.state_dict().items()}
        if own != {name: value.shape for name, value in state["judges"].items()}:
            raise ValueError(
                "The checkpoint has other discriminators: give --waveform-discriminators if, and only if, it was given "
                "before."
            )
        self.judges.load_state_dict(state["judges"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps = int(state["steps"])
