"""The decoder's side of one stream: the sound itself, and what else may be listened to instead of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.ramp import Ramp
from lamina.models.engines.engine import State
from lamina.models.runtime import CodecRuntime, Counts

VOICES = ("noise", "layer", "latent")
"""What is heard instead of the sound: what denoising takes away, what one layer adds, the sound before quantization."""


@dataclass(frozen=True)
class ToDecode:
    """A stretch of frames.

    Args:
        latents: `[channels, frames, latent]`, what is decoded.
        layers: how many the latents are made of, `[channels, frames]`.
        denoise, postfilter: how much of each is done, of each frame, `[frames]`.
        voice: one of VOICES, or "" for the sound itself.
        first_layers: latents of the first k layers as they were sent, `[channels, frames, latent]`; asked for while a
            layer is heard.
        sent_layers: how many there were, `[channels, frames]`.
        listen_layer: that layer.
        unquantized: the encoder's own latents, `[channels, frames, latent]`; None where they are not known, and then
            `voice` can't be "latent".
    """

    latents: FloatArray
    layers: Counts
    denoise: FloatArray
    postfilter: FloatArray
    voice: str
    first_layers: Callable[[int], FloatArray]
    sent_layers: Counts
    listen_layer: int
    unquantized: FloatArray | None


class Decoding:
    """State of the decoder, and of further ones while another voice is heard.

    A further decoder begins as a copy of the first and goes when its voice has faded out, so it costs nothing until
    then.

    Args:
        runtime: the codec, shared.
        n_channels: channels of every call.
        ramp_samples: samples at the codec's rate that going over to another voice takes.
        voice: the one that is heard before the first frame.
    """

    def __init__(self, runtime: CodecRuntime, n_channels: int, ramp_samples: int, voice: str) -> None:
        self._runtime = runtime
        self._state = runtime.decoder_state(n_channels)
        self._postfilter = runtime.postfilter(n_channels)
        config = runtime.config
        # Of a frame of no, one, two … layers; the postfilter knows of no rate below one layer's.
        kbps = runtime.summed_bits * (config.sample_rate / config.frame / 1000)
        self._kbps = np.maximum(kbps, kbps[1]).astype(np.float32)
        self._further: dict[str, State] = {}
        self._shares = {name: Ramp(float(name == voice), ramp_samples) for name in VOICES}

    def decode(self, frames: ToDecode) -> FloatArray:
        """Samples `[channels, frames · frame]`."""
        y, after = self._runtime.decode(frames.latents, self._state, frames.denoise, frames.layers)
        plain = y
        if self._postfilter is not None:
            y = self._postfilter.pass_on(plain, frames.postfilter, self._kbps[frames.layers])
        filtered = y
        for name in VOICES:
            ramp = self._shares[name]
            ramp.set(float(name == frames.voice))
            if ramp.is_off:
                if self._further:
                    self._further = {key: state for key, state in self._further.items() if not key.startswith(name)}
                continue
            share = ramp.factor(plain.shape[1])
            y = (
                self._voice(name, plain, frames)
                if np.all(share == 1)
                else y + (self._voice(name, plain, frames) - filtered) * share
            )
        self._state = after
        return y

    def _voice(self, name: str, plain: FloatArray, frames: ToDecode) -> FloatArray:
        if name == "noise":
            return self._decode("noise", frames.latents, np.zeros_like(frames.denoise), frames.layers) - plain
        if name == "latent":
            assert frames.unquantized is not None
            return self._decode("latent", frames.unquantized, frames.denoise, None)
        layer = frames.listen_layer
        whole = self._first_layers("layer", frames, layer)
        return whole if layer == 1 else whole - self._first_layers("layer without", frames, layer - 1)

    def _first_layers(self, key: str, frames: ToDecode, n_layers: int) -> FloatArray:
        return self._decode(
            key, frames.first_layers(n_layers), frames.denoise, np.minimum(frames.sent_layers, n_layers)
        )

    def _decode(self, key: str, z: FloatArray, denoise: FloatArray, layers: Counts | None) -> FloatArray:
        y, self._further[key] = self._runtime.decode(z, self._further.get(key, self._state), denoise, layers)
        return y
