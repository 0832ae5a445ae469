"""Whether a window can be opened. Qt ends the whole process when it can't, so the question is asked before."""

import ctypes
import os
import sys
from pathlib import Path

NO_DISPLAY = "no display was found, so the window can't open; use 'lamina render IN OUT' to work without one."


def why_no_window() -> str:
    """A sentence that says why no window can be opened and what to do, or nothing when one can."""
    try:
        import PyQt6.QtCore
        import PyQt6.QtGui
        import PyQt6.QtWidgets
    except ImportError as error:
        return f"the window needs Qt, which can't be loaded ({error}); install the missing library or use 'lamina render IN OUT'."
    from lamina.plugin.demo import has_display

    chosen = os.environ.get("QT_QPA_PLATFORM", "").split(":")[0].split(";")[0]
    if not sys.platform.startswith("linux") or (chosen and chosen != "xcb"):
        return ""
    if not has_display({name: value for name, value in os.environ.items() if name != "QT_QPA_PLATFORM"}):
        return NO_DISPLAY
    if chosen == "xcb" or not os.environ.get("WAYLAND_DISPLAY"):
        return _missing_library(Path(PyQt6.QtCore.__file__).parent)
    return ""


def _missing_library(qt_folder: Path) -> str:
    """Loads what Qt would load for X11: Qt blames one library whichever is missing, the loader tells the truth."""
    plugin = qt_folder / "Qt6" / "plugins" / "platforms" / "libqxcb.so"
    try:
        if plugin.exists():
            ctypes.CDLL(str(plugin))
    except OSError as error:
        return f"the window can't open because a system library is missing ({error}); install it or use 'lamina render IN OUT'."
    return ""
