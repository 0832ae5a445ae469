"""Attributes of the effect that are parameters of the table: checked when set, read from the current settings."""

from __future__ import annotations

from typing import Any, Protocol

from lamina.plugin.parameters.settings import Settings
from lamina.plugin.parameters.table import find_parameter


class HasSettings(Protocol):
    """An effect with settings."""

    @property
    def settings(self) -> Settings: ...
    def set_parameters(self, values: dict[str, Any]) -> None: ...


class ParameterAttribute:
    """One of them, by its name. Type checkers know the declaration instead (`lamina.plugin.parameters.declare`)."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.__doc__ = find_parameter(name).help

    def __get__(self, codec: HasSettings | None, owner: type) -> Any:
        return self if codec is None else codec.settings.value(self._name)

    def __set__(self, codec: HasSettings, value: object) -> None:
        codec.set_parameters({self._name: value})
