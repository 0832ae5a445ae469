"""The sounds of a blind test: which ones there are, and making them, beside the app."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lamina.dsp.loudness import FLOOR_LUFS
from lamina.gui.model.files.document import Document
from lamina.gui.model.listening.recipe import Made, MakingCancelled, Recipe
from lamina.gui.model.listening.region import LEAST_SECONDS, Region, make_region
from lamina.gui.model.listening.slots import Slot
from lamina.gui.model.values.words import layers_text
from lamina.plugin.listening.mushra import ANCHORS, REFERENCE, anchors_at, make_anchors
from lamina.plugin.listening.sounds import Condition, match_loudness, with_gain
from lamina.plugin.listening.staircase import ORIGINAL
from lamina.plugin.parameters.model_shape import shape_named
from lamina.plugin.parameters.settings import Settings

ANCHOR = "anchor"
LONGEST_LABEL = 200
MOST_ITEMS = 12
"""Sounds of one test of ratings: with more nobody listens any more to the last (BS.1534-3, 5.1)."""


@dataclass(frozen=True)
class Part:
    """One of a test's sounds.

    Args:
        name: what the test calls it.
        label: what people call it.
        recipe: how it is made; None for an anchor, which is made of the test's first sound.
    """

    name: str
    label: str
    recipe: Recipe | None

    def document(self) -> dict[str, Any]:
        """As JSON has it, without the name."""
        made_by = {"kind": ANCHOR} if self.recipe is None else self.recipe.document()
        return {**made_by, "label": self.label}

    @classmethod
    def read(cls, name: object, document: Any) -> Self:
        """Back from JSON; raises LookupError, TypeError or ValueError for what is none."""
        name = str(name)[:LONGEST_LABEL]
        if document["kind"] == ANCHOR:
            if name not in ANCHORS:
                raise ValueError(f"There is no anchor {name!r}.")
            return cls(name, str(document["label"])[:LONGEST_LABEL], None)
        recipe = Recipe.read(document)
        return cls(name, str(document.get("label", recipe.title))[:LONGEST_LABEL], recipe)


def rated_parts(slots: Sequence[Slot], sample_rate: int) -> list[Part]:
    """Those of a MUSHRA test: the reference, the anchors that this rate (Hz) has room for, and every slot that is
    ready, under names that tell them apart.
    """
    parts = [Part(REFERENCE, "Original", Recipe.original())]
    parts += [Part(key, f"Anchor {ANCHORS[key] / 1000:g} kHz", None) for key in anchors_at(sample_rate)]
    ready = [slot.recipe for slot in slots[1:] if slot.made is not None]
    titles = [recipe.title for recipe in ready]
    taken = {part.name for part in parts} | {part.label for part in parts}
    for recipe in ready:
        detail = " ".join(recipe.detail.split())
        label = recipe.title if titles.count(recipe.title) == 1 or not detail else f"{recipe.title} ({detail})"
        unique = _unused(label, taken)
        taken.add(unique)
        parts.append(Part(unique, unique, recipe))
    return parts


def layer_parts(model: str) -> list[Part]:
    """Those of a staircase: the original, and a model's usual settings with 1 layer to all of them."""
    shape = shape_named(model)
    usual = Settings().on(shape).values()
    parts = [Part(str(ORIGINAL), "Original", Recipe.original())]
    for layers in range(1, shape.layers + 1):
        recipe = Recipe.lamina(model, {**usual, "layers": layers, "kbps": shape.kbps(layers)})
        parts.append(Part(str(layers), layers_text(layers), recipe))
    return parts


def make_parts(
    parts: Sequence[Part],
    document: Document,
    region: Region,
    ready: Mapping[tuple[Any, ...], Made],
    progressed: Callable[[int], object],
    given_up: Callable[[], bool],
) -> list[Condition]:
    """The sounds as they come, without a gain.

    Args:
        parts: what is wanted; the first is the original where there are anchors.
        document, region: of what.
        ready: what was made of this region already, by the recipes' keys.
        progressed: told how many are made.
        given_up: asked whether nobody wants them any more.

    Raises what `Recipe.make` raises.
    """
    rate = document.clip.sample_rate
    sounds: list[Condition] = []
    anchors: dict[str, Condition] | None = None
    for part in parts:
        if given_up():
            raise MakingCancelled
        if part.recipe is None:
            anchors = make_anchors(sounds[0]) if anchors is None else anchors
            if part.name not in anchors:
                raise ValueError(f"At {rate} Hz there is no {part.label}.")
            sounds.append(anchors[part.name])
        else:
            made = ready.get(part.recipe.key) or make_region(
                part.recipe, document, region, lambda _share: None, given_up
            )
            sounds.append(Condition(part.label, part.recipe.how(made), made.samples, rate))
        progressed(len(sounds))
    return sounds


