"""Attributes of the effect that are parameters of the table: no name or help is written twice."""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar, cast, overload

from lamina.plugin.parameters.settings import Settings
from lamina.plugin.parameters.table import find_parameter

V = TypeVar("V")


class HasSettings(Protocol):
    """An effect with settings."""

    @property
    def settings(self) -> Settings: ...
    def set_parameters(self, values: dict[str, Any]) -> None: ...


class ParameterAttribute(Generic[V]):
    """An attribute of the effect that is a parameter of the table: checked when set, read from the current settings."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._parameter = find_parameter(name)
        self.__doc__ = self._parameter.help

    @overload
    def __get__(self, codec: None, owner: type) -> ParameterAttribute[V]: ...
    @overload
    def __get__(self, codec: HasSettings, owner: type) -> V: ...
    def __get__(self, codec: HasSettings | None, owner: type) -> ParameterAttribute[V] | V:
        if codec is None:
            return self
        return cast(V, codec.settings.value(self._parameter.name))

    def __set__(self, codec: HasSettings, value: V) -> None:
        codec.set_parameters({self._parameter.name: value})
