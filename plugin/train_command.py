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

from lamina.plugin.data_command import progress_bar

if TYPE_CHECKING:
    from lamina.models.network import CodecNetwork
    from lamina.models.training.corpus import Corpus
    from lamina.models.training.trainer import Trainer

log = logging.getLogger(__name__)

PACKAGES_MISSING = "Training needs more packages; install them with: pip install 'lamina[train]'"
UNNAMED = "my-lamina"
INSTALLED = "installed"
"""The file in a run's folder that says where its model was installed."""
MAX_SETTLING_BATCHES = 400
BAR_FORMAT = "{bar} {percentage:3.0f} %  {remaining} left{postfix}"


def add_train_command(commands: Any) -> None:
    """Declare the command and its options."""
    train = commands.add_parser(
        "train",
        help="train a model on your own sounds",
        description="Train a model. With a name it becomes one of your own, which the app and every --model find by that name. A "
        "checkpoint is written to the run's folder every few minutes, and an interrupted run goes on from it when the same command is "
        "given again. At the end the averaged weights become the bundle OUT/bundle, and your own model if it has a name.",
        epilog="Example: lamina train --data my_takes/ --from lamina-24k --minutes 20 --name my-band",
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
    train.add_argument("--design", choices=("transform", "soundstream"), default="transform", help="network when starting from nothing")
    train.add_argument("--channels", type=int, default=32, metavar="C", help="first width of the soundstream design (default %(default)s)")
    train.add_argument("--batch", type=int, default=8, help="examples per step (default %(default)s)")
    train.add_argument("--learning-rate", type=float, default=6e-4, metavar="LR", help="peak of the cosine (default %(default)s)")
    train.add_argument("--max-steps", type=int, metavar="N", help="stop after N steps")
    train.add_argument("--threads", type=int, default=1, help="CPU threads (default %(default)s; more pays off on an idle machine)")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--cache", type=Path, metavar="DIR", help="where decoded audio is kept (default: the user's cache folder)")
    train.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> int:
    try:
        import onnx  # noqa: F401
        import soundfile  # noqa: F401
        import soxr  # noqa: F401
        import torch
    except ImportError as error:
        print(f"lamina: {PACKAGES_MISSING} ({error})", file=sys.stderr)
        return 2
    import platformdirs
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    from lamina.models.export import export_bundle
    from lamina.models.training.checkpoint import Checkpoint
    from lamina.models.training.initialise import settle_codebooks
    from lamina.models.training.trainer import Trainer, TrainingPlan

    for name in ("minutes", "batch", "learning_rate", "threads", "max_steps", "channels"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise ValueError(f"--{name.replace('_', '-')} is {value}; it must be more than 0.")
    out = _run_folder(options)
    # A run whose model was installed is over: replacing that model means training anew, not going on.
    starts_anew = options.out is None and options.replace and (out / INSTALLED).exists()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    plan = TrainingPlan(
        minutes=options.minutes,
        max_steps=options.max_steps,
        batch=options.batch,
        learning_rate=options.learning_rate,
        seed=options.seed,
        threads=options.threads,
    )
    cache = options.cache or Path(platformdirs.user_cache_dir("lamina"))
    saved = out / "checkpoint.pt"
    resume = Checkpoint.load(saved) if saved.exists() and not starts_anew else None
    sample_rate, frame = (resume.config.sample_rate, resume.config.frame) if resume else (24_000, 320)
    corpus = _checked_corpus(options, cache, sample_rate, plan.crop_frames * frame)
    network = _start(options, corpus, resume)
    if starts_anew:
        shutil.rmtree(out)
    trainer = Trainer(network, corpus, plan, out, resume)
    with tqdm(total=100, bar_format=BAR_FORMAT, initial=round(trainer.share_done * 100), disable=None) as bar, logging_redirect_tqdm():
        trainer.on_step = partial(_show_step, bar)
        final = trainer.run()

    network.load_state_dict(final.averaged_network())
    settle_codebooks(network, corpus, min(MAX_SETTLING_BATCHES, int(final.progress["steps"])))
    progress = final.progress
    training = {
        "steps": int(progress["steps"]),
        "hours": round(progress["seconds"] / 3600, 2),
        "audio_hours": round(progress["audio_seconds"] / 3600, 1),
        "started_from": options.start or "data-driven initialisation",
        "data_clips": len(corpus.clips),
        "data_hours": round(corpus.n_samples / corpus.sample_rate / 3600, 2),
    }
    name = options.name or UNNAMED
    bundle = export_bundle(network, out / "bundle", name, training, _model_card(name, options, corpus, training))
    print(f"Trained {training['steps']} steps in {training['hours']} h; the bundle is {bundle.path}")
    if options.name is not None:
        _install(options.name, bundle.path, out, trainer.stop_requested)
    return 0


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


def _checked_corpus(options: argparse.Namespace, cache: Path, sample_rate: int, crop_samples: int) -> Corpus:
    """The training data, unless it must not be trained on: then ValueError says why. What is merely unfortunate goes to the log."""
    from lamina.models.training.corpus import corpus_of
    from lamina.models.training.data_checks import check_data
    from lamina.models.training.sources import open_sources

    with progress_bar("reading sounds") as progress:
        sets = open_sources([*options.data, *options.heldout], cache, sample_rate, progress)
    training, heldout = sets[: len(options.data)], sets[len(options.data) :]
    report = check_data(training, heldout or None)
    for finding in report.warnings:
        log.warning("%s: %s", finding.check, finding.text)
    if report.stops:
        places = " ".join(shlex.quote(str(source)) for source in options.data)
        against = "".join(f" --heldout {shlex.quote(str(source))}" for source in options.heldout)
        reasons = " ".join(finding.text for finding in report.stops)
        raise ValueError(f"Training can't start with this data. {reasons} The whole report: lamina data check {places}{against}")
    return corpus_of(training, crop_samples, options.seed)


def _start(options: argparse.Namespace, corpus: Corpus, resume: Any) -> CodecNetwork:
    """The network to train: the interrupted run's, a bundle's, a checkpoint's, or a new one fitted to the data."""
    from lamina.models.bundle import open_bundle
    from lamina.models.config import CodecConfig, SoundStreamConfig
    from lamina.models.export import load_network
    from lamina.models.network import CodecNetwork
    from lamina.models.training.checkpoint import Checkpoint
    from lamina.models.training.trainer import prepare

    if resume is not None:
        return CodecNetwork(resume.config)
    if options.start is None:
        config = CodecConfig(design=options.design, soundstream=SoundStreamConfig(channels=options.channels))
        return prepare(config, corpus, options.seed)
    if Path(options.start).is_file():
        checkpoint = Checkpoint.load(Path(options.start))
        network = CodecNetwork(checkpoint.config)
        network.load_state_dict(checkpoint.averaged_network())
        return network
    return load_network(open_bundle(options.start))


def _model_card(name: str, options: argparse.Namespace, corpus: Corpus, training: dict[str, Any]) -> str:
    sources = "\n".join(f"- `{source.resolve().name}`" for source in options.data)
    kinds = "\n".join(
        f"- {kind}: {len(lengths)} clips, {sum(lengths) / corpus.sample_rate / 3600:.2f} h"
        for kind in sorted({clip.kind for clip in corpus.clips})
        if (lengths := [len(clip.audio) for clip in corpus.clips if clip.kind == kind])
    )
    return (
        f"# {name}\n\nA model of your own, made by `lamina train`: {training['steps']} steps in {training['hours']} h, "
        f"{training['audio_hours']} h of sound drawn, started from {training['started_from']}.\n\n"
        f"## Data\n\n{training['data_clips']} clips, {training['data_hours']:.2f} h in all, from\n\n{sources}\n\nby kind:\n\n{kinds}\n"
    )
