"""What a training step hears and what it should say: clean sound, and sound in noise that is kept or cleaned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from lamina.models.training.data.corpus import Corpus
from lamina.models.training.data.helped_corpus import HelpedCorpus

CLEAN_WITH_DENOISE = 0.15
"""Share of the clean examples that pass with denoise on, and must stay what they are."""
SNR_DB = (-5.0, 20.0)


@dataclass(frozen=True)
class Examples:
    """One batch.

    Args:
        input: `[B, T · frame]`, what the encoder hears.
        target: the same shape, what the decoder should give.
        denoise: `[B, T, 1]`, 0 … 1.
        speech: `[B]`, 1 for speech, 0 for anything else.
    """

    input: Tensor
    target: Tensor
    denoise: Tensor
    speech: Tensor

    def to(self, device: torch.device) -> Examples:
        """The same on another device; from page-locked memory nobody waits for it."""
        return Examples(
            *(part.to(device, non_blocking=True) for part in (self.input, self.target, self.denoise, self.speech))
        )

    def pin_memory(self) -> Examples:
        """The same in page-locked memory."""
        return Examples(*(part.pin_memory() for part in (self.input, self.target, self.denoise, self.speech)))


def draw_examples(corpus: Corpus, size: int, frames: int, frame: int, noisy: float) -> Examples:
    """`size` crops of `frames` frames, of which the share `noisy` is sound in noise.

    On the average, if that isn't a whole number.

    Without noisy ones denoise stays off, so that what a network has learnt of it isn't unlearnt. Otherwise it is on for
    most of the noisy ones, off or anywhere between for the others, and now and then switched in the middle.
    With denoise d the target is (1 − d) · mixture + d · clean. If the corpus has helpers, they have drawn them before.
    """
    draw = partial(_draw, size=size, frames=frames, frame=frame, noisy=noisy)
    return corpus.ahead(draw) if isinstance(corpus, HelpedCorpus) else draw(corpus)


def _draw(corpus: Corpus, size: int, frames: int, frame: int, noisy: float) -> Examples:
    n_noisy = int(size * noisy + float(torch.rand(())))
    n_clean = size - n_noisy
    drawn = corpus.draw(n_clean, frames * frame)
    clean, speech = drawn.audio, torch.tensor([float(kind == "speech") for kind in drawn.kind])
    with_denoise = CLEAN_WITH_DENOISE if noisy > 0 else 0.0
    amount = (torch.rand(n_clean, 1, 1) < with_denoise).float().expand(-1, frames, 1)
    if n_noisy == 0:
        return Examples(clean, clean, amount, speech)
    mixture, cleaned = corpus.noisy(n_noisy, frames * frame, SNR_DB)
    noisy_amount = _draw_amounts(n_noisy, frames)
    share = noisy_amount.repeat_interleave(frame, 1)[..., 0]
    return Examples(
        torch.cat([clean, mixture]),
        torch.cat([clean, mixture + share * (cleaned - mixture)]),
        torch.cat([amount, noisy_amount]),
        # Most of what is heard in noise is speech.
        torch.cat([speech, torch.ones(n_noisy)]),
    )


def _draw_amounts(size: int, frames: int) -> Tensor:
    """`[size, frames, 1]`: 0, 1, or between; one in five changes from one value to another inside the crop."""
    draw = torch.rand(2, size)
    values = torch.where(draw < 0.25, 0.0, torch.where(draw < 0.85, 1.0, torch.rand(2, size)))
    change = torch.where(torch.rand(size) < 0.2, torch.randint(frames // 4, 3 * frames // 4, (size,)), frames)
    before = torch.arange(frames)[None] < change[:, None]
    return torch.where(before, values[0][:, None], values[1][:, None])[..., None]
