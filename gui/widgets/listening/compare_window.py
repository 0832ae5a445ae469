"""The window in which one compares by ear: slots, and blind tests of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from PyQt6.QtCore import QSize, Qt, QTimer
from PyQt6.QtGui import QCloseEvent, QHideEvent, QKeyEvent, QKeySequence, QShortcut, QShowEvent
from PyQt6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from lamina.gui.model.listening.comparing import Comparing
from lamina.gui.model.listening.recipe import Recipe
from lamina.gui.model.session import Notice, Session
from lamina.gui.model.trials.heard_results import HeardResults
from lamina.gui.model.trials.measuring import Measuring
from lamina.gui.model.trials.testing import Testing
from lamina.gui.widgets.controls.buttons import presses_focused
from lamina.gui.widgets.frame.notice import SeatedNotice
from lamina.gui.widgets.listening.add_menu import fill_menu
from lamina.gui.widgets.listening.compare_page import ComparePage
from lamina.gui.widgets.trials.figures_page import FiguresPage
from lamina.gui.widgets.trials.test_page import TestPage
from lamina.gui.widgets.trials.test_setup import TestSetup
from lamina.plugin.documents.presets import Preset
from lamina.plugin.host.transport.comparison import MOST_SOUNDS

if TYPE_CHECKING:
    from lamina.gui.widgets.trials.results_page import ResultsPage

MOTION_MS = 33
USUAL_SIZE, SMALLEST_SIZE = QSize(1080, 660), QSize(860, 560)
FRAME_ROOM = QSize(8, 40)
SEEK_STEP_SECONDS = 1.0


class CompareWindow(QWidget):
    """A window of its own beside the main one, so that settings are turned there while one listens here.

    `presets` tells which ones there are when the menu of what can be added opens.
    """

    def __init__(
        self, session: Session, comparing: Comparing, presets: Callable[[], Iterable[Preset]], parent: QWidget
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self._session, self.comparing, self._presets = session, comparing, presets
        self.testing = Testing(session, comparing)
        self.measuring, self.results = Measuring(session, comparing), HeardResults()
        self.setWindowTitle("Compare – Lamina")
        self.page = ComparePage(comparing)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.page)
        self.test_page = TestPage(self.testing, TestSetup(self.testing, comparing))
        self.pages.addWidget(self.test_page)
        self.figures_page = FiguresPage(self.measuring, comparing)
        self.pages.addWidget(self.figures_page)
        self.results_page: ResultsPage | None = None
        self.page.test_asked.connect(self.open_tests)
        self.page.figures_asked.connect(self.open_figures)
        self.page.results_asked.connect(self.open_results)
        self.test_page.left.connect(self.show_slots)
        self.figures_page.left.connect(self.show_slots)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.pages, 1)
        self.notice = SeatedNotice(self)
        self.notice.needs.connect(self.notice.setFixedHeight)
        column.addWidget(self.notice)
        self.page.add_menu.aboutToShow.connect(self._fill_menu)
        session.noticed.subscribe(self._noticed)
        session.changed.subscribe(self._session_changed)
        self._motion = QTimer(self)
        self._motion.setInterval(MOTION_MS)
        self._motion.timeout.connect(self._move)
        self._add_shortcuts()
        screen = self.screen()
        assert screen is not None
        free = screen.availableGeometry().size() - FRAME_ROOM
        self.setMinimumSize(SMALLEST_SIZE.boundedTo(free))
        self.resize(USUAL_SIZE.boundedTo(free))

    def _add_shortcuts(self) -> None:
        comparing = self.comparing
        actions: list[tuple[str, Callable[[], object]]] = [
            *((str(number), partial(comparing.hear, number - 1)) for number in range(1, MOST_SOUNDS + 1)),
            ("Space", comparing.toggle),
            ("Home", partial(comparing.seek, 0.0)),
            ("Left", lambda: comparing.seek(comparing.position_seconds - SEEK_STEP_SECONDS)),
            ("Right", lambda: comparing.seek(comparing.position_seconds + SEEK_STEP_SECONDS)),
            ("D", self.page.difference.click),
            ("M", self.page.matched.click),
            ("C", comparing.add_present),
            ("T", self.page.test_button.click),
            ("F", self.page.figures_button.click),
            ("R", self.page.results_button.click),
            ("Delete", lambda: self.page.cross(comparing.heard)),
            ("Escape", self.close),
        ]
        self._shortcuts = []
        for keys, action in actions:
            shortcut = QShortcut(QKeySequence(keys), self.page)
            # Only while its page is shown: a test has keys of its own.
            shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
            shortcut.setAutoRepeat(keys in ("Left", "Right"))
            shortcut.activated.connect(action)
            self._shortcuts.append(shortcut)

    # What the user does.

    def compare_this(self) -> None:
        """Takes what is looped and heard now as a slot, and comes to the front."""
        if self.comparing.add_present():
            self.open()

    def open(self) -> None:
        """Comes to the front, and has made what isn't there yet."""
        self.show()
        self.raise_()
        self.activateWindow()
        if self.focusWidget() is None:
            self.page.setFocus()
        self.comparing.want()

    def open_tests(self) -> None:
        """Turns to the page of blind tests; nothing is heard until one has begun."""
        self.comparing.leave()
        self.test_page.show_setup()
        self.pages.setCurrentWidget(self.test_page)

    def open_figures(self) -> None:
        """Turns to the page of figures, which are taken from now on; what plays goes on."""
        self.pages.setCurrentWidget(self.figures_page)
        self.figures_page.setFocus()
        self.figures_page.open()

    def open_results(self) -> None:
        """Turns to the page of what listeners heard."""
        if self.results_page is None:
            # Here: pyqtgraph takes a moment to load, and few look at results every time.
            from lamina.gui.widgets.trials.results_page import ResultsPage

            self.results_page = ResultsPage(self.results)
            self.pages.addWidget(self.results_page)
            self.results_page.left.connect(self.show_slots)
        self.comparing.leave()
        self.pages.setCurrentWidget(self.results_page)
        self.results_page.setFocus()
        self.results.open()

    def close_work(self) -> None:
        """Ends everything that is made or measured. After the engine's end: it plays from the tests' folders."""
        self.testing.close()
        self.measuring.close()
        self.results.close()

    def show_slots(self) -> None:
        """Turns back to the slots."""
        self.pages.setCurrentWidget(self.page)
        self.page.show_all()

    def add(self, recipe: Recipe) -> None:
        """Adds a slot."""
        self.comparing.add(recipe)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if not presses_focused(self, event):
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        self.page.show_all()
        self._motion.start()

    def hideEvent(self, event: QHideEvent | None) -> None:
        self._motion.stop()
        super().hideEvent(event)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        self.comparing.leave()
        self.testing.leave()
        self.show_slots()
        super().closeEvent(event)

    # What it shows.

    def _fill_menu(self) -> None:
        fill_menu(self.page.add_menu, self._session, self._presets(), self.comparing.add_present, self.add)

    def _move(self) -> None:
        self.testing.tick()
        self.measuring.tick()
        self.results.tick()
        if self.page.isVisible():
            self.page.refresh()
        else:
            self.test_page.refresh()

    def _noticed(self, notice: Notice) -> None:
        if self.isVisible() and self.isActiveWindow():
            self.notice.tell(notice.text, notice.is_error, notice.tip, notice.action)

    def _session_changed(self, what: str) -> None:
        if what == "document" and self.isVisible():
            self.comparing.want()
