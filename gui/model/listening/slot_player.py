"""Plays the slots of a comparison through the engine, from where it is in the region."""

from __future__ import annotations

from collections.abc import Callable

from lamina.gui.model.session import Notice, Session
from lamina.gui.model.values.answers import Answers
from lamina.plugin.host.transport.comparison import ComparedFiles


class SlotPlayer:
    """Its player: nothing of the engine is asked for before something is played.

    Args:
        session: whose engine plays.
        heard: says which of the sounds is heard, by its place among them (None while it can't be), and whether the
            original without it is heard instead.
        changed: called when playing began or ended.
        let_go: called when the engine plays no other files any more than those that were taken last.
        refused: called with the engine's sentence if it can't play the sounds.
    """

    def __init__(
        self,
        session: Session,
        heard: Callable[[], tuple[int | None, bool]],
        changed: Callable[[], object],
        let_go: Callable[[], object],
        refused: Callable[[str], object],
    ) -> None:
        self.is_playing = False
        self._session, self._heard, self._changed, self._let_go = session, heard, changed, let_go
        self._refused = refused
        self._answers = Answers(self._refuse)
        self._files: ComparedFiles | None = None
        self._is_handed_over = False
        self._position = 0.0
        session.changed.subscribe(self._session_changed)

    @property
    def can_play(self) -> bool:
        """Whether there are sounds, and an engine."""
        return self._files is not None and not self._session.is_gone

    @property
    def position_seconds(self) -> float:
        """Where in the region it is."""
        state = self._session.engine.telemetry.state()
        if self._is_handed_over and self.is_playing and int(state["is_comparing"]):
            return float(state["compared_seconds"])
        return self._position

    def take(self, files: ComparedFiles | None) -> None:
        """Play these sounds from now on, at the place where it is; None: there are none any more."""
        self._files = files
        if files is None:
            self.leave()
        elif self._is_handed_over:
            self._position = self.position_seconds
            self._hand_over(files)
        else:
            self._let_go()

    def play(self) -> None:
        """Play the region again and again; the file's own transport rests meanwhile."""
        if self._files is None or self._session.is_gone:
            return
        self._session.player.pause()
        self.is_playing = True
        if not self._is_handed_over:
            self._hand_over(self._files)
        else:
            self._answers.expect(self._session.engine.play_compared(True))
        self._changed()

    def pause(self) -> None:
        """Stay where it is."""
        if self.is_playing:
            self._position = self.position_seconds
            self.is_playing = False
            if self._is_handed_over:
                self._answers.expect(self._session.engine.play_compared(False))
            self._changed()

    def seek(self, seconds: float) -> None:
        """Go on at a time of the region."""
        self._position = seconds
        if self._is_handed_over:
            self._answers.expect(self._session.engine.seek_compared(seconds))

    def rewind(self) -> None:
        """Begin with another region, when it is played next."""
        self._position = 0.0

    def pass_heard(self) -> None:
        """Tell the engine what is heard now."""
        place, is_difference = self._heard()
        if self._is_handed_over and place is not None:
            self._answers.expect(self._session.engine.hear_compared(place, is_difference))

    def leave(self) -> None:
        """Let file and input be heard again."""
        self._position = self.position_seconds
        if self._is_handed_over:
            self._is_handed_over = False
            self._answers.expect(self._session.engine.compare(None), lambda _result: self._let_go())
        if self.is_playing:
            self.is_playing = False
            self._changed()

    def tick(self) -> None:
        """Take in what the engine answered."""
        self._answers.deliver()
        if self._is_handed_over and self._session.is_playing:
            self.leave()  # whoever plays the file wants to hear the file

    def _hand_over(self, files: ComparedFiles) -> None:
        engine = self._session.engine
        self._is_handed_over = True
        self._answers.expect(engine.compare(files), lambda _result: self._let_go(), self._not_handed_over)
        self.pass_heard()
        self._answers.expect(engine.seek_compared(self._position))
        if self.is_playing:
            self._answers.expect(engine.play_compared(True))

    def _not_handed_over(self, sentence: str) -> None:
        if sentence:
            self._is_handed_over = self.is_playing = False
            self._refuse(sentence)
            self._changed()
            self._refused(sentence)

    def _session_changed(self, what: str) -> None:
        if what == "engine":  # it is gone, and a new one knows nothing of the sounds
            self._is_handed_over = self.is_playing = False
            self._changed()

    def _refuse(self, sentence: str) -> None:
        self._session.noticed.notify(Notice(sentence, is_error=True))
