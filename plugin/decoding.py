"""The decoder's side of one stream: codes' sums in, samples out, either what denoising leaves or what it takes away."""

from __future__ import annotations

from lamina.dsp.ramp import Ramp
from lamina.models.runtime import CodecRuntime, State
from lamina.plugin.layouts import FloatArray


class Decoding:
    """State of the decoder, and of a second one while the noise alone is heard.

    The noise alone is the sound decoded with denoise 0, less the same decoded with denoise as it is set. The second
    decoder begins as a copy of the first and goes when the first is heard alone again, so it costs nothing until then.

    Args:
        runtime: the codec, shared.
        n_channels: channels of every call.
        ramp_samples: samples at the codec's rate that a switch of `noise_only` takes.
        noise_only: how it stands before the first frame.
    """

    def __init__(self, runtime: CodecRuntime, n_channels: int, ramp_samples: int, noise_only: bool) -> None:
        self._runtime = runtime
        self._state = runtime.decoder_state(n_channels)
        self._noisy_state: State | None = None
        self._noise_share = Ramp(float(noise_only), ramp_samples)

    def decode(self, z: FloatArray, denoise: float, noise_only: bool) -> FloatArray:
        """Latents `[channels, frames, latent]` → samples `[channels, frames · frame]`; `denoise` is 0 … 1."""
        y, after = self._runtime.decode(z, self._state, denoise)
        self._noise_share.set(float(noise_only))
        share = self._noise_share.take(y.shape[1])
        if share.any():
            noisy, self._noisy_state = self._runtime.decode(z, self._noisy_state or self._state, 0.0)
            y = y * (1 - share) + (noisy - y) * share
        else:
            self._noisy_state = None
        self._state = after
        return y
