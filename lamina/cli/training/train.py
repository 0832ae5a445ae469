"""The command `lamina train`.

It trains the codec on folders of sound, goes on from a bundle or a checkpoint, and makes a bundle of the result.
"""

from __future__ import annotations

import argparse
import logging
import shlex
import shutil
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.cli.answers import DONE
from lamina.cli.data import progress_bar
from lamina.cli.training.pause import Pause
from lamina.cli.training.plan import check_numbers, plan_of
from lamina.models.sizes import SIZES, STANDARD, describe_size
from lamina.models.training.recipes import RECIPES
from lamina.plugin.extras import missing_extra

if TYPE_CHECKING:
    from lamina.cli.training.judged import Judged
    from lamina.models.config import CodecConfig
    from lamina.models.training.checkpoint import Checkpoint
    from lamina.models.training.data.corpus import Corpus
    from lamina.models.training.data.packed import PackedSet
    from lamina.models.training.parallel import Workers
    from lamina.models.training.plan import TrainingPlan
    from lamina.models.training.trainer import Trainer

log = logging.getLogger(__name__)

UNNAMED = "my-lamina"
BEST, LAST = EXPORTS = ("best", "last")
INSTALLED = "installed"
"""The file in a run's folder that says where its model was installed."""
BAR_FORMAT = "{bar} {percentage:3.0f} %  {remaining} left{postfix}"


def add_train_command(commands: Any) -> None:
    """Declare the command and its options."""
    sizes = "; ".join(f"{name}, {describe_size(name)}" for name in SIZES)
    recipes = "; ".join(f"{name}, {recipe.description}" for name, recipe in RECIPES.items())
    train = commands.add_parser(
        "train",
        help="train a model on your own sounds",
        description="Train a model. With a name it becomes one of your own, which the app and every --model find by "
        "that name. A "
        "checkpoint is written to the run's folder every few minutes, and an interrupted run goes on from it when the "
        "same command is given again; its exit code is 130 after Ctrl-C and 143 after SIGTERM. "
        "At the end the averaged weights, of the best checkpoint if there are held-out sounds, become the bundle "
        "OUT/bundle, and your own model if it has a name.",
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
        "--heldout",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="sounds that are not trained on: the run is refused if any is in the data, they tell what it has brought, "
        "and by them the best checkpoint is kept; may be repeated",
    )
    train.add_argument(
        "--export",
        choices=EXPORTS,
        help="which checkpoint becomes the bundle: the best by the held-out sounds (default with --heldout and without "
        "discriminators, which sharpen what that measure doesn't hear), or the last",
    )
    train.add_argument("--name", metavar="NAME", help="what your model is called; needed without --out")
    train.add_argument(
        "--replace", action="store_true", help="replace your model of that name once the new one is complete"
    )
    train.add_argument(
        "--out", type=Path, metavar="OUT", help="folder of the run (default: runs/NAME in your data folder)"
    )
    train.add_argument("--minutes", type=float, help="wall-clock budget over all resumptions (default 20)")
    train.add_argument(
        "--from",
        dest="start",
        metavar="BUNDLE",
        help="start from a bundle (name or folder), a checkpoint or a --travel FILE",
    )
    train.add_argument(
        "--resume", action="store_true", help="go on with the run that --from is of, where its clock stopped"
    )
    train.add_argument("--recipe", choices=RECIPES, help=f"other defaults for what is known beforehand: {recipes}")
    train.add_argument(
        "--pause-after",
        type=float,
        metavar="MINUTES",
        help="end this call so long after it began; the run can go on later",
    )
    train.add_argument(
        "--travel",
        type=Path,
        metavar="FILE",
        help="instead of a bundle write FILE.part1 …, each below 16 MiB, from which --resume goes on, on this machine "
        "or another",
    )
    train.add_argument(
        "--size", choices=SIZES, help=f"network when starting from nothing: {sizes} (default {STANDARD})"
    )
    train.add_argument(
        "--design", choices=("transform", "soundstream"), help="design of that network (default transform)"
    )
    train.add_argument("--channels", type=int, metavar="C", help="first width of the soundstream design (default 32)")
    train.add_argument("--batch", type=int, help="examples per step, in each process (default 16)")
    train.add_argument("--learning-rate", type=float, metavar="LR", help="peak of the cosine (default 0.0006)")
    train.add_argument("--max-steps", type=int, metavar="N", help="stop after N steps")
    train.add_argument(
        "--discriminators",
        type=float,
        metavar="SHARE",
        help="after this share of the run (0 to 1) discriminators join in, which sharpens what is heard at few layers; "
        "off by default, "
        "because on a CPU a step then takes three to four times as long",
    )
    train.add_argument(
        "--waveform-discriminators",
        action="store_true",
        help="let them listen to the waveform too, which takes half as long again",
    )
    train.add_argument(
        "--device",
        default="auto",
        metavar="DEVICE",
        help="auto (a GPU if there is one), cpu or cuda (default %(default)s)",
    )
    train.add_argument(
        "--compile", action="store_true", help="compile the networks first: a slow start, and faster steps on a GPU"
    )
    train.add_argument(
        "--no-half",
        action="store_true",
        help="full precision everywhere (default: bfloat16 on GPUs, and on CPUs that are fast at it)",
    )
    train.add_argument(
        "--only-denoise",
        action="store_true",
        help="train only how noise is taken away: everything else stays as the model of --from has it; "
        "the data needs noise (a folder noise) beside speech or music",
    )
    train.add_argument(
        "--threads",
        type=int,
        default=1,
        help="CPU threads of each process (default %(default)s; more pays off on an idle machine)",
    )
    train.add_argument("--seed", type=int, default=0)
    train.add_argument(
        "--cache", type=Path, metavar="DIR", help="where decoded audio is kept (default: the user's cache folder)"
    )
    train.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> int:
    began = time.monotonic()
    try:
        import onnx  # noqa: F401
        import torch  # noqa: F401

        if any(source.is_dir() for source in (*options.data, *options.heldout)):
            import soxr  # noqa: F401
    except ImportError as error:
        print(f"lamina: {missing_extra('Training', 'train', error)}", file=sys.stderr)
        return 2
    from lamina.models.training.parallel import Workers

    check_numbers(options)
    workers = Workers(options.device)
    try:
        return _run(options, workers, began)
    except (ValueError, OSError):
        # One process speaks for all.
        if workers.leads:
            raise
        return 2
    finally:
        workers.close()


