"""Values in words, where a number would not say what it does."""

from lamina.plugin import Parameter
from lamina.plugin.parameters.table import Value

ZERO = {"lost_layer": "any", "side_layers": "none"}
"""What 0 of a parameter is called."""


def value_text(parameter: Parameter, value: Value) -> str:
    """A value as the app shows it."""
    return ZERO[parameter.name] if parameter.name in ZERO and value == 0 else parameter.format(value)


def value_of_word(parameter: Parameter, text: str) -> Value | None:
    """The value that a typed word stands for; None if it is none of the parameter's."""
    return 0 if ZERO.get(parameter.name) == text.strip().lower() else None
