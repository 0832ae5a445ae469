"""Every codec on every window, by two processes at most.

What was measured before is not measured again.
"""

import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
from heldout import MUSIC, NOISY, SPEECH, Window
from metrics import MUSIC_MEASURES, NOISY_MEASURES, SPEECH_MEASURES, Samples, scores
from peers import SOURCES as PEER_SOURCES
from peers import lyra_peer, opus_peer
from results import LYRA, OPUS, UNCODED, Result, Results, kbps_setting, layers_setting, ordered
from score_cache import Remembered, ScoreCache, score_key, window_hash

import lamina.models.coding.search
import lamina.models.engines.core_engine
import lamina.models.engines.loop
import lamina.models.engines.onnx_engine
import lamina.models.engines.postfilter
import lamina.models.runtime
import lamina.plugin.stream.two_pass
from lamina.models.bundles.bundle import Bundle
from lamina.models.runtime import CodecRuntime, load_runtime
from lamina.plugin.parameters.table import PARAMETERS
from lamina.plugin.rivals.lyra import LYRA_KBPS
from lamina.plugin.stream.two_pass import Survey
from lamina.plugin.stream.variable_rate import changes_told

DECIDING_LAYERS = (4, 8, 16, 24)
"""3, 6, 12 and 18 kbps: where bundles are compared, and where noisy speech and denoising are measured."""
USUAL_SEARCH = int(PARAMETERS["search"].default)
"""Candidates followed when nothing else is asked for, for files and live."""
OPUS_KBPS = (6, 9, 12, 16, 24)
SAVE_EVERY = 20
MEASURES = {SPEECH: SPEECH_MEASURES, MUSIC: MUSIC_MEASURES, NOISY: NOISY_MEASURES}


@dataclass(frozen=True)
class Manner:
    """How a bundle codes.

    Args:
        search: candidates in the search for codes.
        two_pass: whether each window's layers are planned first.
        postfilter: whether what is decoded goes through it, as usual.
    """

    search: int = USUAL_SEARCH
    two_pass: bool = False
    postfilter: bool = True

    def __str__(self) -> str:
        search = f" search {self.search}" if self.search > 1 else ""
        passes, postfilter = " two passes" if self.two_pass else "", " postfilter" if self.postfilter else ""
        return search + passes + postfilter


USUAL = Manner()


@dataclass(frozen=True)
class Job:
    """One codec at one setting on one window.

    Args:
        key: under which the scores are remembered.
        system, setting: as in `Result`.
        measures: which scores are taken.
        bundle: folder of the bundle, for a bundle.
        layers, denoise, manner: for a bundle.
        kbps: for a bundle what it sends, for a rival what it is asked for; NaN if nothing is coded.
    """

    key: str
    system: str
    setting: str
    measures: frozenset[str]
    bundle: str | None = None
    layers: int | None = None
    denoise: float = 0.0
    kbps: float = float("nan")
    manner: Manner = USUAL


@dataclass(frozen=True)
class Task:
    """One window, and what is still to be measured on it.

    Args:
        window: the sound.
        jobs: codecs with their settings.
        lyra: the folder of Lyra's models, if it takes part.
    """

    window: Window
    jobs: tuple[Job, ...]
    lyra: Path | None


