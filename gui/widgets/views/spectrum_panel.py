"""What goes in and what comes out, one above or beside the other: spectrogram, level meter and figures of each."""

from PyQt6.QtCore import QSize
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from lamina.dsp.levels import LevelMeter
from lamina.dsp.loudness import FLOOR_LUFS, LoudnessMeter
from lamina.gui.look import theme
from lamina.gui.model.sound.spectrogram import SpectrogramRing
from lamina.gui.widgets.controls.panel import Caption, Panel
from lamina.gui.widgets.views.meter_view import MeterView, level_text
from lamina.gui.widgets.views.spectrogram_view import ColourScale, SpectrogramView, TimeAxis

FLAT_BELOW, FLAT_WIDTH, LEAST_HEIGHT = 264, 300, 116
LEVELS_TIP = "Highest peak of the last moments and RMS in dBFS; loudness of the last 3 seconds in LUFS (ITU-R BS.1770)."


class SpectrumPanel(Panel):
    """Draws rings and meters; `refresh` takes over what came since the last time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.input_view = SpectrogramView("Input spectrogram")
        self.output_view = SpectrogramView("Output spectrogram")
        self.input_meter = MeterView("Input level", theme.DRY, theme.DRY_DEEP)
        self.output_meter = MeterView("Output level", theme.WET, theme.WET_DEEP)
        self.input_caption = Caption("Input", theme.DRY)
        self.output_caption = Caption("Output", theme.WET)
        for caption in (self.input_caption, self.output_caption):
            caption.remark.setToolTip(LEVELS_TIP)
        lanes = (
            (self.input_caption, self.input_view, self.input_meter),
            (self.output_caption, self.output_view, self.output_meter),
        )
        self._lanes = tuple((caption, _side_by_side(view, meter), _foot(meter)) for caption, view, meter in lanes)
        self._grid = QGridLayout()
        self._grid.setSpacing(theme.GAP)
        self._grid.setHorizontalSpacing(2 * theme.MARGIN)
        self.content.addLayout(self._grid)
        self.is_flat: bool | None = None
        self._arrange(is_flat=False)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        # One above the other shows times that belong together; where that leaves too little height, side by side shows
        # more.
        self._arrange(is_flat=self.height() < FLAT_BELOW)

    def minimumSizeHint(self) -> QSize:
        return QSize(FLAT_WIDTH, LEAST_HEIGHT)

    def _arrange(self, is_flat: bool) -> None:
        if is_flat == self.is_flat:
            return
        self.is_flat = is_flat
        for index, (caption, row, foot) in enumerate(self._lanes):
            for widget in (caption, row, foot):
                self._grid.removeWidget(widget)
            top, column = (0, index) if is_flat else (2 * index, 0)
            self._grid.addWidget(caption, top, column)
            self._grid.addWidget(row, top + 1, column)
            # One axis serves both that stand above each other.
            self._grid.addWidget(foot, 2 if is_flat else 4, column)
            foot.setVisible(is_flat or index == 1)
        for row_index in range(5):
            self._grid.setRowStretch(row_index, int(row_index in ((1,) if is_flat else (1, 3))))
        self._grid.setColumnStretch(1, int(is_flat))
        self._grid.setColumnStretch(0, 1)

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

    def show_levels(
        self, input_loudness: LoudnessMeter | None, output_loudness: LoudnessMeter | None, silence: str
    ) -> None:
        """Levels and loudness in figures, as an alert where they clipped.

        `silence` stands in their place if the settings let nothing be heard.
        """
        self.input_caption.show_remark(_levels(self.input_meter, input_loudness), self.input_meter.has_clipped)
        self.output_caption.show_remark(
            silence or _levels(self.output_meter, output_loudness), self.output_meter.has_clipped and not silence
        )

    def show_heard(self, word: str) -> None:
        """Says in the output's caption what is played, where it isn't what comes out of the codec as usual."""
        self.output_caption.name.setText(f"Output · {word}" if word else "Output")

    def show_can_play(self, can_play: bool) -> None:
        """Says how to begin, once one can."""
        self.input_view.show_hint("Press Space to play" if can_play else "")

    def let_go_of_clips(self) -> None:
        """Puts the clip lights out."""
        for meter in (self.input_meter, self.output_meter):
            meter.let_go()

    def show_live(self, is_live: bool) -> None:
        """Says in the input's caption where the sound comes from."""
        self.input_caption.name.setText("Live" if is_live else "Input")


def _side_by_side(view: QWidget, meter: QWidget) -> QWidget:
    lane = QWidget()
    row = QHBoxLayout(lane)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(theme.MARGIN)
    row.addWidget(view, 1)
    row.addWidget(meter)
    return lane


def _foot(meter: QWidget) -> QWidget:
    scale = ColourScale()
    scale.setFixedWidth(meter.width())
    return _side_by_side(TimeAxis(), scale)


def _levels(view: MeterView, loudness: LoudnessMeter | None) -> str:
    lufs = loudness.short_term_lufs if loudness is not None else FLOOR_LUFS
    clipped = "clipped   " if view.has_clipped else ""
    return f"{clipped}{view.text()}   {level_text(lufs, FLOOR_LUFS)} LUFS"
