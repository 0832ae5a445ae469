"""What is wrong with training data, before hours are spent on it.

Everything but a packed file's own integrity is told from what was measured when the data was packed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lamina.models.training.data.packed import PackedClip, PackedSet
from lamina.models.training.data.weighting import KIND_WEIGHTS, NARROW_BAND_HZ, NARROW_SPEECH_WEIGHT, clip_weight
from lamina.models.training.sounds.audio_files import KINDS, PLAIN_KIND
from lamina.models.training.sounds.matching import FingerprintIndex

STOP, WARNING, NOTE, FINE = "STOP", "warning", "note", "ok"
SEVERITIES = (STOP, WARNING, NOTE, FINE)

TOO_LITTLE_SECONDS = 10.0
LITTLE_SECONDS = 600.0
MUCH_SILENCE = 0.3
SILENT_CLIP = 0.95
CLIPPED_SHARE = 1e-4
LARGE_DC = 0.01
MUCH_NARROW_SPEECH = 0.5
LOW_RATE = 16_000
DUPLICATE_SHARE = 0.8
DUPLICATE_SECONDS = 5.0


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Args:
        severity: "STOP" (training must not start), "warning", "note" or "ok".
        check: what was looked at.
        text: what was found, as a sentence.
        examples: the worst cases, worst first.
    """

    severity: str
    check: str
    text: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class KindSummary:
    """How much there is of a kind, and how much of it is drawn.

    Args:
        kind: "speech", "music", "noise" or "all".
        clips: how many.
        hours: of sound.
        narrow_hours: of sound whose band ends at or below 9 kHz.
        drawn: share of the training examples, 0 … 1.
        narrow_drawn: share of the training examples that are narrow-band clips of this kind.
    """

    kind: str
    clips: int
    hours: float
    narrow_hours: float
    drawn: float
    narrow_drawn: float