def _run(options: argparse.Namespace, workers: Workers, began: float) -> int:
    import torch
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    from lamina.cli.training.start import choose_start
    from lamina.models.network.network import CodecNetwork
    from lamina.models.training.data.helped_corpus import HelpedCorpus
    from lamina.models.training.trainer import DivergedError, Trainer

    logging.basicConfig(
        level=logging.INFO if workers.leads else logging.ERROR, format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
    )
    torch.set_num_threads(options.threads)
    if options.travel is not None and workers.count > 1:
        raise ValueError("--travel writes the run of one process; leave it out, or start without torchrun.")
    plan = plan_of(options, workers)
    out = workers.leader_first(lambda: _run_folder(options))
    # A run whose model was installed is over: replacing that model means training anew, not going on.
    starts_anew = options.out is None and options.replace and (out / INSTALLED).exists()
    saved = out / "checkpoint.pt" if (out / "checkpoint.pt").exists() and not starts_anew else None
    start = workers.leader_first(
        lambda: choose_start(
            saved,
            options.start,
            options.size,
            options.design,
            options.channels,
            options.resume,
            options.only_denoise,
        )
    )
    # A run that goes on elsewhere must not draw its first examples again.
    seed = options.seed + workers.rank + start.steps
    corpus = workers.leader_first(lambda: _corpus(options, workers, start.config, plan, seed))
    # What the leader fitted reaches the others when training begins.
    network = workers.leader_first(
        lambda: start.network(corpus, options.seed) if workers.leads else CodecNetwork(start.config),
    )
    torch.manual_seed(seed)
    if starts_anew and workers.leads:
        shutil.rmtree(out)
    trainer = Trainer(network, corpus, plan, out, start.resume, workers)
    judged = _judged(options, trainer, out) if workers.leads else None
    if judged is not None:
        trainer.on_checkpoint = judged.follow
    if plan.noisy and not trainer.noisy:
        log.info("there is no noise in the data (a folder noise), or nothing else: denoise is not trained")
    pause = Pause(
        None if options.pause_after is None else began + options.pause_after * 60,
        options.travel,
        plan.checkpoint_minutes * 60,
    )
    hidden = None if workers.leads else True
    with (
        tqdm(total=100, bar_format=BAR_FORMAT, initial=round(trainer.share_done * 100), disable=hidden) as bar,
        logging_redirect_tqdm(),
    ):
        trainer.on_step = partial(_after_step, bar, pause) if workers.leads else None
        try:
            final = trainer.run()
        except DivergedError as error:
            raise ValueError(str(error)) from error
    if isinstance(corpus, HelpedCorpus):
        corpus.close()
    if workers.leads:
        _end(options, trainer, final, out, pause, judged)
    # A pause was asked for; Ctrl-C and SIGTERM end a run before it is done, which who started it must be able to see.
    return DONE if trainer.stopped_by is None else 128 + trainer.stopped_by


