"""How good a bundle sounds beside Opus (and Lyra V2): six measures on held-out speech and music, at five layer counts.

The held-out folder holds speech/ and music/ with .flac files that training never saw. Every clip is cut into windows of
equal length; every codec codes the same windows from a fresh start, and the table shows means over windows. Also written
as JSON, with every window's scores.
"""

import argparse
import json
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

# Two processes measure side by side; more threads inside each would only get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import soundfile
import soxr
from compare import COUNTED, Difference, overall, paired_difference
from metrics import SAMPLE_RATE, Samples, Scores, mean_scores, scores
from peers import LYRA_KBPS, LYRA_VARIABLE, lyra_folder, lyra_peer, opus_peer

from lamina.models.bundle import DEFAULT_BUNDLE, Bundle, BundleError, open_bundle
from lamina.models.runtime import load_runtime

KINDS = ("speech", "music")
LAYERS = (1, 4, 8, 16, 24)
OPUS_KBPS = (6, 12, 16)
DECIDING_LAYERS = (4, 8, 16)
"""3, 6 and 12 kbps: what a new bundle must be better at, taken together."""
HEADINGS = {
    "visqol": "ViSQOL",
    "pesq": "PESQ-wb",
    "estoi": "ESTOI",
    "si_sdr": "SI-SDR dB",
    "log_mel": "log-mel dB",
    "frame_lock": "frame lock",
}


@dataclass(frozen=True)
class Window:
    """A part of a held-out clip, the `index`-th: float32 `[n]` at 24 kHz."""

    clip: str
    index: int
    kind: str
    samples: Samples


@dataclass(frozen=True)
class Plan:
    """What to run on each window: bundles by name or folder, and the folder of Lyra's models if it takes part."""

    bundles: tuple[str, ...]
    lyra: Path | None


@dataclass(frozen=True)
class Result:
    """One window through one codec."""

    codec: str
    kbps: float
    clip: str
    index: int
    kind: str
    scores: Scores


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, write the JSON; return the exit code."""
    options = _parser().parse_args(arguments)
    if not any((options.heldout / kind).is_dir() for kind in KINDS):
        print(
            f"There is no held-out audio in {options.heldout}; name a folder that holds speech/ and music/ with .flac files "
            "(make bench-quality HELDOUT=folder). Nothing was measured."
        )
        return 0
    try:
        names = [str(open_bundle(name).path) for name in (options.bundle, options.against) if name]
    except BundleError as error:
        print(error, file=sys.stderr)
        return 2
    plan = Plan(tuple(names), lyra_folder(options.lyra))
    windows = list(read_windows(options.heldout, options.clips, options.window, options.seconds))
    if not windows:
        print(f"No clip in {options.heldout} lasts {options.window:g} s; choose a shorter --window.", file=sys.stderr)
        return 2

    started = time.perf_counter()
    results: list[Result] = []
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for index, found in enumerate(pool.imap_unordered(_measured, [(window, plan) for window in windows]), start=1):
            results += found
            print(f"\r{index} of {len(windows)} windows, {time.perf_counter() - started:.0f} s", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)

    for kind in KINDS:
        _print_table(kind, [result for result in results if result.kind == kind], options.window)
    if len(names) == 2:
        _print_comparison(results, [_codec_name(open_bundle(name), names) for name in names])
    if plan.lyra is None:
        print(f"Lyra V2 left out: name the folder of its models with --lyra or {LYRA_VARIABLE}.")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(_as_json(results, options.window), indent=1), encoding="utf-8")
    print(f"Every window's scores: {options.out}")
    return 0


def read_windows(heldout: Path, clips: int | None, window_seconds: float, most_seconds: float) -> Iterator[Window]:
    """Windows of `window_seconds` from the first `clips` clips of each kind, at most `most_seconds` of each clip.

    Clips are taken evenly over the alphabet, so that few clips still come from many sources. Shorter clips are left out.
    """
    n_window = round(window_seconds * SAMPLE_RATE)
    for kind in KINDS:
        paths = sorted((heldout / kind).glob("*.flac"))
        if clips is not None and clips < len(paths):
            paths = [paths[round(index * (len(paths) - 1) / max(clips - 1, 1))] for index in range(clips)]
        for path in paths:
            loaded, rate = soundfile.read(path, dtype="float32", always_2d=True)
            mono = np.asarray(soxr.resample(loaded.mean(axis=1), rate, SAMPLE_RATE), dtype=np.float32)
            n_windows = min(mono.size // n_window, max(int(most_seconds / window_seconds), 1))
            spacing = (mono.size - n_window) // max(n_windows - 1, 1)  # spread over the clip
            for index in range(n_windows):
                start = index * spacing if n_windows > 1 else (mono.size - n_window) // 2
                yield Window(path.stem, index, kind, mono[start : start + n_window])


def code_with_bundle(bundle: str, samples: Samples, layer_counts: Sequence[int]) -> list[Samples]:
    """`samples` (float32 `[n]` at 24 kHz) through a bundle at each of `layer_counts`, aligned with the input."""
    runtime = load_runtime(bundle)
    config = runtime.config
    n_frames = -(-(samples.size + config.delay_samples) // config.frame)
    padded = np.pad(samples, (0, n_frames * config.frame - samples.size))[None]
    latent, _ = runtime.encode(padded, runtime.encoder_state(1))
    codes = runtime.quantize(latent, max(layer_counts))
    outputs = []
    for layers in layer_counts:
        decoded, _ = runtime.decode(runtime.dequantize(codes[:, :, :layers]), runtime.decoder_state(1))
        outputs.append(decoded[0, config.delay_samples : config.delay_samples + samples.size])
    return outputs


def _measured(task: tuple[Window, Plan]) -> list[Result]:
    window, plan = task
    speech = window.kind == "speech"
    results = []
    for bundle in plan.bundles:
        opened = load_runtime(bundle).bundle
        name = _codec_name(opened, plan.bundles)
        for layers, coded in zip(LAYERS, code_with_bundle(bundle, window.samples, LAYERS), strict=True):
            found = scores(window.samples, coded, speech)
            results.append(
                Result(f"{name}, {layers} layers", layers * opened.kbps_per_layer, window.clip, window.index, window.kind, found)
            )
    peers = [opus_peer(kbps) for kbps in OPUS_KBPS]
    peers += [lyra_peer(plan.lyra, kbps) for kbps in LYRA_KBPS] if plan.lyra else []
    for peer in peers:
        sent = peer.code(window.samples)
        found = scores(window.samples, sent.samples, speech)
        results.append(Result(peer.name, sent.bits_per_second / 1000, window.clip, window.index, window.kind, found))
    return results


def _codec_name(bundle: Bundle, measured: Sequence[str]) -> str:
    return bundle.name if len(measured) == 1 else f"{bundle.path.parent.name}/{bundle.path.name}"


def _print_comparison(results: list[Result], names: list[str]) -> None:
    """The two bundles' paired differences per layer count and measure, and what they amount to."""
    print(f"\n{names[0]} against {names[1]}: paired difference, 95 % interval over clips; more than 0: the first is better")
    found: dict[str, Difference] = {}
    groups = _by_codec(results)
    for layers in LAYERS:
        first, second = (groups[f"{name}, {layers} layers"] for name in names)
        for measure in COUNTED:
            there = {(two.clip, two.index): two.scores for two in second}
            pairs = [(one.clip, getattr(one.scores, measure), getattr(there[one.clip, one.index], measure)) for one in first]
            difference = paired_difference(measure, pairs)
            if difference is not None:
                found[f"{layers} {measure}"] = difference
                span = f"{difference.mean:+.3f}  [{difference.low:+.3f}, {difference.high:+.3f}]"
                print(f"  {layers:>2} layers  {HEADINGS[measure]:<12}{span:<28}{difference.verdict}")
    shown = {key: value for key, value in found.items() if int(key.split()[0]) in DECIDING_LAYERS}
    print(f"At {', '.join(map(str, DECIDING_LAYERS))} layers taken together, {names[0]} is: {overall(shown)}")


