"""Undo and redo in the window: keys, buttons, the notice that offers them, and what counts as one gesture."""

from collections.abc import Callable
from functools import partial

from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QWidget

from lamina.gui.loading import Loader
from lamina.gui.model.edits.edit import Step
from lamina.gui.model.session import Notice, Session
from lamina.gui.views import Views
from lamina.gui.widgets.controls.gestures import Gestures

UNDO_KEYS, REDO_KEYS = "Ctrl+Z", "Ctrl+Shift+Z"
ALSO_REDO_KEYS = "Ctrl+Y"
UNDO = "Undo"


class Undoing(QObject):
    """Joins a session's history to the views.

    Args:
        session, loader: whose history, and who opens files again.
        views: where it is shown and what is watched.
        parent: the window.
    """

    def __init__(self, session: Session, loader: Loader, views: Views, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._history, self._status = session, session.history, views.status
        self._gestures = Gestures(session.history, self)
        for root in (views.controls, views.waveform, views.desk):
            self._gestures.watch(root)
        views.desk.tab_made.connect(self._watch)
        session.history.reopen = lambda path, title: loader.open(path, title)
        session.history.changed.subscribe(self._show)
        session.history.stepped.subscribe(self._tell)
        views.status.undo_asked.connect(self.undo)
        views.status.redo_asked.connect(self.redo)
        self._show()

    def undo(self) -> None:
        """Takes the last step back and says which it was."""
        self._go(self._history.undo, "Undone", "There is nothing to undo.")

    def redo(self) -> None:
        """Does the step again that was undone last, and says which it was."""
        self._go(self._history.redo, "Done again", "There is nothing to do again.")

    def _go(self, go: Callable[[], str], words: str, nothing: str) -> None:
        try:
            name = go()
        except (ValueError, OSError) as error:
            # A model's folder may have gone meanwhile.
            self._session.noticed.notify(Notice(f"Everything stays as it is: {error}", is_error=True))
            return
        self._session.noticed.notify(Notice(f"{words}: {name}" if name else nothing))

    def _tell(self, step: Step) -> None:
        """What was lost at one click comes back at one."""
        if step.told:
            self._session.noticed.notify(Notice(step.told, action=(UNDO, partial(self._undo_through, step))))

    def _undo_through(self, step: Step) -> None:
        n_steps = 0

        def through() -> str:
            nonlocal n_steps
            n_steps = self._history.undo_through(step)
            return step.name if n_steps <= 1 else f"{step.name}, and what came after it ({n_steps} steps)"

        self._go(through, "Undone", "There is nothing to undo.")

    def _show(self) -> None:
        self._status.show_history(
            self._history.undo_name, UNDO_KEYS, self._history.redo_name, f"{REDO_KEYS} or {ALSO_REDO_KEYS}"
        )

    def _watch(self, tab: QWidget) -> None:
        self._gestures.watch(tab)