def _judged(options: argparse.Namespace, trainer: Trainer, out: Path) -> Judged | None:
    """The held-out sounds with what the network makes of them now; None if there are none, or none long enough."""
    from lamina.cli.training.judged import Judged
    from lamina.models.training.data.sources import open_sources
    from lamina.models.training.heldout import heldout_windows

    # Held-out sounds tell how well a codec codes, which a denoiser leaves as it is.
    if not options.heldout or options.only_denoise:
        return None
    config = trainer.network.config
    try:
        windows = heldout_windows(open_sources(options.heldout, options.cache, config.sample_rate), config.frame)
    except ValueError as error:
        if options.export == BEST:
            raise
        log.warning("%s", error)
        return None
    return Judged(windows, trainer.network, out, goes_on=trainer.steps > 0)


def _end(
    options: argparse.Namespace, trainer: Trainer, final: Checkpoint, out: Path, pause: Pause, judged: Judged | None
) -> None:
    """What a call leaves: files to go on from, a run to go on with, or a bundle."""
    done = f"{trainer.share_done:.0%} of the run is done ({trainer.steps} steps)"
    if pause.files is not None:
        written = pause.write(final)
        names = str(written[0]) if len(written) == 1 else f"{written[0]} to {written[-1].name}"
        print(f"{done}; {names} hold it. Go on with --from {pause.files} --resume; at the end that makes the bundle.")
    elif pause.came and trainer.share_done < 1:
        print(f"{done}; the same command goes on with it.")
    else:
        _finish(options, trainer, final, out, judged)


def _finish(options: argparse.Namespace, trainer: Trainer, final: Checkpoint, out: Path, judged: Judged | None) -> None:
    """The bundle of a run's averaged weights, installed if it has a name."""
    from lamina.cli.training.card import model_card
    from lamina.models.export import export_bundle
    from lamina.models.training.denoising import can_denoise
    from lamina.models.training.initialise import SETTLING_BATCHES, settle_codebooks

    wants_best = _wants_best(options, trainer, judged)
    chosen = _chosen(final, judged, wants_best)
    corpus, progress = trainer.corpus, chosen.progress
    network = chosen.averaged_network().to(trainer.workers.device)
    if not trainer.plan.only_denoiser:
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
        "exported": BEST if wants_best else LAST,
    }
    name = options.name or UNNAMED
    card = model_card(name, options.data, corpus, training)
    bundle = export_bundle(network.cpu(), out / "bundle", name, training, card, conditioned=denoise != "none")
    hours = round(final.progress["seconds"] / 3600, 2)
    print(f"Trained {int(final.progress['steps'])} steps in {hours} h; the bundle is {bundle.path}")
    if judged is not None:
        print(judged.tell(network, int(progress["steps"]), int(final.progress["steps"]), wants_best))
    if options.name is not None:
        _install(options.name, bundle.path, out, trainer.stop_requested)


def _wants_best(options: argparse.Namespace, trainer: Trainer, judged: Judged | None) -> bool:
    """Whether the best checkpoint becomes the bundle rather than the last."""
    if judged is None:
        return False
    return bool(options.export == BEST or (options.export is None and trainer.adversary is None))


