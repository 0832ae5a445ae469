"""The order of the code desk's effects: the one place where each of them is registered."""

from __future__ import annotations

from lamina.plugin.desk.bend import Bend
from lamina.plugin.desk.channel import Channel
from lamina.plugin.desk.decimate import Decimate
from lamina.plugin.desk.echo import Echo
from lamina.plugin.desk.effect import CodeEffect
from lamina.plugin.desk.freeze import Freeze
from lamina.plugin.desk.slices import Slices

CHAIN: tuple[type[CodeEffect], ...] = (Channel, Bend, Decimate, Slices, Echo, Freeze)
"""In the order in which a frame passes them.

First what arrives, then which codes it has, when it is played, and what is held as a whole.
"""


# In the order in which the app and the docs have them; written out, because type checkers read it.
class ChainParameters(
    Channel.Parameters, Freeze.Parameters, Slices.Parameters, Echo.Parameters, Bend.Parameters, Decimate.Parameters
):
    """What can be set of all of them."""


for _effect in CHAIN:
    if not issubclass(ChainParameters, _effect.Parameters):
        raise TypeError(f"{_effect.__name__} stands in CHAIN; add {_effect.__name__}.Parameters to ChainParameters.")
