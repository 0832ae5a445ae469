"""Who imports whom, read from the source.

No circle, no folder that imports from one above it, and rooms that can be overlooked.

Imports inside functions count, for a circle that is closed late is one all the same; those for the type checker alone
don't.
"""

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("dsp", "models", "plugin", "gui")
FLOORS = (
    "lamina.dsp",
    "lamina.models",
    "lamina.plugin",
    "lamina.plugin.host",
    "lamina.plugin.line.joining",
    "lamina.gui",
    "lamina",
)
"""Lowest first; a module lives on the floor that names it most closely, so that `lamina` is the front door alone."""
MOST_MODULES = 14


def modules(root: Path = ROOT) -> dict[str, Path]:
    """All of Lamina's modules by the names they are imported by; a package stands for its `__init__.py`."""
    found = {}
    for folder in ("lamina", *FOLDERS):
        base = root if folder == "lamina" else root / folder
        for path in sorted((root / folder).rglob("*.py")):
            parts = path.relative_to(base).with_suffix("").parts
            names = parts if folder == "lamina" else ("lamina", folder, *parts)
            found[".".join(names).removesuffix(".__init__")] = path
    return found


def imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import statement below `tree` that is executed at some time."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for other in node.orelse:
                yield from imports(ast.Module([other], []))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        else:
            yield from imports(node)


def graph(known: dict[str, Path]) -> dict[str, set[str]]:
    """For each module those of Lamina's that it imports by name; the packages around them are not counted."""
    arrows: dict[str, set[str]] = {}
    for name, path in known.items():
        arrows[name] = set()
        for statement in imports(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(statement, ast.Import):
                targets = [alias.name for alias in statement.names]
            else:
                package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
                base = package[: len(package) + 1 - statement.level] if statement.level else []
                origin = ".".join([*base, *([statement.module] if statement.module else [])])
                inside = [f"{origin}.{alias.name}" for alias in statement.names]
                targets = [target if target in known else origin for target in inside]
            arrows[name] |= {target for target in targets if target in known}
    return arrows


@lru_cache(maxsize=1)
def whole_graph() -> dict[str, set[str]]:
    """The graph of this house."""
    return graph(modules())


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Modules that reach each other, circle by circle."""
    reached = {}
    for start in arrows:
        seen: set[str] = set()
        ahead = [*arrows[start]]
        while ahead:
            module = ahead.pop()
            if module not in seen:
                seen.add(module)
                ahead += arrows[module]
        reached[start] = seen
    rings = {
        tuple(sorted(other for other in reached[one] if one in reached[other])) for one in arrows if one in reached[one]
    }
    return sorted([list(ring) for ring in rings])


def floor(module: str) -> int:
    """How high a module lives."""
    return max((len(name), FLOORS.index(name)) for name in FLOORS if f"{module}.".startswith(f"{name}."))[1]


def upward(arrows: dict[str, set[str]]) -> list[str]:
    """Imports from a floor above."""
    return [f"{one} → {other}" for one in sorted(arrows) for other in sorted(arrows[one]) if floor(other) > floor(one)]


def crowded(known: dict[str, Path]) -> dict[str, int]:
    """Folders with more modules than one overlooks."""
    counts: dict[str, int] = {}
    for name, path in known.items():
        if path.name != "__init__.py":
            folder = name.rpartition(".")[0]
            counts[folder] = counts.get(folder, 0) + 1
    return {folder: count for folder, count in counts.items() if count > MOST_MODULES}


def test_no_modules_import_each_other_in_a_circle():
    assert circles(whole_graph()) == []


def test_nothing_is_imported_from_a_floor_above():
    assert upward(whole_graph()) == []


def test_no_folder_is_crowded():
    assert crowded(modules()) == {}


def test_the_graph_is_that_of_the_whole_house():
    arrows = whole_graph()
    assert {name.split(".")[1] for name in arrows if "." in name} >= {*FOLDERS, "cli"}
    assert "lamina.plugin.stream.blocks" in arrows["lamina.plugin.neural_codec"]
    assert "lamina.gui.app" in arrows["lamina.cli.main"], "an import inside a function"


@pytest.mark.parametrize(
    ("module", "line", "arrow"),
    [
        ("dsp/ramp.py", "from lamina.plugin import NeuralCodec", "lamina.dsp.ramp → lamina.plugin"),
        (
            "models/bundle.py",
            "def late():\n    import lamina.plugin.board",
            "lamina.models.bundle → lamina.plugin.board",
        ),
        ("plugin/board.py", "from lamina.plugin.host import live", "lamina.plugin.board → lamina.plugin.host.live"),
        ("plugin/host/live.py", "from ...gui import window", "lamina.plugin.host.live → lamina.gui.window"),
        ("gui/window.py", "if True:\n    from lamina import NeuralCodec", "lamina.gui.window → lamina"),
    ],
)
def test_an_import_from_above_is_seen(tmp_path, module, line, arrow):
    small_house(tmp_path)
    assert upward(graph(modules(tmp_path))) == circles(graph(modules(tmp_path))) == []
    with (tmp_path / module).open("a") as file:
        file.write(f"{line}\n")
    assert upward(graph(modules(tmp_path))) == [arrow]


def test_a_circle_is_seen_but_not_one_of_types(tmp_path):
    small_house(tmp_path)
    (tmp_path / "plugin/call.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from lamina.plugin.board import Board\n"
    )
    (tmp_path / "plugin/board.py").write_text("from lamina.plugin.call import channels\n")
    assert circles(graph(modules(tmp_path))) == []
    (tmp_path / "plugin/call.py").write_text("def late():\n    from .board import Board\n")
    assert circles(graph(modules(tmp_path))) == [["lamina.plugin.board", "lamina.plugin.call"]]


def test_a_crowded_folder_is_seen(tmp_path):
    small_house(tmp_path)
    for number in range(MOST_MODULES):
        (tmp_path / f"plugin/host/room{number}.py").touch()
    assert crowded(modules(tmp_path)) == {"lamina.plugin.host": MOST_MODULES + 1}


def small_house(root):
    for name in ("lamina/cli", *FOLDERS, "plugin/host"):
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name / "__init__.py").touch()
    (root / "lamina/__init__.py").touch()
    for name in ("dsp/ramp.py", "models/bundle.py", "plugin/board.py", "plugin/host/live.py", "gui/window.py"):
        (root / name).touch()
