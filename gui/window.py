"""The main window: puts the views together, passes gestures to the session and what changed back to the views."""

from __future__ import annotations

import time
import traceback
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from PyQt6.QtCore import QSize, Qt, QTimer
from PyQt6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QKeyEvent,
    QShowEvent,
)
from PyQt6.QtWidgets import QMainWindow

from lamina.gui.background import Background
from lamina.gui.doing.control_menus import ControlMenus
from lamina.gui.doing.looking import Looking
from lamina.gui.doing.recent import Recent
from lamina.gui.doing.telling import Telling
from lamina.gui.doing.undoing import Undoing
from lamina.gui.file_dialogs import FileDialogs
from lamina.gui.loading import Loader
from lamina.gui.model.kept_session import KeptSession, KeptWindow
from lamina.gui.model.listening.comparing import Comparing
from lamina.gui.model.session import Notice, Session
from lamina.gui.model.values.desk import TAB_NAMES
from lamina.gui.shortcuts import add_shortcuts, overview, shortcuts_of
from lamina.gui.showing import Showing
from lamina.gui.views import Views
from lamina.gui.widgets.controls.buttons import presses_focused
from lamina.gui.widgets.frame.devices_dialog import DevicesDialog
from lamina.gui.widgets.frame.export_question import ExportQuestion
from lamina.gui.widgets.frame.shortcut_overlay import ShortcutOverlay

if TYPE_CHECKING:
    from lamina.gui.doing.preset_shelf import PresetShelf
    from lamina.gui.widgets.line.line_window import LineWindow
    from lamina.gui.widgets.listening.compare_window import CompareWindow

MOTION_MS = 33
TEXT_MS = 250
USUAL_SIZE, SMALLEST_SIZE = QSize(1280, 800), QSize(980, 620)
FRAME_ROOM = QSize(8, 40)
"""What a window manager may draw around the window; how much it is shows only when the window is there."""