def _by_codec(results: list[Result]) -> dict[str, list[Result]]:
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.codec, []).append(result)
    return groups


def _print_table(kind: str, results: list[Result], window_seconds: float) -> None:
    if not results:
        return
    groups = _by_codec(results)
    count = len(next(iter(groups.values())))
    print(f"\n{kind}: mean over {count} windows of {window_seconds:g} s from {len({result.clip for result in results})} clips")
    width = max(len(codec) for codec in groups) + 2
    names = [field.name for field in fields(Scores) if any(math.isfinite(getattr(result.scores, field.name)) for result in results)]
    print(f"{'':<{width}}{'kbps':>7}" + "".join(f"{HEADINGS[name]:>12}" for name in names))
    for codec, group in groups.items():
        means = mean_scores([result.scores for result in group])
        kbps = sum(result.kbps for result in group) / len(group)
        print(f"{codec:<{width}}{kbps:>7.2f}" + "".join(f"{getattr(means, name):>12.3f}" for name in names))


def _as_json(results: list[Result], window_seconds: float) -> dict[str, object]:
    def clean(found: Scores) -> dict[str, float | None]:
        return {name: (round(value, 4) if math.isfinite(value) else None) for name, value in asdict(found).items()}

    means = {
        kind: {codec: clean(mean_scores([one.scores for one in group])) for codec, group in _by_codec(of_kind).items()}
        for kind in KINDS
        if (of_kind := [result for result in results if result.kind == kind])
    }
    windows = [{"codec": r.codec, "kbps": round(r.kbps, 3), "clip": r.clip, "kind": r.kind, **clean(r.scores)} for r in results]
    return {"window_seconds": window_seconds, "means": means, "windows": windows}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heldout", type=Path, default=Path("heldout"), help="folder with speech/ and music/ (default: heldout)")
    parser.add_argument("--bundle", default=DEFAULT_BUNDLE, help=f"bundle to measure, by name or folder (default: {DEFAULT_BUNDLE})")
    parser.add_argument("--against", help="a second bundle to measure beside it; says which is better (paired bootstrap)")
    parser.add_argument("--lyra", type=Path, help=f"folder with Lyra V2's TFLite models (default: the variable {LYRA_VARIABLE})")
    parser.add_argument("--clips", type=int, help="clips of each kind (default: all)")
    parser.add_argument("--window", type=float, default=4.0, help="seconds of one window (default: 4)")
    parser.add_argument("--seconds", type=float, default=8.0, help="at most so many seconds of each clip (default: 8)")
    parser.add_argument("--processes", type=int, default=2, choices=(1, 2), help="how many to measure side by side (default: 2)")
    parser.add_argument("--out", type=Path, default=Path("bench-out/quality.json"), help="JSON to write (default: bench-out/quality.json)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