def measure(
    windows: Sequence[Window],
    bundles: dict[str, Bundle],
    layer_counts: Sequence[int],
    lyra: Path | None,
    cache: ScoreCache,
    processes: int,
    manners: dict[str, Manner] | None = None,
) -> Results:
    """Every codec on every window; what `cache` knows is not measured again, and what is measured is put there.

    Args:
        windows: what to code.
        bundles: by the name they get in the results.
        layer_counts: at which settings of the bundles.
        lyra: the folder of Lyra's models, if it takes part.
        cache: read, added to and saved.
        processes: how many measure side by side.
        manners: of coding, by the same names; the usual one where none is given.
    """
    planned = [(window, list(_jobs(window, bundles, layer_counts, lyra, manners or {}))) for window in windows]
    tasks = [
        Task(window, missing, lyra)
        for window, jobs in planned
        if (missing := tuple(job for job in jobs if cache.get(job.key) is None))
    ]
    started = time.perf_counter()
    try:
        if tasks:
            with multiprocessing.get_context("spawn").Pool(min(processes, len(tasks))) as pool:
                for index, found in enumerate(pool.imap_unordered(_measured, tasks), start=1):
                    for key, remembered in found.items():
                        cache.put(key, remembered)
                    if index % SAVE_EVERY == 0:
                        cache.save()
                    seconds = time.perf_counter() - started
                    print(f"\r{index} of {len(tasks)} windows, {seconds:.0f} s", end="", file=sys.stderr, flush=True)
            print(file=sys.stderr)
    finally:
        cache.save()
    results = []
    for window, jobs in planned:
        for job in jobs:
            known = cache.get(job.key)
            assert known is not None
            results.append(
                Result(
                    job.system,
                    job.setting,
                    known.kbps,
                    window.clip,
                    window.index,
                    window.kind,
                    window.snr_db,
                    known.scores,
                    job.layers,
                    job.denoise,
                )
            )
    return ordered(results, [UNCODED, *bundles, OPUS, LYRA])


