"""The demo items: what they are called, where they lie, and whose they are."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path


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
