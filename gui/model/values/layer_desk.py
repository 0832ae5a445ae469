"""The layer desk: a fader, mute and solo for each layer, and which layer is listened to."""

from __future__ import annotations

from collections.abc import Callable

from lamina.gui.model.edits.edit import Edit
from lamina.gui.model.values.parameters import ParameterValues
from lamina.gui.model.values.travel import Travel
from lamina.plugin.parameters.table import find_parameter

NAMES = ("layer_gains", "muted_layers", "solo_layers")


class LayerDesk:
    """Layers are counted from 1. `set` sets a parameter by name, as `ParameterValues.set` does; `set_back` several in
    one go, as a `Desk`'s.
    """

    def __init__(
        self,
        values: ParameterValues,
        set: Callable[[str, object], object] | None = None,
        set_back: Callable[[dict[str, object], Edit], object] | None = None,
    ) -> None:
        self._values, self._set, self._set_back = values, set or values.set, set_back
        self.travel = Travel(find_parameter("layer_gains.1"))

    @property
    def n_layers(self) -> int:
        """Layers of the model."""
        return self._values.shape.layers

    @property
    def n_active(self) -> int:
        """How many layers are sent, by the bitrate knob."""
        return int(self._values["layers"])

    def gain(self, layer: int) -> float:
        """A layer's gain, 0 … 2."""
        return float(self._values["layer_gains"][layer - 1])

    def set_gain(self, layer: int, gain: float) -> None:
        """Moves a layer's fader."""
        gains = list(self._values["layer_gains"])
        gains[layer - 1] = gain
        self._set("layer_gains", tuple(gains))

    def is_muted(self, layer: int) -> bool:
        """Whether the layer is taken out of the sound."""
        return layer in self._values["muted_layers"]

    def is_solo(self, layer: int) -> bool:
        """Whether the layer is one of those heard alone."""
        return layer in self._values["solo_layers"]

    def is_heard(self, layer: int, n_sent: int | None = None) -> bool:
        """Whether the layer is sent and neither muted nor left out by another one's solo.

        `n_sent` are sent now, if not `n_active`.
        """
        solo = self._values["solo_layers"]
        return (
            layer <= (self.n_active if n_sent is None else n_sent)
            and not self.is_muted(layer)
            and (not solo or layer in solo)
        )

    def toggle_mute(self, layer: int) -> None:
        """Takes a layer out of the sound, or back in."""
        self._toggle("muted_layers", layer)

    def toggle_solo(self, layer: int, alone: bool = False) -> None:
        """Hears a layer alone with those that are solo already, or `alone` without them; or no longer."""
        if alone and self._values["solo_layers"] != (layer,):
            self._set("solo_layers", (layer,))
        else:
            self._toggle("solo_layers", layer)

    @property
    def listened(self) -> int | None:
        """The layer whose share alone is played; None unless that is what is listened to."""
        return int(self._values["listen_layer"]) if self._values["listen"] == "layer" else None

    def listen_to(self, layer: int) -> None:
        """Chooses the layer whose share is played, while one is."""
        if self.listened is not None:
            self._set("listen_layer", layer)

    def is_changed(self) -> bool:
        """Whether any fader, mute or solo differs from its default."""
        return any(self._values[name] != self._values.parameters[name].default for name in NAMES)

    def reset(self) -> None:
        """Every fader at 1, nothing muted, nothing solo."""
        defaults = {name: self._values.parameters[name].default for name in NAMES}
        if self._set_back is not None:
            self._set_back(defaults, Edit("Reset layers", "Every fader is at 1.00, no layer is muted or solo."))
            return
        for name, value in defaults.items():
            self._set(name, value)

    def text(self, layer: int) -> str:
        """A layer in words."""
        marks = [word for word, holds in (("muted", self.is_muted(layer)), ("solo", self.is_solo(layer))) if holds]
        if layer > self.n_active:
            marks.append("not sent")
        return ", ".join((f"layer {layer}, gain {self.gain(layer):.2f}", *marks))

    def _toggle(self, name: str, layer: int) -> None:
        layers = set(self._values[name])
        self._set(name, tuple(sorted(layers ^ {layer})))
