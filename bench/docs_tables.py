"""Every table of parameters, and of what comparisons take, in the docs, written from the declarations.

The desk's index and the order of its effects too.

`make docs-tables` writes them; the tests refuse docs in which one of them is stale.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from example_recipes import PAGES

from lamina.plugin.desk.chain import CHAIN
from lamina.plugin.parameters.table import PARAMETERS, Parameter
from lamina.plugin.rivals.coding.asked import FORMS, LAMINA_FORM, ORIGINAL_FORM, PRESET_FORM, RIVAL_FORM
from lamina.plugin.rivals.registry import RIVALS

DOCS = Path(__file__).parent.parent / "docs"
HEAD = "| name | range | default | what it does |\n| --- | --- | --- | --- |\n"
FORMS_HEAD = "| form | who it is |\n| --- | --- |\n"
OPTIONS_HEAD = "| codec | option | what it may be |\n| --- | --- | --- |\n"
INDEX_HEAD = "| page | what it is for |\n| --- | --- |\n"


def pages() -> dict[Path, str]:
    """What each page that has something of the kind must say, by path."""
    desk = DOCS / "desk"
    made = {DOCS / "effect.md": with_table(read(DOCS / "effect.md"), HEAD, map(_row, PARAMETERS.values()))}
    for name in PAGES:
        shown = [parameter for parameter in PARAMETERS.values() if parameter.page == name]
        made[desk / f"{name}.md"] = with_table(read(desk / f"{name}.md"), HEAD, map(_row, shown))
    made[desk / "README.md"] = with_chain(with_table(read(desk / "README.md"), INDEX_HEAD, map(_entry, PAGES)))
    for name, forms in (
        ("compare", (LAMINA_FORM, PRESET_FORM, RIVAL_FORM)),
        ("listening", (ORIGINAL_FORM, LAMINA_FORM, RIVAL_FORM)),
    ):
        rows = [f"| `{form}` | {FORMS[form]} |" for form in forms]
        made[DOCS / f"{name}.md"] = with_table(read(DOCS / f"{name}.md"), FORMS_HEAD, rows)
    options = [
        f"| `{kind.name}` | `{name}` | {values} |" for kind in RIVALS.values() for name, values in kind.options.items()
    ]
    made[DOCS / "rivals.md"] = with_table(read(DOCS / "rivals.md"), OPTIONS_HEAD, options)
    made[DOCS / "how-it-works.md"] = with_chain(read(DOCS / "how-it-works.md"))
    return made


def read(path: Path) -> str:
    """A page as it stands."""
    return path.read_text(encoding="utf-8")


def with_table(text: str, head: str, rows: Iterable[str]) -> str:
    """`text` with these rows below the one table that has that head; ValueError if there is none, or more than one."""
    if text.count(head) != 1:
        title = text.partition("\n")[0]
        raise ValueError(
            f"The page {title!r} has {text.count(head)} tables of its kind; give it one, with the head\n{head}"
        )
    before, _, after = text.partition(head)
    rest = re.sub(r"\A(\|.*\n)*", "", after)
    return before + head + "".join(f"{row}\n" for row in rows) + rest


def with_chain(text: str) -> str:
    """`text` with the order of the desk's effects as it is."""
    names = " ─ ".join(effect.__name__.lower() for effect in CHAIN)
    return re.sub(r"(sent codes|codes as sent) ─ .* ─ layer gains", rf"\1 ─ {names} ─ layer gains", text)


def _row(parameter: Parameter) -> str:
    return f"| `{parameter.name}` | {parameter.range_text()} | {parameter.default_text()} | {parameter.help} |"


def _entry(name: str) -> str:
    """A page's row in the index: its title, and what its second line says that it is for."""
    text = read(DOCS / f"desk/{name}.md")
    found = re.match(r"# (.+)\n<!-- in short: (.+) -->\n", text)
    if found is None:
        raise ValueError(f"docs/desk/{name}.md must begin with '# Title' and '<!-- in short: what it is for -->'.")
    return f"| [{found[1]}]({name}.md) | {found[2]} |"


def main() -> int:
    """Write what is stale, and say so."""
    for path, text in pages().items():
        if read(path) != text:
            path.write_text(text, encoding="utf-8")
            print(f"{path.relative_to(DOCS.parent)} is up to date again")
    return 0


if __name__ == "__main__":
    sys.exit(main())
