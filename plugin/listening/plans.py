"""What a test is to be: a plan as a small file, and the sounds that are made for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from lamina.dsp.loudness import FLOOR_LUFS
from lamina.models.json_files import JsonError, read_json
from lamina.plugin.files.atomic import atomic_file
from lamina.plugin.files.sound import read_audio
from lamina.plugin.listening import abx, mushra, preference, staircase
from lamina.plugin.listening.hidden import StateError
from lamina.plugin.listening.sounds import SHORTEST_SECONDS, Condition, check_comparable, match_loudness, region
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.rivals.registry import ORIGINAL, parse

FORMAT, VERSION = "lamina listening plan", 1
KINDS = ("abx", "mushra", "preference", "staircase")
TRIALS = {
    "abx": (abx.LEAST_TRIALS, abx.USUAL_TRIALS, abx.MOST_TRIALS),
    "preference": (preference.LEAST_TRIALS, preference.USUAL_TRIALS, preference.MOST_TRIALS),
    "staircase": (staircase.LEAST_TRIALS, staircase.USUAL_TRIALS, staircase.MOST_TRIALS),
}
"""Least, usual and most."""
USUAL_SECONDS, MOST_SECONDS = 10.0, 60.0


class PlanError(ValueError):
    """A plan can't be used; the message says why."""


class PlanFileError(PlanError):
    """A file holds no plan that can be used; the message says which and why."""


@dataclass(frozen=True)
class Plan:
    """A listening test before its sounds are made.

    Args:
        kind: "abx", "mushra", "preference" or "staircase".
        sounds: sound files; several for MUSHRA, one for the others.
        versions: what is compared, as the registry of codecs reads it ("original", "lamina:6", "opus:12"): two for ABX
            and preference, 1 to 8 for MUSHRA, none for the staircase, which peels Lamina's layers.
        title: for people.
        trials: how many; None for as many as is usual, and for MUSHRA, which has pages.
        start, seconds: the part of each sound that is listened to.
        match: whether everything is made equally loud.

    Raises PlanError for anything else.
    """

    kind: str
    sounds: tuple[str, ...]
    versions: tuple[str, ...] = ()
    title: str = ""
    trials: int | None = None
    start: float = 0.0
    seconds: float = USUAL_SECONDS
    match: bool = True

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise PlanError(f"There is no listening test {self.kind!r}; choose {', '.join(KINDS)}.")
        most_sounds = mushra.MOST_ITEMS if self.kind == "mushra" else 1
        if not 1 <= len(self.sounds) <= most_sounds:
            takes = "one" if most_sounds == 1 else f"1 to {most_sounds}"
            raise PlanError(f"{_counted(len(self.sounds), 'sound')} given; the test {self.kind} takes {takes}.")
        least, most = {"mushra": (1, mushra.MOST_CONDITIONS), "staircase": (0, 0)}.get(self.kind, (2, 2))
        if not least <= len(self.versions) <= most:
            if self.kind == "staircase":
                raise PlanError("A staircase plays Lamina's own numbers of layers: it takes no versions.")
            asked = f"{least}" if least == most else f"{least} to {most}"
            raise PlanError(f"{_counted(len(self.versions), 'version')} given; the test {self.kind} compares {asked}.")
        if len(set(self.versions)) < len(self.versions):
            raise PlanError("A version was given twice; that is nothing to compare.")
        if self.kind in TRIALS and self.trials is not None:
            fewest, _, highest = TRIALS[self.kind]
            if not fewest <= self.trials <= highest:
                raise PlanError(f"{self.trials} trials were asked for; the test {self.kind} has {fewest} to {highest}.")
        if self.kind == "mushra" and self.trials is not None:
            raise PlanError("A MUSHRA test has a page for each sound, and no trials.")
        if not 0.4 <= self.seconds <= MOST_SECONDS or not 0 <= self.start < 86400:
            raise PlanError(f"The part to listen to must last 0.4 to {MOST_SECONDS:g} s and begin at 0 s or later.")

    @property
    def n_trials(self) -> int:
        """Trials, or pages."""
        return len(self.sounds) if self.kind == "mushra" else self.trials or TRIALS[self.kind][1]

    def save(self, path: Path) -> None:
        """Write it down as JSON."""
        with atomic_file(path) as partial:
            partial.write_text(
                json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)}, indent=2, ensure_ascii=False) + "\n",
                encoding="utf-8",
            )


