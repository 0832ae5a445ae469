"""What parameters depend on in a model: its layers, what each of them sends, and whether it has a postfilter."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from lamina.models.bundles.bundle import BundleError, opened_bundle
from lamina.models.config import CodecConfig
from lamina.models.engines.postfilter import fits as postfilter_fits


@dataclass(frozen=True)
class ModelShape:
    """A model as its parameters see it.

    Args:
        code_bits: bits of each layer's code.
        frame_rate: frames per second.
        has_postfilter: whether there is one for sound of its rate.
    """

    code_bits: tuple[int, ...]
    frame_rate: float
    has_postfilter: bool = True

    @property
    def layers(self) -> int:
        """Layers that a frame has at most."""
        return len(self.code_bits)

    def kbps(self, layers: int) -> float:
        """Kilobits per second of one channel's first `layers` layers."""
        return sum(self.code_bits[:layers]) * self.frame_rate / 1000

    def layers_of(self, kbps: float) -> int:
        """The number of layers, 1 … all, whose rate is nearest to `kbps`; the lower of two that are equally near."""
        return min(range(1, self.layers + 1), key=lambda layers: abs(self.kbps(layers) - kbps))


@lru_cache(maxsize=16)
def shape_of(config: CodecConfig) -> ModelShape:
    """The shape of a config's models."""
    return ModelShape(config.code_bits, config.frame_rate, postfilter_fits(config))


def shape_named(model: str) -> ModelShape:
    """The shape of a model by its name or folder; the usual one if it isn't there, which whoever opens it will say."""
    try:
        return shape_of(opened_bundle(model).config)
    except BundleError:
        return USUAL


USUAL = shape_of(CodecConfig())
"""That of the shipped model, for which the table of parameters gives ranges and defaults."""
