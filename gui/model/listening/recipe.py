"""How a slot is made: from the original by nothing, by Lamina's settings, or by another codec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lamina.gui.model.values.boards import BoardPair
from lamina.gui.model.values.parameters import plain
from lamina.gui.model.values.words import kbps_text, layers_text
from lamina.plugin import NeuralCodec
from lamina.plugin.call.effect import Effect
from lamina.plugin.documents.presets import Preset
from lamina.plugin.parameters.model_shape import USUAL, shape_named
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.parameters.table import PARAMETERS, Value, find_parameter
from lamina.plugin.stream.variable_rate import SentBits

FloatArray = NDArray[np.float32]
Progress = Callable[[float], object]

BLOCK_SECONDS = 0.5
LONGEST_LATENCY_SECONDS = 30.0
MOST_NAMED = 3
LONGEST_LABEL = 80


class Kind(Enum):
    """What makes a slot's sound."""

    ORIGINAL = "original"
    LAMINA = "lamina"
    RIVAL = "rival"


class MakingCancelled(Exception):  # noqa: N818 - a request that was granted, not an error
    """Whoever asked for the sound doesn't want it any more."""


@dataclass(frozen=True)
class Made:
    """A slot's sound, float32 `[channels, n]`, and the bits that were really made, of all channels together.

    `digest` names the model that made it, where there is one.
    """

    samples: FloatArray
    kbps: float | None
    digest: str = ""


@dataclass(frozen=True)
class Recipe:
    """Args:
    kind: what makes the sound.
    title: what people call it.
    detail: more of it in a few words.
    model, values: of Lamina: the model's name and every parameter, as JSON has them.
    spec: of another codec, as `lamina.plugin.rivals.registry.parse` takes it.
    """

    kind: Kind
    title: str
    detail: str = ""
    model: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    spec: str = ""

    @classmethod
    def original(cls) -> Self:
        """The sound as it is."""
        return cls(Kind.ORIGINAL, "Original", "as it is, not coded")

    @classmethod
    def lamina(cls, model: str, values: Mapping[str, Value], name: str = "") -> Self:
        """Lamina with these settings; `name` is that of the board or preset they come from."""
        shape = shape_named(model)
        layers = int(values["layers"])
        changed = _changed(model, values)
        detail = "  ·  ".join(part for part in (name, layers_text(layers), *changed) if part)
        return cls(Kind.LAMINA, f"Lamina {kbps_text(shape.kbps(layers))}", detail, model, plain(values))

    @classmethod
    def of_board(cls, boards: BoardPair, name: str) -> Self:
        """Lamina with the settings "A" or "B" as they stand; raises ValueError while no model is known."""
        state = boards.snapshot()["states"][name]
        if state["model"] is None:
            raise ValueError("The codec isn't loaded yet; it will only take a moment.")
        preset = f", {state['preset']}{' changed' if state['is_edited'] else ''}" if state["preset"] else ""
        return cls.lamina(state["model"], state["values"], f"Settings {name}{preset}")

    @classmethod
    def preset(cls, preset: Preset, model: str) -> Self:
        """Lamina with a preset's settings."""
        named = preset.model or model
        return cls.lamina(named, {**preset.settings().on(shape_named(named)).values()}, preset.title)

    @classmethod
    def rival(cls, spec: str, title: str) -> Self:
        """Another codec, by the registry's words for it."""
        return cls(Kind.RIVAL, title, "another codec", spec=spec)

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for recipes that make the same sound."""
        return self.kind, self.model, repr(sorted(self.values.items())), self.spec

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        described: dict[str, Any] = {"kind": self.kind.value, "title": self.title, "detail": self.detail}
        if self.kind is Kind.LAMINA:
            described |= {"model": self.model, "values": dict(self.values)}
        elif self.kind is Kind.RIVAL:
            described["spec"] = self.spec
        return described

    def how(self, made: Made) -> dict[str, Any]:
        """How this sound was made, for files of results."""
        return {**self.document(), "kbps": made.kbps, "model_digest": made.digest}

    @classmethod
    def read(cls, document: Any) -> Self:
        """Back from JSON; raises LookupError, TypeError or ValueError for what is none."""
        kind = Kind(document["kind"])
        title, detail = (str(document[name])[:LONGEST_LABEL] for name in ("title", "detail"))
        if kind is Kind.ORIGINAL:
            return cls.original()
        if kind is Kind.RIVAL:
            return cls(kind, title, detail, spec=str(document["spec"])[:LONGEST_LABEL])
        return cls(kind, title, detail, str(document["model"]), dict(document["values"]))

    def make(self, sound: FloatArray, sample_rate: int, progress: Progress, cancelled: Callable[[], bool]) -> Made:
        """The sound through this, with the same length and aligned to the sample.

        Raises MakingCancelled, and ValueError, TypeError or OSError with a sentence for what can't be made here.
        """
        if self.kind is Kind.ORIGINAL:
            return Made(sound, None)
        if self.kind is Kind.RIVAL:
            return _through_rival(self.spec, sound, sample_rate, cancelled)
        return _through_lamina(self._codec(), sound, sample_rate, progress, cancelled)

    def _codec(self) -> NeuralCodec:
        shape = shape_named(self.model)
        codec = NeuralCodec(model=self.model)
        given = {
            name: find_parameter(name, shape).validate(value)
            for name, value in self.values.items()
            if name in PARAMETERS
        }
        codec.set_parameters(given)
        return codec


def _changed(model: str, values: Mapping[str, Value]) -> list[str]:
    """The settings that aren't the usual ones, in words."""
    usual = Settings().on(shape_named(model) if model else USUAL).values()
    names = [
        name for name in values if name not in ("layers", "kbps") and name in usual and values[name] != usual[name]
    ]
    labels = [PARAMETERS[name].label for name in names]
    more = [f"{len(labels) - MOST_NAMED} more"] if len(labels) > MOST_NAMED else []
    return labels[:MOST_NAMED] + more


