"""`Rival`: another codec as an effect with pedalboard's call, and what the registry knows of each kind."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.resample import StreamingResampler, half_taps
from lamina.plugin.call.arrays import Layout, channels_in, check_buffer_size, check_channels, check_sample_rate
from lamina.plugin.call.effect import Effect
from lamina.plugin.rivals.coding.coder import Coder
from lamina.plugin.rivals.coding.stream import RivalStream

WHOLE_SECONDS = 8
"""Of sound per call in one-shot processing: any memory holds it."""


@dataclass(frozen=True)
class Rates:
    """Bitrates that a codec has, in kbps of one of its streams.

    Args:
        lowest, highest: the ends.
        default: where none is asked for.
        choices: all of them, where it can't have every one between its ends.
    """

    lowest: float
    highest: float
    default: float
    choices: tuple[float, ...] = ()

    @classmethod
    def of(cls, *choices: float, default: float | None = None) -> Self:
        """Those alone, rising."""
        return cls(choices[0], choices[-1], choices[0] if default is None else default, choices)

    def __str__(self) -> str:
        if self.choices:
            return ", ".join(f"{choice:g}" for choice in self.choices)
        return f"{self.lowest:g} to {self.highest:g}"

    def check(self, kbps: object, title: str) -> float:
        """The bitrate, or the default for None; raises TypeError or ValueError with a sentence."""
        if kbps is None:
            return self.default
        if isinstance(kbps, bool) or not isinstance(kbps, int | float | np.integer | np.floating):
            raise TypeError(f"kbps is {kbps!r}; give a number: {title} has {self} kbps.")
        value = float(kbps)
        if not (value in self.choices if self.choices else self.lowest <= value <= self.highest):
            if len(self.choices) == 1:
                raise ValueError(f"{title} has {self} kbps and no other bitrate, not {value:g}; leave the number out.")
            raise ValueError(f"{title} has no {value:g} kbps; choose {'one of' if self.choices else 'from'} {self}.")
        return value


@dataclass(frozen=True)
class RivalKind:
    """What the registry knows of a rival, without loading what it needs.

    Args:
        name: what `parse` and the command line call it.
        title: what people call it.
        rates: its bitrates.
        colour: of its curve and slot, "#rrggbb".
        needs: what it is made by here, and what has to be there, in a sentence.
        missing: tells in a sentence what is not there and how to get it; None if the rival can be used.
        make: makes one: `make(kbps=…, **options)`; raises RivalMissingError, or ValueError for what it doesn't have.
        channels: "joint" where two channels are one stream of `kbps`, "each" where every channel is one.
        sample_rates: its own sample rate, for people.
        streams: whether it takes blocks (live, on a streamed board) or whole pieces only.
        options: what `make` takes beside the bitrate: names, and what they may be.
    """

    name: str
    title: str
    rates: Rates
    colour: str
    needs: str
    missing: Callable[[], str | None]
    make: Callable[..., Rival]
    channels: Literal["joint", "each"] = "each"
    sample_rates: str = "as the sound"
    streams: bool = True
    options: dict[str, str] = field(default_factory=dict)


class Rival(Effect):
    """A codec that sound goes through: in, coded, decoded, and out with the same length, aligned to the sample.

    Args:
        kbps: of one stream; which channels that is, says `RivalKind.channels`. None for the codec's usual one.
        options: of the codec, by name.

    `kbps` and `options` stay what they are; a copy (`copy`, `pickle`) has the same and no past.
    """

    __slots__ = ("_counted", "_layout", "_n_bits", "kbps", "options")

    NAME: ClassVar[str]
    TITLE: ClassVar[str]
    RATES: ClassVar[Rates]
    OPTIONS: ClassVar[dict[str, str]] = {}

    def __init__(self, kbps: float | None = None, **options: Any) -> None:
        unknown = sorted(set(options) - set(self.OPTIONS))
        if unknown:
            known = f"has {', '.join(self.OPTIONS)}" if self.OPTIONS else "has none"
            raise ValueError(f"{self.TITLE} has no option {unknown[0]!r}; it {known}.")
        self.options = self.checked_options(options)
        self.kbps = self.RATES.check(kbps, self.TITLE)
        self._layout: Layout | None = None
        self._counted = float("nan")
        self._n_bits = 0
        self.check()

    def checked_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options with their values as they are used; raises ValueError with a sentence."""
        return options

    def check(self) -> None:
        """Raises RivalMissingError, or ValueError for a bitrate that doesn't go with the options."""

    @property
    def title(self) -> str:
        """What people call it, with its bitrate: "Opus 12 kbps"."""
        return f"{self.TITLE} {self.kbps:g} kbps"

    @property
    def counted_kbps(self) -> float:
        """Bits really made in the last `process`, of all channels, per second of what they describe, in thousands.

        NaN before anything was processed, and where nothing is coded.
        """
        return self._counted

    @property
    def counted_bits(self) -> int:
        """Bits really made in the last `process`, of all channels, those for the latency at the end included."""
        return self._n_bits

    @property
    @abstractmethod
    def latency(self) -> float:
        """Seconds by which what is streamed comes later, where the host's rate and frames are the codec's own.

        0 for a codec that takes whole pieces only. Whole pieces have no delay: it is compensated.
        """

    def process(
        self, input_array: np.ndarray, sample_rate: float, buffer_size: int = 8192, reset: bool = True
    ) -> FloatArray:
        """See `Effect.process`. The result doesn't depend on `buffer_size` or on how a stream is cut."""
        rate, size = check_sample_rate(sample_rate), check_buffer_size(buffer_size)
        audio, back, layout = channels_in(input_array, None if reset else self._layout)
        result = self.process_channels(audio, rate, size, reset)
        if not reset:
            self._layout = layout
        return back(result)

    def __getstate__(self) -> dict[str, Any]:
        return {"kbps": self.kbps, "options": self.options}

    def __setstate__(self, state: dict[str, Any]) -> None:
        type(self).__init__(self, state["kbps"], **state["options"])

    def __repr__(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"{type(self).__name__}({self.kbps:g}{options})"


class StreamedRival(Rival):
    """A rival that takes blocks: one coder for up to `JOINT` channels together, or one for each channel."""

    __slots__ = ("_stream", "_to_swallow")

    JOINT: ClassVar[int] = 1

    def __init__(self, kbps: float | None = None, **options: Any) -> None:
        self._stream: RivalStream | None = None
        self._to_swallow = 0
        super().__init__(kbps, **options)

    @abstractmethod
    def coder(self, sample_rate: int, n_channels: int) -> Coder:
        """A coder with fresh state for `n_channels` together of a sound of `sample_rate` Hz."""

    @property
    def latency(self) -> float:
        """See `Rival.latency`."""
        coder = self.coder(48_000, self.JOINT)
        return (coder.delay + coder.frame - 1) / coder.rate

    def latency_samples(self, sample_rate: float, block: int | None = None, n_channels: int = 2) -> int:
        """Samples at `sample_rate` by which a stream's output lags its input, exactly.

        Without `block` it holds for blocks of any lengths; with it, for a host that always pushes that many. It differs
        by `n_channels` where a codec takes two channels together and codes at a rate that follows from that (MP3).
        """
        return self.stream(sample_rate, n_channels, block).latency_samples

    def stream(self, sample_rate: float, n_channels: int, block: int | None = None) -> RivalStream:
        """A live stream of its own: what is pushed comes back at the same length, `latency_samples` later."""
        channels, rate = check_channels(n_channels), check_sample_rate(sample_rate)
        size = None if block is None else check_buffer_size(block)

        def coders() -> list[Coder]:
            if channels <= self.JOINT:
                return [self.coder(rate, channels)]
            return [self.coder(rate, 1) for _ in range(channels)]

        return RivalStream(coders, rate, channels, size)

    def process_channels(self, audio: FloatArray, rate: int, buffer_size: int, reset: bool) -> FloatArray:
        """See `Effect.process_channels`."""
        return self._whole(audio, rate) if reset else self._streamed(audio, rate)

    def reset(self) -> None:
        """Forget the streamed past; the next `reset=False` call starts anew."""
        self._stream = self._layout = None

    def flush(self) -> FloatArray:
        """The samples that the latency still holds back at the end of what was streamed with `reset=False`.

        They come in the layout of the blocks; then a new stream may begin. Without a stream there are none.
        """
        stream, layout = self._stream, self._layout
        if stream is None:
            return np.zeros(0, np.float32)
        silence = np.zeros((stream.n_channels, stream.latency_samples), np.float32)
        rest = stream.push(silence)[:, self._to_swallow :]
        self._count(stream)
        self.reset()
        if layout is None:
            return rest.reshape(-1)
        return rest if layout.is_channels_first else np.ascontiguousarray(rest.T)

    def _whole(self, audio: FloatArray, rate: int) -> FloatArray:
        result = np.empty_like(audio)
        n_samples = audio.shape[1]
        stream = self.stream(rate, len(audio))
        self.reset()
        if not n_samples:
            return result
        latency, chunk = stream.latency_samples, rate * WHOLE_SECONDS
        for start in range(0, n_samples + latency, chunk):
            block = audio[:, start : start + chunk]
            # The latency's silence after the end.
            silence = min(chunk, n_samples + latency - start) - block.shape[1]
            out = stream.push(np.pad(block, ((0, 0), (0, silence))) if silence else block)
            first = max(0, latency - start)
            result[:, start + first - latency : start + out.shape[1] - latency] = out[:, first:]
        self._count(stream)
        return result

    def _streamed(self, audio: FloatArray, rate: int) -> FloatArray:
        if self._stream is None or (self._stream.sample_rate, self._stream.n_channels) != (rate, len(audio)):
            self._stream = self.stream(rate, len(audio))
            self._to_swallow = self._stream.latency_samples
        out = self._stream.push(audio)
        swallowed = min(self._to_swallow, out.shape[1])
        self._to_swallow -= swallowed
        self._count(self._stream)
        return out[:, swallowed:]

    def _count(self, stream: RivalStream) -> None:
        self._counted, self._n_bits = stream.kbps, stream.n_bits


class WholeRival(Rival):
    """A rival that takes whole pieces only."""

    __slots__ = ()

    JOINT: ClassVar[int] = 1

    @property
    def can_stream(self) -> bool:
        """It can't."""
        return False

    @property
    def latency(self) -> float:
        """See `Rival.latency`."""
        return 0.0

    @abstractmethod
    def own_rate(self, sample_rate: int) -> int:
        """Hz at which it codes a sound of `sample_rate` Hz."""

    @abstractmethod
    def code(self, audio: FloatArray, rate: int) -> tuple[FloatArray, int, int]:
        """One stream of 1 … `JOINT` channels at its own rate, `[channels, samples]`.

        Returns what was decoded, aligned and of the same shape, the bits made, and how many samples they describe.
        """

    def process_channels(self, audio: FloatArray, rate: int, buffer_size: int, reset: bool) -> FloatArray:
        """See `Effect.process_channels`."""
        if not reset:
            raise ValueError(
                f"{self.TITLE} can't be streamed: it codes whole pieces. Process the piece in one call (reset=True)."
            )
        n_channels, n_samples = audio.shape
        if not n_samples:
            return audio.copy()
        own = self.own_rate(rate)
        n_own = -(-n_samples * own // rate)
        together = n_channels if n_channels <= self.JOINT else 1
        core = resampled(audio, rate, own, n_own)
        parts, kbps, n_bits = [], 0.0, 0
        for first in range(0, n_channels, together):
            decoded, bits, n_coded = self.code(core[first : first + together], own)
            parts.append(decoded)
            kbps += bits * own / n_coded / 1000
            n_bits += bits
        self._counted, self._n_bits = kbps, n_bits
        return resampled(np.concatenate(parts), own, rate, n_samples)

    def reset(self) -> None:
        """There is no streamed past."""


def resampled(audio: FloatArray, source_rate: int, target_rate: int, n_samples: int) -> FloatArray:
    """A whole piece `[channels, samples]` at another rate without any delay: its first `n_samples` there.

    Silence stands before its beginning and behind its end.
    """
    if source_rate == target_rate:
        return np.pad(audio[:, :n_samples], ((0, 0), (0, max(0, n_samples - audio.shape[1]))))
    reach = -(-n_samples * source_rate // target_rate) + half_taps(source_rate, target_rate) + 1
    silence = max(0, reach - audio.shape[1])
    resampler = StreamingResampler(len(audio), source_rate, target_rate)
    return resampler.push(np.pad(audio, ((0, 0), (0, silence))))[:, :n_samples]


def one_of(options: dict[str, Any], name: str, choices: tuple[Any, ...], default: Any) -> Any:
    """The value of an option that has a few, also where it comes as text; raises ValueError with a sentence."""
    given = options.get(name, default)
    for choice in choices:
        if given == choice or str(given) == f"{choice}":
            return choice
    raise ValueError(f"{name} is {given!r}; choose {', '.join(map(str, choices))}.")
