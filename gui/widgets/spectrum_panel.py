"""What goes in and what comes out, one above the other: spectrogram, level meter and figures of each."""

from PyQt6.QtWidgets import QHBoxLayout, QWidget

from lamina.dsp.levels import LevelMeter
from lamina.dsp.loudness import FLOOR_LUFS, LoudnessMeter
from lamina.gui import theme
from lamina.gui.model.spectrogram import SpectrogramRing
from lamina.gui.widgets.meter_view import MeterView, level_text
from lamina.gui.widgets.panel import Caption, Panel
from lamina.gui.widgets.spectrogram_view import ColourScale, SpectrogramView, TimeAxis

LEVELS_TIP = "Highest peak of the last moments and RMS in dBFS; loudness of the last 3 seconds in LUFS (ITU-R BS.1770)."


class SpectrumPanel(Panel):
    """Draws rings and meters; `refresh` takes over what came since the last time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.input_view = SpectrogramView("Input spectrogram", "Press Space to play")
        self.output_view = SpectrogramView("Output spectrogram")
        self.input_meter = MeterView("Input level", theme.DRY, theme.DRY_DEEP)
        self.output_meter = MeterView("Output level", theme.WET, theme.WET_DEEP)
        self.input_caption = Caption("Input", theme.DRY)
        self.output_caption = Caption("Output", theme.WET)
        for caption, view, meter in (
            (self.input_caption, self.input_view, self.input_meter),
            (self.output_caption, self.output_view, self.output_meter),
        ):
            caption.remark.setToolTip(LEVELS_TIP)
            self.content.addWidget(caption)
            row = QHBoxLayout()
            row.setSpacing(theme.MARGIN)
            row.addWidget(view, 1)
            row.addWidget(meter)
            self.content.addLayout(row, 1)
        foot = QHBoxLayout()
        foot.setSpacing(theme.MARGIN)
        foot.addWidget(TimeAxis(), 1)
        scale = ColourScale()
        scale.setFixedWidth(self.output_meter.width())
        foot.addWidget(scale)
        self.content.addLayout(foot)

    def show_rings(self, input_ring: SpectrogramRing, output_ring: SpectrogramRing) -> None:
        """Draws these spectrograms from now on."""
        self.input_view.show_ring(input_ring)
        self.output_view.show_ring(output_ring)

    def show_meters(self, input_meter: LevelMeter | None, output_meter: LevelMeter | None) -> None:
        """Draws these levels from now on."""
        self.input_meter.show_meter(input_meter)
        self.output_meter.show_meter(output_meter)

    def refresh(self) -> None:
        """One step of everything that moves."""
        for view in (self.input_view, self.output_view, self.input_meter, self.output_meter):
            view.refresh()

    def show_levels(self, input_loudness: LoudnessMeter | None, output_loudness: LoudnessMeter | None, silence: str) -> None:
        """Levels and loudness in figures; `silence` stands in their place if the settings let nothing be heard."""
        self.input_caption.remark.setText(_levels(self.input_meter, input_loudness))
        self.output_caption.remark.setText(silence or _levels(self.output_meter, output_loudness))

    def show_live(self, is_live: bool) -> None:
        """Says in the input's caption where the sound comes from."""
        self.input_caption.name.setText("Live" if is_live else "Input")


def _levels(view: MeterView, loudness: LoudnessMeter | None) -> str:
    lufs = loudness.short_term_lufs if loudness is not None else FLOOR_LUFS
    return f"{view.text()}   {level_text(lufs, FLOOR_LUFS)} LUFS"
