"""Presets: parameter values with a name, as JSON with a schema version.

Factory presets ship with Lamina; anybody's own are files. A preset is checked completely before a value is used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

from lamina.models.bundles.bundle import DEFAULT_BUNDLE
from lamina.models.json_files import LARGEST_FILE, JsonError, parse_json, read_regular
from lamina.plugin.files.atomic import atomic_file
from lamina.plugin.parameters.model_shape import USUAL, shape_named
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.parameters.table import Value, find_parameter, suggest

SCHEMA_VERSION = 1

CATEGORIES = ("music production", "lo-fi", "sound design", "speech", "network failure", "diagnosis")
"""What the factory presets are for, in the order in which they are listed.

A preset of one's own may name any, or none.
"""


class PresetError(ValueError):
    """A preset is missing, damaged, or holds a value that is not allowed; the message says which."""


@dataclass(frozen=True)
class Preset:
    """Args:
    name: how it is chosen; a factory preset's file name without suffix.
    title, description: for people.
    parameters: values by parameter name; what is not named keeps its default.
    model: name of the bundle it was made with, or None if any will do. Whether it is there shows when it is opened.
    category: what it is for, one of CATEGORIES or another word; empty if it doesn't say.
    """

    name: str
    title: str
    description: str
    parameters: dict[str, Value] = field(default_factory=dict)
    model: str | None = None
    category: str = ""

    def settings(self) -> Settings:
        """Default settings with the preset's values."""
        return self._settings

    @cached_property
    def _settings(self) -> Settings:
        settings = Settings().on(shape_named(self.model or DEFAULT_BUNDLE))
        for name, value in self.parameters.items():
            settings = settings.with_value(name, value)
        return settings


def list_presets() -> list[Preset]:
    """The factory presets, by name."""
    entries = [entry for entry in files("lamina.presets").iterdir() if entry.name.endswith(".json")]
    return sorted(
        (_parse(entry.read_text(encoding="utf-8"), entry.name, entry.name[:-5]) for entry in entries),
        key=lambda p: p.name,
    )


def load_preset(name_or_path: str | Path) -> Preset:
    """A factory preset by name, or any preset by its file. Raises PresetError."""
    factory = {preset.name: preset for preset in list_presets()}
    if str(name_or_path) in factory:
        return factory[str(name_or_path)]
    path = Path(name_or_path)
    try:
        text = read_regular(path, LARGEST_FILE)
    except FileNotFoundError:
        if path.suffix == ".json" or len(path.parts) > 1:
            raise PresetError(f"There is no preset file {path}.") from None
        raise PresetError(f"There is no preset {str(name_or_path)!r}.{suggest(str(name_or_path), factory)}") from None
    except (OSError, ValueError) as error:
        raise PresetError(f"{path} can't be read as a preset: {error}.") from error
    return _parse(text, str(path), path.stem)


def save_preset(
    path: str | Path, title: str, parameters: dict[str, Value], description: str = "", model: str | None = None
) -> None:
    """Write a preset; an existing file is replaced only by a complete new one. Raises PresetError."""
    path = Path(path)
    data = {"schema": SCHEMA_VERSION, "title": title, "description": description, "parameters": parameters}
    if model is not None:
        data["model"] = model
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    _parse(text, str(path), path.stem)  # what is written can be read again
    try:
        with atomic_file(path) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PresetError(f"The preset {path} can't be written: {error.strerror or error}.") from error


def _parse(text: str | bytes, where: str, name: str) -> Preset:
    try:
        data: Any = parse_json(text)
    except JsonError as error:
        raise PresetError(f"{where} is not a preset: {error}.") from error
    if not isinstance(data, dict) or "schema" not in data:
        raise PresetError(f'{where} is not a preset: it has no "schema".')
    if data["schema"] != SCHEMA_VERSION:
        raise PresetError(
            f"{where} has preset schema {data['schema']!r}; this Lamina reads {SCHEMA_VERSION}. Update Lamina."
        )
    parameters = data.get("parameters")
    if (
        not isinstance(parameters, dict)
        or not isinstance(data.get("title"), str)
        or not isinstance(data.get("description", ""), str)
    ):
        raise PresetError(f'{where} is not a preset: it needs a "title" and "parameters".')
    model = data.get("model")
    if model is not None and not (isinstance(model, str) and model):
        raise PresetError(f'{where} has the "model" {model!r}; it must be the name of a model.')
    category = data.get("category", "")
    if not isinstance(category, str):
        raise PresetError(f'{where} has the "category" {category!r}; it must be a word, for example "speech".')
    if "layers" in parameters and "kbps" in parameters:
        raise PresetError(f"{where} sets both layers and kbps, which are one value in two units; keep one.")
    shape = shape_named(model) if model is not None else USUAL
    for parameter, value in parameters.items():
        try:
            find_parameter(parameter, shape).validate(value)
        except (ValueError, TypeError) as error:
            raise PresetError(f"{where}: {error}") from error
    return Preset(name, data["title"], data.get("description", ""), parameters, model, category)


def __getattr__(name: str) -> Any:
    # Kept for scripts that import it from here; effects know presets, and not the other way round.
    if name == "codec_for":
        return import_module("lamina.plugin.documents.preset_codec").codec_for
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
