"""What a Lamina network is: the numbers that fix its shape.

A `CodecConfig` travels inside every checkpoint and every bundle's `model.json`, so that a network can
always be rebuilt from its file alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

Design = Literal["transform", "soundstream"]

MOST_LAYERS = 64
"""What reports, files and telemetry have room for."""
MOST_CODE_BITS = 10
"""Bits of one code at most: an index into a codebook of 1024 entries."""


@dataclass(frozen=True)
class TransformConfig:
    """The shipped design: a low-overlap MDCT pair, a fitted linear path, and zero-initialised networks.

    Args:
        overlap: samples shared by neighbouring frames (1 … frame). It is also the decoder's added delay.
        width: channels of the residual blocks.
        encoder_blocks, decoder_blocks: residual blocks at the frame rate on each side.
        companding: exponent p of the companded coefficients sign(c)·|c|^p, in (0, 1].
        gain_exponent: share γ of the frame's log-gain that travels in its own latent dimension, 0 … 1.
        gain_scale: weight of that dimension against the others.
        tilt: pre-emphasis over frequency; the highest coefficient is weighted 1 + tilt.
        informed: whether the decoder's networks are told the number of layers and the amount of denoising.
        denoiser_blocks, denoiser_width: residual blocks of the network that takes noise away behind the decoder's
            (`lamina.models.network.denoiser`), 0 for a codec without, and their channels.
    """

    overlap: int = 80
    width: int = 256
    encoder_blocks: int = 5
    decoder_blocks: int = 7
    companding: float = 0.7
    gain_exponent: float = 0.7
    gain_scale: float = 3.0
    tilt: float = 1.0
    informed: bool = False
    denoiser_blocks: int = 0
    denoiser_width: int = 192


@dataclass(frozen=True)
class MemoryConfig:
    """Prediction from the decoder's own past (`lamina.models.network.memory`).

    Where it looks, what it is made of, and how far it reaches.

    Args:
        past: samples of its own sound that the loop keeps.
        shortest_lag: samples; the least distance to look back.
        fine_lags: lags from there on in steps of one sample; then `coarse_lags` more in steps of two. Together at most
            half a codebook's size: each is there twice.
        trust: what share of the prediction counts, so that errors of the loop die away.
        guarded: the same for *guarded* frames, whose lag codes follow the ordinary ones. A sender guards a frame where
            less of the prediction fits better, and all of them while some get lost: then what was lost is forgotten
                soon.
        history: quantized latents that are remembered.
        loop_layers: layers, the lag among them, that the loop hears. A stream of more can be thinned down to so many
            without drift.
        from_layers: layers from which the first one says where to look; with fewer, prediction comes from the
            remembered latents alone.
        width: channels of both networks.
        predictor_blocks, sketch_blocks: residual blocks of each.
    """

    past: int = 1200
    shortest_lag: int = 32
    fine_lags: int = 256
    coarse_lags: int = 256
    trust: float = 0.9
    guarded: float = 0.5
    history: int = 3
    loop_layers: int = 8
    from_layers: int = 3
    width: int = 256
    predictor_blocks: int = 3
    sketch_blocks: int = 2

    @property
    def n_lags(self) -> int:
        """Lags there are to choose from."""
        return self.fine_lags + self.coarse_lags

    @property
    def longest_lag(self) -> int:
        """Samples."""
        last_fine = self.shortest_lag + self.fine_lags - 1
        return last_fine + 2 * self.coarse_lags - 1 if self.coarse_lags else last_fine


@dataclass(frozen=True)
class SoundStreamConfig:
    """The paper's own layers (arXiv 2107.03312, section III): strided causal convolutions and residual units.

    Args:
        channels: C, the encoder's first width (the paper trains 8, 16 and 32).
        strides: the encoder's down-sampling steps; their product is the frame.
    """

    channels: int = 32
    strides: tuple[int, ...] = (2, 4, 5, 8)


@dataclass(frozen=True)
class CodecConfig:
    """A whole codec: rates, latent, quantizer, and the networks of the chosen design.

    Args:
        design: which encoder/decoder pair, "transform" or "soundstream".
        sample_rate: Hz of the network's audio.
        frame: samples per latent vector.
        latent: dimensions D of the latent.
        code_width: dimensions of the latent that one quantizer layer searches, 1 … latent.
        layers: codes of a frame, at most: residual quantizers, and with a memory the lag.
        codebook_size: entries of each codebook.
        memory: prediction from the decoder's own past, for the transform design; None for a codec without.
    """

    design: Design = "transform"
    sample_rate: int = 24_000
    frame: int = 320
    latent: int = 192
    code_width: int = 32
    layers: int = 24
    codebook_size: int = 1024
    transform: TransformConfig = TransformConfig()
    soundstream: SoundStreamConfig = SoundStreamConfig()
    memory: MemoryConfig | None = None

    def __post_init__(self) -> None:
        if self.design not in ("transform", "soundstream"):
            raise ValueError(f'design is {self.design!r}; choose "transform" or "soundstream".')
        for name in ("sample_rate", "frame", "latent", "code_width", "layers", "codebook_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if self.layers > MOST_LAYERS:
            raise ValueError(f"layers is {self.layers}; a codec has {MOST_LAYERS} at most.")
        if self.codebook_size > 1 << MOST_CODE_BITS:
            raise ValueError(
                f"codebook_size is {self.codebook_size}; a code has {MOST_CODE_BITS} bits at most, so "
                f"{1 << MOST_CODE_BITS} entries."
            )
        if self.code_width > self.latent:
            raise ValueError(f"code_width is {self.code_width}; it must be 1 to {self.latent} (the latent).")
        if self.design == "transform" and not 1 <= self.transform.overlap <= self.frame:
            raise ValueError(f"overlap is {self.transform.overlap}; it must be 1 to {self.frame} samples (the frame).")
        for name, least in (("denoiser_blocks", 0), ("denoiser_width", 1)):
            if getattr(self.transform, name) < least:
                raise ValueError(f"{name} is {getattr(self.transform, name)}; it must be at least {least}.")
        if self.memory is not None:
            self._check_memory(self.memory)
        if self.design == "soundstream":
            if self.soundstream.channels < 1:
                raise ValueError(f"channels is {self.soundstream.channels}; it must be at least 1.")
            product = 1
            for stride in self.soundstream.strides:
                product *= stride
            if product != self.frame:
                raise ValueError(
                    f"The strides {self.soundstream.strides} multiply to {product}; they must give the frame, "
                    f"{self.frame}."
                )

    def _check_memory(self, memory: MemoryConfig) -> None:
        if self.design != "transform":
            raise ValueError(
                f"The design {self.design!r} has no memory; leave `memory` out, or choose the transform design."
            )
        if not 2 <= memory.from_layers <= memory.loop_layers <= self.layers:
            raise ValueError(
                f"The memory's from_layers, loop_layers and the layers are {memory.from_layers}, {memory.loop_layers} "
                f"and {self.layers}; "
                "they must be at least 2 and must not fall."
            )
        if 2 * memory.n_lags > self.codebook_size:
            raise ValueError(
                f"The memory has {memory.n_lags} lags, each twice; a code tells {self.codebook_size} apart."
            )
        if not 1 <= memory.shortest_lag or memory.longest_lag > memory.past:
            raise ValueError(f"The memory's lags go up to {memory.longest_lag} samples; its past has {memory.past}.")

    @property
    def residual_layers(self) -> int:
        """Layers that code what is left: all of them, but for the lag."""
        return self.layers if self.memory is None else self.layers - 1

    @property
    def coarse_layers(self) -> int:
        """Layers with codebooks of their own for frames that have no lag: 0 without a memory."""
        return 0 if self.memory is None else self.memory.from_layers - 1

    @property
    def code_bits(self) -> tuple[int, ...]:
        """Bits of each layer's code, `layers` numbers. The first code of a frame may be a lag."""
        of_entries = max(1, (self.codebook_size - 1).bit_length())
        of_lags = 0 if self.memory is None else (2 * self.memory.n_lags - 1).bit_length()
        return (max(of_entries, of_lags), *(of_entries,) * (self.layers - 1))

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.sample_rate / self.frame

    def kbps(self, layers: int) -> float:
        """Kilobits per second of one channel's first `layers` layers."""
        return sum(self.code_bits[:layers]) * self.frame_rate / 1000

    @property
    def delay_samples(self) -> int:
        """Samples (at `sample_rate`) by which the decoder's output lags its input, beyond whole frames."""
        return self.transform.overlap if self.design == "transform" else 0

    def to_json(self) -> dict[str, Any]:
        """The config as plain JSON values."""
        data = asdict(self)
        if self.memory is None:
            del data["memory"]  # older Laminas can read a bundle without one
        if not self.transform.informed:
            del data["transform"]["informed"]
        if not self.transform.denoiser_blocks:
            del data["transform"]["denoiser_blocks"], data["transform"]["denoiser_width"]
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CodecConfig:
        """Rebuild a config; raises ValueError that names an unknown field."""
        data = dict(data)
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(data) - known)
        if unknown:
            raise ValueError(
                f"The model's config has the unknown field {unknown[0]!r}; this Lamina knows {sorted(known)}."
            )
        # Bundles made before there were subspaces search the whole latent in every layer.
        if "latent" in data:
            data.setdefault("code_width", data["latent"])
        if "transform" in data:
            data["transform"] = TransformConfig(**data["transform"])
        if "soundstream" in data:
            section = dict(data["soundstream"])
            section["strides"] = tuple(section.get("strides", ()))
            data["soundstream"] = SoundStreamConfig(**section)
        if data.get("memory") is not None:
            data["memory"] = MemoryConfig(**data["memory"])
        return cls(**data)
