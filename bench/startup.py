"""How long Lamina takes to start, each time measured in a fresh process.

The app's window is timed by the process that starts it: from before Python starts until Qt has drawn the first window.
It opens on the screen that is there, else on a virtual one (Xvfb), else on Qt's offscreen one.
"""

import os
import shutil
import subprocess
import sys
import time

APP_ARGUMENTS: tuple[str, ...] = ("app",)
TIMEOUT_SECONDS = 60

_IMPORT = """
import time
started = time.perf_counter()
import lamina.plugin
taken = time.perf_counter() - started
import sys
assert "torch" not in sys.modules
print(taken)
"""

# Runs the app unchanged, except that its event loop ends with a line on stdout once a window has been drawn.
_APP = """
import sys, time
from PyQt6.QtCore import QCoreApplication, QEvent, QObject, QTimer
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QApplication, QWidget

class FirstPaint(QObject):
    def eventFilter(self, watched, event):
        is_window = isinstance(watched, QWidget) and watched.isWindow() and watched.isVisible()
        if is_window and event.type() == QEvent.Type.Paint:
            QTimer.singleShot(0, drawn)
        return False

def drawn():
    import os
    print("drawn", time.time(), flush=True)
    os._exit(0)

run = QApplication.exec
def timed_run(*arguments):
    application = QApplication.instance()
    application.first_paint = FirstPaint()
    application.installEventFilter(application.first_paint)
    for widget in application.topLevelWidgets():
        widget.update()
    return run()
QApplication.exec = QGuiApplication.exec = QCoreApplication.exec = timed_run

from lamina.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def import_seconds() -> float:
    """Seconds of `import lamina.plugin` in a fresh process.

    Raises CalledProcessError if that fails or imports torch.
    """
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT], check=True, capture_output=True, text=True, timeout=TIMEOUT_SECONDS
    )
    return float(done.stdout)


def app_window_seconds() -> float:
    """Seconds from starting Python until the app's window is drawn.

    Raises SubprocessError with what the app printed if it ended without a window.
    """
    environment = dict(os.environ)
    command = [sys.executable, "-c", _APP, *APP_ARGUMENTS]
    if not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY") or environment.get("QT_QPA_PLATFORM")):
        if shutil.which("Xvfb"):
            return _under_xvfb(command, environment)
        environment["QT_QPA_PLATFORM"] = "offscreen"
    return _until_drawn(command, environment)


def _under_xvfb(command: list[str], environment: dict[str, str]) -> float:
    """As `_until_drawn` on a virtual screen of our own; Xvfb's start doesn't count."""
    reads, writes = os.pipe()
    arguments = ["Xvfb", "-displayfd", str(writes), "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    with subprocess.Popen(arguments, pass_fds=[writes], stderr=subprocess.DEVNULL) as server:
        os.close(writes)
        try:
            with os.fdopen(reads) as number:
                display = number.readline().strip()
            return _until_drawn(command, environment | {"DISPLAY": f":{display}", "QT_QPA_PLATFORM": "xcb"})
        finally:
            server.terminate()


def _until_drawn(command: list[str], environment: dict[str, str]) -> float:
    started = time.time()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    drawn = [line for line in done.stdout.splitlines() if line.startswith("drawn ")]
    if not drawn:
        last = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise subprocess.SubprocessError(f"the app ended without a window: {last}")
    return float(drawn[0].split()[1]) - started


if __name__ == "__main__":
    print(f"import lamina.plugin  {import_seconds():.3f} s")
    print(f"app window            {app_window_seconds():.3f} s")
