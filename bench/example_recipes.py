"""What the pages about the code desk and the presets let you hear.

Which part of which demo item, with which settings.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin import NeuralCodec
from lamina.plugin.demo_items.items import demo_items
from lamina.plugin.documents.preset_codec import codec_for
from lamina.plugin.documents.presets import Preset, list_presets
from lamina.plugin.files.sound import read_audio

ROOM_DB = -1.5
"""Level of every file against what was rendered, dry and wet alike: room for the peaks that Vorbis adds."""
MUSIC, VOICE, NOISY_VOICE = range(3)
MUSIC_START, MUSIC_SECONDS, MUSIC_TEMPO = 5.0, 5.0, 96.0
"""Two bars from where bass and drums come in: eight beats, the first of them at the beginning."""
VOICE_SECONDS = 5.2
"""Six words, the pauses behind them, and the beginning of a seventh."""


@dataclass(frozen=True)
class Excerpt:
    """Part of a demo item; `item` counts them in the order of `demo_items()`."""

    name: str
    item: int
    start: float
    seconds: float


EXCERPTS = {
    excerpt.name: excerpt
    for excerpt in (
        Excerpt("music", MUSIC, MUSIC_START, MUSIC_SECONDS),
        Excerpt("voice", VOICE, 0.0, VOICE_SECONDS),
        Excerpt("noisy-voice", NOISY_VOICE, 0.0, VOICE_SECONDS),
        Excerpt("six-seconds", VOICE, 0.0, 6.2),
        Excerpt("twelve-seconds", VOICE, 0.0, 12.0),
    )
}
DRY = ("music", "voice", "noisy-voice")
"""Excerpts that are also there as they are."""


@dataclass(frozen=True)
class Example:
    """One sound.

    Args:
        name: of its file, without suffix.
        excerpt: what goes in.
        settings: the codec's, by name.
        sidechain: excerpt whose middle is the side-chain, if there is one; what goes in is then its middle too.
    """

    name: str
    excerpt: str
    settings: dict[str, Any] = field(default_factory=dict)
    sidechain: str | None = None


def _loss(concealment: str) -> dict[str, Any]:
    return {
        "layers": 12,
        "frame_loss": 0.35,
        "loss_model": "bursts",
        "loss_burst": 9,
        "concealment": concealment,
        "seed": 5,
    }


DESK = (
    Example("layers", "music", {"layers": 16, "layer_gains": [1.0] * 3 + [2.0] * 13, "muted_layers": [2]}),
    Example("layers-solo", "music", {"layers": 16, "solo_layers": list(range(3, 17)), "output_gain_db": 12.0}),
    Example("listen", "music", {"layers": 8, "listen": "layer", "listen_layer": 2}),
    Example("listen-difference", "music", {"layers": 8, "listen": "difference"}),
    Example("stereo", "music", {"layers": 12, "stereo": "mid-side", "side_layers": 1}),
    Example("stereo-mono", "music", {"layers": 12, "stereo": "mono"}),
    Example("channel", "voice", _loss("fade")),
    *(Example(f"channel-{how}", "voice", _loss(how)) for how in ("foresee", "hold", "repeat", "silence")),
    Example(
        "freeze", "music",
        {
            "layers": 16, "freeze_frames": 20, "freeze_fade": 6,
            "automation": [{"target": "freeze", "times": [0.0, 1.2, 3.1], "values": [False, True, False]}],
        },
    ),
    Example("slices", "music", {"layers": 16, "slices": "stutter", "slice_length": "1/8", "slice_repeats": 3,
    "tempo": MUSIC_TEMPO}),
    Example("slices-reverse", "music", {"layers": 16, "slices": "reverse", "slice_length": "1/4",
    "tempo": MUSIC_TEMPO}),
    Example("echo", "voice", {"layers": 12, "code_delay": 26, "code_feedback": 0.75}),
    Example("bend", "voice", {"layers": 12, "bend": "shuffle", "bend_from": 2, "bend_to": 4, "seed": 7}),
    Example("bend-offset", "voice", {"layers": 12, "bend": "offset", "bend_offset": 3, "bend_from": 2}),
    Example("bend-nearest", "voice", {"layers": 12, "bend": "nearest", "bend_nearest": 16, "bend_from": 2}),
    Example("bend-common", "voice", {"layers": 12, "bend": "common", "bend_common": 12}),
    Example("decimate", "music", {"layers": 16, "decimate_frames": 16, "decimate_from": 3, "input_gain_db": -3.0}),
    Example("decimate-slower", "voice", {"layers": 12, "decimate_frames": 4, "decimate_from": 3,
    "decimate_slower": True}),
    Example("decimate-whole", "voice", {"layers": 12, "decimate_frames": 9, "decimate_from": 1}),
    Example("generations", "music", {"layers": 8, "passes": 8}),
    Example("cross-synthesis", "voice", {"layers": 12, "cross_layers": 1}, sidechain="music"),
    Example(
        "motion", "music",
        {
            "layers": 1, "tempo": MUSIC_TEMPO,
            "motions": [
                {"target": "layers", "source": "lfo", "shape": "saw up", "beats": 1.0, "depth": 0.9},
                {"target": "slices", "source": "steps", "beats": 1.0, "depth": 1.0, "steps": [0, 0, 0, 0, 0, 0, 0,
                0.5]},
            ],
        },
    ),
    Example("bits-follow-loudness", "voice", {"layers": 16, "loudness_layers": 1.0}),
    Example("bits-follow-loudness-reverse", "music", {"layers": 16, "loudness_layers": -1.0}),
    Example("variable-bitrate", "voice", {"layers": 4, "variable_rate": True}),
    Example("variable-bitrate-constant", "voice", {"layers": 4}),
)  # fmt: skip

PAGES = {
    "layers": "layer 2 muted, layers 4 to 16 doubled",
    "listen": "what layer 2 adds",
    "stereo": "12 layers for the middle, 1 for the side",
    "channel": "35 % of the frames lost in bursts, concealed by fading",
    "bend": "codes of layers 2 to 4 shuffled",
    "decimate": "layers 3 to 16 refreshed every 16 frames",
    "slices": "each eighth note and three repeats of it",
    "echo": "echoes after 26 frames",
    "freeze": "frozen from 1.2 to 3.1 s",
    "generations": "the eighth generation",
    "cross-synthesis": "layer 1 of the voice, layers 2 to 12 of the music",
    "motion": "layers grow through each beat, the last beat stutters",
    "bits-follow-loudness": "16 layers at full scale, fewer where it is quieter",
    "variable-bitrate": "4 layers on average, more where it is hard to code",
}
"""Pages under docs/desk in the order of their index.