class MainWindow(QMainWindow):
    """Lamina's window over a `Session`. `load(file)` begins the slow start-up work; call it once the window is visible.

    `kept` keeps the session on the disk and knows what the last one left behind.
    """

    def __init__(self, session: Session, kept: KeptSession | None = None) -> None:
        super().__init__()
        self.session, self._kept = session, kept
        self.background, self._device_search = Background(self), Background(self)
        self.loader = Loader(self.session, self.background, self._device_search, kept)
        self.dialogs = FileDialogs(self, self.session, self.loader)
        self.comparing = kept.comparing if kept is not None else Comparing(session)
        self.setWindowTitle("Lamina")
        self.setAcceptDrops(True)
        self._may_close = False
        self._question: ExportQuestion | None = None
        self._compare_window: CompareWindow | None = None
        self._line_window: LineWindow | None = None
        self._help: ShortcutOverlay | None = None
        self._shelf: PresetShelf | None = None
        self._line_name = ""
        self.views = Views(session)
        self.showing = Showing(session, self.loader, self.views, lambda: self.background.is_busy)
        self._build()
        self.telling = Telling(session, self.views, self)
        self.undoing = Undoing(session, self.loader, self.views, self)
        self.recent = Recent(session, self.loader, self.views.header)
        self.looking = Looking(session, self.views.status, self)
        self.menus = ControlMenus(session, self.views, self)
        self._connect()
        self.shortcuts = shortcuts_of(self)
        add_shortcuts(self, self.shortcuts)
        self._last_tick = time.monotonic()
        self._motion = QTimer(self)
        self._motion.setInterval(MOTION_MS)
        self._motion.timeout.connect(self._move)
        self._text = QTimer(self)
        self._text.setInterval(TEXT_MS)
        self._text.timeout.connect(self._tell)
        self.showing.all()
        self._tell()
        self.views.first_line.setVisible(kept is not None and not kept.has_left)
        self._take_shape(kept.window if kept is not None else None)

    # Putting together.

    def _build(self) -> None:
        views = self.views
        self.header, self.transport, self.waveform = views.header, views.transport, views.waveform
        self.controls, self.desk, self.stage = views.controls, views.desk, views.stage
        self.spectra, self.usage, self.status = views.spectra, views.usage, views.status
        self.notice, self.drop_overlay = views.notice, views.drop_overlay
        self.setCentralWidget(views.centre)
        self.devices_dialog = DevicesDialog(self.session, self)

    def _connect(self) -> None:
        session = self.session
        self.header.open_asked.connect(self.dialogs.open_sound)
        self.header.demo_chosen.connect(lambda item: self.open(item.path, item.title))
        self.header.preset_chosen.connect(session.apply_preset)
        self.header.own_preset_chosen.connect(self.loader.open_preset)
        self.header.browse_asked.connect(lambda: self.shelf.open())
        self.header.preset_open_asked.connect(self.dialogs.open_preset)
        self.header.preset_save_asked.connect(self.dialogs.save_preset)
        self.header.export_asked.connect(self.dialogs.export)
        self.header.two_pass_export_asked.connect(partial(self.dialogs.export, True))
        self.header.models_asked.connect(lambda: self.loader.find_models(self.header))
        self.header.model_chosen.connect(self.loader.choose_model)
        self.transport.play_asked.connect(self.toggle_play)
        self.transport.stop_asked.connect(session.player.stop)
        self.transport.loop_asked.connect(session.set_looping)
        self.transport.live_asked.connect(session.set_live)
        self.transport.record_asked.connect(self.toggle_recording)
        self.waveform.sought.connect(session.seek)
        self.waveform.region_marked.connect(session.set_loop_region)
        self.waveform.region_finished.connect(session.enter_loop)
        self.waveform.region_cleared.connect(session.clear_loop_region)
        self.controls.board_chosen.connect(session.boards.choose)
        self.controls.copy_asked.connect(self.copy_board)
        self.controls.compare_asked.connect(lambda: self.compare_window.compare_this())
        self.status.line_asked.connect(lambda: self.line_window.open())
        self.status.help_asked.connect(self.toggle_help)
        self.status.devices_asked.connect(self.show_devices)
        self.devices_dialog.search_asked.connect(self.loader.find_devices)
        self.status.cancel_asked.connect(self.cancel)
        session.changed.subscribe(self._changed)
        session.parameters.changed.subscribe(lambda _name, _value: self.showing.layers())

    @property
    def compare_window(self) -> CompareWindow:
        """The window for comparing, made when it is first wanted, which spares the start of it."""
        if self._compare_window is None:
            from lamina.gui.widgets.listening.compare_window import CompareWindow

            self._compare_window = CompareWindow(self.session, self.comparing, self.header.presets, self)
        return self._compare_window

    @property
    def line_window(self) -> LineWindow:
        """The window of the line, made when it is first wanted."""
        if self._line_window is None:
            from lamina.gui.widgets.line.line_window import LineWindow

            self._line_window = LineWindow(self.session, self)
            self._line_window.ends.name.setText(self._line_name)
        return self._line_window

    @property
    def shelf(self) -> PresetShelf:
        """The window of presets and what is done there, made when it is first wanted."""
        if self._shelf is None:
            from lamina.gui.doing.preset_shelf import PresetShelf

            self._shelf = PresetShelf(self.session, self.loader, self.header, self)
            self._shelf.browser.play_asked.connect(self.toggle_play)
        return self._shelf

    # What the user does.

    def load(self, file: Path | None = None, model: str | None = None) -> None:
        """Begins to load what is slow: the file (or the first demo item), the codec (with the default model if None),
        the sound devices.
        """
        self.loader.start(file, self.header, model)

    def open(self, path: Path, title: str | None = None) -> None:
        """Opens a sound or `.lamina` file; on a bad one a notice says why and the open one stays."""
        self.loader.open(Path(path), title)

    def toggle_play(self) -> None:
        """Plays or pauses."""
        if self.session.can_play:
            if not self.session.is_playing:
                self.spectra.let_go_of_clips()
                self.session.begin_whole()
            self.session.player.toggle()
        else:
            self.telling.tell(Notice(self.loader.why_not_playable(), is_error=False))

    def cancel(self) -> None:
        """Gives up what the status line shows the progress of: a file that is being opened, else an export."""
        if self.loader.is_opening_long:
            self.loader.cancel_open()
        else:
            self.session.cancel_export()
        self._tell()

    def toggle_recording(self) -> None:
        """Begins a take, or completes the one that runs."""
        if self.session.is_gone:
            self.telling.tell(Notice(self.loader.why_not_playable(), is_error=True))
        else:
            self.session.recording.toggle()
        self.showing.recording()

    def show_devices(self) -> None:
        """Opens the sound devices' dialog, or brings it to the front."""
        self.devices_dialog.show()
        self.devices_dialog.raise_()
        self.devices_dialog.activateWindow()

    def copy_board(self) -> None:
        """Makes the board that isn't heard equal to the one that is."""
        boards = self.session.boards
        try:
            boards.copy_to_other()
        except (ValueError, OSError) as error:
            # The model's folder may have gone meanwhile.
            self.telling.tell(Notice(f"{boards.other} stays as it was: {error}", is_error=True))

    def toggle_help(self) -> None:
        """Shows all keys and gestures over the window, or no longer."""
        if self._help is None:
            self._help = ShortcutOverlay(overview(self.shortcuts), self.views.centre)
        self._help.toggle()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if not presses_focused(self, event):
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        assert event is not None
        mime = event.mimeData()
        if mime is not None and any(url.isLocalFile() for url in mime.urls()):
            event.acceptProposedAction()
            self.drop_overlay.appear()

    def dragLeaveEvent(self, event: QDragLeaveEvent | None) -> None:
        self.drop_overlay.hide()

    def dropEvent(self, event: QDropEvent | None) -> None:
        assert event is not None
        self.drop_overlay.hide()
        mime = event.mimeData()
        files = [url.toLocalFile() for url in mime.urls() if url.isLocalFile()] if mime is not None else []
        if files:
            event.acceptProposedAction()
            self.open(Path(files[0]))
            if len(files) > 1:
                self.telling.tell(Notice(f"Opening the first of {len(files)} files: one plays at a time."))

    def _take_shape(self, left: KeptWindow | None) -> None:
        """As it was left, or as usual; never larger than the screen has room for, and smaller than it should be only
        where the screen is.
        """
        screen = self.screen()
        assert screen is not None
        free = screen.availableGeometry().size() - FRAME_ROOM
        self.setMinimumSize(SMALLEST_SIZE.boundedTo(free))
        self.resize((QSize(left.width, left.height) if left is not None else USUAL_SIZE).boundedTo(free))
        if left is None:
            return
        self._line_name = left.line_name
        if left.is_maximized:
            self.setWindowState(Qt.WindowState.WindowMaximized)
        self.spectra.pictures.show(left.pictures)
        self.stage.codebooks.show_kind(left.codebooks)
        if left.tab in TAB_NAMES:
            self.desk.open_tab(left.tab)

    def _shape(self) -> KeptWindow:
        size = self.normalGeometry().size() if self.isMaximized() else self.size()
        tab = self.desk.tab if self.desk.is_open else ""
        name = self._line_window.line.name if self._line_window is not None else self._line_name
        shown = self.spectra.pictures.shown, self.stage.codebooks.kind
        return KeptWindow(size.width(), size.height(), self.isMaximized(), tab, name, *shown)

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        self._motion.start()
        self._text.start()

    def end(self) -> None:
        """Closes without a question, as whoever sends the app a signal wants it."""
        self._may_close = True
        if self._question is not None:
            # It is being closed already, and waits for an answer.
            self._question.done(0)
        else:
            self.close()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        assert event is not None
        if self.session.is_exporting and not self._may_close and not self._asked_to_close():
            event.ignore()
            return
        self._may_close = True
        if self._kept is not None:
            self._kept.shape = self._shape()
        self._motion.stop()
        self._text.stop()
        self.devices_dialog.close()
        if self._compare_window is not None:
            self._compare_window.close()
        if self._line_window is not None:
            self._line_window.close()
            self._line_window.close_work()
        if self._kept is not None:
            self._kept.close()
        self.session.close()
        if self._compare_window is not None:
            self._compare_window.close_work()
        self.comparing.close()
        self.background.close()
        self._device_search.close()
        self.loader.close()
        super().closeEvent(event)

    def _asked_to_close(self) -> bool:
        """Asks whether the running export is to be thrown away."""
        assert self.session.export is not None
        self._question = ExportQuestion(self.session, self.session.export, self)
        self._question.exec()
        may_close = self._question.may_close or self._may_close
        self._question.deleteLater()
        self._question = None
        return may_close

    def tell_defect(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """An exception that nobody expected: stays open, says so, and leaves the trace on stderr. Fits
        `sys.excepthook`.
        """
        traceback.print_exception(kind, error, trace)
        self.telling.tell(
            Notice(
                f"Something went wrong in Lamina itself ({kind.__name__}: {error}). Details are on the terminal.", True
            )
        )

    # What the views show.

    def _changed(self, what: str) -> None:
        self.showing.changed(what)
        if what == "document" and self.session.document is not None:
            self.setWindowTitle(f"{self.session.document.title} – Lamina")
        self._tell()

    def _move(self) -> None:
        now = time.monotonic()
        self.session.tick(now - self._last_tick)
        self.comparing.tick()
        self._last_tick = now
        self.showing.move()

    def _tell(self) -> None:
        if self._kept is not None:
            self._kept.shape = self._shape()
            self._kept.look()
        if self._line_window is not None:
            self.status.show_line(self._line_window.line.short)
        self.showing.tell()
