"""What the quality benchmark finds: one result per window and codec, and means over them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from metrics import Scores, mean_scores

HEADINGS = {
    "visqol": "ViSQOL",
    "pesq": "PESQ-wb",
    "estoi": "ESTOI",
    "si_sdr": "SI-SDR dB",
    "log_mel": "log-mel dB",
    "frame_lock": "frame lock",
    "dnsmos": "DNSMOS",
}
OPUS, LYRA, UNCODED = "Opus", "Lyra V2", "not coded"


@dataclass(frozen=True)
class Result:
    """One window through one codec.

    Args:
        system: a bundle's name, "Opus", "Lyra V2" or "not coded".
        setting: what it was set to, as the tables show it: "8 layers", "12 kbps".
        kbps: bits really sent, in thousands per second; NaN if nothing was coded.
        clip, index, kind, snr_db: the window.
        scores: against the window's clean sound.
        layers: for a bundle.
        denoise: for a bundle, 0 or 1.
    """

    system: str
    setting: str
    kbps: float
    clip: str
    index: int
    kind: str
    snr_db: float | None
    scores: Scores
    layers: int | None = None
    denoise: float = 0.0

    @property
    def codec(self) -> str:
        """The row's name in tables and JSON."""
        return f"{self.system}{', ' if self.layers else ' '}{self.setting}".strip()

    @property
    def group(self) -> str:
        """The table it belongs to: its kind, with the noise's level if there is noise."""
        return self.kind if self.snr_db is None else f"{self.kind} {self.snr_db:g} dB"


class Results(list[Result]):
    """All results of a run."""

    def means(self, kind: str, system: str, setting: str, snr_db: float | None = None) -> Scores | None:
        """Mean scores of one codec over a kind's windows; None if it was not measured."""
        found = [
            one.scores
            for one in self
            if (one.kind, one.system, one.setting, one.snr_db) == (kind, system, setting, snr_db)
        ]
        return mean_scores(found) if found else None

    def mean(self, kind: str, system: str, setting: str, measure: str, snr_db: float | None = None) -> float:
        """One mean; NaN if it was not measured."""
        found = self.means(kind, system, setting, snr_db)
        return float("nan") if found is None else float(getattr(found, measure))

    def groups(self) -> list[str]:
        """The tables, in the order in which they came."""
        return list(dict.fromkeys(one.group for one in self))

    def codecs(self, group: str) -> dict[str, list[Result]]:
        """The results of one table by codec."""
        by_codec: dict[str, list[Result]] = {}
        for one in self:
            if one.group == group:
                by_codec.setdefault(one.codec, []).append(one)
        return by_codec


def layers_setting(layers: int, denoise: float = 0.0) -> str:
    """How a bundle's setting is called."""
    return f"{layers} layers" + (f", denoise {denoise:g}" if denoise else "")


def kbps_setting(kbps: float) -> str:
    """How a rival's setting is called."""
    return f"{kbps:g} kbps"


def print_table(group: str, results: Results, window_seconds: float) -> None:
    """One table of means: a row for each codec, a column for each measure that was taken."""
    codecs = results.codecs(group)
    members = [one for found in codecs.values() for one in found]
    count = max(len(found) for found in codecs.values())
    print(
        f"\n{group}: mean over {count} windows of {window_seconds:g} s from {len({one.clip for one in members})} clips"
    )
    width = max(len(codec) for codec in codecs) + 2
    names = [
        field.name for field in fields(Scores) if any(math.isfinite(getattr(one.scores, field.name)) for one in members)
    ]
    print(f"{'':<{width}}{'kbps':>7}" + "".join(f"{HEADINGS[name]:>12}" for name in names))
    for codec, found in codecs.items():
        means = mean_scores([one.scores for one in found])
        row = "".join(_cell(getattr(means, name), 12) for name in names)
        print(f"{codec:<{width}}{_cell(_mean_kbps(found), 7, 2)}{row}")


def as_json(results: Results) -> dict[str, Any]:
    """Means per table and codec, and every window's scores; what was not measured is null."""
    means = {
        group: {
            codec: {"kbps": _number(_mean_kbps(found)), **_clean(mean_scores([one.scores for one in found]))}
            for codec, found in codecs.items()
        }
        for group in results.groups()
        if (codecs := results.codecs(group))
    }
    windows = [
        {
            "codec": one.codec,
            "system": one.system,
            "setting": one.setting,
            "layers": one.layers,
            "denoise": one.denoise,
            "kbps": _number(one.kbps),
            "clip": one.clip,
            "index": one.index,
            "kind": one.kind,
            "snr_db": one.snr_db,
            **_clean(one.scores),
        }
        for one in results
    ]
    return {"means": means, "windows": windows}


def ordered(results: Iterable[Result], systems: Sequence[str]) -> Results:
    """Results in the order of tables: kind, noise, the order of `systems`, denoise, rate, clip."""
    rank = {system: index for index, system in enumerate(systems)}
    kinds = {"speech": 0, "music": 1, "noisy": 2}
    return Results(
        sorted(
            results,
            key=lambda one: (
                kinds[one.kind],
                one.snr_db or 0.0,
                rank[one.system],
                one.denoise,
                one.layers or 0,
                _rate(one.setting),
                one.clip,
                one.index,
            ),
        )
    )


def _rate(setting: str) -> float:
    return float(setting.removesuffix(" kbps")) if setting.endswith(" kbps") else 0.0


def _mean_kbps(results: Sequence[Result]) -> float:
    return sum(one.kbps for one in results) / len(results)


def _cell(value: float, width: int, decimals: int = 3) -> str:
    return f"{value:>{width}.{decimals}f}" if math.isfinite(value) else f"{'–':>{width}}"


def _number(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _clean(found: Scores) -> dict[str, float | None]:
    return {name: _number(value) for name, value in asdict(found).items()}
