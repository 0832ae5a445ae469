"""Figures of the slots beside the original: taken beside the app, one after another, and remembered."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from lamina.gui.model.listening.comparing import Comparing
from lamina.gui.model.listening.recipe import FloatArray, Made
from lamina.gui.model.listening.slots import Slot
from lamina.gui.model.session import Notice, Session
from lamina.gui.model.values.observable import Observable
from lamina.gui.model.work import Work
from lamina.plugin.metrics import METRICS, Metric, measure
from lamina.plugin.metrics.remembered import ScoreStore

PATIENCE_SECONDS = 1.0


@dataclass
class _Figures:
    """What was measured of a slot's sound; another sound in the slot has none of it."""

    original: Made
    made: Made
    values: dict[str, float] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)


class Measuring:
    """Measures the slots of a `Comparing` as they were made, before any gain; `changed` tells that a figure is there.

    Args:
        session: through which what goes wrong is told.
        comparing: whose slots.
        store: makes the memory of what was measured, on the thread that measures.
    """

    def __init__(self, session: Session, comparing: Comparing, store: type[ScoreStore] = ScoreStore) -> None:
        self.changed: Observable[[]] = Observable()
        self.n_done = self.n_wanted = 0
        self._session, self._comparing = session, comparing
        self._make_store = store
        self._store: ScoreStore | None = None
        self._figures: dict[Slot, _Figures] = {}
        self._work = Work("figures")
        self._n_runs = 0

    @property
    def metrics(self) -> list[Metric]:
        """The measures there are, those that lack something here too."""
        return list(METRICS.values())

    @property
    def is_busy(self) -> bool:
        """Whether something is being measured."""
        return self.n_done < self.n_wanted

    def start(self) -> None:
        """Measure what of the slots isn't measured yet."""
        if self.is_busy:
            return
        slots = self._comparing.slots
        original = slots[0].made if slots else None
        document = self._session.document
        if original is None or document is None:
            return
        rate = document.clip.sample_rate
        # Slots that are gone, or were made anew, take their figures with them.
        self._figures = {slot: known for slot in slots if (known := self._of(slot)) is not None}
        wanted = []
        for slot in slots[1:]:
            if slot.made is not None:
                figures = self._figures.setdefault(slot, _Figures(original, slot.made))
                figures.troubles.clear()
                wanted += [
                    (figures, metric)
                    for metric in self.metrics
                    if metric.missing() is None and metric.key not in figures.values
                ]
        # Measure by measure: the quick ones of all slots are there before the slow ones.
        wanted.sort(key=lambda pair: _SLOW.get(pair[1].key, 0))
        self._n_runs += 1
        number = self._n_runs
        self.n_done, self.n_wanted = 0, len(wanted)
        for figures, metric in wanted:
            self._ask(number, figures, metric, rate)
        if wanted:
            self._work.run(self._close_store, lambda _done: None, self._refuse)
        self.changed.notify()

    def cancel(self) -> None:
        """Measure no further; what is measured stays."""
        self._n_runs += 1
        self.n_done = self.n_wanted = 0
        self.changed.notify()

    def value(self, index: int, metric: Metric) -> float | None:
        """A slot's figure: NaN where the measure has none; None as long as it isn't measured."""
        figures = self._of(self._comparing.slots[index])
        return figures.values.get(metric.key) if figures is not None else None

    def trouble(self, index: int, metric: Metric) -> str:
        """Why there is no figure, in a sentence; empty where there is nothing to say."""
        if lacking := metric.missing():
            return lacking
        figures = self._of(self._comparing.slots[index])
        if figures is None:
            return ""
        if metric.key in figures.troubles:
            return figures.troubles[metric.key]
        if math.isnan(figures.values.get(metric.key, 0.0)):
            return f"{metric.title} has no figure here: the sound is silent, too short, or nothing it was made for."
        return ""

    def tick(self) -> None:
        """Take in what was measured."""
        self._work.deliver()

    def close(self) -> None:
        """End it; the measure that is being taken is waited for, but not for long: some take half a minute."""
        self._n_runs += 1
        self._work.close(PATIENCE_SECONDS)

    def _ask(self, number: int, figures: _Figures, metric: Metric, rate: int) -> None:
        original, made = figures.original.samples, figures.made.samples

        def job() -> float | None:
            if number != self._n_runs or self._work.is_closed:
                return None
            try:
                return self._measured(original, made, rate, metric)
            finally:
                self._close_store_if_it_is_over()

        def done(value: float | None) -> None:
            if number != self._n_runs or value is None:
                return
            figures.values[metric.key] = value
            self._count()

        def failed(error: Exception) -> None:
            if number == self._n_runs:
                figures.troubles[metric.key] = f"{metric.title} can't be taken: {error}"
                self._count()

        self._work.run(job, done, failed)

    def _measured(self, original: FloatArray, made: FloatArray, rate: int, metric: Metric) -> float:
        if self._store is None:
            self._store = self._make_store()
        return measure(original, made, rate, [metric.key], self._store)[metric.key]

    def _close_store_if_it_is_over(self) -> None:
        if self._work.is_closed:
            self._close_store()

    def _close_store(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def _count(self) -> None:
        self.n_done += 1
        self.changed.notify()

    def _of(self, slot: Slot) -> _Figures | None:
        figures = self._figures.get(slot)
        slots = self._comparing.slots
        if figures is None or figures.made is not slot.made or not slots or figures.original is not slots[0].made:
            return None
        return figures

    def _refuse(self, error: Exception) -> None:
        self._session.noticed.notify(Notice(str(error), is_error=True))


_SLOW = {"estoi": 1, "pesq": 1, "dnsmos": 2, "visqol_speech": 3, "visqol": 4}
"""Which measures take longer than others: more is longer."""
