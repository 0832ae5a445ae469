"""Recording what is heard: each take a new file in one folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lamina.gui.model.files.document import clock
from lamina.gui.model.values.answers import Answers
from lamina.plugin.host.client.live_engine import LiveEngine
from lamina.plugin.host.recording.next_take import next_take

TAKE_NAME = "Lamina take.wav"
SETTLING_SECONDS = 1.0

Tell = Callable[..., object]


class Recording:
    """Args:
    folder: where takes go; made when the first one is recorded.
    tell: called with a sentence, whether it is about something that went wrong, a remark for a tooltip, and the file
        that it is about, if there is one.

    `is_on` says whether a take is being recorded or about to be. `changed` is called when that changes.
    """

    def __init__(
        self, engine: LiveEngine, answers: Answers, folder: Path, tell: Tell, changed: Callable[[], object]
    ) -> None:
        self.folder = folder
        self.is_on = False
        self._engine, self._answers, self._tell, self._changed = engine, answers, tell, changed
        self._began: float | None = None  # when the engine said that it records
        self._is_gone = False

    @property
    def seconds(self) -> float:
        """Length of the take so far."""
        return float(self._engine.telemetry.state()["recorded_seconds"]) if self._began is not None else 0.0

    def toggle(self) -> None:
        """Begins a new take, or completes the one that is being recorded."""
        if self.is_on:
            self.stop()
        else:
            self.start()

    def start(self) -> None:
        """Begins a new take beside the earlier ones."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._tell(
                f"Nothing is recorded, because the folder {self.folder} can't be made ({error.strerror or error}).",
                True,
                "",
            )
            self._changed()
            return
        self.is_on, self._began = True, None
        self._changed()
        self._answers.expect(self._engine.record(next_take(self.folder / TAKE_NAME)), self._started, self._not_started)

    def stop(self) -> None:
        """Completes the take."""
        if self.is_on:
            self.is_on, self._began = False, None
            self._answers.expect(self._engine.stop_recording(), self._stopped, self._not_stopped)
            self._changed()

    def look(self) -> None:
        """Notices a take that ended by itself, because the disk is full for example; called now and then."""
        if self._began is None or time.monotonic() - self._began < SETTLING_SECONDS:
            return
        record = self._engine.telemetry.state()
        # An engine that has just been replaced shows nothing for a moment.
        if int(record["stream_samples"]) and not int(record["is_recording"]):
            self.stop()
        elif not int(record["stream_samples"]):
            self._began = time.monotonic()

    def begin_again(self) -> None:
        """Another engine takes the place of the one that recorded: wait for what it says about the take."""
        self._began = None

    def goes_on(self) -> None:
        """The new engine records on."""
        if self.is_on:
            self._began = time.monotonic()

    def has_ended(self) -> None:
        """The take ended without being stopped, which the engine has told."""
        if self.is_on:
            self.stop()

    def let_go(self) -> None:
        """The engine is no more."""
        self._is_gone = True
        self._put_out()

    def _put_out(self) -> None:
        self.is_on, self._began = False, None
        self._changed()

    def _started(self, _result: object) -> None:
        if self.is_on:
            self._began = time.monotonic()

    def _not_started(self, sentence: str) -> None:
        if not sentence and not self._is_gone:
            return  # the engine that takes the place of this one is asked for it, and tells
        self._put_out()
        if sentence:
            self._tell(f"Nothing is recorded: {sentence}", True, "")

    def _stopped(self, done: dict[str, Any]) -> None:
        path = Path(done["path"])
        lost = f", {done['n_lost_samples']} samples could not be written" if done["n_lost_samples"] else ""
        text = f"Recorded {path.name}, {clock(float(done['seconds']))}{lost}"
        words = f"{text}. {done['trouble']}" if done["trouble"] else text
        self._tell(words, bool(lost or done["trouble"]), str(path.parent), path)

    def _not_stopped(self, _sentence: str) -> None:
        """It was complete already: the engine has said why."""