@dataclass(frozen=True)
class Report:
    """What was found, worst first, and what there is."""

    findings: tuple[Finding, ...]
    kinds: tuple[KindSummary, ...]

    @property
    def stops(self) -> tuple[Finding, ...]:
        """The findings with which training must not start."""
        return tuple(finding for finding in self.findings if finding.severity == STOP)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that may make the result worse than it could be."""
        return tuple(finding for finding in self.findings if finding.severity == WARNING)


def check_data(training: list[PackedSet], heldout: list[PackedSet] | None = None, read_all: bool = False) -> Report:
    """Check training data.

    Args:
        training: the sets to train on.
        heldout: sets that must share nothing with them, if there are any.
        read_all: also compare every sample with its checksum.
    """
    clips = [clip for packed in training for clip in packed.clips]
    rate = training[0].sample_rate
    findings = [
        _leak(training, heldout),
        _amount(clips, rate),
        _left_out([*training, *(heldout or [])]),
        _duplicates(training),
        _silence(clips, rate),
        _share_of(
            clips, "clipping", lambda clip: clip.clipped, CLIPPED_SHARE, "have runs of samples at full scale", _percent
        ),
        _share_of(
            clips, "DC", lambda clip: abs(clip.dc), LARGE_DC, "are off centre by more than 1 % of full scale", _percent
        ),
        _narrow_band(clips, rate),
        _rates(clips, rate),
    ]
    if read_all:
        findings.append(_integrity([*training, *(heldout or [])]))
    return Report(tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))), _kinds(clips, rate))


def _leak(training: list[PackedSet], heldout: list[PackedSet] | None) -> Finding:
    if heldout is None:
        return Finding(NOTE, "leak", "Not checked: no held-out sounds were given.")
    clips = [clip for packed in training for clip in packed.clips]
    index = FingerprintIndex([words for packed in training for words in packed.fingerprints])
    found = []
    n = 0
    for packed in heldout:
        for clip, words in zip(packed.clips, packed.fingerprints, strict=True):
            n += 1
            for match in index.matches(words)[:1]:
                found.append(
                    (
                        match.seconds,
                        f"{clip.path} at {match.query_seconds:.1f} s is {clips[match.clip].path} "
                        f"at {match.clip_seconds:.1f} s, for {match.seconds:.1f} s",
                    )
                )
    if not found:
        return Finding(FINE, "leak", f"None of the {n} held-out clips is in the training data.")
    text = (
        f"{len(found)} of {n} held-out clips {_are(found)} in the training data too; take them out of one of the two."
    )
    return Finding(STOP, "leak", text, _worst(found))


def _amount(clips: list[PackedClip], rate: int) -> Finding:
    audible = sum(clip.length * (1 - clip.silent) for clip in clips) / rate
    if audible < TOO_LITTLE_SECONDS:
        return Finding(
            STOP,
            "amount",
            f"There are only {audible:.1f} s of audible sound; {TOO_LITTLE_SECONDS:.0f} s are the least.",
        )
    if audible < LITTLE_SECONDS:
        return Finding(
            WARNING,
            "amount",
            f"There are only {audible / 60:.1f} minutes of audible sound; the model will know nothing else.",
        )
    return Finding(FINE, "amount", f"{audible / 3600:.2f} hours of audible sound in {len(clips)} clips.")


def _left_out(sets: list[PackedSet]) -> Finding:
    entries = [entry for packed in sets for entry in packed.left_out]
    if not entries:
        return Finding(FINE, "unreadable", "Every sound file could be read.")
    text = f"{len(entries)} {'file was' if len(entries) == 1 else 'files were'} left out."
    return Finding(WARNING, "unreadable", text, tuple(f"{entry.path}: {entry.reason}" for entry in entries))


def _duplicates(training: list[PackedSet]) -> Finding:
    clips = [clip for packed in training for clip in packed.clips]
    fingerprints = [words for packed in training for words in packed.fingerprints]
    rate, index, found, twice = training[0].sample_rate, FingerprintIndex(fingerprints), [], 0.0
    for number, (clip, words) in enumerate(zip(clips, fingerprints, strict=True)):
        earlier = 0.0
        for match in index.matches(words, apart_from=number):
            other = clips[match.clip]
            shorter = min(clip.length, other.length) / rate
            if match.clip < number and (
                match.seconds >= DUPLICATE_SECONDS or match.seconds >= DUPLICATE_SHARE * shorter
            ):
                found.append((match.seconds, f"{clip.path} and {other.path} share {match.seconds:.1f} s"))
                earlier = max(earlier, match.seconds)
        twice += earlier
    if not found:
        return Finding(FINE, "duplicates", "No recording is there twice.")
    text = (
        f"{len(found)} {'pair' if len(found) == 1 else 'pairs'} of clips share sound; {twice / 60:.1f} minutes are "
        "there more than once."
    )
    return Finding(WARNING, "duplicates", text, _worst(found))


def _silence(clips: list[PackedClip], rate: int) -> Finding:
    total = sum(clip.length for clip in clips)
    share = sum(clip.length * clip.silent for clip in clips) / max(1, total)
    silent = [(clip.silent, f"{clip.path}: {clip.silent:.0%}") for clip in clips if clip.silent >= SILENT_CLIP]
    text = f"{share:.1%} of the sound is below −60 dBFS"
    if silent:
        return Finding(
            WARNING,
            "silence",
            f"{text}; {len(silent)} {'clip is' if len(silent) == 1 else 'clips are'} all but silent.",
            _worst(silent),
        )
    return Finding(WARNING if share > MUCH_SILENCE else FINE, "silence", f"{text}.")


def _share_of(
    clips: list[PackedClip],
    check: str,
    measure: Callable[[PackedClip], float],
    limit: float,
    words: str,
    write: Callable[[float], str],
) -> Finding:
    found = [(measure(clip), f"{clip.path}: {write(measure(clip))}") for clip in clips if measure(clip) > limit]
    if not found:
        return Finding(FINE, check, f"None of the clips {words}.")
    return Finding(WARNING, check, f"{len(found)} of {len(clips)} clips {words}.", _worst(found))


def _narrow_band(clips: list[PackedClip], rate: int) -> Finding:
    speech = [clip for clip in clips if clip.kind == "speech"]
    narrow = sum(clip.length for clip in speech if clip.band_edge_hz <= NARROW_BAND_HZ)
    others = sum(clip.length for clip in clips if clip.kind != "speech" and clip.band_edge_hz <= NARROW_BAND_HZ)
    if narrow + others == 0:
        return Finding(FINE, "band", f"Every clip's band reaches beyond {NARROW_BAND_HZ / 1000:g} kHz.")
    share = narrow / max(1, sum(clip.length for clip in speech))
    parts = [f"{narrow / rate / 3600:.2f} hours of speech ({share:.0%})"] if narrow else []
    parts += [f"{others / rate / 3600:.2f} hours of other sounds"] if others else []
    text = f"{' and '.join(parts)} end at or below {NARROW_BAND_HZ / 1000:g} kHz"
    text += f"; such speech is drawn at {NARROW_SPEECH_WEIGHT:g} of its share." if narrow else "."
    return Finding(WARNING if share > MUCH_NARROW_SPEECH else NOTE, "band", text)


def _rates(clips: list[PackedClip], rate: int) -> Finding:
    hours: dict[int, float] = defaultdict(float)
    for clip in clips:
        hours[clip.native_rate] += clip.length / rate / 3600
    text = ", ".join(f"{native / 1000:g} kHz: {amount:.2f} h" for native, amount in sorted(hours.items()))
    low = [native for native in hours if native < LOW_RATE]
    return Finding(WARNING if low else NOTE if min(hours) < rate else FINE, "rates", f"{text}.")


def _integrity(sets: Iterable[PackedSet]) -> Finding:
    damaged = [clip.path for packed in sets for clip in packed.damaged_clips()]
    if not damaged:
        return Finding(FINE, "integrity", "Every sample is as it was packed.")
    return Finding(
        STOP,
        "integrity",
        f"{len(damaged)} clips have changed since they were packed; pack the folder again.",
        tuple(damaged),
    )


def _kinds(clips: list[PackedClip], rate: int) -> tuple[KindSummary, ...]:
    kinds = [kind for kind in (*KINDS, PLAIN_KIND) if any(clip.kind == kind for clip in clips)]
    total = sum(KIND_WEIGHTS[kind] for kind in kinds)
    summaries = []
    for kind in kinds:
        of_kind = [clip for clip in clips if clip.kind == kind]
        length = sum(clip.length for clip in of_kind)
        narrow = sum(clip.length for clip in of_kind if clip.band_edge_hz <= NARROW_BAND_HZ)
        weighted = narrow * clip_weight(kind, NARROW_BAND_HZ)
        drawn = KIND_WEIGHTS[kind] / total
        narrow_drawn = drawn * weighted / max(1e-9, weighted + length - narrow)
        summaries.append(
            KindSummary(kind, len(of_kind), length / rate / 3600, narrow / rate / 3600, drawn, narrow_drawn)
        )
    return tuple(summaries)


def _worst(found: list[tuple[float, str]]) -> tuple[str, ...]:
    return tuple(text for _, text in sorted(found, key=lambda entry: -entry[0]))


def _are(found: list[tuple[float, str]]) -> str:
    return "is" if len(found) == 1 else "are"


def _percent(share: float) -> str:
    return f"{share * 100:.2g} %"