def code_with_bundle(
    bundle: str, samples: Samples, settings: Sequence[tuple[int, float]], manner: Manner = USUAL
) -> Iterator[tuple[Samples, float]]:
    """`samples` (float32 `[n]` at 24 kHz) through a bundle at each of `settings` (layers, denoise).

    Results are aligned with the input and come with the layers that a frame got on the average, in which the bits count
    that tell how many it has.
    """
    runtime = load_runtime(bundle)
    config = runtime.config
    n_frames = -(-(samples.size + config.delay_samples) // config.frame)
    padded = np.pad(samples, (0, n_frames * config.frame - samples.size))[None]
    for layers, denoise in settings:
        if manner.two_pass:
            quantized, sent = _in_two_passes(runtime, padded, layers, manner.search)
        else:
            quantized, sent = runtime.quantized(padded, layers, manner.search), float(layers)
        decoded, _ = runtime.decode(quantized, runtime.decoder_state(1), denoise, layers)
        if manner.postfilter:
            decoded = _filtered(runtime, decoded, layers)
        yield decoded[0, config.delay_samples : config.delay_samples + samples.size], sent


def _filtered(runtime: CodecRuntime, decoded: Samples, layers: int) -> Samples:
    """Decoded samples `[1, frames · frame]` through the postfilter, as the effect's are."""
    config, postfilter = runtime.config, runtime.postfilter(1)
    if postfilter is None:
        return decoded
    n_frames = decoded.shape[1] // config.frame
    kbps = runtime.summed_bits[layers] * config.sample_rate / config.frame / 1000
    return postfilter.pass_on(decoded, np.ones(n_frames, np.float32), np.full((1, n_frames), kbps, np.float32))


def _in_two_passes(runtime: CodecRuntime, x: Samples, layers: int, search: int) -> tuple[Samples, float]:
    """Quantized latents of samples `[1, frames · frame]` whose layers are planned, and how many a frame has.

    Of a bundle with a memory; any other would be coded at the constant bitrate.
    """
    z, _ = runtime.encode(x, runtime.encoder_state(1))
    constant, loop, survey = np.full(z.shape[:2], layers, np.uint8), runtime.loop(1), Survey(runtime)
    if loop is None:
        return runtime.quantized(x, layers, search), float(layers)
    survey.note(x, z, runtime.code(x, layers)[1], constant)
    counts = survey.plan(z.shape[1]).counts
    codes, foreseen = loop.encode(x, z, counts, np.full(z.shape[1], search))
    sent = counts.mean() + changes_told(counts[0]).mean() / np.mean(runtime.config.code_bits)
    return foreseen + runtime.dequantize(codes, counts), float(sent)


def _programs(bundle: Bundle) -> tuple[Path, ...]:
    """The files on which it depends what comes out of a bundle."""
    modules: list[ModuleType] = [lamina.models.runtime]
    if load_runtime(str(bundle.path)).engine.startswith("core"):
        compiled = find_spec("lamina.models._core")
        assert compiled is not None and compiled.origin is not None
        return (
            *(Path(str(module.__file__)) for module in (*modules, lamina.models.engines.core_engine)),
            Path(compiled.origin),
        )
    modules += [lamina.models.engines.onnx_engine, lamina.models.coding.search, lamina.models.engines.loop]
    return tuple(Path(str(module.__file__)) for module in modules)


def _jobs(
    window: Window,
    bundles: dict[str, Bundle],
    layer_counts: Sequence[int],
    lyra: Path | None,
    manners: dict[str, Manner],
) -> Iterator[Job]:
    measures = MEASURES[window.kind]
    sound = window_hash(window)
    if window.kind == NOISY:
        yield Job(score_key(sound, UNCODED, measures, (), ()), UNCODED, "", measures)
    for name, bundle in bundles.items():
        manner = manners.get(name, USUAL)
        files = _programs(bundle)
        if manner.postfilter:
            files += (Path(str(lamina.models.engines.postfilter.__file__)),)
        if manner.two_pass:
            files += (Path(str(lamina.plugin.stream.two_pass.__file__)),)
        for layers, denoise in _settings(window.kind, bundle, layer_counts):
            setting = layers_setting(layers, denoise)
            # DNSMOS of clean speech is of interest only beside denoised clean speech.
            taken = (
                measures | {"dnsmos"}
                if window.kind == SPEECH and bundle.conditioned and layers in DECIDING_LAYERS
                else measures
            )
            key = score_key(sound, f"{bundle.digest} {setting}{manner}", taken, files, ("onnxruntime",))
            yield Job(
                key, name, setting, taken, str(bundle.path), layers, denoise, layers * bundle.kbps_per_layer, manner
            )
    packages = ("av", "ai-edge-litert")
    for system, rates in ((OPUS, OPUS_KBPS), (LYRA, LYRA_KBPS if lyra else ())):
        for kbps in rates:
            setting = kbps_setting(kbps)
            key = score_key(sound, f"{system} {setting}", measures, PEER_SOURCES, packages)
            yield Job(key, system, setting, measures, kbps=kbps)


def _settings(kind: str, bundle: Bundle, layer_counts: Sequence[int]) -> list[tuple[int, float]]:
    """Layers and denoise at which a bundle is measured: everywhere clean, at the deciding rates noisy and denoised."""
    deciding = [layers for layers in layer_counts if layers in DECIDING_LAYERS]
    plain = deciding if kind == NOISY else layer_counts
    denoised = deciding if bundle.conditioned and kind != MUSIC else []
    return [*((layers, 0.0) for layers in plain), *((layers, 1.0) for layers in denoised)]


def _measured(task: Task) -> dict[str, Remembered]:
    window = task.window

    def remembered(job: Job, coded: Samples, kbps: float) -> Remembered:
        return Remembered(scores(window.reference, coded, job.measures), kbps)

    found = {}
    for bundle, manner in dict.fromkeys((job.bundle, job.manner) for job in task.jobs if job.bundle is not None):
        jobs = [job for job in task.jobs if (job.bundle, job.manner) == (bundle, manner)]
        coded = code_with_bundle(bundle, window.heard, [(job.layers or 1, job.denoise) for job in jobs], manner)
        for job, (samples, n_layers) in zip(jobs, coded, strict=True):
            found[job.key] = remembered(job, samples, job.kbps * n_layers / (job.layers or 1))
    for job in task.jobs:
        if job.system == UNCODED:
            found[job.key] = remembered(job, window.heard, job.kbps)
        elif job.bundle is None:
            peer = opus_peer(job.kbps) if job.system == OPUS or task.lyra is None else lyra_peer(task.lyra, job.kbps)
            sent = peer.code(window.heard)
            found[job.key] = remembered(job, sent.samples, sent.bits_per_second / 1000)
    return found
