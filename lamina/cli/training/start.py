"""How a training run begins: which network the options ask for, and its first weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lamina.models.bundles.bundle import Bundle, open_bundle
from lamina.models.config import CodecConfig, SoundStreamConfig
from lamina.models.export import load_network
from lamina.models.network.network import CodecNetwork
from lamina.models.sizes import SIZES, STANDARD
from lamina.models.training.checkpoint import Checkpoint, first_difference
from lamina.models.training.data.corpus import Corpus
from lamina.models.training.denoising import forget_denoising, with_denoiser, with_denoiser_config
from lamina.models.training.trainer import prepare
from lamina.models.training.travel import is_travelling, load_travelling


@dataclass(frozen=True)
class Start:
    """Args:
    config: of the network to train.
    resume: the checkpoint of the run to go on with, or None.
    source: what a new run starts from; None to begin with the data.
    only_denoiser: whether a denoiser is to be trained for `source`; `config` has one then.
    """

    config: CodecConfig
    resume: Checkpoint | None
    source: Bundle | Checkpoint | None
    only_denoiser: bool = False

    @property
    def steps(self) -> int:
        """Steps that the run to go on with has made; 0 for a new one."""
        return 0 if self.resume is None else int(self.resume.progress["steps"])

    def network(self, corpus: Corpus, seed: int) -> CodecNetwork:
        """The network with its first weights; those of a resumed run are still to be restored."""
        if self.resume is not None:
            return CodecNetwork(self.config)
        if self.source is None:
            return prepare(self.config, corpus, seed)
        if isinstance(self.source, Checkpoint):
            network = self.source.averaged_network()
        else:
            network = load_network(self.source)
            if not self.source.conditioned:
                forget_denoising(network)
        return with_denoiser(network) if self.only_denoiser else network


def choose_start(
    saved: Path | None,
    source: str | None,
    size: str | None,
    design: str | None,
    channels: int | None,
    goes_on: bool = False,
    only_denoiser: bool = False,
) -> Start:
    """What to begin with, by the command's options; reads files and changes none.

    Args:
        saved: the checkpoint to go on from, if the run was interrupted.
        source: name or folder of a bundle, or a checkpoint, or what `save_travelling` wrote.
        size, design, channels: the network, where the user said it.
        goes_on: whether the run that `source` is of is gone on with, unless there is `saved`.
        only_denoiser: whether a denoiser is trained for `source`, which is given then.

    Raises ValueError that names the first field in which these contradict each other, or if `source` is of no run that
    could go on.
    """
    wanted = _wanted_config(size, design, channels)
    opened: Bundle | Checkpoint | None = None
    if source is not None:
        opened = _open(source)
        if goes_on and not isinstance(opened, Checkpoint):
            raise ValueError(
                f"{source} is a finished model, not a run to go on with. Leave out --resume, or give --from a "
                "checkpoint."
            )
        if wanted is not None:
            _compare(f"{source} is", opened.config, wanted, "Leave out what chooses the network, or --from.")
        wanted = with_denoiser_config(opened.config) if only_denoiser else opened.config
    if saved is None and goes_on and isinstance(opened, Checkpoint):
        return Start(opened.config, opened, opened)
    if saved is None:
        return Start(wanted or SIZES[STANDARD], None, opened, only_denoiser)
    if goes_on and (saved.parent / "bundle").exists():
        raise ValueError(
            f"The run in {saved.parent} is over and has its bundle. Give another --out to go on with {source}."
        )
    resume = Checkpoint.load(saved)
    if wanted is not None:
        _compare(
            f"The run in {saved.parent} is",
            resume.config,
            wanted,
            "Give the options it began with, or another --out or --name.",
        )
    return Start(resume.config, resume, opened)


def _open(source: str) -> Bundle | Checkpoint:
    path = Path(source)
    if is_travelling(path):
        return load_travelling(path)
    return Checkpoint.load(path) if path.is_file() else open_bundle(source)


def _wanted_config(size: str | None, design: str | None, channels: int | None) -> CodecConfig | None:
    if size is not None and design == "soundstream":
        raise ValueError(
            "--size chooses a network of the transform design; with --design soundstream give --channels instead."
        )
    if channels is not None and design != "soundstream":
        raise ValueError(
            "--channels is the first width of the soundstream design; add --design soundstream, or leave it out."
        )
    if size is not None:
        return SIZES[size]
    if design is None:
        return None
    if design == "transform":
        return CodecConfig()
    return CodecConfig(design="soundstream", soundstream=SoundStreamConfig(channels or SoundStreamConfig.channels))


def _compare(what: str, there: CodecConfig, wanted: CodecConfig, advice: str) -> None:
    difference = first_difference(there, wanted)
    if difference is not None:
        raise ValueError(f"{what} of another network than the options ask for: {difference}. {advice}")
