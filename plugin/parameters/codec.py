"""The codec's own parameters: rate, denoising, levels, listening, stereo, how codes are made, and what moves.

Those of the code desk's effects stand beside the effects, in `lamina.plugin.desk`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

from lamina.models.coding.search import MOST_CANDIDATES
from lamina.plugin.parameters.declare import Given, ParameterGroup, choice, parameter, special, switch
from lamina.plugin.parameters.kinds import MAX_LAYERS
from lamina.plugin.parameters.model_shape import USUAL
from lamina.plugin.parameters.motion import MOST_MOTIONS, Automation, Automations, Motion, Motions

Listen = Literal["wet", "dry", "difference", "layer", "latent"]
StereoMode = Literal["linked", "mid-side", "mono"]

KBPS_PER_LAYER = USUAL.kbps(1)
"""75 frames per second of one 10-bit code: what a layer of the usual models sends."""


class Panel(ParameterGroup, group="levels", tab="panel"):
    """What is always in sight. `NeuralCodec` takes those by their place too that are not for keywords only."""

    layers: int = parameter(
        "Layers", 1, MAX_LAYERS, default=8, of_layers=True, group="rate", kw_only=False, ramps=True,
        help="Active quantizers: each adds a layer of detail and 0.75 kbps.",
    )  # fmt: skip
    denoise: float = parameter(
        "Denoise", 0.0, 1.0, default=0.0, unit="%", group="denoise", kw_only=False,
        help="How much of the background noise is removed; needs a model that was trained for it.",
    )  # fmt: skip
    noise_only: bool = switch(
        "Noise only", default=False, group="denoise",
        help="Plays what denoise takes away instead of what it leaves; with denoise at 0 that is silence.",
    )  # fmt: skip
    mix: float = parameter(
        "Mix", 0.0, 1.0, default=1.0, unit="%", kw_only=False,
        help="Share of the coded sound; the rest is the input, aligned to the sample.",
    )  # fmt: skip
    input_gain_db: float = parameter(
        "Input", -24.0, 24.0, 0.1, default=0.0, unit="dB", kw_only=False, help="Gain before the codec."
    )
    output_gain_db: float = parameter(
        "Output", -24.0, 24.0, 0.1, default=0.0, unit="dB", kw_only=False, help="Gain after codec and mix."
    )
    bypass: bool = switch(
        "Bypass", default=False, kw_only=False, help="Lets the input through unchanged, later by the codec's latency."
    )  # fmt: skip


class OtherUnits(ParameterGroup, group="rate", tab="panel"):
    """Parameters that are another one in another unit: they can be set and read, but are kept nowhere."""

    kbps: float = parameter(
        "Bitrate", KBPS_PER_LAYER, MAX_LAYERS * KBPS_PER_LAYER, KBPS_PER_LAYER, default=8 * KBPS_PER_LAYER, unit="kbps",
        view_of="layers",
        help="The same knob in kilobits per second and channel; the nearest whole number of layers is used.",
    )  # fmt: skip


class Listening(ParameterGroup, group="listen", tab="Layers", page="listen"):
    """What is played."""

    listen: Listen = choice(
        "Listen", get_args(Listen), default="wet",
        help="What is played: the effect, its input, what it takes away and adds, what one layer adds, or the sound "
        "before quantization.",
    )  # fmt: skip
    listen_layer: int = parameter(
        "Layer heard", 1, MAX_LAYERS, default=1, of_layers=True, help="The layer whose share Listen: layer plays.",
    )  # fmt: skip


class StereoAndBits(ParameterGroup, group="stereo", tab="Channel", section="Stereo and bits", page="stereo"):
    """How channels and frames share the bits."""

    stereo: StereoMode = choice(
        "Stereo", get_args(StereoMode), default="linked",
        help="How two channels are coded: each with all layers, as middle and side, or as the middle alone.",
    )  # fmt: skip
    side_layers: int = parameter(
        "Side layers", 0, MAX_LAYERS, default=4, of_layers=True, refines="stereo", suits=("mid-side",),
        help="Layers of the side signal in mid-side; 0 sends none of it.",
    )  # fmt: skip
    loudness_layers: float = parameter(
        "Bits follow loudness", -1.0, 1.0, default=0.0, unit="%", group="rate", page="bits-follow-loudness",
        help="Above 0 quiet frames get fewer layers, below 0 loud ones do; at 0 all get the same.",
    )  # fmt: skip


class Sharing(ParameterGroup, group="rate", tab="Layers"):
    """How frames share the bits."""

    variable_rate: bool = switch(
        "Variable bitrate", default=False, page="variable-bitrate",
        help="Frames that are hard to code get more layers and easy ones fewer, on average no more than was set. "
        "From 4 layers up.",
    )  # fmt: skip


class Decoding(ParameterGroup, group="levels", tab="Layers"):
    """What is done to decoded sound."""

    postfilter: float = parameter(
        "Postfilter", 0.0, 1.0, default=1.0, unit="%",
        help="Turns down the codec's noise between the harmonics of voices; costs no bits and no latency. "
        "Models of other rates than 24 kHz have none.",
    )  # fmt: skip


class Making(ParameterGroup, tab="Bend", section="How codes are made"):
    """How codes come about, before anything is done to them."""

    search: int = parameter(
        "Search", 1, MOST_CANDIDATES, default=4, group="rate",
        help="Candidates followed from layer to layer while codes are searched: more sound better at the same bitrate "
        "and take longer.",
    )  # fmt: skip
    passes: int = parameter(
        "Generations", 1, 8, default=1, automatable=False, page="generations",
        help="How many times the sound goes through the codec; each one more adds 3.3 ms.",
    )  # fmt: skip
    seed: int = parameter(
        "Seed", 0, 65535, default=0, automatable=False, page="channel",
        help="Whatever is drawn by lot is drawn the same way for the same seed.",
    )  # fmt: skip
    cross_layers: int = parameter(
        "Own layers", 0, MAX_LAYERS, default=MAX_LAYERS, of_layers=True, tab="", section="", page="cross-synthesis",
        help="With a side-chain: layers that are the sound's own; the others are the side-chain's.",
    )  # fmt: skip


class Moving(ParameterGroup, group="motion", tab="Motion", page="motion"):
    """What moves by itself, and how fast."""

    tempo: float = parameter(
        "Tempo", 30.0, 300.0, 0.1, default=120.0, unit="bpm", automatable=False, tab="Codes", section="Slices",
        help="Beats per minute of slices and motion.",
    )  # fmt: skip
    motions: Given[Sequence[Motion | dict[str, Any]], tuple[Motion, ...]] = special(
        Motions, "Motion", minimum=0, maximum=MOST_MOTIONS, default=(), automatable=False, kind="motions",
        help="What moves by itself: LFOs, envelope followers and step sequences, each with a target.",
    )  # fmt: skip
    automation: Given[Sequence[Automation | dict[str, Any]], tuple[Automation, ...]] = special(
        Automations, "Automation", minimum=0, maximum=0, default=(), automatable=False, kind="automation",
        help="Parameters drawn over time.",
    )  # fmt: skip
