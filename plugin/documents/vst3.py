"""VST3 plugins with the path that they came from, which pedalboard does not keep."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from pedalboard import VST3Plugin
from pedalboard._pedalboard import load_plugin

from lamina.dsp.float_mode import float_mode_kept


class VST3Error(ValueError):
    """A VST3 plugin can't be found or loaded; the message says which and why."""


def load_vst3(path: str | Path, plugin_name: str | None = None) -> VST3Plugin:
    """Load a plugin as `pedalboard.load_plugin` does, and remember where it lies.

    Args:
        path: the plugin's file or folder (`.vst3`).
        plugin_name: which one, if there are several in it.

    Raises VST3Error.
    """
    if not Path(path).exists():
        raise VST3Error(f"there is no VST3 plugin at {path}")
    try:
        with float_mode_kept():
            plugin = load_plugin(str(path), plugin_name=plugin_name)
    except (ImportError, RuntimeError, ValueError, TypeError) as error:
        raise VST3Error(f"the VST3 plugin {path} can't be loaded: {' '.join(str(error).split())}") from error
    if not isinstance(plugin, VST3Plugin):
        raise VST3Error(f"{path} is no VST3 plugin")
    if plugin_name is not None and _name(plugin) != plugin_name:
        # pedalboard asks for the name only if there are several.
        raise VST3Error(f"the VST3 plugin {path} holds {_name(plugin)!r}, not {plugin_name!r}")
    _PATHS[plugin] = str(path)
    return plugin


def path_of_vst3(plugin: VST3Plugin) -> str:
    """Where a plugin lies.

    Known if `load_vst3` loaded it; otherwise a plugin file of its name is looked for where plugins are installed.

    Raises VST3Error if there is none.
    """
    if plugin in _PATHS:
        return _PATHS[plugin]
    name = _name(plugin)
    for candidate in _installed():
        if candidate.stem == name and name in VST3Plugin.get_plugin_names_for_file(str(candidate)):
            return str(candidate)
    raise VST3Error(
        f"nobody knows where the VST3 plugin {name!r} lies: it is not installed in a folder for plugins. "
        "Load it with lamina.plugin.documents.vst3.load_vst3, which keeps the path"
    )


def parameters_of_vst3(plugin: VST3Plugin) -> dict[str, float]:
    """Every parameter's value between 0 and 1, in the plugin's order."""
    return {name: float(parameter.raw_value) for name, parameter in _parameters(plugin).items()}


def set_vst3_parameters(plugin: VST3Plugin, values: dict[str, float]) -> None:
    """Set values between 0 and 1 by parameter. Raises VST3Error for a name the plugin does not have."""
    parameters = _parameters(plugin)
    for name in values:
        if name not in parameters:
            raise VST3Error(
                f"the VST3 plugin {_name(plugin)!r} has no parameter {name!r}; another version of it may have had one"
            )
    # Twice: a parameter that chooses a program may change others.
    for _ in range(2):
        for name, value in values.items():
            if parameters[name].raw_value != value:
                parameters[name].raw_value = value


def _parameters(plugin: VST3Plugin) -> dict[str, Any]:
    return dict(getattr(plugin, "parameters", {}))


def _name(plugin: VST3Plugin) -> str:
    return str(getattr(plugin, "name", ""))


def _installed() -> Iterator[Path]:
    installed: list[str] = getattr(VST3Plugin, "installed_plugins", [])
    yield from map(Path, installed)
    for folder in os.environ.get("VST3_PATH", "").split(os.pathsep):
        if folder and Path(folder).is_dir():
            yield from sorted(Path(folder).glob("*.vst3"))


_PATHS: WeakKeyDictionary[VST3Plugin, str] = WeakKeyDictionary()
"""pedalboard's plugins take no attributes of ours; a path goes with its plugin."""
