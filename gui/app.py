"""Starts the desktop app."""

import os
import signal
import sys
from pathlib import Path

USUAL_SIZE = 100


def main(file: Path | None = None, model: str | None = None) -> int:
    """Opens the window, with `file` in it or the first demo item, and returns the exit code once it is closed.

    `model` names the model to begin with; the default one if None.

    Without a usable display it prints one sentence to stderr and returns 2.
    """
    from lamina.gui.display import why_no_window

    reason = why_no_window()
    if reason:
        print(f"lamina: {reason}", file=sys.stderr)
        return 2

    from PyQt6.QtCore import QStandardPaths, QTimer
    from PyQt6.QtWidgets import QApplication

    from lamina.gui.look import theme
    from lamina.gui.model.kept_look import KeptLook
    from lamina.gui.model.kept_session import KeptSession
    from lamina.gui.window import MainWindow

    look = KeptLook().read()
    if look.size != USUAL_SIZE:
        # Qt reads it once; who sets it wants it so.
        os.environ.setdefault("QT_SCALE_FACTOR", str(look.size / USUAL_SIZE))
    app = QApplication(["lamina"])
    app.setApplicationName("Lamina")
    app.setDesktopFileName("lamina")
    theme.apply(app, look.theme)
    music = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.MusicLocation)
    kept = KeptSession(Path(music) / "Lamina")
    window = MainWindow(kept.session, kept)
    # PyQt ends the process at an exception in a slot unless somebody takes it: a defect must not cost the session.
    sys.excepthook = window.tell_defect
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: window.end())
    # Python only sees a signal when it runs; while nothing moves, this gives it the chance.
    heartbeat = QTimer()
    heartbeat.timeout.connect(lambda: None)
    heartbeat.start(200)
    window.show()
    # After the first paint: the slow work must not delay the window.
    QTimer.singleShot(50, lambda: window.load(file, model))
    return int(app.exec())
