"""The pages about the code desk and the presets are true.

Tables, examples, links, and sounds as the shipped model renders them.
"""

import re
import sys
from collections import Counter
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from pedalboard.io import AudioFile

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from docs_tables import pages
from example_recipes import DESK, PAGES, sound_names, sounds
from preset_page import preset_page

from lamina.plugin import PARAMETERS, NeuralCodec
from lamina.plugin.parameters.motion import Motion

ROOT = Path(__file__).parents[2]
DESK_GROUPS = ("desk", "listen", "stereo", "channel", "codes", "motion")
DOCUMENTS = [*sorted((ROOT / "docs/desk").glob("*.md")), ROOT / "docs/presets.md"]
SETTINGS = {example.name: example.settings for example in DESK}
LEVEL_DB = 6.0
"""Vorbis and other weights change a level by less; another recipe, or a file that was mixed up, mostly by more."""
MOST_BYTES, MOST_PICTURE_BYTES = 4_000_000, 120_000


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def parameter_rows(page: Path) -> list[list[str]]:
    """Cells of the table rows whose first cell is a parameter's name."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text_of(page).splitlines()
        if line.startswith("| `")
    ]
    return [row for row in rows if row[0].strip("`") in PARAMETERS]


def python_examples(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text_of(page), re.DOTALL)


def linked(page: Path, folder: str) -> set[Path]:
    """Files of docs/sounds or docs/pictures that a page links to."""
    links = re.findall(r"\]\(([^)#]+)\)", text_of(page))
    return {path for link in links if (path := (page.parent / link).resolve()).is_relative_to(ROOT / "docs" / folder)}


@lru_cache
def rendered() -> dict[str, tuple[np.ndarray, int]]:
    return {name: (audio, rate) for name, audio, rate in sounds()}


def level_db(audio: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(audio, dtype=np.float64)) + 1e-12))


def test_every_table_of_parameters_and_of_what_comparisons_take_says_what_is_declared():
    stale = [path.name for path, text in pages().items() if text_of(path) != text]
    assert stale == [], "run `make docs-tables`"


def test_every_parameter_of_the_desk_stands_on_one_page():
    told = Counter(row[0].strip("`") for name in PAGES for row in parameter_rows(ROOT / f"docs/desk/{name}.md"))
    wanted = {name for name, parameter in PARAMETERS.items() if parameter.group in DESK_GROUPS} | {
        "loudness_layers",
        "variable_rate",
    }
    assert told == Counter(wanted)


def test_every_field_of_a_motion_is_told_with_its_default():
    lines = [line for line in text_of(ROOT / "docs/desk/motion.md").splitlines() if line.startswith("| ")]
    told = {cells[0]: cells[2] for line in lines if len(cells := [cell.strip() for cell in line.split("|")[1:-1]]) == 4}
    motion = Motion("mix")
    for name in Motion.__dataclass_fields__:
        default = getattr(motion, name)
        words = (
            ", ".join(f"{step:g}" for step in default)
            if name == "steps"
            else default
            if isinstance(default, str)
            else f"{default:g}"
        )
        assert told[name] == ("" if name == "target" else words), name


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_pages_example_runs_and_makes_the_sound_that_is_linked(name, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    (example,) = python_examples(ROOT / f"docs/desk/{name}.md")
    before, marker, after = example.partition("wet = ")
    assert marker, "the example makes no wet sound"
    names: dict[str, object] = {}
    exec(before, names)
    assert names["codec"].settings == NeuralCodec(**SETTINGS[name]).settings
    exec(marker + after, names)
    assert np.isfinite(names["wet"]).all() and np.abs(names["wet"]).max() > 0.01
    assert Path(ROOT / f"docs/sounds/{name}.ogg") in linked(ROOT / f"docs/desk/{name}.md", "sounds")
    assert linked(ROOT / f"docs/desk/{name}.md", "pictures") == {ROOT / f"docs/pictures/{name}.png"}


def test_the_presets_page_is_what_the_presets_are():
    assert text_of(ROOT / "docs/presets.md") == preset_page(), "run `make examples`"
    for example in python_examples(ROOT / "docs/presets.md"):
        exec(example, {})


def test_every_page_of_the_desk_is_linked_from_its_index_and_every_link_leads_somewhere():
    index = text_of(ROOT / "docs/desk/README.md")
    for name in PAGES:
        assert f"({name}.md)" in index
    assert {page.stem for page in DOCUMENTS} == {*PAGES, "README", "presets"}
    for page in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)\)", text_of(page)):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_sound_is_linked_and_every_linked_sound_is_made():
    there = {path for path in (ROOT / "docs/sounds").rglob("*") if path.is_file()}
    assert there == {ROOT / f"docs/sounds/{name}.ogg" for name in sound_names()}
    assert there == set().union(*(linked(page, "sounds") for page in DOCUMENTS))
    pictures = set((ROOT / "docs/pictures").glob("*.png"))
    assert pictures == {ROOT / f"docs/pictures/{name}.png" for name in PAGES}
    sizes = {path: path.stat().st_size for path in there | pictures}
    assert sum(sizes.values()) <= MOST_BYTES
    assert max(sizes[path] for path in pictures) <= MOST_PICTURE_BYTES


@pytest.mark.long
@pytest.mark.parametrize("name", sound_names())
def test_a_sound_is_what_its_recipe_renders(name):
    with AudioFile(str(ROOT / f"docs/sounds/{name}.ogg")) as file:
        audio, rate = file.read(file.frames), file.samplerate
    expected, expected_rate = rendered()[name]
    assert (audio.shape, rate) == (expected.shape, expected_rate)
    assert np.isfinite(audio).all()
    assert 0.01 < np.abs(audio).max() < 1.0
    assert abs(level_db(audio) - level_db(expected)) < LEVEL_DB, (
        "the weights or the recipe changed: run `make examples`"
    )
    assert level_db(audio) > -60


@pytest.mark.parametrize("name", PAGES)
def test_a_picture_is_one_and_as_large_as_the_others(name):
    head = (ROOT / f"docs/pictures/{name}.png").read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    assert [int.from_bytes(head[start : start + 4], "big") for start in (16, 20)] == [840, 420]
