"""What goes in, what comes out and what differs, one above or beside the other: pictures, level meters, figures."""

from itertools import permutations

from PyQt6.QtCore import QSize
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from lamina.dsp.levels import LevelMeter
from lamina.dsp.loudness import FLOOR_LUFS, LoudnessMeter
from lamina.dsp.true_peak import FLOOR_DB
from lamina.gui.look import theme
from lamina.gui.model.sound.difference import lately_words
from lamina.gui.model.sound.listening import Whole
from lamina.gui.model.sound.pictures import DIFFERENCE, INPUT, OUTPUT, PICTURES, Pictures
from lamina.gui.model.sound.spectrogram import SpectrogramRing
from lamina.gui.widgets.controls.panel import Caption, Panel
from lamina.gui.widgets.views.difference_view import DifferenceKey, DifferenceView
from lamina.gui.widgets.views.meter_view import MeterView, level_text
from lamina.gui.widgets.views.picture_choice import PictureChoice
from lamina.gui.widgets.views.rolling_view import RollingView
from lamina.gui.widgets.views.spectrogram_view import ColourScale, SpectrogramView, TimeAxis

FLAT_WIDTH, LEAST_HEIGHT = 300, 116
FLAT_BELOW, FLAT_ROOM, LOW = 132, 200, 88
"""Pixels for each picture: of height, below which they stand side by side if there is so much width, and below which
they do so in any case.
"""

LEVELS_TIP = (
    "Highest peak of the last moments and RMS in dBFS; loudness of the last 3 seconds in LUFS (ITU-R BS.1770). At rest "
    "the highest true peak (dBTP) and the integrated loudness of all that was heard since the start."
)
INPUT_TIP = f"What reaches the codec: after the knob Input. {LEVELS_TIP}"


DIFFERENCE_TIP = (
    "How much louder or quieter came out than went in, at every frequency and moment. The figure: by how much that "
    "differs at all places of the last second on average, louder or quieter."
)


