"""A `.lamina` file as a document: its codes decoded to sound, in a temporary sound file that the engine can play."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from lamina.gui.model.files.document import Document
from lamina.plugin import NeuralCodec
from lamina.plugin.codes_file.codes import Codes
from lamina.plugin.files.sound import AudioClip, ReadCancelled, atomic_writer, check_length

MOST_CHANNELS = 2


def is_codes(path: Path) -> bool:
    """Whether a file is one of codes, by its name."""
    from lamina.plugin.codes_file.file import SUFFIX  # here and below: the window comes without it

    return path.suffix.lower() == SUFFIX


def open_codes(
    path: Path, target: Path, model: str, title: str | None = None, cancelled: Callable[[], bool] | None = None
) -> Document:
    """Decodes a `.lamina` file, denoised as far as whoever encoded it wanted, with settings that are neutral otherwise.

    Args:
        path: the file.
        target: the sound file (wav) to write.
        model: name of the model to decode with.
        title: what to call the document; the file's name if None.
        cancelled: asked before what takes long; if it says True, ReadCancelled is raised.

    Raises ContainerError, AudioFileError or ValueError with a sentence: a file without a usable head, codes of another
    model, no sound, too many channels or hours. Nothing is written then.
    """

    from lamina.plugin.codes_file.file import read_codes

    def go_on() -> None:
        if cancelled is not None and cancelled():
            raise ReadCancelled(f"Decoding {path} was cancelled.")

    result = read_codes(path)
    codes = result.codes
    if not codes.n_samples:
        raise ValueError(f"{path} holds no sound.")
    if codes.n_channels > MOST_CHANNELS:
        raise ValueError(
            f"{path} has {codes.n_channels} channels; mono and stereo can be opened. `lamina decode` takes them all."
        )
    check_length(path, codes.n_samples, codes.sample_rate, codes.n_channels)
    go_on()
    codec = NeuralCodec(model=model)
    if codec.bundle.conditioned:
        codec.denoise = codes.denoise
    try:
        sound = codec.decode(codes)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    go_on()
    with atomic_writer(target, codes.sample_rate, len(sound)) as writer:
        writer.write(sound)
    clip = AudioClip(np.clip(sound, -1, 1), codes.sample_rate, target)
    return Document.of(
        clip,
        title or path.name,
        file=path,
        remark=f"from codes, {sent_kbps(codes):.3g} kbps",
        trouble=str(result.damage),
    )


def sent_kbps(codes: Codes) -> float:
    """Kilobits per second of all channels together, over the frames that are there; 0 without."""
    n_frames = int((codes.counts > 0).any(0).sum())
    return codes.bits * codes.frame_rate / n_frames / 1000 if n_frames else 0.0
