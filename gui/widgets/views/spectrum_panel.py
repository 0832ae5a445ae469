"""What goes in and what comes out, one above or beside the other: spectrogram, level meter and figures of each."""

from PyQt6.QtCore import QSize
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from lamina.dsp.levels import LevelMeter
from lamina.dsp.loudness import FLOOR_LUFS, LoudnessMeter
from lamina.dsp.true_peak import FLOOR_DB
from lamina.gui.look import theme
from lamina.gui.model.sound.listening import Whole
from lamina.gui.model.sound.spectrogram import SpectrogramRing
from lamina.gui.widgets.controls.panel import Caption, Panel
from lamina.gui.widgets.views.meter_view import MeterView, level_text
from lamina.gui.widgets.views.spectrogram_view import ColourScale, SpectrogramView, TimeAxis

FLAT_BELOW, FLAT_WIDTH, LEAST_HEIGHT = 264, 300, 116
LEVELS_TIP = (
    "Highest peak of the last moments and RMS in dBFS; loudness of the last 3 seconds in LUFS (ITU-R BS.1770). At rest "
    "the highest true peak (dBTP) and the integrated loudness of all that was heard since the start."
)
INPUT_TIP = f"What reaches the codec: after the knob Input. {LEVELS_TIP}"


class SpectrumPanel(Panel):
    """Draws rings and meters; `refresh` takes over what came since the last time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.input_view = SpectrogramView("Input spectrogram", "in")
        self.output_view = SpectrogramView("Output spectrogram", "out")
        for view, other in ((self.input_view, self.output_view), (self.output_view, self.input_view)):
            view.compared = (self.input_view, self.output_view)
            view.hovered.connect(other.show_cross)
        self.input_meter = MeterView("Input level", theme.DRY, theme.DRY_DEEP)
        self.output_meter = MeterView("Output level", theme.WET, theme.WET_DEEP)
        self.input_caption = Caption("Input", theme.DRY)
        self.output_caption = Caption("Output", theme.WET)
        self.input_caption.remark.setToolTip(INPUT_TIP)
        self.output_caption.remark.setToolTip(LEVELS_TIP)
        self._source, self._gain_db = "Input", 0.0
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

    def show_marks(self, marks: list[tuple[int, str]]) -> None:
        """Draws marks in both pictures: how many columns ago, and their words."""
        self.input_view.show_marks(marks)
        self.output_view.show_marks(marks)

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
        pairs = ((self.input_meter, input_loudness), (self.output_meter, output_loudness))
        self._show_figures([_levels(meter, loudness) for meter, loudness in pairs], silence)

    def show_wholes(self, wholes: tuple[Whole, Whole], silence: str) -> None:
        """True peak and loudness of all that was heard since the start, in their place at rest."""
        self._show_figures([_whole(whole) for whole in wholes], silence)

    def _show_figures(self, figures: list[tuple[str, str]], silence: str) -> None:
        for caption, meter, (text, shorter), is_silent in (
            (self.input_caption, self.input_meter, figures[0], False),
            (self.output_caption, self.output_meter, figures[1], bool(silence)),
        ):
            if is_silent:
                caption.show_remark(silence)
                continue
            words = f"clipped   {text}" if meter.has_clipped else text
            caption.show_remark(words, meter.has_clipped, shorter)

    def show_input_gain(self, gain_db: float) -> None:
        """Says in the input's caption that what is shown is after a gain."""
        self._gain_db = gain_db
        self._show_source()

    def show_heard(self, word: str) -> None:
        """Says in the output's caption what is played, where it isn't what comes out of the codec as usual."""
        self.output_caption.show_name(f"Output · {word}" if word else "Output")

    def show_can_play(self, can_play: bool) -> None:
        """Says how to begin, once one can."""
        self.input_view.show_hint("Press Space to play" if can_play else "")

    def let_go_of_clips(self) -> None:
        """Puts the clip lights out."""
        for meter in (self.input_meter, self.output_meter):
            meter.let_go()

    def show_live(self, is_live: bool) -> None:
        """Says in the input's caption where the sound comes from."""
        self._source = "Live" if is_live else "Input"
        self._show_source()

    def _show_source(self) -> None:
        gain = f" {self._gain_db:+.1f} dB".replace("-", "\N{MINUS SIGN}") if round(self._gain_db, 1) else ""
        self.input_caption.show_name(f"{self._source}{gain}")


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


def _levels(view: MeterView, loudness: LoudnessMeter | None) -> tuple[str, str]:
    """The figures while something is heard, and fewer of them."""
    lufs = loudness.short_term_lufs if loudness is not None else FLOOR_LUFS
    words = f"{level_text(lufs, FLOOR_LUFS)} LUFS"
    return f"{view.text()}   {words}", words


def _whole(whole: Whole) -> tuple[str, str]:
    """The figures at rest, and fewer of them."""
    peak, lufs = f"{level_text(whole.peak_db, FLOOR_DB)} dBTP", f"{level_text(whole.lufs, FLOOR_LUFS)} LUFS"
    return f"max {peak}   {lufs} in all", lufs
