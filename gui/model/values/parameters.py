"""The effect's settings as the controls see them.

One validated value per name, checked against the model once it is known.
"""

from collections.abc import Mapping
from typing import Any

from lamina.gui.model.values.observable import Observable
from lamina.plugin import PARAMETERS, NeuralCodec, Parameter
from lamina.plugin.parameters.model_shape import USUAL, ModelShape
from lamina.plugin.parameters.settings import fitted
from lamina.plugin.parameters.table import Value, parameters_of


class ParameterValues:
    """Current values of the parameters, usable before a codec is there. The codec given to `attach` holds them too.

    `changed` tells name and value of every change, in the thread that made it; `reshaped` that the model has other
    layers than the one before, so that ranges are others, or other controls that do something.
    """

    def __init__(self) -> None:
        self.shape = USUAL
        """That of the model, which ranges depend on."""
        self.parameters = _without_views(self.shape)
        self.changed: Observable[[str, Value]] = Observable()
        self.reshaped: Observable[[]] = Observable()
        self._values: dict[str, Value] = {name: parameter.default for name, parameter in self.parameters.items()}
        self._codec: NeuralCodec | None = None

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def values(self) -> dict[str, Value]:
        """A copy: what to construct an equal effect with."""
        return dict(self._values)

    def set(self, name: str, value: object) -> None:
        """Sets one parameter; raises ValueError or TypeError with the parameter's own sentence and changes nothing."""
        parameter = self.parameters[name]
        # The codec checks what it is given, so a knob that is turned is checked once.
        self._change(name, parameter.validate(value) if self._codec is None else _given(self._codec, name, value))

    def reset(self, name: str) -> None:
        """Back to the parameter's default."""
        self.set(name, self.parameters[name].default)

    def attach(self, codec: NeuralCodec) -> None:
        """Gives the values to `codec` and every later change too."""
        self._use_shape(codec.settings.shape)
        for name, value in self._values.items():
            try:
                _given(codec, name, value)
            except ValueError:
                # A value this bundle can't do (denoise without conditioning): the control must show what is heard.
                self._change(name, codec.settings.value(name))
        self._codec = codec

    def exchange(self, values: Mapping[str, Value], codec: NeuralCodec | None) -> None:
        """Shows another board: its values and the codec that holds them already."""
        self._codec = codec
        self._use_shape(codec.settings.shape if codec is not None else USUAL)
        for name in self.parameters:
            self._change(name, values[name])

    def _use_shape(self, shape: ModelShape) -> None:
        """Take over the ranges of a model; values beyond them end with them."""
        if shape == self.shape:
            return
        values = fitted(self._values, self.shape, shape)
        self.shape, self.parameters = shape, _without_views(shape)
        self.reshaped.notify()
        for name, value in values.items():
            self._change(name, value)

    def _change(self, name: str, value: Value) -> None:
        if value != self._values[name]:
            self._values[name] = value
            self.changed.notify(name, value)


def _without_views(shape: ModelShape) -> dict[str, Parameter]:
    """A view (kbps of layers) is the same value in another unit: kept once, so that the two can't disagree."""
    return {name: parameter for name, parameter in parameters_of(shape).items() if parameter.view_of is None}


def plain(values: Mapping[str, Value]) -> dict[str, Any]:
    """Values by name as JSON can hold them; each parameter's `validate` takes them back."""
    return {name: PARAMETERS[name].plain(value) for name, value in values.items()}


def _given(codec: NeuralCodec, name: str, value: object) -> Value:
    """Sets one parameter of `codec` and returns it as the codec holds it; raises ValueError if its bundle can't do it.

    Noise only is refused too where the denoise knob is off: it could only be silence, with no knob to end it.
    """
    if name == "noise_only" and value and not codec.bundle.conditioned:
        raise ValueError(f"Noise only needs denoise, and the model {codec.bundle.name!r} was not trained to denoise.")
    codec.set_parameters({name: value})
    return codec.settings.value(name)
