"""The targets a bundle has to meet, each checked against what the same run measured, rivals included."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from codebooks import CodebookUse, Silence
from results import LYRA, OPUS, Results, kbps_setting, layers_setting

STEPS = (1, 2, 4, 8, 16, 24)
Wanted = tuple[float, float]
"""What must be reached, and what is aimed for; NaN if there is nothing beyond."""
NONE = float("nan")
SPEECH_VISQOL: dict[float, Wanted] = {
    0.75: (3.494, NONE),
    1.5: (3.781, NONE),
    3: (4.087, NONE),
    6: (4.263, NONE),
    12: (4.294, NONE),
    18: (4.4, 4.5),
}
"""By kbps. The first five are those of the last bundle without a memory."""
SPEECH_CLEAR: dict[float, dict[str, Wanted]] = {
    3: {"pesq": (2.1, 2.4), "estoi": (0.785, 0.82)},
    6: {"pesq": (2.8, 3.1), "estoi": (0.865, 0.88)},
    9: {"pesq": (3.1, 3.4), "estoi": (0.885, 0.90)},
    12: {"pesq": (3.5, 3.7), "estoi": (0.91, 0.925)},
    18: {"pesq": (3.85, 4.1), "estoi": (0.94, 0.955)},
}
MUSIC_VISQOL: dict[float, Wanted] = {3: (3.92, 4.0), 6: (4.12, 4.2), 12: (4.19, 4.3), 18: (4.26, 4.45)}
MUSIC_SI_SDR: dict[float, Wanted] = {3: (3.0, 4.5), 6: (7.8, 9.3), 12: (12.0, 13.5), 18: (14.1, 15.6)}
LEAST_FRAMES = 30_000
DENOISE_SNR_DB = 5.0


@dataclass(frozen=True)
class Target:
    """One line of the table.

    Args:
        where: which sound and rate, or which property.
        measure: what is measured.
        value: what this run found; NaN if it did not measure it.
        must: least value that is enough (greatest, if `lower`).
        aim: value that is hoped for; NaN if there is none beyond `must`.
        source: where `must` or `aim` come from when they are a rival's.
        lower: whether less is better.
    """

    where: str
    measure: str
    value: float
    must: float
    aim: float = float("nan")
    source: str = ""
    lower: bool = False

    @property
    def verdict(self) -> str:
        """ "aim", "met", "MISSED" or "not measured"."""
        if not (math.isfinite(self.value) and math.isfinite(self.must)):
            return "not measured"
        if not self._reaches(self.must):
            return "MISSED"
        return "aim" if math.isfinite(self.aim) and self._reaches(self.aim) else "met"

    def _reaches(self, wanted: float) -> bool:
        return self.value <= wanted if self.lower else self.value >= wanted


def targets(
    results: Results, bundle: str, kbps_per_layer: float, use: CodebookUse | None = None, silence: Silence | None = None
) -> list[Target]:
    """Every target with what this run found.

    Args:
        results: of the whole run.
        bundle: the bundle's name in `results`.
        kbps_per_layer: of the bundle.
        use: of its codebooks, if measured.
        silence: what it made of silence, if measured.
    """

    def ours(kind: str, kbps: float, measure: str) -> float:
        return results.mean(kind, bundle, layers_setting(round(kbps / kbps_per_layer)), measure)

    def opus(kbps: float, measure: str) -> float:
        return results.mean("speech", OPUS, kbps_setting(kbps), measure)

    def lyra(kbps: float, measure: str) -> float:
        return results.mean("speech", LYRA, kbps_setting(kbps), measure)

    def line(kind: str, kbps: float, measure: str, must: float, aim: float = float("nan"), source: str = "") -> Target:
        return Target(f"{kind}, {kbps:g} kbps", measure, ours(kind, kbps, measure), must, aim, source)

    def rival(name: str, found: float) -> str:
        return f"{name}: {found:.3f}" if math.isfinite(found) else ""

    rivals: dict[float, tuple[str, float, Callable[[float, str], float]]] = {
        3: (LYRA, 3.2, lyra),
        6: (LYRA, 6, lyra),
        9: (OPUS, 9, opus),
        12: (OPUS, 12, opus),
        18: (OPUS, 16, opus),
    }
    table = [line("speech", kbps, "visqol", *SPEECH_VISQOL[kbps]) for kbps in SPEECH_VISQOL]
    for kbps, clear in SPEECH_CLEAR.items():
        name, rate, codec = rivals[kbps]
        for measure in ("pesq", "estoi"):
            table.append(
                line("speech", kbps, measure, *clear[measure], rival(f"{name} {rate:g}", codec(rate, measure)))
            )
    for measure, wanted in (("visqol", MUSIC_VISQOL), ("si_sdr", MUSIC_SI_SDR)):
        table += [line("music", kbps, measure, *wanted[kbps]) for kbps in wanted]
    table += [
        _steps(results, bundle, kind, measure)
        for kind in ("speech", "music")
        for measure in ("visqol", "si_sdr", "log_mel")
    ]
    if use is not None:
        enough = use.frames >= LEAST_FRAMES
        where = f"codebooks, {use.frames} frames" + ("" if enough else f" of {LEAST_FRAMES} needed")
        table.append(Target(where, "least perplexity", min(use.perplexity) if enough else float("nan"), 350, 600))
    if silence is not None:
        table.append(Target("silence in", "out dBFS", silence.rms_dbfs, -70, -80, lower=True))
        table.append(Target("silence in", "DC dBFS", silence.dc_dbfs, -80, lower=True))
    return table + _denoise_targets(results, bundle, kbps_per_layer)


def _steps(results: Results, bundle: str, kind: str, measure: str) -> Target:
    """The smallest gain from one step of layers to the next, signed so that more is better."""
    means = [results.mean(kind, bundle, layers_setting(layers), measure) for layers in STEPS]
    sign = -1 if measure == "log_mel" else 1
    gains = [sign * (after - before) for before, after in zip(means, means[1:], strict=False)]
    least = min(gains) if all(math.isfinite(gain) for gain in gains) else float("nan")
    return Target(f"{kind}, {'→'.join(map(str, STEPS))} layers", f"{measure}, least gain", least, 1e-9)


def _denoise_targets(results: Results, bundle: str, kbps_per_layer: float) -> list[Target]:
    """What turning denoise up changes at the highest rate, where coding hides it least."""
    layers = round(18 / kbps_per_layer)

    def change(kind: str, measure: str, snr_db: float | None) -> float:
        on, off = (results.mean(kind, bundle, layers_setting(layers, denoise), measure, snr_db) for denoise in (1, 0))
        return on - off

    where = f"denoise 0 → 1, {DENOISE_SNR_DB:g} dB SNR"
    return [
        Target(where, "dnsmos, gain", change("noisy", "dnsmos", DENOISE_SNR_DB), 0.4, 0.6),
        Target(where, "si_sdr, gain", change("noisy", "si_sdr", DENOISE_SNR_DB), 5.0, 8.0),
        Target("denoise 0 → 1, clean speech", "visqol, change", change("speech", "visqol", None), -0.03, 0.0),
    ]


def print_targets(table: Sequence[Target]) -> None:
    """The table with what was found, what is needed, and how many are met."""
    print(f"\n{'target':<40}{'measure':<22}{'found':>9}{'must':>9}{'aim':>9}   ")
    for target in table:
        numbers = "".join(
            f"{value:>9.3f}" if math.isfinite(value) else f"{'–':>9}"
            for value in (target.value, target.must, target.aim)
        )
        print(f"{target.where:<40}{target.measure:<22}{numbers}   {target.verdict:<13}{target.source}".rstrip())
    verdicts = [target.verdict for target in table]
    met = sum(verdict in ("met", "aim") for verdict in verdicts)
    print(
        f"{met} of {len(table)} targets met ({verdicts.count('aim')} with their aim), {verdicts.count('MISSED')} "
        "missed, "
        f"{verdicts.count('not measured')} not measured."
    )