def _counted(n: int, what: str) -> str:
    """One sound was, two sounds were."""
    return f"{n} {what} was" if n == 1 else f"{n} {what}s were"


def load_plan(path: str | Path) -> Plan:
    """A plan out of a file; its sounds are looked for from the file's folder. Raises PlanFileError."""
    try:
        data = read_json(path)
    except JsonError as error:
        raise PlanFileError(f"{path} is no plan of a listening test: {error}.") from error
    except OSError as error:
        raise PlanFileError(f"{path} can't be read: {error.strerror or error}.") from error
    if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
        raise PlanFileError(f"{path} is no plan of a listening test; make one with `lamina listen plan`.")
    if data.pop("version", None) != VERSION:
        raise PlanFileError(f"{path} is a plan of another version of Lamina.")
    kinds = {"kind": str, "title": str, "start": (int, float), "seconds": (int, float), "match": bool}
    lists = {"sounds", "versions"}
    for name, value in data.items():
        fits = (
            isinstance(value, list) and all(isinstance(one, str) for one in value)
            if name in lists
            else value is None or (isinstance(value, int) and not isinstance(value, bool))
            if name == "trials"
            else name in kinds and isinstance(value, kinds[name])  # type: ignore[arg-type]
        )
        if not fits:
            raise PlanFileError(f"{path} can't be used: {name!r} is no part of a plan, or has no value of its kind.")
    fields: dict[str, Any] = {name: tuple(value) if name in lists else value for name, value in data.items()}
    try:
        plan = Plan(**fields)
    except TypeError as error:
        raise PlanFileError(f"{path} can't be used: something is missing in it ({error}).") from error
    except PlanError as error:
        raise PlanFileError(f"{path} can't be used: {error}") from error
    folder = Path(path).parent
    return replace(plan, sounds=tuple(str(folder / sound) for sound in plan.sounds))


@dataclass(frozen=True)
class Prepared:
    """A test with its sounds.

    Args:
        kind: as the plan's.
        title: for people.
        sounds: `[item][key]`; the keys are "a" and "b", MUSHRA's, or numbers of layers with "0" for the original.
        n_trials: trials, or pages.
        settings: of the plan, for the files of results.
    """

    kind: str
    title: str
    sounds: Mapping[str, Mapping[str, Condition]]
    n_trials: int
    settings: Mapping[str, Any] = field(default_factory=dict)


def check_sounds(plan: Plan) -> None:
    """Refuse a plan whose sounds leave nothing to listen to, before anything is made of them.

    Args:
        plan: with sounds that can be found from here.

    Raises PlanError where a part lies beyond the sound's end, is shorter than 0.4 s or silent, or two sounds have one
    name, and AudioFileError for what is no sound.
    """
    names: set[str] = set()
    for path in plan.sounds:
        names.add(_name_of(path, names))
        _part_of(path, plan)


def prepare(plan: Plan, progress: Callable[[str], None] | None = None) -> Prepared:
    """Make the sounds of a plan: through the codecs, cut, aligned and equally loud.

    Args:
        plan: what is wanted.
        progress: told what is being made.

    Raises AudioFileError, RivalMissingError and ValueError, each with a sentence.
    """
    made: dict[str, dict[str, Condition]] = {}
    for path in plan.sounds:
        item = _name_of(path, made)
        made[item] = _versions_of(_part_of(path, plan), plan, progress or (lambda what: None))
    if plan.kind == "mushra":
        # All sounds have the same versions (BS.1534-3 compares over them): an anchor has to fit all of their rates.
        common = set.intersection(*(set(row) for row in made.values()))
        made = {item: {key: sound for key, sound in row.items() if key in common} for item, row in made.items()}
    settings = {"start": plan.start, "seconds": plan.seconds, "match": plan.match, "trials": plan.n_trials}
    return Prepared(plan.kind, plan.title or _title_of(plan, made), made, plan.n_trials, settings)


def _name_of(path: str, known: Container[str]) -> str:
    item = Path(path).stem
    if item in known:
        raise PlanError(f"Two sounds have the name {item!r}; rename one.")
    return item