def _chosen(final: Checkpoint, judged: Judged | None, wants_best: bool) -> Checkpoint:
    """The checkpoint that becomes the bundle. A disk that is too full to keep the best one doesn't lose the last."""
    if judged is None:
        return final
    try:
        judged.judge_checkpoint(final)
        best = judged.best()
    except (OSError, ValueError) as error:
        log.warning("the last checkpoint is exported: %s", error)
        return final
    return best if wants_best and best is not None else final


def _run_folder(options: argparse.Namespace) -> Path:
    """Where the run is kept; raises ValueError if the model can't have its name or has nowhere to go."""
    from lamina.models.bundles.bundle import shipped_bundles
    from lamina.models.bundles.own_bundles import check_free, run_folder

    if options.name is None:
        if options.out is None:
            raise ValueError(
                "The model needs a --name, by which the app and --model find it, or an --out folder to put its bundle "
                "into."
            )
        if options.replace:
            raise ValueError(
                "--replace says that your model of a --name may be replaced; give the name too, or leave --replace out."
            )
        return Path(options.out)
    if options.name.casefold() in SIZES:
        raise ValueError(f"{options.name!r} is the name of a size. Choose another name for your model.")
    check_free(options.name, shipped_bundles(), options.replace)
    return Path(options.out or run_folder(options.name))


def _install(name: str, bundle: Path, out: Path, interrupted: bool) -> None:
    from lamina.models.bundles.bundle import install_bundle

    if interrupted:
        print(f"The run was interrupted, so {name} is not installed yet: give the same command again to go on.")
        return
    try:
        folder = install_bundle(bundle, name)
    except (ValueError, OSError) as error:
        raise ValueError(
            f"The model is trained, but it can't be installed as {name}: {error} It is kept in {bundle}."
        ) from error
    (out / INSTALLED).write_text(f"{folder}\n", encoding="utf-8")
    print(f"{name} is ready in {folder}. Try it: lamina app --model {shlex.quote(name)}")


def _after_step(bar: Any, pause: Pause, trainer: Trainer) -> None:
    pause.after_step(trainer)
    speed = trainer.audio_seconds / max(trainer.seconds, 1e-9)
    bar.set_postfix_str(f"step {trainer.steps}, {speed:.0f} s of sound per second", refresh=False)
    bar.update(round(trainer.share_done * 100, 1) - bar.n)


def _corpus(
    options: argparse.Namespace, workers: Workers, config: CodecConfig, plan: TrainingPlan, seed: int
) -> Corpus:
    """Open the training data, unless it must not be trained on.

    Raises ValueError that says why; what is merely unfortunate goes to the log.

    Each process draws its own crops of it; where a GPU waits for them, other processes help.
    """
    from lamina.models.training.data.corpus import corpus_of
    from lamina.models.training.data.helped_corpus import HelpedCorpus, count_helpers
    from lamina.models.training.data.sources import open_sources

    sources = [*options.data, *options.heldout]
    if workers.leads:
        with progress_bar("reading sounds") as progress:
            sets = open_sources(sources, options.cache, config.sample_rate, progress)
        _check_data(options, sets)
    else:
        sets = open_sources(options.data, options.cache, config.sample_rate)
    n_samples = plan.crop_frames * config.frame
    corpus = corpus_of(sets[: len(options.data)], n_samples, seed)
    on_gpu = workers.device.type == "cuda"
    helpers = count_helpers(2 * 4 * n_samples * plan.batch) // workers.count if on_gpu else 0
    if not helpers:
        return corpus
    log.info("%d processes draw examples", helpers)
    return HelpedCorpus(corpus, helpers, pinned=True)


def _check_data(options: argparse.Namespace, sets: list[PackedSet]) -> None:
    from lamina.models.training.data.data_checks import check_data

    training, heldout = sets[: len(options.data)], sets[len(options.data) :]
    report = check_data(training, heldout or None)
    for finding in report.warnings:
        log.warning("%s: %s", finding.check, finding.text)
    if report.stops:
        places = " ".join(shlex.quote(str(source)) for source in options.data)
        against = "".join(f" --heldout {shlex.quote(str(source))}" for source in options.heldout)
        reasons = " ".join(finding.text for finding in report.stops)
        raise ValueError(
            f"Training can't start with this data. {reasons} The whole report: lamina data check {places}{against}"
        )
