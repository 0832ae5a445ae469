"""The demo items that come with Lamina, and the first run that plays them (`python -m lamina.plugin.demo`)."""

import ctypes
import ctypes.util
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

DEMO_KBPS = (3, 6, 12)


@dataclass(frozen=True)
class DemoItem:
    """One bundled sound: its title for menus, its file, and in one line whose it is and under which licence."""

    title: str
    path: Path
    credit: str


def demo_items() -> list[DemoItem]:
    """The bundled items, the one to open first in front; docs/demo-items.md says more about each."""
    folder = Path(str(resources.files("lamina.plugin.demo_items")))
    voice = "ALSA developers' loudspeaker names, GPL-2.0-or-later"
    return [
        DemoItem("Music", folder / "music.ogg", "Arranged for Lamina from Sonic Pi's samples, CC0-1.0"),
        DemoItem("Voice", folder / "voice.ogg", voice),
        DemoItem("Noisy voice", folder / "noisy-voice.ogg", f"{voice}; 3D printer from Sonic Pi's samples, CC0-1.0"),
    ]


def main() -> int:
    """Open the app with the first demo item; without a display, render all items into demo-out/ instead.

    Returns:
        the exit code of what was started.
    """
    from lamina.plugin.cli import main as lamina

    if has_display():
        return lamina(["app", str(demo_items()[0].path)]) or 0
    folder = Path("demo-out")
    rates = ", ".join(str(kbps) for kbps in DEMO_KBPS[:-1]) + f" and {DEMO_KBPS[-1]}"
    print(f"No display found, so the app can't open; rendering the demo items at {rates} kbps into {folder}/ instead.", flush=True)
    folder.mkdir(exist_ok=True)
    for item in demo_items():
        for kbps in DEMO_KBPS:
            target = folder / f"{item.path.stem}-{kbps}kbps.wav"
            code = lamina(["render", str(item.path), str(target), "--kbps", str(kbps)]) or 0
            if code:
                return code
    print(f"Done. Listen to the files in {folder.resolve()}; on a machine with a screen, the same command opens the app.")
    return 0


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


if __name__ == "__main__":
    sys.exit(main())
