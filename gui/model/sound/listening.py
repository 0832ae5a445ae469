"""What was heard, as the views show it: spectrograms, meters, codebook usage and the figures of the status line."""

from __future__ import annotations

import numpy as np

from lamina.gui.model.sound.spectrogram import Spectrogram
from lamina.gui.model.sound.usage import CodebookUsage
from lamina.plugin import NeuralCodec
from lamina.plugin.host.client.live_meters import Figures, LiveMeters
from lamina.plugin.host.wire.telemetry import Heard

INAUDIBLE = 1e-5  # −100 dBFS: below the spectrograms' darkest colour


class Listening:
    """Fed with what the engine's telemetry brings."""

    def __init__(self) -> None:
        self.meters = LiveMeters()
        self.input_spectrogram = Spectrogram()
        self.output_spectrogram = Spectrogram()
        self.usage = CodebookUsage()

    def take(self, heard: Heard, is_running: bool, seconds: float) -> bool:
        """Takes in what was heard in the last `seconds`; True if the meters are new ones.

        is_running: whether a source runs. While none does, the pictures stand still once everything has rung out.
        """
        if not heard.output.shape[1]:
            self.meters.rest(seconds)
            return False
        is_new = self.meters.push(heard)
        if is_running or max(float(np.abs(sound).max()) for sound in (heard.input, heard.output)) > INAUDIBLE:
            self.input_spectrogram.push(heard.input, heard.sample_rate)
            self.output_spectrogram.push(heard.output, heard.sample_rate)
            for report in heard.frames:
                self.usage.push(report)
        return is_new

    def use_codec(self, codec: NeuralCodec) -> None:
        """Counts the codes of another model from now on."""
        config = codec.bundle.config
        self.usage = CodebookUsage(config.layers, config.codebook_size, config.sample_rate / config.frame)

    def clear(self) -> None:
        """Empties the pictures, as for a new file."""
        self.input_spectrogram.clear()
        self.output_spectrogram.clear()
        self.usage.clear()


def figures_text(figures: Figures) -> tuple[str, str]:
    """The status line's figures and what they mean, or nothing before the first sound."""
    if not figures.block_ms:
        return "", ""
    late = f"   {figures.n_late} late" if figures.n_late else ""
    computing = f"{figures.p50_ms:.1f} of {figures.block_ms:.1f} ms"
    text = f"{computing}   delay {figures.latency_ms:.0f} ms   CPU {100 * figures.processor:.0f} %{late}"
    worst = (
        f"{figures.p50_ms:.1f} ms usually, {figures.p99_ms:.1f} ms at most in 99 of 100, {figures.worst_ms:.1f} ms "
        "at worst"
    )
    rows = (
        (
            "Computing",
            f"a block lasts {figures.block_ms:.1f} ms and takes {worst}: {100 * figures.load:.0f} % of the time",
        ),
        (
            "Delay",
            f"{figures.latency_ms:.0f} ms from input to output; {figures.margin_ms:.0f} ms of it are the safety margin",
        ),
        ("CPU", "share of one processor core that the audio engine uses"),
        (
            "Late",
            f"{figures.n_late} times since the start, {1000 * figures.late_seconds:.0f} ms together; what comes late "
            "is faded",
        ),
    )
    return text, "".join(f"<p><b>{name}</b>: {words}.</p>" for name, words in rows)
