"""What the site has beside docs/: pages that lie elsewhere in the repository, and the reference.

MkDocs calls `on_files` and `on_page_markdown`. The Markdown is written to be read where it lies, so its links are
turned here.
"""

import os.path
import re
from pathlib import Path, PurePosixPath

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "index.md": "README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "model-card.md": "models/weights/lamina-24k/MODEL_CARD.md",
}
"""Pages of the site by the file they are."""
REFERENCE = {
    "effect": ("The effect", ("NeuralCodec", "Motion", "Automation", "Board")),
    "files": (
        "Codes and files",
        (
            "Codes",
            "read_codes",
            "write_codes",
            "open_codes",
            "codes_writer",
            "encode_file",
            "decode_file",
            "read_audio",
            "render_file",
            "load_preset",
            "load_vst3",
        ),
    ),
    "live": ("Playing live", ("LiveEngine", "DeviceSettings")),
}
LINK = re.compile(r"(!?\[[^\]]*\])\(([^)#\s]+)(#[^)]*)?\)")


def on_files(files, config):
    """Adds the pages that do not lie in docs/."""
    for page, source in ELSEWHERE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    for name, (title, things) in REFERENCE.items():
        files.append(File.generated(config, f"api/{name}.md", content=reference(title, things)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Turns links between files of the repository into links between pages of the site; what has no page becomes plain
    words.
    """
    uri = page.file.src_uri
    source = PurePosixPath(ELSEWHERE.get(uri, f"docs/{uri}"))
    pages = {place: name for name, place in ELSEWHERE.items()}

    def turned(match):
        words, target, anchor = match[1], match[2], match[3] or ""
        if "://" in target or target.startswith("mailto:"):
            return match[0]
        place = os.path.normpath(source.parent / target)
        there = pages.get(place) or (place.removeprefix("docs/") if place.startswith("docs/") else None)
        if there is None or files.get_file_from_path(there) is None:
            return words.strip("![]")
        return f"{words}({os.path.relpath(there, PurePosixPath(uri).parent)}{anchor})"

    return LINK.sub(turned, markdown)


def reference(title, things):
    """A page that mkdocstrings fills with docstrings."""
    import lamina

    missing = [thing for thing in things if thing not in lamina.__all__]
    if missing:
        raise ValueError(f"The reference names {missing}, which `lamina` does not have.")
    body = "".join(f"::: {lamina._HOMES[thing]}.{thing}\n\n" for thing in things)
    return f"# {title}\n\nEach is found as `from lamina import …`.\n\n{body}"