def _through_lamina(
    codec: NeuralCodec, sound: FloatArray, rate: int, progress: Progress, cancelled: Callable[[], bool]
) -> Made:
    sent = SentBits()
    codec.on_report = sent.add
    made = _in_blocks(codec, sound, rate, progress, cancelled)
    kbps = sent.kbps(shape_named(codec.model).frame_rate) if sent.n_frames else None
    return Made(made, kbps, codec.bundle.digest)


def _in_blocks(
    effect: Effect, sound: FloatArray, rate: int, progress: Progress, cancelled: Callable[[], bool]
) -> FloatArray:
    """The whole piece, its latency taken out, block by block, so that one can see how far it is and end it."""
    made, n_done, total = np.empty_like(sound), 0, sound.shape[1]
    size = max(1, int(rate * BLOCK_SECONDS))
    effect.reset()
    for start in range(0, total + int(LONGEST_LATENCY_SECONDS * rate), size):
        if cancelled():
            raise MakingCancelled
        block = sound[:, start : start + size]
        block = np.pad(block, ((0, 0), (0, size - block.shape[1])))
        out = effect.process_channels(block, rate, size, False)[:, : total - n_done]
        made[:, n_done : n_done + out.shape[1]] = out
        n_done += out.shape[1]
        progress(n_done / total)
        if n_done == total:
            effect.reset()
            return made
    raise ValueError("The sound doesn't come out of the effect.")


def _through_rival(spec: str, sound: FloatArray, rate: int, cancelled: Callable[[], bool]) -> Made:
    from lamina.plugin.rivals.registry import parse  # here: nothing of it is loaded before somebody wants it

    rival = parse(spec)
    if cancelled():
        raise MakingCancelled
    made = np.asarray(rival.process_channels(sound, rate, max(1, int(rate * BLOCK_SECONDS)), True), np.float32)
    if cancelled():
        raise MakingCancelled
    if made.shape != sound.shape:
        raise ValueError(f"{spec} gave {made.shape[1]} samples back for {sound.shape[1]}.")
    return Made(made, float(rival.counted_kbps))
