"""What a run writes for people: `log.jsonl`, and TensorBoard's scalars, spectrograms and sounds in `tensorboard/`."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lamina.models.network.network import CodecNetwork

log = logging.getLogger(__name__)

SHOWN_LAYERS = (4, 8, 24)
SPECTROGRAM_FFT = 512
SPECTROGRAM_FLOOR_DB = -80.0


class Monitor:
    """Writes into a run's folder. Without the package tensorboard only the log is written.

    Args:
        folder: of the run.
        examples: `[B, T · frame]`, sounds to hear the codec on.
    """

    def __init__(self, folder: Path, examples: Tensor) -> None:
        self.folder, self.examples = folder, examples
        self.writer = _tensorboard(folder / "tensorboard")

    def report(self, row: dict[str, float]) -> None:
        """One line of the log, and the scalars."""
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        shown = {name: value for name, value in row.items() if name not in ("steps", "seconds", "skipped")}
        log.info(
            "step %d, %.1f min, %s",
            row["steps"],
            row["seconds"] / 60,
            ", ".join(f"{k} {v:.4f}" for k, v in shown.items()),
        )
        if self.writer is not None:
            for name, value in shown.items():
                self.writer.add_scalar(name, value, int(row["steps"]))

    @torch.no_grad()
    def show(self, network: CodecNetwork, steps: int) -> None:
        """Sounds and spectrograms of the examples as they are and through the codec, for TensorBoard."""
        if self.writer is None:
            return
        rate = network.config.sample_rate
        training, network_device = network.training, next(network.parameters()).device
        network.eval()
        versions = {"original": self.examples}
        for layers in sorted({min(layers, network.config.layers) for layers in SHOWN_LAYERS}):
            coded = network(self.examples.to(network_device), torch.full((len(self.examples),), layers))
            versions[f"{layers} layers"] = coded.output.cpu()
        network.train(training)
        for name, sounds in versions.items():
            for index, sound in enumerate(sounds):
                self.writer.add_audio(f"example {index + 1}/{name}", sound.clamp(-1, 1)[None], steps, rate)
                self.writer.add_image(f"example {index + 1}/{name}", _spectrogram(sound), steps)
        self.writer.flush()

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()


def _spectrogram(sound: Tensor) -> Tensor:
    """`[samples]` → a grey image `[1, bins, frames]` in 0 … 1, low frequencies at the bottom."""
    window = torch.hann_window(SPECTROGRAM_FFT)
    spectrum = torch.stft(sound, SPECTROGRAM_FFT, SPECTROGRAM_FFT // 4, window=window, return_complex=True).abs()
    db = 20 * torch.log10(spectrum / (SPECTROGRAM_FFT / 4) + 1e-9)
    return (1 - db / SPECTROGRAM_FLOOR_DB).clamp(0, 1).flip(0)[None]


def _tensorboard(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        log.info("TensorBoard is not installed; the run writes log.jsonl only")
        return None
    return SummaryWriter(str(folder))