def _title_of(plan: Plan, made: Mapping[str, Mapping[str, Condition]]) -> str:
    row = next(iter(made.values()))
    keys = plan.versions if plan.kind == "mushra" else tuple("ab")
    *others, last = [row[key].label for key in keys] if plan.kind != "staircase" else ["how many layers it takes"]
    what = f"{', '.join(others)} and {last}" if others else last
    return f"{', '.join(made)}: {what}"


def _part_of(path: str, plan: Plan) -> Condition:
    clip = read_audio(path)
    whole = Condition("Original", {"codec": ORIGINAL, "file": Path(path).name}, clip.samples, clip.sample_rate)
    start = round(plan.start * clip.sample_rate)
    if start >= whole.n_samples:
        raise PlanError(f"{path} lasts {whole.seconds:.1f} s; the part to listen to begins at {plan.start:g} s.")
    part = region(whole, start, min(whole.n_samples, start + round(plan.seconds * clip.sample_rate)))
    if part.seconds < SHORTEST_SECONDS:
        raise PlanError(
            f"{path} lasts {whole.seconds:.2f} s, so {part.seconds:.2f} s of it are left from {plan.start:g} s on; a "
            f"test needs {SHORTEST_SECONDS:g} s or more."
        )
    if part.lufs <= FLOOR_LUFS:
        raise PlanError(
            f"{path} is silent from {plan.start:g} s to {plan.start + part.seconds:g} s: choose another part."
        )
    return part


def _versions_of(original: Condition, plan: Plan, progress: Callable[[str], None]) -> dict[str, Condition]:
    if plan.kind == "staircase":
        layers = NeuralCodec().settings.shape.layers
        made = {"0": original}
        for number in range(1, layers + 1):
            progress(f"{number} of {layers} layers")
            made[str(number)] = _layers_of(original, number)
    elif plan.kind == "mushra":
        made = {mushra.REFERENCE: original, **mushra.make_anchors(original)}
        made |= {version: _version_of(original, version, progress) for version in plan.versions}
    else:
        made = {key: _version_of(original, version, progress) for key, version in zip("ab", plan.versions, strict=True)}
    keys, sounds = list(made), list(made.values())
    check_comparable([original, *sounds])
    return dict(zip(keys, match_loudness(sounds) if plan.match else sounds, strict=True))


def _version_of(original: Condition, version: str, progress: Callable[[str], None]) -> Condition:
    if version == ORIGINAL:
        return original
    codec = parse(version)
    progress(codec.title)
    samples = codec.process(original.samples, original.sample_rate)
    how: dict[str, Any] = {"codec": version, "counted_kbps": round(float(codec.counted_kbps), 3)}
    if isinstance(codec, NeuralCodec):
        how |= {"model": codec.bundle.name, "model_digest": codec.bundle.digest}
    return replace(original, label=codec.title, how={**how, "file": original.how["file"]}, samples=samples)


def _layers_of(original: Condition, layers: int) -> Condition:
    codec = NeuralCodec(layers=layers)
    samples = codec.process(original.samples, original.sample_rate)
    how = {"codec": "lamina", "layers": layers, "model": codec.bundle.name, "model_digest": codec.bundle.digest}
    label = f"{layers} {'layer' if layers == 1 else 'layers'}"
    return replace(original, label=label, how={**how, "file": original.how["file"]}, samples=samples)


def state_of(prepared: Prepared) -> Any:
    """A new test of the right kind for prepared sounds, with an order of its own."""
    first = next(iter(prepared.sounds.values()))
    if prepared.kind == "abx":
        return abx.AbxTest.plan(prepared.n_trials)
    if prepared.kind == "preference":
        return preference.PreferenceTest.plan(prepared.n_trials)
    if prepared.kind == "staircase":
        return staircase.StaircaseTest.plan(sorted(int(key) for key in first if key != "0"), prepared.n_trials)
    if prepared.kind == "mushra":
        anchors = [key for key in mushra.ANCHORS if key in first]
        others = [key for key in first if key not in (mushra.REFERENCE, *anchors)]
        return mushra.MushraTest.plan(list(prepared.sounds), others, anchors)
    raise StateError(f"There is no listening test {prepared.kind!r}.")
