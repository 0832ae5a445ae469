"""What scripts may rely on, in a text that is compared.

Names, arguments and defaults of everything that the documents show.

`python tests/helpers/public_api.py > tests/fixtures/public-api.txt` (or `make api`) renews it.
"""

import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any

MODULES = {
    "lamina": None,
    "lamina.plugin": None,
    "lamina.plugin.audiofile": None,
    "lamina.plugin.board_document": None,
    "lamina.plugin.container": None,
    "lamina.plugin.host.client": None,
    "lamina.plugin.host.settings": None,
    "lamina.plugin.presets": None,
    "lamina.plugin.vst3": None,
}


def public_api() -> str:
    """One line for each name, argument list and attribute; types are left to the type checker."""
    lines = []
    for module in MODULES:
        home = import_module(module)
        lines.append(module)
        for name in sorted(home.__all__):
            lines += [f"  {line}" for line in _described(name, getattr(home, name), module == "lamina")]
    return "\n".join(lines) + "\n"


def _described(name: str, thing: Any, in_full: bool) -> Iterator[str]:
    if name == "PARAMETERS" and in_full:
        yield name
        for parameter in thing.values():
            yield f"  {parameter.name}: {parameter.range_text()}, default {parameter.default_text()}"
    elif not callable(thing) or not in_full:
        yield name
    else:
        yield f"{name}{_arguments(thing)}"
        if inspect.isclass(thing):
            for attribute in sorted(dir(thing)):
                if not attribute.startswith("_"):
                    value = inspect.getattr_static(thing, attribute)
                    called = value.__func__ if isinstance(value, classmethod | staticmethod) else value
                    yield f"  .{attribute}{_arguments(called) if inspect.isfunction(called) else ''}"


def _arguments(thing: Any) -> str:
    signature = inspect.signature(thing)
    bare = [argument.replace(annotation=argument.empty) for argument in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=signature.empty))


if __name__ == "__main__":
    print(public_api(), end="")