class SpectrumPanel(Panel):
    """Draws rings and meters; `refresh` takes over what came since the last time.

    `pictures` says which are shown.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pictures = Pictures()
        self.input_view = SpectrogramView("Input spectrogram", "in")
        self.output_view = SpectrogramView("Output spectrogram", "out")
        self.input_view.compared = self.output_view.compared = (self.input_view, self.output_view)
        self.difference_view = DifferenceView(self.input_view, self.output_view)
        self._views: tuple[RollingView, ...] = (self.input_view, self.output_view, self.difference_view)
        for view, other in permutations(self._views, 2):
            view.hovered.connect(other.show_cross)
        self.input_meter = MeterView("Input level", theme.DRY, theme.DRY_DEEP)
        self.output_meter = MeterView("Output level", theme.WET, theme.WET_DEEP)
        self.input_caption = Caption("Input", theme.DRY)
        self.output_caption = Caption("Output", theme.WET)
        self.difference_caption = Caption("Difference", theme.MUTED)
        self.input_caption.remark.setToolTip(INPUT_TIP)
        self.output_caption.remark.setToolTip(LEVELS_TIP)
        self.difference_caption.remark.setToolTip(DIFFERENCE_TIP)
        self.choice = PictureChoice()
        self.choice.pressed.connect(self.pictures.toggle)
        self._source, self._gain_db, self._hint = "Input", 0.0, ""
        self._lanes = {
            INPUT: _Lane(self.input_caption, self.input_view, self.input_meter),
            OUTPUT: _Lane(self.output_caption, self.output_view, self.output_meter),
            DIFFERENCE: _Lane(self.difference_caption, self.difference_view, DifferenceKey()),
        }
        self._grid = QGridLayout()
        self._grid.setSpacing(theme.GAP)
        self._grid.setHorizontalSpacing(2 * theme.MARGIN)
        self.content.addLayout(self._grid)
        self.is_flat = False
        self.pictures.changed.subscribe(self._show_pictures)
        self._show_pictures(self.pictures.shown)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        if self._should_be_flat() != self.is_flat:
            self._arrange()

    def minimumSizeHint(self) -> QSize:
        return QSize(FLAT_WIDTH, LEAST_HEIGHT)

    def _should_be_flat(self) -> bool:
        # One above the other shows times that belong together; where that leaves too little height, side by side shows
        # more.
        n_shown = len(self.pictures.shown)
        has_room = self.width() >= FLAT_ROOM * n_shown
        return n_shown > 1 and self.height() < n_shown * (FLAT_BELOW if has_room else LOW)

    def _show_pictures(self, shown: tuple[str, ...]) -> None:
        self.choice.show_shown(shown)
        self._arrange()
        self._show_hint()
        # What was hidden has missed columns.
        self.refresh()

    def _arrange(self) -> None:
        shown, self.is_flat = self.pictures.shown, self._should_be_flat()
        for lane in self._lanes.values():
            for part in lane.parts:
                self._grid.removeWidget(part)
        for index, name in enumerate(shown):
            lane = self._lanes[name]
            top, column = (0, index) if self.is_flat else (2 * index, 0)
            self._grid.addWidget(lane.head, top, column)
            self._grid.addWidget(lane.row, top + 1, column)
            # One axis serves all that stand above each other.
            self._grid.addWidget(lane.foot, 2 if self.is_flat else 2 * len(shown), column)
        for name, lane in self._lanes.items():
            lane.head.setVisible(name in shown)
            lane.row.setVisible(name in shown)
            lane.foot.setVisible(name in shown and (self.is_flat or name == shown[-1]))
            is_of_levels = name != DIFFERENCE if self.is_flat else shown != (DIFFERENCE,)
            lane.scale.setVisible(is_of_levels)
        is_narrow = self.is_flat and len(shown) > 2
        self.difference_caption.show_name("Diff" if is_narrow else "Difference")
        # At the upper right; side by side, where the caption leaves most room.
        self._lanes[DIFFERENCE if self.is_flat and DIFFERENCE in shown else shown[0]].seat(self.choice)
        for row_index in range(2 * len(self._lanes) + 1):
            is_picture = row_index == 1 if self.is_flat else row_index % 2 == 1 and row_index < 2 * len(shown)
            self._grid.setRowStretch(row_index, int(is_picture))
        for column in range(len(self._lanes)):
            self._grid.setColumnStretch(column, int(column < len(shown) if self.is_flat else column == 0))

    def show_rings(self, input_ring: SpectrogramRing, output_ring: SpectrogramRing) -> None:
        """Draws these spectrograms from now on."""
        self.input_view.show_ring(input_ring)
        self.output_view.show_ring(output_ring)
        self.difference_view.show_rings()

    def show_meters(self, input_meter: LevelMeter | None, output_meter: LevelMeter | None) -> None:
        """Draws these levels from now on."""
        self.input_meter.show_meter(input_meter)
        self.output_meter.show_meter(output_meter)

    def show_marks(self, marks: list[tuple[int, str]]) -> None:
        """Draws marks in all pictures: how many columns ago, and their words."""
        for view in self._views:
            view.show_marks(marks)

    def show_codec_end(self, end_hz: float) -> None:
        """Draws where the codec's band ends, in Hz, in all pictures."""
        for view in self._views:
            view.show_codec_end(end_hz)

    def refresh(self) -> None:
        """One step of everything that moves."""
        for name, view in zip(PICTURES, self._views, strict=True):
            if name in self.pictures.shown:
                view.refresh()
        # A clip light is lit wherever it is.
        self.input_meter.refresh()
        self.output_meter.refresh()

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

    def tell_difference(self) -> None:
        """The figure of what differs, as it is now; called more rarely, so that it can be read."""
        if DIFFERENCE in self.pictures.shown:
            lately_db = self.difference_view.difference.lately_db()
            self.difference_caption.show_remark(lately_words(lately_db), shorter=lately_words(lately_db, is_short=True))

    def show_input_gain(self, gain_db: float) -> None:
        """Says in the input's caption that what is shown is after a gain."""
        self._gain_db = gain_db
        self._show_source()

    def show_heard(self, word: str) -> None:
        """Says in the output's caption what is played, where it isn't what comes out of the codec as usual."""
        self.output_caption.show_name(f"Output · {word}" if word else "Output")

    def show_can_play(self, can_play: bool) -> None:
        """Says how to begin, once one can."""
        self._hint = "Press Space to play" if can_play else ""
        self._show_hint()

    def _show_hint(self) -> None:
        # Once is enough: in the picture at the top.
        for name, view in zip(PICTURES, self._views, strict=True):
            view.show_hint(self._hint if name == self.pictures.shown[0] else "")

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


class _Lane:
    """One picture: its `head` with the caption, the `row` of it and what stands beside it, and its `foot`."""

    def __init__(self, caption: Caption, view: QWidget, beside: QWidget) -> None:
        self.head = QWidget()
        self._head = QHBoxLayout(self.head)
        self._head.setContentsMargins(0, 0, 0, 0)
        self._head.setSpacing(theme.MARGIN)
        self._head.addWidget(caption, 1)
        self.row = _side_by_side(view, beside)
        self.scale = ColourScale()
        self.scale.setFixedWidth(beside.width())
        policy = self.scale.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.scale.setSizePolicy(policy)
        self.foot = _side_by_side(TimeAxis(), self.scale)
        self.parts = (self.head, self.row, self.foot)

    def seat(self, choice: QWidget) -> None:
        """Takes the buttons into the head, from wherever they were."""
        self._head.addWidget(choice)
        choice.show()


def _side_by_side(view: QWidget, beside: QWidget) -> QWidget:
    lane = QWidget()
    row = QHBoxLayout(lane)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(theme.MARGIN)
    row.addWidget(view, 1)
    row.addWidget(beside)
    return lane


def _levels(view: MeterView, loudness: LoudnessMeter | None) -> tuple[str, str]:
    """The figures while something is heard, and fewer of them."""
    lufs = loudness.short_term_lufs if loudness is not None else FLOOR_LUFS
    words = f"{level_text(lufs, FLOOR_LUFS)} LUFS"
    return f"{view.text()}   {words}", words


def _whole(whole: Whole) -> tuple[str, str]:
    """The figures at rest, and fewer of them."""
    peak, lufs = f"{level_text(whole.peak_db, FLOOR_DB)} dBTP", f"{level_text(whole.lufs, FLOOR_LUFS)} LUFS"
    return f"max {peak}   {lufs} in all", lufs