Each with the example of its name, and what its picture's lower half shows.
"""


def excerpt_of(preset: Preset) -> str:
    """What a preset is heard on: voice where it is made for a voice or a line, music elsewhere."""
    special = {
        "clean-voice": "noisy-voice", "podcast": "noisy-voice", "what-was-removed": "noisy-voice",
        "train-tunnel": "six-seconds", "layer-by-layer": "twelve-seconds",
    }  # fmt: skip
    return special.get(preset.name) or ("voice" if preset.category in ("speech", "network failure") else "music")


def sound_names() -> list[str]:
    """All files under docs/sounds, without suffix."""
    return [
        *(f"{name}-dry" for name in DRY),
        *(example.name for example in DESK),
        *(f"presets/{preset.name}" for preset in list_presets()),
    ]


def sounds(only: Collection[str] = ()) -> Iterator[tuple[str, FloatArray, int]]:
    """Each of them, or `only` those of some names, as (name, `[channels, samples]`, rate), at the level of its file."""
    for name in DRY:
        if not only or f"{name}-dry" in only:
            audio, rate = excerpt(name)
            yield f"{name}-dry", audio * _room(), rate
    for example in DESK:
        if not only or example.name in only:
            yield (example.name, *heard(example))
    for preset in list_presets():
        if not only or f"presets/{preset.name}" in only:
            audio, rate = excerpt(excerpt_of(preset))
            codec = codec_for(preset)
            codec.set_parameters(preset.parameters)
            yield f"presets/{preset.name}", codec(audio, rate) * _room(), rate


def heard(example: Example) -> tuple[FloatArray, int]:
    """An example's sound at the level of its file, `[channels, samples]`, and its rate."""
    audio, rate = put_in(example)
    beside = _middle(excerpt(example.sidechain)[0], audio.shape[1]) if example.sidechain else None
    return NeuralCodec(**example.settings)(audio, rate, sidechain=beside) * _room(), rate


def put_in(example: Example) -> tuple[FloatArray, int]:
    """What goes into an example, and its rate."""
    audio, rate = excerpt(example.excerpt)
    return (_middle(audio, audio.shape[1]) if example.sidechain else audio), rate


@lru_cache
def excerpt(name: str) -> tuple[FloatArray, int]:
    """Samples and rate of an excerpt."""
    part = EXCERPTS[name]
    clip = read_audio(demo_items()[part.item].path)
    rate = clip.sample_rate
    return clip.samples[:, round(part.start * rate) : round((part.start + part.seconds) * rate)], rate


def _middle(audio: FloatArray, n_samples: int) -> FloatArray:
    """One channel of a length; silence follows the end."""
    middle = audio.mean(0, keepdims=True)[:, :n_samples]
    return np.pad(middle, ((0, 0), (0, n_samples - middle.shape[1])))


def _room() -> np.float32:
    return np.float32(10 ** (ROOM_DB / 20))
