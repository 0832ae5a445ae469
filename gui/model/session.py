"""Everything the window shows, in one place: the open document, the settings, the player and what was heard."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lamina.dsp.levels import LevelMeter
from lamina.gui.model.document import Document
from lamina.gui.model.export import ExportJob, ExportState
from lamina.gui.model.observable import Observable
from lamina.gui.model.outputs import SILENT, Output, OutputList
from lamina.gui.model.parameters import ParameterValues
from lamina.gui.model.playback import HeardBlock
from lamina.gui.model.player import Player, PlayState
from lamina.gui.model.spectrogram import Spectrogram
from lamina.gui.model.usage import CodebookUsage
from lamina.plugin import NeuralCodec
from lamina.plugin.presets import Preset

SHORTEST_LOOP_SECONDS = 0.05


@dataclass(frozen=True)
class Notice:
    """Something to tell the user: a sentence, and whether it is a refusal."""

    text: str
    is_error: bool = False


class Session:
    """The app without its window.

    `changed` names what changed, in the app's thread: "document", "codec", "output", "loop", "preset", "export",
    "meters".
    `noticed` passes a `Notice`. `tick` moves what was heard into the views' models; call it some 30 times a second.
    """

    def __init__(self, player: Player | None = None) -> None:
        self.parameters = ParameterValues()
        self.player = player or Player()
        self.input_spectrogram = Spectrogram()
        self.output_spectrogram = Spectrogram()
        self.input_meter: LevelMeter | None = None
        self.output_meter: LevelMeter | None = None
        self.usage = CodebookUsage()
        self.document: Document | None = None
        self.codec: NeuralCodec | None = None
        self.outputs = OutputList((), "")
        self.output: Output = SILENT
        self.is_looping = False
        self.loop_seconds: tuple[float, float] | None = None
        self.preset_name = ""
        self.is_preset_edited = False
        self.export: ExportJob | None = None
        self.frame_seconds = 0.0
        self.changed: Observable[[str]] = Observable()
        self.noticed: Observable[[Notice]] = Observable()
        self._is_applying_preset = False
        self._export_told = True
        self.parameters.changed.subscribe(self._parameter_changed)

    # Documents and codec.

    def show(self, document: Document) -> None:
        """Makes `document` the open one, stopped at its beginning."""
        self.document = document
        self.loop_seconds = None
        self.player.load(document.clip.samples, document.clip.sample_rate)
        self._pass_loop()
        self._new_meters(document.n_channels, document.clip.sample_rate)
        self.input_spectrogram.clear()
        self.output_spectrogram.clear()
        self.usage.clear()
        self.changed.notify("document")

    def use_codec(self, codec: NeuralCodec) -> None:
        """Plays through `codec`, with the settings as they stand."""
        self.codec = codec
        self.parameters.attach(codec)
        config = codec.bundle.config
        self.usage = CodebookUsage(config.layers, config.codebook_size, config.sample_rate / config.frame)
        self.player.set_codec(codec)
        self.changed.notify("codec")

    @property
    def can_denoise(self) -> bool:
        """Whether the loaded bundle was trained with denoising."""
        return self.codec is not None and bool(self.codec.bundle.conditioned)

    def silence_reason(self) -> str:
        """Why the settings let nothing be heard, in a few words, or "" if they do."""
        values = self.parameters
        is_silent = values["noise_only"] and not values["bypass"] and values["denoise"] == 0 and values["mix"] == 1
        return "silent: noise only, and Denoise is at 0" if is_silent else ""

    def use_outputs(self, outputs: OutputList) -> None:
        """Takes a new list of outputs; stays on the current one if it is still there."""
        self.outputs = outputs
        self.choose_output(self.output if self.output in outputs.outputs else outputs.preferred)

    def choose_output(self, output: Output) -> None:
        """Plays to `output`."""
        if output != self.output:
            self.output = output
            self.player.set_output(output)
        self.changed.notify("output")

    # Transport.

    @property
    def can_play(self) -> bool:
        """Whether there is something to play and something to play it through."""
        return self.document is not None and self.codec is not None

    @property
    def is_playing(self) -> bool:
        """Whether sound is running."""
        return self.player.state is PlayState.PLAYING

    def seek(self, seconds: float) -> None:
        """Goes to a time in the document, clamped into it."""
        if self.document is not None:
            self.player.seek(min(max(0.0, seconds), self.document.seconds))

    def set_looping(self, is_looping: bool) -> None:
        """Repeats the loop region, or the whole document where there is none."""
        self.is_looping = is_looping
        self._pass_loop()

    def set_loop_region(self, first: float, second: float) -> None:
        """Marks a region between two times, in either order, and loops it; too short a one removes the mark."""
        if self.document is None:
            return
        start, stop = sorted(min(max(0.0, t), self.document.seconds) for t in (first, second))
        if stop - start < SHORTEST_LOOP_SECONDS:
            self.clear_loop_region()
            return
        self.loop_seconds = (start, stop)
        self.is_looping = True
        self._pass_loop()

    def enter_loop(self) -> None:
        """Goes to the marked region when playing elsewhere: whoever marks one wants to hear it."""
        if self.is_playing and self.loop_seconds is not None:
            start, stop = self.loop_seconds
            if not start <= self.player.position_seconds < stop:
                self.player.seek(start)

    def clear_loop_region(self) -> None:
        """Removes the mark; a running loop then repeats the whole document."""
        self.loop_seconds = None
        self._pass_loop()

    def _pass_loop(self) -> None:
        if self.document is not None:
            whole = (0.0, self.document.seconds)
            self.player.set_loop((self.loop_seconds or whole) if self.is_looping else None)
        self.changed.notify("loop")

    # Presets.

    def apply_preset(self, preset: Preset) -> None:
        """Sets what a preset names and returns everything else to its default, except a bypass it doesn't name."""
        settings = preset.settings()
        refusals = []
        self._is_applying_preset = True
        try:
            for name in self.parameters.parameters:
                if name != "bypass" or name in preset.parameters:
                    try:
                        self.parameters.set(name, settings.value(name))
                    except (ValueError, TypeError) as error:
                        refusals.append(str(error))
        finally:
            self._is_applying_preset = False
        if refusals:
            self.noticed.notify(Notice(f"Part of the preset {preset.title} was left out: {refusals[0]}", is_error=True))
        self.preset_name, self.is_preset_edited = preset.title, False
        self.changed.notify("preset")

    def _parameter_changed(self, _name: str, _value: object) -> None:
        if self.preset_name and not self._is_applying_preset and not self.is_preset_edited:
            self.is_preset_edited = True
            self.changed.notify("preset")

    # Export.

    def start_export(self, target: Path) -> bool:
        """Begins to render the document to `target` with the settings as they stand; False with a notice if that can't be."""
        if self.document is None or self.codec is None:
            self.noticed.notify(Notice("There is nothing to export yet; open a sound file first.", is_error=True))
            return False
        if self.is_exporting:
            self.noticed.notify(Notice("An export is already running; wait for it or cancel it first.", is_error=True))
            return False
        values, model = self.parameters.values(), self.codec.model

        def make_effect() -> NeuralCodec:
            effect = NeuralCodec(model=model)
            effect.set_parameters(values)
            return effect

        try:
            self.export = ExportJob(make_effect, self.document.path, target)
        except ValueError as error:
            self.noticed.notify(Notice(str(error), is_error=True))
            return False
        self._export_told = False
        self.export.start()
        self.changed.notify("export")
        return True

    def cancel_export(self) -> None:
        """Asks a running export to end."""
        if self.export is not None:
            self.export.cancel()

    @property
    def is_exporting(self) -> bool:
        """Whether an export is running."""
        return self.export is not None and self.export.state is ExportState.RUNNING

    # Motion.

    def tick(self, seconds: float) -> bool:
        """Feeds the views' models with what was heard; `seconds` since the last tick. True if anything moved."""
        blocks, sample_rate = self.player.heard()
        if blocks:
            self._take(blocks, sample_rate)
        elif self.input_meter is not None and self.output_meter is not None and not self.is_playing:
            self.input_meter.rest(seconds)
            self.output_meter.rest(seconds)
        trouble = self.player.take_trouble()
        if trouble:
            self.noticed.notify(Notice(trouble, is_error=True))
        if self.export is not None and not self._export_told and self.export.state is not ExportState.RUNNING:
            self._export_told = True
            self.changed.notify("export")
            self.noticed.notify(Notice(self.export.message, is_error=self.export.state is ExportState.FAILED))
        return bool(blocks)

    def _take(self, blocks: list[HeardBlock], sample_rate: int) -> None:
        if self.input_meter is None or self.output_meter is None or self.input_meter.sample_rate != sample_rate:
            self._new_meters(blocks[0].input.shape[0], sample_rate)
        assert self.input_meter is not None and self.output_meter is not None
        heard_input = np.concatenate([block.input for block in blocks], axis=1)
        heard_output = np.concatenate([block.output for block in blocks], axis=1)
        self.input_spectrogram.push(heard_input, sample_rate)
        self.output_spectrogram.push(heard_output, sample_rate)
        self.input_meter.push(heard_input)
        self.output_meter.push(heard_output)
        for report in (report for block in blocks for report in block.reports):
            self.usage.push(report)
            # A slow average: the figure shown must be readable.
            self.frame_seconds += 0.03 * (float(report.seconds) - self.frame_seconds)

    def _new_meters(self, n_channels: int, sample_rate: int) -> None:
        self.input_meter = LevelMeter(sample_rate, n_channels)
        self.output_meter = LevelMeter(sample_rate, n_channels)
        self.changed.notify("meters")

    def close(self) -> None:
        """Ends every thread the session started."""
        if self.export is not None:
            self.export.cancel()
            self.export.join()
        self.player.close()