@dataclass(frozen=True)
class Excerpt:
    """One of a test's sounds before its versions are made.

    Args:
        file: where it comes from.
        region: which part, in samples; None for its beginning, as long as the test's first sound.
        document: the file, where it is open already.
        gains: those that its versions had before, in dB; None to find them.
    """

    file: Path
    region: Region | None = None
    document: Document | None = None
    gains: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Item:
    """One of a test's sounds in all its versions.

    Args:
        name: what the test calls it.
        file, region: where it comes from.
        sounds: the versions, in the order of the test's parts.
    """

    name: str
    file: Path
    region: Region
    sounds: tuple[Condition, ...]

    def source(self) -> dict[str, Any]:
        """What it takes to make them again, as JSON has it."""
        return {
            "item": self.name,
            "file": str(self.file.resolve()),
            "start": self.region.start,
            "stop": self.region.stop,
            # To the last bit: a file's own gains are for people.
            "gains": [sound.gain_db for sound in self.sounds],
        }


def make_items(
    parts: Sequence[Part],
    excerpts: Sequence[Excerpt],
    ready: Mapping[tuple[Any, ...], Made],
    is_matched: bool,
    progressed: Callable[[int], object],
    given_up: Callable[[], bool],
) -> tuple[list[Part], list[Item]]:
    """All versions of all sounds, and which parts these are: an anchor is left out of all where one has no room for it.

    Args:
        parts: as for `make_parts`.
        excerpts: the first one has a document and a region.
        ready: what was made of the first one already.
        is_matched: whether they are to be equally loud, where no gains are given.
        progressed, given_up: as for `make_parts`.

    Raises what `make_parts` and `made_equal` raise, and ValueError for a file that can't be used, with its name.
    """
    documents = []
    for excerpt in excerpts:
        if given_up():
            raise MakingCancelled
        documents.append(excerpt.document or Document.open(excerpt.file, cancelled=given_up))
    anchors = anchors_at(min(document.clip.sample_rate for document in documents))
    kept = [part for part in parts if part.name not in ANCHORS or part.name in anchors]
    first = excerpts[0].region
    assert first is not None
    seconds = first.n_samples / documents[0].clip.sample_rate
    items: list[Item] = []
    for excerpt, document in zip(excerpts, documents, strict=True):
        region = excerpt.region or _beginning(document, seconds)
        n_before = len(items) * len(kept)
        sounds = make_parts(
            kept,
            document,
            region,
            ready if not items else {},
            lambda n_made, n_before=n_before: progressed(n_before + n_made),  # type: ignore[misc]
            given_up,
        )
        name = _unused(document.opened.stem, {item.name for item in items})
        try:
            equal = made_equal(sounds, is_matched) if excerpt.gains is None else with_gains(sounds, excerpt.gains)
        except ValueError as error:
            raise ValueError(f"{document.opened.name}: {error}" if len(excerpts) > 1 else str(error)) from error
        items.append(Item(name, document.opened, region, tuple(equal)))
    return kept, items


def _beginning(document: Document, seconds: float) -> Region:
    if document.seconds < LEAST_SECONDS:
        raise ValueError(
            f"{document.opened.name} lasts {document.seconds:.2f} s; a test needs {LEAST_SECONDS:g} s of each sound."
        )
    return Region(0, min(document.n_samples, round(seconds * document.clip.sample_rate)))


def _unused(name: str, taken: Container[str]) -> str:
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name} #{number}", number + 1
    return unique


def made_equal(sounds: Sequence[Condition], is_matched: bool) -> list[Condition]:
    """The sounds as they are listened to: equally loud if that is wanted.

    Raises ValueError, in a sentence, if one of them is silent.
    """
    for sound in sounds:
        if sound.lufs <= FLOOR_LUFS:
            raise ValueError(f"{sound.label} is silent here: there is nothing to compare.")
    return list(match_loudness(sounds)) if is_matched else list(sounds)


def with_gains(sounds: Sequence[Condition], gains: Sequence[float]) -> list[Condition]:
    """The sounds with the gains (dB) that they had before."""
    return [with_gain(sound, gain) for sound, gain in zip(sounds, gains, strict=True)]
