"""The targets a bundle has to meet, each checked against what the same run measured, rivals included."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from codebooks import CodebookUse, Silence
from results import LYRA, OPUS, Results, kbps_setting, layers_setting

STEPS = (1, 2, 4, 8, 16, 24)
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

    def opus(kind: str, measure: str) -> float:
        return results.mean(kind, OPUS, kbps_setting(12), measure)

    def lyra(kbps: float, measure: str) -> float:
        return results.mean("speech", LYRA, kbps_setting(kbps), measure)

    def line(kind: str, kbps: float, measure: str, must: float, aim: float = float("nan"), source: str = "") -> Target:
        return Target(f"{kind}, {kbps:g} kbps", measure, ours(kind, kbps, measure), must, aim, source)

    table = [
        line("speech", 3, "visqol", opus("speech", "visqol"), source="Opus 12"),
        line("speech", 3, "pesq", 1.85, lyra(3.2, "pesq"), "aim: Lyra 3.2"),
        line("speech", 3, "estoi", 0.72, lyra(3.2, "estoi"), "aim: Lyra 3.2"),
        line("music", 3, "visqol", opus("music", "visqol") + 0.3, opus("music", "visqol") + 0.6, "Opus 12 + 0.3, aim + 0.6"),
        line("speech", 6, "visqol", opus("speech", "visqol") + 0.2, source="Opus 12 + 0.2"),
        line("speech", 6, "pesq", 2.5, lyra(9.2, "pesq"), "aim: Lyra 9.2"),
        line("speech", 6, "estoi", 0.82, lyra(9.2, "estoi"), "aim: Lyra 9.2"),
        line("speech", 12, "visqol", 4.35),
        line("music", 12, "visqol", 4.2),
        line("speech", 12, "pesq", 3.2, opus("speech", "pesq"), "aim: Opus 12"),
        line("speech", 12, "estoi", 0.89, opus("speech", "estoi"), "aim: Opus 12"),
        line("speech", 18, "visqol", 4.4, 4.5),
        line("music", 18, "visqol", 4.4, 4.5),
        line("speech", 18, "pesq", 3.6, 4.0),
        line("speech", 18, "estoi", 0.93),
    ]
    table += [_steps(results, bundle, kind, measure) for kind in ("speech", "music") for measure in ("visqol", "si_sdr", "log_mel")]
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
        Target(where, "dnsmos, gain", change("noisy", "dnsmos", DENOISE_SNR_DB), 0.3, 0.5),
        Target(where, "si_sdr, gain", change("noisy", "si_sdr", DENOISE_SNR_DB), 5.0, 8.0),
        Target("denoise 0 → 1, clean speech", "visqol, change", change("speech", "visqol", None), -0.05),
    ]


def print_targets(table: Sequence[Target]) -> None:
    """The table with what was found, what is needed, and how many are met."""
    print(f"\n{'target':<40}{'measure':<22}{'found':>9}{'must':>9}{'aim':>9}   ")
    for target in table:
        numbers = "".join(f"{value:>9.3f}" if math.isfinite(value) else f"{'–':>9}" for value in (target.value, target.must, target.aim))
        print(f"{target.where:<40}{target.measure:<22}{numbers}   {target.verdict:<13}{target.source}".rstrip())
    verdicts = [target.verdict for target in table]
    met = sum(verdict in ("met", "aim") for verdict in verdicts)
    print(
        f"{met} of {len(table)} targets met ({verdicts.count('aim')} with their aim), {verdicts.count('MISSED')} missed, "
        f"{verdicts.count('not measured')} not measured."
    )
