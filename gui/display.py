"""Whether a window can be opened. Qt ends the whole process when it can't, so the question is asked before."""

import ctypes
import ctypes.util
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from lamina.plugin.extras import missing_extra

NO_DISPLAY = "no display was found, so the window can't open; use 'lamina render IN OUT' to work without one."


def why_no_window() -> str:
    """A sentence that says why no window can be opened and what to do, or nothing when one can."""
    try:
        import PyQt6.QtCore
        import PyQt6.QtGui
        import PyQt6.QtWidgets
    except ModuleNotFoundError as error:
        return f"{missing_extra('the window', 'app', error)}, or use 'lamina render IN OUT' to work without one."
    except ImportError as error:
        return (
            f"the window needs Qt, which can't be loaded ({error}); install the missing library or use 'lamina "
            "render IN OUT'."
        )
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
        return (
            f"the window can't open because a system library is missing ({error}); install it or use 'lamina render "
            "IN OUT'."
        )
    return ""


def has_display(environment: Mapping[str, str] | None = None, platform: str = sys.platform) -> bool:
    """Whether a window can be opened here: a Wayland or X11 server is named and answers (Qt would abort if it didn't).

    Arguments:
        environment: the variables to look at; os.environ by default.
        platform: as sys.platform; anything but Linux and the BSDs always has a display.
    """
    environment = os.environ if environment is None else environment
    if platform in ("darwin", "win32"):
        return True
    if environment.get("QT_QPA_PLATFORM", "xcb").split(":")[0] not in ("xcb", "wayland"):
        return True  # the user has chosen to draw without either, "offscreen" and "vnc" for example
    return _wayland_answers(environment) or _x11_answers(environment.get("DISPLAY", ""))


def _wayland_answers(environment: Mapping[str, str]) -> bool:
    name = environment.get("WAYLAND_DISPLAY")
    if not name:
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(str(Path(environment.get("XDG_RUNTIME_DIR", "/")) / name))
    except OSError:
        return False
    return True


def _x11_answers(display: str) -> bool:
    if not display:
        return False
    library = ctypes.util.find_library("xcb")
    if library is None:
        return False  # Qt's X11 plugin needs libxcb as well
    xcb = ctypes.CDLL(library)
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(display.encode(), None)
    try:
        return int(xcb.xcb_connection_has_error(connection)) == 0
    finally:
        xcb.xcb_disconnect(connection)
