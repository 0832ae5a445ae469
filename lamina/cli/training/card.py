"""The model card that `lamina train` writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lamina.models.training.data.corpus import Corpus

DENOISE_NOTES = {
    "trained": "Denoise was trained with the noise in this data.",
    "kept": "Denoise comes from the model it started from. There was no noise in this data, so it was left alone while "
    "the rest of "
    "the network moved on, and may have become weaker.",
    "none": "Denoise was not trained: there was no noise in the data (a folder `noise`), or nothing else.",
}


def model_card(name: str, sources: list[Path], corpus: Corpus, training: dict[str, Any]) -> str:
    """Describe a model in Markdown: how it was trained, what on, and what it can't do.

    `training` is what the bundle records.
    """
    listed = "\n".join(f"- `{source.resolve().name}`" for source in sources)
    kinds = "\n".join(
        f"- {kind}: {len(lengths)} clips, {sum(lengths) / corpus.sample_rate / 3600:.2f} h"
        for kind in sorted({clip.kind for clip in corpus.clips})
        if (lengths := [len(clip.audio) for clip in corpus.clips if clip.kind == kind])
    )
    return (
        f"# {name}\n\nA model of your own, made by `lamina train`: {training['steps']} steps in {training['hours']} h, "
        f"{training['audio_hours']} h of sound drawn, started from {training['started_from']}.\n\n"
        f"## Data\n\n{training['data_clips']} clips, {training['data_hours']:.2f} h in all, from\n\n{listed}\n\nby "
        f"kind:\n\n{kinds}\n\n"
        f"## Denoise\n\n{DENOISE_NOTES[training['denoise']]}\n"
    )
