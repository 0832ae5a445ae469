"""One self-contained HTML page of listening tests, which opens in a browser anywhere.

Sounds lie in it as 32-bit floats, so without any loss, all equally long, in a shuffled order and without names. What X
is stands nowhere: the page draws it when a listener begins. What the sounds are is scrambled, so that a glance at the
page's source tells nothing; that keeps honest listeners blind, and is no secret from who takes the page apart.
"""

from __future__ import annotations

import base64
import json
import random
import secrets
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np

from lamina.plugin.files.atomic import NotWrittenError, atomic_file
from lamina.plugin.listening.hidden import chance_or
from lamina.plugin.listening.mushra import ANCHORS
from lamina.plugin.listening.plans import Prepared
from lamina.plugin.listening.results import FORMAT, VERSION, test_id, version_of_lamina

LARGEST_PAGE = 400 << 20
"""Bytes: beyond it browsers begin to fail."""


class PageError(ValueError):
    """A page can't be made; the message says why."""


class PageNotWrittenError(PageError, NotWrittenError):
    """A page can't be written."""


def export_page(tests: Sequence[Prepared], target: Path, chance: random.Random | None = None) -> int:
    """Write a page, complete or not at all.

    Args:
        tests: taken one after the other.
        target: the HTML file; one that is there already is replaced.
        chance: shuffles the sounds; the operating system's unless given.

    Returns the page's size in bytes. Raises PageError if it would be too large or can't be written.
    """
    text = page_of(tests, chance)
    try:
        with atomic_file(target) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PageNotWrittenError(f"{target} can't be written: {error.strerror or error}.") from error
    return len(text.encode())


def page_of(tests: Sequence[Prepared], chance: random.Random | None = None) -> str:
    """The page's text; see `export_page`."""
    if not tests:
        raise PageError("No listening test was given.")
    size = sum(
        sound.samples.nbytes * 4 // 3 for test in tests for row in test.sounds.values() for sound in row.values()
    )
    if size > LARGEST_PAGE:
        raise PageError(
            f"The page would have {size >> 20} MB, of which browsers take {LARGEST_PAGE >> 20}; use fewer or shorter "
            "sounds."
        )
    drawn = chance_or(chance)
    blocks: list[tuple[str, str]] = []
    described = []
    for test in tests:
        names: dict[str, dict[str, str]] = {}
        for item, row in test.sounds.items():
            names[item] = {}
            for key, sound in row.items():
                names[item][key] = f"s{drawn.getrandbits(64):016x}"
                data = base64.b64encode(np.ascontiguousarray(sound.samples, "<f4").tobytes()).decode("ascii")
                blocks.append((names[item][key], data))
        described.append(
            {
                "id": test_id(test.kind, test.sounds, test.settings),
                "kind": test.kind,
                "title": test.title,
                "trials": test.n_trials,
                "settings": {**test.settings, "taken_in": "page"},
                "ids": names,
                "sounds": {
                    item: {key: sound.described() for key, sound in row.items()} for item, row in test.sounds.items()
                },
            }
        )
    drawn.shuffle(blocks)
    document = {
        "format": FORMAT,
        "version": VERSION,
        "lamina": version_of_lamina(),
        "anchors": list(ANCHORS),
        "tests": described,
    }
    seed = secrets.token_bytes(4) if chance is None else drawn.randbytes(4)
    parts = {
        "/*STYLE*/": _part("page.css"),
        "<!--SOUNDS-->": "\n".join(f'<script type="text/plain" id="{name}">{data}</script>' for name, data in blocks),
        "<!--TESTS-->": scrambled(json.dumps(document, ensure_ascii=False, allow_nan=False), seed),
        "/*SCRIPT*/": "\n".join(_part(name) for name in ("sealing.js", "tests.js", "player.js", "page.js")),
    }
    text = _part("page.html")
    for place, part in parts.items():
        text = text.replace(place, part)
    return text


def scrambled(text: str, seed: bytes) -> str:
    """A text that a glance can't read: XORed with the bytes of a xorshift generator, whose seed (4 bytes) goes before it."""
    state = int.from_bytes(seed, "little") | 1
    mixed = bytearray()
    for byte in text.encode("utf-8"):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        mixed.append(byte ^ state & 0xFF)
    return base64.b64encode(seed + bytes(mixed)).decode("ascii")


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
