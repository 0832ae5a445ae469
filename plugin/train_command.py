"""`lamina train`: train the codec on folders of sound, go on from a bundle or a checkpoint, and make a bundle of the result."""

from __future__ import annotations

import argparse
import logging
import shlex
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.models.sizes import SIZES, STANDARD, describe_size
from lamina.plugin.data_command import progress_bar

if TYPE_CHECKING:
    from lamina.models.config import CodecConfig
    from lamina.models.training.checkpoint import Checkpoint
    from lamina.models.training.corpus import Corpus
    from lamina.models.training.packed import PackedSet
    from lamina.models.training.parallel import Workers
    from lamina.models.training.plan import TrainingPlan
    from lamina.models.training.trainer import Trainer

log = logging.getLogger(__name__)

PACKAGES_MISSING = "Training needs more packages; install them with: pip install 'lamina[train]'"
UNNAMED = "my-lamina"
INSTALLED = "installed"
"""The file in a run's folder that says where its model was installed."""
LEAST_REFIT_FRAMES, REFIT_FRAMES_PER_MINUTE = 15_000, 1000
BAR_FORMAT = "{bar} {percentage:3.0f} %  {remaining} left{postfix}"


def add_train_command(commands: Any) -> None:
    """Declare the command and its options."""
    sizes = "; ".join(f"{name}, {describe_size(name)}" for name in SIZES)
    train = commands.add_parser(
        "train",
        help="train a model on your own sounds",
        description="Train a model. With a name it becomes one of your own, which the app and every --model find by that name. A "
        "checkpoint is written to the run's folder every few minutes, and an interrupted run goes on from it when the same command is "
        "given again. At the end the averaged weights become the bundle OUT/bundle, and your own model if it has a name.",
        epilog="Examples: lamina train --data my_takes/ --from lamina-24k --minutes 20 --name my-band · on two GPUs: "
        "torchrun --nproc-per-node 2 --no-python lamina train --data all.lpack --minutes 600 --name big",
    )
    train.add_argument(
        "--data",
        action="append",
        required=True,
        type=Path,
        metavar="DIR",
        help="folder of sound files, or a file made by `lamina data pack`; may be repeated",
    )
    train.add_argument(
        "--heldout", action="append", default=[], type=Path, metavar="DIR", help="refuse to train if any of these sounds is in the data"
    )
    train.add_argument("--name", metavar="NAME", help="what your model is called; needed without --out")
    train.add_argument("--replace", action="store_true", help="replace your model of that name once the new one is complete")
    train.add_argument("--out", type=Path, metavar="OUT", help="folder of the run (default: runs/NAME in your data folder)")
    train.add_argument("--minutes", type=float, default=20.0, help="wall-clock budget over all resumptions (default %(default)g)")
    train.add_argument("--from", dest="start", metavar="BUNDLE", help="start from a bundle (name or folder) or a checkpoint file")
    train.add_argument("--size", choices=SIZES, help=f"network when starting from nothing: {sizes} (default {STANDARD})")
    train.add_argument("--design", choices=("transform", "soundstream"), help="design of that network (default transform)")
    train.add_argument("--channels", type=int, metavar="C", help="first width of the soundstream design (default 32)")
    train.add_argument("--batch", type=int, default=16, help="examples per step, in each process (default %(default)s)")
    train.add_argument("--learning-rate", type=float, default=6e-4, metavar="LR", help="peak of the cosine (default %(default)s)")
    train.add_argument("--max-steps", type=int, metavar="N", help="stop after N steps")
    train.add_argument(
        "--discriminators",
        type=float,
        metavar="SHARE",
        help="after this share of the run (0 to 1) discriminators join in, which sharpens what is heard at few layers; off by default, "
        "because on a CPU a step then takes three to four times as long",
    )
    train.add_argument(
        "--waveform-discriminators", action="store_true", help="let them listen to the waveform too, which takes half as long again"
    )
    train.add_argument("--device", default="auto", metavar="DEVICE", help="auto (a GPU if there is one), cpu or cuda (default %(default)s)")
    train.add_argument("--compile", action="store_true", help="compile the networks first: a slow start, and faster steps on a GPU")
    train.add_argument(
        "--no-half", action="store_true", help="full precision everywhere (default: bfloat16 on GPUs, and on CPUs that are fast at it)"
    )
    train.add_argument(
        "--threads", type=int, default=1, help="CPU threads of each process (default %(default)s; more pays off on an idle machine)"
    )
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--cache", type=Path, metavar="DIR", help="where decoded audio is kept (default: the user's cache folder)")
    train.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> int:
    try:
        import onnx  # noqa: F401
        import soundfile  # noqa: F401
        import soxr  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        print(f"lamina: {PACKAGES_MISSING} ({error})", file=sys.stderr)
        return 2
    from lamina.models.training.parallel import Workers

    _check_numbers(options)
    workers = Workers(options.device)
    try:
        return _run(options, workers)
    except (ValueError, OSError):
        # One process speaks for all.
        if workers.leads:
            raise
        return 2
    finally:
        workers.close()


def _run(options: argparse.Namespace, workers: Workers) -> int:
    import torch
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    from lamina.models.network import CodecNetwork
    from lamina.models.training.trainer import DivergedError, Trainer
    from lamina.plugin.train_start import choose_start

    logging.basicConfig(level=logging.INFO if workers.leads else logging.ERROR, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    torch.set_num_threads(options.threads)
    plan = _plan(options, workers)
    out = workers.leader_first(lambda: _run_folder(options))
    # A run whose model was installed is over: replacing that model means training anew, not going on.
    starts_anew = options.out is None and options.replace and (out / INSTALLED).exists()
    saved = out / "checkpoint.pt" if (out / "checkpoint.pt").exists() and not starts_anew else None
    start = workers.leader_first(lambda: choose_start(saved, options.start, options.size, options.design, options.channels))
    corpus = workers.leader_first(lambda: _corpus(options, workers, start.config, plan.crop_frames))
    # What the leader fitted reaches the others when training begins.
    network = workers.leader_first(
        lambda: start.network(corpus, options.seed) if workers.leads else CodecNetwork(start.config),
    )
    torch.manual_seed(options.seed + workers.rank)
    if starts_anew and workers.leads:
        shutil.rmtree(out)
    trainer = Trainer(network, corpus, plan, out, start.resume, workers)
    if plan.noisy and not trainer.noisy:
        log.info("there is no noise in the data (a folder noise), or nothing else: denoise is not trained")
    hidden = None if workers.leads else True
    with tqdm(total=100, bar_format=BAR_FORMAT, initial=round(trainer.share_done * 100), disable=hidden) as bar, logging_redirect_tqdm():
        trainer.on_step = partial(_show_step, bar) if workers.leads else None
        try:
            final = trainer.run()
        except DivergedError as error:
            raise ValueError(str(error)) from error
    if workers.leads:
        _finish(options, trainer, final, out)
    return 0


def _finish(options: argparse.Namespace, trainer: Trainer, final: Checkpoint, out: Path) -> None:
    """The bundle of a run's averaged weights, installed if it has a name."""
    from lamina.models.export import export_bundle
    from lamina.models.training.initialise import SETTLING_BATCHES, settle_codebooks
    from lamina.plugin.train_card import model_card
    from lamina.plugin.train_start import can_denoise

    corpus, progress = trainer.corpus, final.progress
    network = final.averaged_network().to(trainer.workers.device)
    settle_codebooks(network, corpus, min(SETTLING_BATCHES, int(progress["steps"])))
    denoise = "trained" if trainer.noisy else "kept" if can_denoise(network) else "none"
    training = {
        "steps": int(progress["steps"]),
        "hours": round(progress["seconds"] / 3600, 2),
        "audio_hours": round(progress["audio_seconds"] / 3600, 1),
        "started_from": options.start or "data-driven initialisation",
        "data_clips": len(corpus.clips),
        "data_hours": round(corpus.n_samples / corpus.sample_rate / 3600, 2),
        "denoise": denoise,
    }
    name = options.name or UNNAMED
    card = model_card(name, options.data, corpus, training)
    bundle = export_bundle(network.cpu(), out / "bundle", name, training, card, conditioned=denoise != "none")
    print(f"Trained {training['steps']} steps in {training['hours']} h; the bundle is {bundle.path}")
    if options.name is not None:
        _install(options.name, bundle.path, out, trainer.stop_requested)


def _check_numbers(options: argparse.Namespace) -> None:
    for name in ("minutes", "batch", "learning_rate", "threads", "max_steps", "channels"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise ValueError(f"--{name.replace('_', '-')} is {value}; it must be more than 0.")
    if options.discriminators is not None and not 0 <= options.discriminators < 1:
        raise ValueError(
            f"--discriminators is {options.discriminators:g}; give the share of the run after which they join in, 0 to below 1."
        )
    if options.waveform_discriminators and options.discriminators is None:
        raise ValueError("--waveform-discriminators needs --discriminators SHARE, which says when they join in.")


def _plan(options: argparse.Namespace, workers: Workers) -> TrainingPlan:
    from lamina.models.training.adversary import AdversaryPlan
    from lamina.models.training.plan import TrainingPlan
    from lamina.models.training.precision import is_bfloat16_fast

    adversary = AdversaryPlan()
    if options.discriminators is not None:
        adversary = AdversaryPlan(start=options.discriminators, waveform=options.waveform_discriminators)
    return TrainingPlan(
        minutes=options.minutes,
        max_steps=options.max_steps,
        batch=options.batch,
        learning_rate=options.learning_rate,
        # Fitting must not eat up a short run.
        refit_frames=int(min(TrainingPlan.refit_frames, max(LEAST_REFIT_FRAMES, options.minutes * REFIT_FRAMES_PER_MINUTE))),
        half_precision=not options.no_half and is_bfloat16_fast(workers.device),
        compile=options.compile,
        seed=options.seed,
        threads=options.threads,
        adversary=adversary,
    )


def _run_folder(options: argparse.Namespace) -> Path:
    """Where the run is kept; raises ValueError if the model can't have its name or has nowhere to go."""
    from lamina.models.bundle import shipped_bundles
    from lamina.models.own_bundles import check_free, run_folder

    if options.name is None:
        if options.out is None:
            raise ValueError("The model needs a --name, by which the app and --model find it, or an --out folder to put its bundle into.")
        if options.replace:
            raise ValueError("--replace says that your model of a --name may be replaced; give the name too, or leave --replace out.")
        return Path(options.out)
    if options.name.casefold() in SIZES:
        raise ValueError(f"{options.name!r} is the name of a size. Choose another name for your model.")
    check_free(options.name, shipped_bundles(), options.replace)
    return Path(options.out or run_folder(options.name))


def _install(name: str, bundle: Path, out: Path, interrupted: bool) -> None:
    from lamina.models.own_bundles import install_bundle

    if interrupted:
        print(f"The run was interrupted, so {name} is not installed yet: give the same command again to go on.")
        return
    try:
        folder = install_bundle(bundle, name)
    except (ValueError, OSError) as error:
        raise ValueError(f"The model is trained, but it can't be installed as {name}: {error} It is kept in {bundle}.") from error
    (out / INSTALLED).write_text(f"{folder}\n", encoding="utf-8")
    print(f"{name} is ready in {folder}. Try it: lamina app --model {shlex.quote(name)}")


def _show_step(bar: Any, trainer: Trainer) -> None:
    speed = trainer.audio_seconds / max(trainer.seconds, 1e-9)
    bar.set_postfix_str(f"step {trainer.steps}, {speed:.0f} s of sound per second", refresh=False)
    bar.update(round(trainer.share_done * 100, 1) - bar.n)


def _corpus(options: argparse.Namespace, workers: Workers, config: CodecConfig, crop_frames: int) -> Corpus:
    """The training data, unless it must not be trained on: then ValueError says why. What is merely unfortunate goes to the log.

    Each process draws its own crops of it.
    """
    import platformdirs

    from lamina.models.training.corpus import corpus_of
    from lamina.models.training.sources import open_sources

    cache = options.cache or Path(platformdirs.user_cache_dir("lamina"))
    sources = [*options.data, *options.heldout]
    if workers.leads:
        with progress_bar("reading sounds") as progress:
            sets = open_sources(sources, cache, config.sample_rate, progress)
        _check_data(options, sets)
    else:
        sets = open_sources(options.data, cache, config.sample_rate)
    return corpus_of(sets[: len(options.data)], crop_frames * config.frame, options.seed + workers.rank)


def _check_data(options: argparse.Namespace, sets: list[PackedSet]) -> None:
    from lamina.models.training.data_checks import check_data

    training, heldout = sets[: len(options.data)], sets[len(options.data) :]
    report = check_data(training, heldout or None)
    for finding in report.warnings:
        log.warning("%s: %s", finding.check, finding.text)
    if report.stops:
        places = " ".join(shlex.quote(str(source)) for source in options.data)
        against = "".join(f" --heldout {shlex.quote(str(source))}" for source in options.heldout)
        reasons = " ".join(finding.text for finding in report.stops)
        raise ValueError(f"Training can't start with this data. {reasons} The whole report: lamina data check {places}{against}")
