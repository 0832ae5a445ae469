"""Networks and data small enough to train in a test."""

from __future__ import annotations

import numpy as np

from lamina.models.config import CodecConfig, MemoryConfig, TransformConfig
from lamina.models.training.data.corpus import Augmentation, Clip, Corpus
from lamina.models.training.plan import TrainingPlan

TOY = CodecConfig(
    latent=12,
    code_width=4,
    layers=3,
    codebook_size=16,
    transform=TransformConfig(width=16, encoder_blocks=1, decoder_blocks=1),
)

TOY_WITH_MEMORY = CodecConfig(
    latent=12,
    code_width=4,
    layers=6,
    codebook_size=64,
    transform=TransformConfig(width=16, encoder_blocks=1, decoder_blocks=1),
    memory=MemoryConfig(
        past=960,
        fine_lags=16,
        coarse_lags=16,
        history=2,
        loop_layers=4,
        from_layers=3,
        width=16,
        predictor_blocks=1,
        sketch_blocks=1,
    ),
)


def toy_corpus(seed: int = 0, kinds: tuple[str, ...] = ("all",)) -> Corpus:
    """Two seconds of chords with rhythm for each kind, noise for the kind "noise"."""
    random = np.random.default_rng(5)
    seconds = np.arange(48_000) / 24_000
    clips = []
    for kind in kinds:
        tones = sum(
            np.sin(2 * np.pi * pitch * seconds + phase) for pitch, phase in random.uniform((80, 0), (1500, 6), (6, 2))
        )
        sound = (
            random.standard_normal(len(seconds)) * 0.1
            if kind == "noise"
            else 0.1 * tones * (1.2 + np.sin(2 * np.pi * 3 * seconds))
        )
        clips.append(Clip((np.clip(sound, -1, 1) * 32767).astype(np.int16), kind))
    return Corpus(clips, seed, Augmentation(keep_silent=1.0))


def toy_plan(**changes: object) -> TrainingPlan:
    """Ten steps, not ended by the clock, without refits."""
    fields: dict[str, object] = {
        "minutes": 1e9,
        "max_steps": 10,
        "batch": 2,
        "crop_frames": 12,
        "refits": (),
        "refit_steps": 1,
    }
    return TrainingPlan(**{**fields, "refit_frames": 200, **changes})  # type: ignore[arg-type]
