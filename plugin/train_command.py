"""`lamina train`: train the codec on folders of sound, go on from a bundle or a checkpoint, and make a bundle of the result."""

from __future__ import annotations

import argparse
import logging
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.plugin.data_command import progress_bar

if TYPE_CHECKING:
    from lamina.models.network import CodecNetwork
    from lamina.models.training.corpus import Corpus
    from lamina.models.training.trainer import Trainer

PACKAGES_MISSING = "Training needs more packages; install them with: pip install 'lamina[train]'"
MAX_SETTLING_BATCHES = 400
BAR_FORMAT = "{bar} {percentage:3.0f} %  {remaining} left{postfix}"


def add_train_command(commands: Any) -> None:
    """Declare the command and its options."""
    train = commands.add_parser(
        "train",
        help="train a model on your own sounds",
        description="Train a model. OUT/checkpoint.pt is written every few minutes, and an interrupted run goes on from it when the "
        "same command is given again. At the end the averaged weights become the bundle OUT/bundle.",
        epilog="Example: lamina train --data my_takes/ --from lamina-24k --minutes 20 --out my-band/",
    )
    train.add_argument(
        "--data",
        action="append",
        required=True,
        type=Path,
        metavar="DIR",
        help="folder of sound files, or a file made by `lamina data pack`; may be repeated",
    )
    train.add_argument("--out", required=True, type=Path, metavar="OUT", help="folder of the run")
    train.add_argument("--minutes", type=float, default=20.0, help="wall-clock budget over all resumptions (default %(default)g)")
    train.add_argument("--from", dest="start", metavar="BUNDLE", help="start from a bundle (name or folder) or a checkpoint file")
    train.add_argument("--name", default="my-lamina", help="name of the bundle (default %(default)s)")
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
    from lamina.models.training.corpus import load_corpus
    from lamina.models.training.initialise import settle_codebooks
    from lamina.models.training.trainer import Trainer, TrainingPlan

    for name in ("minutes", "batch", "learning_rate", "threads", "max_steps", "channels"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise ValueError(f"--{name.replace('_', '-')} is {value}; it must be more than 0.")
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
    saved = options.out / "checkpoint.pt"
    resume = Checkpoint.load(saved) if saved.exists() else None
    sample_rate, frame = (resume.config.sample_rate, resume.config.frame) if resume else (24_000, 320)
    with progress_bar("reading sounds") as report:
        corpus = load_corpus(options.data, cache, sample_rate, plan.crop_frames * frame, options.seed, report)
    network = _start(options, corpus, resume)
    trainer = Trainer(network, corpus, plan, options.out, resume)
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
    }
    bundle = export_bundle(network, options.out / "bundle", options.name, training, _model_card(options, training))
    print(f"Trained {training['steps']} steps in {training['hours']} h; the bundle is {bundle.path}")
    return 0


def _show_step(bar: Any, trainer: Trainer) -> None:
    speed = trainer.audio_seconds / max(trainer.seconds, 1e-9)
    bar.set_postfix_str(f"step {trainer.steps}, {speed:.0f} s of sound per second", refresh=False)
    bar.update(round(trainer.share_done * 100, 1) - bar.n)


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


def _model_card(options: argparse.Namespace, training: dict[str, Any]) -> str:
    folders = "\n".join(f"- `{folder.name}`" for folder in options.data)
    return (
        f"# {options.name}\n\nTrained with `lamina train`: {training['steps']} steps, {training['hours']} h, "
        f"{training['audio_hours']} h of audio drawn, started from {training['started_from']}.\n\n## Data\n\n{folders}\n"
    )
