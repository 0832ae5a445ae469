"""Render what can be heard and seen in the pages about the code desk and the presets.

It is always rendered with the shipped model.

Writes docs/sounds, docs/pictures and docs/presets.md. The sounds are the same each time; the bytes of Ogg files are
not, since every Ogg stream gets a random serial number.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from example_picture import draw
from example_recipes import DESK, PAGES, heard, put_in, sound_names, sounds
from pedalboard.io import AudioFile
from preset_page import preset_page

from lamina.dsp.arrays import FloatArray

DOCS = Path(__file__).parent.parent / "docs"
QUALITY = "96 kbps"


def main() -> int:
    """Write them all."""
    parser = argparse.ArgumentParser(
        description="Render the sounds and pictures of the docs again, and write docs/presets.md."
    )
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder to write to (default: docs)")
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        choices=sound_names(),
        metavar="NAME",
        help="render these sounds, and their pictures, alone",
    )
    options = parser.parse_args()
    folder = options.docs
    (folder / "sounds" / "presets").mkdir(parents=True, exist_ok=True)
    (folder / "pictures").mkdir(exist_ok=True)
    written = []
    for name, audio, rate in sounds(options.only):
        written.append(folder / "sounds" / f"{name}.ogg")
        _write(written[-1], audio, rate)
        print(written[-1], flush=True)
    for example in DESK:
        if example.name in PAGES and (not options.only or example.name in options.only):
            written.append(folder / "pictures" / f"{example.name}.png")
            (dry, rate), (wet, _) = put_in(example), heard(example)
            draw(written[-1], rate, dry, wet, PAGES[example.name])
            print(written[-1], flush=True)
    (folder / "presets.md").write_text(preset_page(), encoding="utf-8")
    print(
        f"{len(written)} files, {sum(path.stat().st_size for path in written) / 1e6:.1f} MB, and "
        f"{folder / 'presets.md'}"
    )
    return 0


def _write(path: Path, audio: FloatArray, rate: int) -> None:
    """An Ogg Vorbis file; an existing one is replaced when the new one is complete."""
    partial = path.with_name(f"{path.stem}.partial.ogg")
    with AudioFile(str(partial), "w", rate, len(audio), quality=QUALITY) as file:
        file.write(np.ascontiguousarray(audio))
    partial.replace(path)


if __name__ == "__main__":
    sys.exit(main())
