"""What was heard, as the views show it: spectrograms, meters, codebook usage and the figures of the status line."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lamina.dsp.loudness import FLOOR_LUFS
from lamina.dsp.true_peak import FLOOR_DB, TruePeakMeter
from lamina.gui.model.sound.entropy import CodeEntropy
from lamina.gui.model.sound.marks import Marks
from lamina.gui.model.sound.spectrogram import Spectrogram
from lamina.gui.model.sound.token_roll import TokenRoll, ranks_of
from lamina.gui.model.sound.usage import CodebookUsage
from lamina.plugin import NeuralCodec
from lamina.plugin.host.client.live_meters import Figures, LiveMeters
from lamina.plugin.host.wire.telemetry import Heard

INAUDIBLE = 1e-5  # −100 dBFS: below the spectrograms' darkest colour


@dataclass(frozen=True)
class Whole:
    """What a whole sound was: its highest true peak in dBTP, and its integrated loudness in LUFS."""

    peak_db: float
    lufs: float

    @property
    def is_silent(self) -> bool:
        """Whether nothing was heard."""
        return self.peak_db <= FLOOR_DB


class Listening:
    """Fed with what the engine's telemetry brings.

    `input_peak` and `output_peak` are the true peaks of all since the start.
    """

    def __init__(self) -> None:
        self.meters = LiveMeters()
        self.input_peak, self.output_peak = TruePeakMeter(1), TruePeakMeter(1)
        self.input_spectrogram = Spectrogram()
        self.output_spectrogram = Spectrogram()
        self.usage, self.entropy, self.roll = CodebookUsage(), CodeEntropy(), TokenRoll()
        self.marks = Marks()

    def take(self, heard: Heard, is_running: bool, seconds: float, input_gain_db: float = 0.0) -> bool:
        """Takes in what was heard in the last `seconds`; True if the meters are new ones.

        input_gain_db: what the input is changed by before it reaches the codec, which is what is shown of it.
        is_running: whether a source runs. While none does, the pictures stand still once everything has rung out.
        """
        if not heard.output.shape[1]:
            self.meters.rest(seconds)
            return False
        if input_gain_db:
            heard = replace(heard, input=heard.input * np.float32(10.0 ** (input_gain_db / 20.0)))
        is_new = self.meters.push(heard)
        if is_new:
            self.input_peak, self.output_peak = (TruePeakMeter(len(heard.output)) for _ in range(2))
        self.input_peak.push(heard.input)
        self.output_peak.push(heard.output)
        if is_running or max(float(np.abs(sound).max()) for sound in (heard.input, heard.output)) > INAUDIBLE:
            self.input_spectrogram.push(heard.input, heard.sample_rate)
            self.output_spectrogram.push(heard.output, heard.sample_rate)
            for report in heard.frames:
                self.roll.push(report, self.entropy.surprise(report.codes))
                self.usage.push(report)
                self.entropy.push(report)
            self.roll.keep_step(self.output_spectrogram.ring.n_columns)
        return is_new

    def use_codec(self, codec: NeuralCodec) -> None:
        """Counts the codes of another model from now on."""
        config = codec.bundle.config
        shape = config.layers, config.codebook_size, config.sample_rate / config.frame
        self.usage, self.entropy, self.roll = (
            CodebookUsage(*shape),
            CodeEntropy(*shape),
            TokenRoll(*shape, ranks_of(codec.bundle)),
        )

    def mark(self, kind: str, text: str) -> None:
        """Marks what is heard now."""
        self.marks.add(kind, text, self.output_spectrogram.ring.n_columns)

    def begin_whole(self) -> None:
        """What is heard from now on is what loudness and true peak of the whole are of."""
        self.input_peak.reset()
        self.output_peak.reset()
        for loudness in (self.meters.input_loudness, self.meters.output_loudness):
            if loudness is not None:
                loudness.begin_whole()

    def wholes(self) -> tuple[Whole, Whole]:
        """True peak and loudness of all that went in and came out since the start."""
        meters = self.meters
        pairs = ((self.input_peak, meters.input_loudness), (self.output_peak, meters.output_loudness))
        made = [Whole(peak.peak_db, loudness.whole_lufs if loudness else FLOOR_LUFS) for peak, loudness in pairs]
        return made[0], made[1]

    def clear(self) -> None:
        """Empties the pictures, as for a new file."""
        self.input_spectrogram.clear()
        self.output_spectrogram.clear()
        self.usage.clear()
        self.entropy.clear()
        self.roll.clear()
        self.marks.clear()


def figures_text(figures: Figures) -> tuple[str, str]:
    """The status line's figures and what they mean, or nothing before the first sound."""
    if not figures.block_ms:
        return "", ""
    late = f"   {figures.n_late} late" if figures.n_late else ""
    text = f"load {100 * figures.load:.0f} %   delay {figures.latency_ms:.0f} ms{late}"
    worst = (
        f"{figures.p50_ms:.1f} ms usually, {figures.p99_ms:.1f} ms at most in 99 of 100, {figures.worst_ms:.1f} ms "
        "at worst"
    )
    rows = (
        (
            "Load",
            f"a block lasts {figures.block_ms:.1f} ms and takes {worst}: {100 * figures.load:.0f} % of the time",
        ),
        (
            "Delay",
            f"{figures.latency_ms:.0f} ms from input to output; {figures.margin_ms:.0f} ms of it are the safety margin",
        ),
        ("Processor", f"the audio engine uses {100 * figures.processor:.0f} % of one core"),
        (
            "Late",
            f"{figures.n_late} times since the start, {1000 * figures.late_seconds:.0f} ms together; what comes late "
            "is faded",
        ),
    )
    return text, "".join(f"<p><b>{name}</b>: {words}.</p>" for name, words in rows)
