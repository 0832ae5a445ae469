"""The layer desk: how much each layer adds to the sound."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lamina.plugin.parameters.declare import Given, ParameterGroup, special
from lamina.plugin.parameters.kinds import MAX_LAYERS, LayerGains, LayerSet

if TYPE_CHECKING:
    from lamina.plugin.parameters.settings import Settings


class LayerDesk(ParameterGroup, group="desk", tab="Layers", page="layers"):
    """A gain, mute and solo for every layer."""

    layer_gains: Given[Sequence[float] | npt.NDArray[np.floating], tuple[float, ...]] = special(
        LayerGains, "Layer gains", minimum=0.0, maximum=2.0, step=0.01, default=(1.0,) * MAX_LAYERS, kind="gains",
        of_layers=True,
        help="How much each layer adds to the sound: 0 takes it out, 2 doubles it.",
    )  # fmt: skip
    muted_layers: Given[Iterable[int], tuple[int, ...]] = special(
        LayerSet, "Mute", minimum=1, maximum=MAX_LAYERS, default=(), kind="layers", of_layers=True,
        help="Layers that are sent but not heard.",
    )  # fmt: skip
    solo_layers: Given[Iterable[int], tuple[int, ...]] = special(
        LayerSet, "Solo", minimum=1, maximum=MAX_LAYERS, default=(), kind="layers", of_layers=True,
        help="Layers that are heard alone; if there are none, all are heard.",
    )  # fmt: skip


def heard_gains(settings: Settings) -> npt.NDArray[np.float32] | None:
    """What each layer is multiplied with, `[layers]`; None if that is 1 for all."""
    gains = np.array(settings.layer_gains, np.float32)
    for layer in settings.muted_layers:
        gains[layer - 1] = 0
    if settings.solo_layers:
        solo = np.array(settings.solo_layers) - 1
        alone = np.zeros_like(gains)
        alone[solo] = gains[solo]
        gains = alone
    return None if (gains == 1).all() else gains
