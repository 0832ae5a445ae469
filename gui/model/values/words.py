"""Values in words, layer counts and bitrates among them, where a number would not say what it does."""

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


def layers_text(n_layers: int) -> str:
    """ "1 layer", "8 layers"."""
    return f"{n_layers} layer" if n_layers == 1 else f"{n_layers} layers"


def kbps_text(kbps: float) -> str:
    """ "6.0 kbps", "0.75 kbps": one decimal, two where one would round."""
    return f"{kbps:.1f} kbps" if abs(kbps * 10 - round(kbps * 10)) < 1e-6 else f"{kbps:.2f} kbps"
