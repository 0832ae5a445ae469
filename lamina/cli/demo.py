"""The first run, which plays the demo items (`python -m lamina.cli.demo`)."""

import sys
from pathlib import Path

from lamina.gui.display import has_display
from lamina.plugin.demo_items.items import demo_items

DEMO_KBPS = (3, 6, 12)


def main() -> int:
    """Open the app with the first demo item; without a display, render all items into demo-out/ instead.

    Returns:
        the exit code of what was started.
    """
    from lamina.cli.main import main as lamina

    if has_display():
        return lamina(["app", str(demo_items()[0].path)]) or 0
    folder = Path("demo-out")
    rates = ", ".join(str(kbps) for kbps in DEMO_KBPS[:-1]) + f" and {DEMO_KBPS[-1]}"
    print(
        f"No display found, so the app can't open; rendering the demo items at {rates} kbps into {folder}/ instead.",
        flush=True,
    )
    folder.mkdir(exist_ok=True)
    for item in demo_items():
        for kbps in DEMO_KBPS:
            target = folder / f"{item.path.stem}-{kbps}kbps.wav"
            code = lamina(["render", str(item.path), str(target), "--kbps", str(kbps), "--force"]) or 0
            if code:
                return code
    print(
        f"Done. Listen to the files in {folder.resolve()}; on a machine with a screen, the same command opens the app."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
