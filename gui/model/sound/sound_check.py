"""What one tries before playing: the test tone, the parts of the delay, the safety margin, and the true round trip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lamina.gui.model.values.answers import Answers
from lamina.plugin.host.client.live_engine import LiveEngine


class SoundCheck:
    """Asks the engine and keeps its answers. `changed` is called when one has come.

    is_tone_on: whether the test tone sounds.
    latency: what sound waits for on its way: (name, seconds); empty before any sound runs.
    round_trip: what the last measurement brought, in words.
    is_measuring: whether one is under way.
    """

    def __init__(self, engine: LiveEngine, answers: Answers, changed: Callable[[], object]) -> None:
        self.is_tone_on = False
        self.latency: tuple[tuple[str, float], ...] = ()
        self.round_trip = ""
        self.is_measuring = False
        self._engine, self._answers, self._changed = engine, answers, changed
        self._is_asking = False

    def set_tone(self, is_on: bool) -> None:
        """Let the test tone sound, or no longer."""
        if is_on != self.is_tone_on:
            self.is_tone_on = is_on
            self._answers.expect(self._engine.set_tone(is_on), failed=self._no_tone)
            self._changed()

    def ask_latency(self) -> None:
        """Have `latency` renewed."""
        if not self._is_asking:
            self._is_asking = True
            self._answers.expect(self._engine.latency(), self._latency_came, lambda _sentence: self._latency_came([]))

    def shrink_margin(self) -> None:
        """Give one codec frame of the safety margin back."""
        self._answers.expect(self._engine.shrink_margin(), lambda _result: self.ask_latency())

    def measure(self) -> None:
        """Measure the round trip from output to input; takes two seconds, during which nothing else is heard."""
        if not self.is_measuring:
            self.is_measuring, self.round_trip = True, "Measuring: short sweeps go out and are listened for…"
            self._answers.expect(self._engine.calibrate(), self._measured, self._not_measured)
            self._changed()

    def let_go(self) -> None:
        """The engine is no more."""
        self.is_tone_on = self.is_measuring = self._is_asking = False
        self.latency = ()
        self._changed()

    def _no_tone(self, sentence: str) -> None:
        if sentence:
            self.is_tone_on = False
            self._changed()
            self._answers.refused(sentence)

    def _latency_came(self, parts: list[list[Any]]) -> None:
        self._is_asking = False
        self.latency = tuple((str(name), float(seconds)) for name, seconds in parts)
        self._changed()

    def _measured(self, trip: dict[str, Any]) -> None:
        rate = trip["sample_rate"]
        total, device, own, board = (
            1000 * trip[f"{part}_samples"] / rate for part in ("round_trip", "device", "buffer_and_margin", "board")
        )
        self.is_measuring = False
        self.round_trip = (
            f"Round trip {total:.1f} ms ({trip['round_trip_samples']} samples at {rate / 1000:g} kHz): devices "
            f"{device:.1f} ms, "
            f"buffer and margin {own:.1f} ms, effects {board:.1f} ms."
        )
        self._changed()

    def _not_measured(self, sentence: str) -> None:
        self.is_measuring = False
        self.round_trip = sentence or "The audio engine was started again meanwhile. Measure once more."
        self._changed()
