"""`NeuralCodec`: the codec as an effect with pedalboard's call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter as Argument
from inspect import Signature
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray
from lamina.dsp.bridge import bridge_latency
from lamina.models.bundles.bundle import DEFAULT_BUNDLE, Bundle, BundleError, opened_bundle
from lamina.models.runtime import CodecRuntime, load_runtime
from lamina.plugin.call.arrays import (
    Layout,
    channels_first,
    channels_in,
    check_buffer_size,
    check_channels,
    check_sample_rate,
    check_sidechain,
)
from lamina.plugin.call.effect import SideChainEffect
from lamina.plugin.codes_file.codes import Codes, join_codes
from lamina.plugin.desk.chain import CHAIN
from lamina.plugin.documents.presets import Preset, PresetError, load_preset
from lamina.plugin.parameters.attribute import ParameterAttribute
from lamina.plugin.parameters.model_shape import shape_of
from lamina.plugin.parameters.motion import Automation
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.parameters.table import PARAMETERS, find_parameter, parameters_of
from lamina.plugin.stream.blocks import CodecStream
from lamina.plugin.stream.decoder import StreamDecoder, check_layers_are_sent
from lamina.plugin.stream.encoder import StreamEncoder
from lamina.plugin.stream.planner import StreamPlanner
from lamina.plugin.stream.reports import FrameReport
from lamina.plugin.stream.two_pass import LayerPlan

if TYPE_CHECKING:
    from lamina.plugin.parameters.codec import OtherUnits
    from lamina.plugin.parameters.declare import choice
    from lamina.plugin.parameters.table import AllParameters

BY_PLACE = ("layers", "denoise", "mix", "input_gain_db", "output_gain_db", "bypass")
"""Parameters that the constructor also takes without their names."""
WHOLE_FILE_SECONDS = 8
"""Audio per call of the networks in one-shot processing: long enough to be fast, short enough for any memory."""


if TYPE_CHECKING:

    class _Attributes(AllParameters, OtherUnits):
        """What type checkers know of the constructor and of the attributes.

        Every parameter as it is declared, and the model.
        """

        model: Final[str] = choice("Model", (), default=DEFAULT_BUNDLE)

else:

    class _Attributes:
        __slots__ = ()


class NeuralCodec(SideChainEffect, _Attributes):
    """A neural codec as a live effect: sound in, its coded and decoded self out.

    Args:
        layers: active quantizers, 1–24; default 8. Each sends 0.75 kbps per channel.
        denoise: 0–1; more than 0 needs a bundle that was trained for it.
        mix: share of the coded sound, 0–1.
        input_gain_db, output_gain_db: −24 … 24.
        bypass: lets the input through, delayed by the latency.
        noise_only: plays what denoise takes away instead of what it leaves: silence with denoise 0.
        kbps: another way to give `layers`: 0.75–18, the nearest layer is used. Give one of the two.
        model: name of a bundle, shipped or your own, a size ("standard"), or a bundle's folder. It can't be changed
            later.

    Any other parameter of `lamina.plugin.PARAMETERS` is given by its name: the layer desk, stereo, loss, codes, motion.

    Every argument but `model` is also an attribute that may be set at any time, from any thread; a stream reads them
    once per block. `on_report`, if set, is called with each `FrameReport`; `last_reports` holds the newest.
    `layer_plan`, if set to what `plan` made of a sound, says how many layers each of its frames sends, to all that
    begins from then on: calls, encoders, streams.
    A copy (`copy`, `pickle`) has the same bundle and settings, no past, no `on_report` and no `layer_plan`.

    Raises ValueError or TypeError with a sentence for any value out of range, and leaves the effect unchanged.
    """

    __slots__ = (
        "_bundle",
        "_last_reports",
        "_layer_plan",
        "_layout",
        "_model",
        "_runtime",
        "_settings",
        "_stream",
        "_streaming",
        "_to_swallow",
        "on_report",
    )

    if not TYPE_CHECKING:  # type checkers make a constructor of the declarations

        def __init__(self, *given: Any, **named: Any) -> None:
            bound = _SIGNATURE.bind(*given, **named).arguments
            self._begin(
                bound.pop("model", DEFAULT_BUNDLE), {name: value for name, value in bound.items() if value is not None}
            )

    def _begin(self, model: str, given: dict[str, Any]) -> None:
        if "layers" in given and "kbps" in given:
            raise ValueError(
                f"Both layers ({given['layers']}) and kbps ({given['kbps']}) are given; they are one value in two "
                "units: give one."
            )
        self.__setstate__({"model": str(model), "settings": Settings()})
        self.set_parameters(given)

    @classmethod
    def from_preset(cls, preset: str | Path | Preset) -> Self:
        """An effect with a preset's model and parameters.

        Args:
            preset: the name of a factory preset, a preset file, or a loaded preset.

        Raises PresetError for a preset that is not there or damaged, or whose model is.
        """
        found = preset if isinstance(preset, Preset) else load_preset(preset)
        try:
            codec = cls(model=found.model or DEFAULT_BUNDLE)
        except BundleError as error:
            raise PresetError(f"The preset {found.title!r} can't be used, because its model can't: {error}") from error
        codec.set_parameters(found.parameters)
        return codec

    def __getstate__(self) -> dict[str, Any]:
        return {"model": self._model, "settings": self._settings}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._model: str = state["model"]
        self._bundle = opened_bundle(self._model)
        self._settings: Settings = state["settings"].on(shape_of(self._bundle.config))
        self.on_report: Callable[[FrameReport], None] | None = None
        self._layer_plan: LayerPlan | None = None
        self._runtime: CodecRuntime | None = None
        self._stream: CodecStream | None = None
        self._layout: Layout | None = None
        # Two threads that stream through one effect take turns. Re-entrant: a report's listener may ask and set.
        self._streaming = RLock()
        self._to_swallow = 0
        self._last_reports: list[FrameReport] = []

    if not TYPE_CHECKING:  # they know it as the argument that it is

        @property
        def model(self) -> str:
            """The bundle's name or folder, as given."""
            return self._model

    @property
    def bundle(self) -> Bundle:
        """The bundle whose weights are used."""
        return self._bundle

    @property
    def settings(self) -> Settings:
        """All parameters as one immutable snapshot."""
        return self._settings

    @property
    def layer_plan(self) -> LayerPlan | None:
        """How many layers each frame sends, as `plan` found it; None where nothing is planned.

        Raises TypeError or ValueError for what is no plan, or one with more layers than the model has.
        """
        return self._layer_plan

    @layer_plan.setter
    def layer_plan(self, plan: LayerPlan | None) -> None:
        if plan is not None:
            if not isinstance(plan, LayerPlan):
                raise TypeError(f"layer_plan is a {type(plan).__name__}; give what `plan` returns, or None.")
            most, has = int(plan.counts.max(initial=0)), self.bundle.config.layers
            if most > has:
                raise ValueError(f"The plan has frames of {most} layers, and the model {self.bundle.name!r} has {has}.")
        self._layer_plan = plan

    def set_parameters(self, values: dict[str, Any]) -> None:
        """Set several parameters by name at once: all of them, or, if one is refused, none."""
        settings = self._settings
        for name, value in values.items():
            settings = settings.with_value(name, value)
        self._check_against_bundle(settings)
        if self._runtime is not None:
            # Here and not in the next frame, where it would take too long.
            for effect in CHAIN:
                effect.prepare(self._runtime, settings)
        self._settings = settings

    @property
    def last_reports(self) -> list[FrameReport]:
        """Reports of the newest frames (8192 at most), oldest first."""
        return list(self._stream.reports) if self._stream is not None else list(self._last_reports)

    def latency_samples(self, sample_rate: float, block: int | None = None) -> int:
        """Samples at `sample_rate` by which a stream's output lags its input, exactly.

        Without `block` it holds for blocks of any lengths; with it, for a host that always pushes that many.
        """
        rate = check_sample_rate(sample_rate)
        config = self.bundle.config
        delay = config.delay_samples * self._settings.passes
        return bridge_latency(
            rate, config.sample_rate, config.frame, delay, None if block is None else check_buffer_size(block)
        )

    def stream(self, sample_rate: float, n_channels: int, block: int | None = None) -> CodecStream:
        """A live stream of its own: what is pushed comes back at the same length, `latency_samples` later."""
        channels, rate = check_channels(n_channels), check_sample_rate(sample_rate)
        size = None if block is None else check_buffer_size(block)
        return CodecStream(self._open(), lambda: self._settings, rate, channels, size, self._listen, self.layer_plan)

    def process(
        self,
        input_array: np.ndarray,
        sample_rate: float,
        buffer_size: int = 8192,
        reset: bool = True,
        sidechain: np.ndarray | None = None,
    ) -> FloatArray:
        """See `Effect.process`. The result does not depend on `buffer_size` or on how a stream is cut.

        `sidechain`, a sound of the input's shape, gives the codes of the layers above `cross_layers`.
        """
        rate, size = check_sample_rate(sample_rate), check_buffer_size(buffer_size)
        audio, back, layout = channels_in(input_array, None if reset else self._layout)
        if not reset:
            self._layout = layout
        return back(self.process_channels(audio, rate, size, reset, check_sidechain(sidechain, audio.shape, layout)))

    def process_channels(
        self, audio: FloatArray, rate: int, buffer_size: int, reset: bool, sidechain: FloatArray | None = None
    ) -> FloatArray:
        """See `Effect.process_channels`."""
        return self._whole(audio, rate, sidechain) if reset else self._streamed(audio, rate, sidechain)

    def encode(self, audio: np.ndarray, sample_rate: float) -> Codes:
        """What is sent of a whole piece of audio, in any of pedalboard's layouts, with the settings as they stand.

        Everything before the quantizer counts: input gain, stereo, layers, generations, motion. Raises as `process`
        does.
        """
        samples, _ = channels_first(audio)
        encoder = self.encoder(sample_rate, len(samples))
        chunk = encoder.sample_rate * WHOLE_FILE_SECONDS
        parts = [encoder.push(samples[:, start : start + chunk]) for start in range(0, samples.shape[1], chunk)]
        return join_codes([*parts, encoder.flush()])

    def encoder(self, sample_rate: float, n_channels: int) -> StreamEncoder:
        """An encoder for one piece of any length that comes in blocks, with the settings of now.

        `push(block)` and in the end `flush()` give `Codes` that together (`+`) are those of `encode`.
        """
        rate, channels = check_sample_rate(sample_rate), check_channels(n_channels)
        return StreamEncoder(self._open(), self._settings, rate, channels, self.layer_plan)

    def plan(self, audio: np.ndarray, sample_rate: float) -> LayerPlan:
        """Hear a whole piece, in any of pedalboard's layouts, and share its bits out among its frames.

        Hard frames get more layers than easy ones, for no more bits than at the constant bitrate that is set; one and
        two layers, three with `lamina-24k`, and all of them leave nothing to share out. Set `layer_plan` to what comes,
        and code the same sound with the same settings:

            codec.layer_plan = codec.plan(audio, sample_rate)
            codes = codec.encode(audio, sample_rate)

        Raises as `process` does, and ValueError with several generations (`passes`).
        """
        samples, _ = channels_first(audio)
        return self._plan_channels(samples, sample_rate)

    def _plan_channels(self, samples: FloatArray, sample_rate: float) -> LayerPlan:
        """As `plan`, of float32 `[channels, samples]` alone."""
        planner = self.planner(sample_rate, len(samples))
        chunk = planner.sample_rate * WHOLE_FILE_SECONDS
        for start in range(0, samples.shape[1], chunk):
            planner.push(samples[:, start : start + chunk])
        return planner.flush()

    def planner(self, sample_rate: float, n_channels: int) -> StreamPlanner:
        """What plans one piece of any length that comes in blocks, with the settings of now.

        After each `push(block)`, `flush()` gives what `plan` gives of the whole.
        """
        rate, channels = check_sample_rate(sample_rate), check_channels(n_channels)
        return StreamPlanner(self._open(), self._settings, rate, channels)

    def decode(self, codes: Codes, sample_rate: float | None = None, layers: int | None = None) -> FloatArray:
        """Codes back to sound, float32 `[channels, samples]`, at `sample_rate` (None: the one they were made at).

        Everything behind the quantizer counts: channel, codes, layer desk, denoise, output gain, motion; there is
        nothing to mix with. With neutral settings, `decode(encode(audio, rate))` is what `process` gives. Frames
        without codes are concealed as lost ones. With `layers` the first so many of each frame are played and the
        others only help to foresee it, so that any number sounds as it was meant. Raises ValueError for codes of
        another model, or with fewer layers than `layers`.
        """
        if not isinstance(codes, Codes):
            raise TypeError(f"The codes are a {type(codes).__name__}; give what `encode` returns.")
        decoder = self.decoder(codes.sample_rate if sample_rate is None else sample_rate, layers)
        if layers is not None:
            check_layers_are_sent(layers, codes.codes.shape[2])
        return np.concatenate([decoder.push(codes), decoder.flush()], 1)

    def decoder(self, sample_rate: float | None = None, layers: int | None = None) -> StreamDecoder:
        """A decoder for one piece of any length whose codes come one after the other, with the settings of now.

        `push(codes)` and in the end `flush()` give sound, float32 `[channels, samples]`, that together is what `decode`
        gives.
        """
        rate = None if sample_rate is None else check_sample_rate(sample_rate)
        if layers is not None:
            layers = self._settings.parameter("layers").validate(layers)
        return StreamDecoder(self._open(), self._settings, rate, layers)

    def automate(
        self, name: str, times: Sequence[float] | npt.NDArray[np.floating], values: Sequence[Any] | npt.NDArray[Any]
    ) -> None:
        """Draw a parameter over time, from the stream's beginning on.

        Args:
            name: an automatable parameter; what was drawn of it before is replaced. Without points (`[]`, `[]`) it is
                no longer drawn.
            times: seconds, rising. For a whole piece they count in its own time, latency compensated.
            values: at those times; numbers move in straight lines between them, layers too, everything else changes
                there. `layers` and `kbps` are one value: one of them is drawn.
        """
        others = [curve for curve in self._settings.automation if curve.target != name]
        if len(times) == 0 and len(values) == 0:
            find_parameter(name)
            self.set_parameters({"automation": others})
        else:
            self.set_parameters({"automation": [*others, Automation(name, tuple(times), tuple(values))]})

    def flush(self) -> FloatArray:
        """The samples that the latency still holds back at the end of what was streamed with `reset=False`.

        They come in the layout of the blocks; then a new stream may begin. Without a stream there are none.
        """
        with self._streaming:
            if self._stream is None:
                return np.zeros(0, np.float32)
            rest = self._stream.flush()[:, self._to_swallow :]
            layout = self._layout
            self.reset()
        if layout is None:
            return rest.reshape(-1)
        return rest if layout.is_channels_first else np.ascontiguousarray(rest.T)

    def reset(self) -> None:
        """Forget the streamed past; the next `reset=False` call starts anew."""
        with self._streaming:
            if self._stream is not None:
                self._last_reports = list(self._stream.reports)
            self._stream = self._layout = None

    def _open(self) -> CodecRuntime:
        runtime = load_runtime(self._model)
        if runtime.bundle.digest != self._bundle.digest:
            raise BundleError(
                f"The model {self._model!r} was replaced since this effect was made. Make a new effect with it."
            )
        self._runtime = runtime
        return runtime

    def _whole(self, audio: FloatArray, rate: int, sidechain: FloatArray | None) -> FloatArray:
        self.reset()
        stream = self.stream(rate, len(audio))
        latency, chunk, n_samples = stream.latency_samples, rate * WHOLE_FILE_SECONDS, audio.shape[1]
        result = np.empty_like(audio)
        # Chunk by chunk, the latency's silence after the end: a long array is held twice, not four times.
        for start in range(0, n_samples + latency if n_samples else 0, chunk):
            block = audio[:, start : start + chunk]
            silence = min(chunk, n_samples + latency - start) - block.shape[1]
            beside = sidechain[:, start : start + chunk] if sidechain is not None else None
            if silence:
                block = np.pad(block, ((0, 0), (0, silence)))
                beside = np.pad(beside, ((0, 0), (0, silence))) if beside is not None else None
            out = stream.push(block, beside)
            first = max(0, latency - start)
            result[:, start + first - latency : start + out.shape[1] - latency] = out[:, first:]
        self._last_reports = list(stream.reports)
        return result

    def _streamed(self, audio: FloatArray, rate: int, sidechain: FloatArray | None) -> FloatArray:
        with self._streaming:
            if self._stream is None or (self._stream.sample_rate, self._stream.n_channels) != (rate, len(audio)):
                self._stream = self.stream(rate, len(audio))
                self._to_swallow = self._stream.latency_samples
            out = self._stream.push(audio, sidechain)
            swallowed = min(self._to_swallow, out.shape[1])
            self._to_swallow -= swallowed
            return out[:, swallowed:]

    def _listen(self, report: FrameReport) -> None:
        if self.on_report is not None:
            self.on_report(report)

    def _check_against_bundle(self, settings: Settings) -> None:
        bundle = self.bundle
        if settings.denoise > 0 and not bundle.conditioned:
            raise ValueError(
                f"denoise is {settings.denoise:g}, but the bundle {bundle.name!r} was not trained to denoise. "
                "Leave denoise at 0 or choose another bundle."
            )

    def __repr__(self) -> str:
        """What makes the same effect: all that is not as in `NeuralCodec()`, and nothing else."""
        usual = parameters_of(self._settings.shape)
        changed = [
            f"{name}={value!r}" for name, value in self._settings.values().items() if value != usual[name].default
        ]
        model = [] if self._model == DEFAULT_BUNDLE else [f"model={self._model!r}"]
        return f"NeuralCodec({', '.join([*changed, *model])})"


def _signature() -> Signature:
    """Of the constructor: every parameter with its default; None stands for one that isn't given."""
    arguments = [
        Argument(name, Argument.POSITIONAL_OR_KEYWORD, default=None if name == "layers" else PARAMETERS[name].default)
        for name in BY_PLACE
    ]
    for name, parameter in PARAMETERS.items():
        if name not in BY_PLACE:
            arguments.append(
                Argument(name, Argument.KEYWORD_ONLY, default=None if parameter.view_of else parameter.default)
            )
    return Signature([*arguments, Argument("model", Argument.KEYWORD_ONLY, default=DEFAULT_BUNDLE)])


_SIGNATURE = _signature()
NeuralCodec.__signature__ = _SIGNATURE  # type: ignore[attr-defined]
for _name in PARAMETERS:
    setattr(NeuralCodec, _name, ParameterAttribute(_name))
