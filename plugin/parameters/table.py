"""Every parameter of the effect, declared once.

The constructor of `NeuralCodec`, the app's controls, presets, the command line and the docs all read this
table; a name, range or default is written nowhere else.
"""

from __future__ import annotations

from lamina.models.search import MOST_CANDIDATES
from lamina.plugin.parameters.kinds import Choice, Kind, LayerGains, LayerSet, Parameter, Value, suggest
from lamina.plugin.parameters.motion import Automations, Motions

__all__ = [
    "KBPS_PER_LAYER",
    "MAX_LAYERS",
    "PARAMETERS",
    "SLICE_BEATS",
    "Kind",
    "Parameter",
    "Value",
    "find_parameter",
    "layers_of",
    "suggest",
]

KBPS_PER_LAYER = 0.75
"""75 frames per second of one 10-bit code: what every bundle at 24 kHz with frames of 320 samples sends per layer."""

MAX_LAYERS = 24

SLICE_BEATS = {"1/32": 1 / 8, "1/16": 1 / 4, "1/8": 1 / 2, "1/4": 1.0, "1/2": 2.0, "1/1": 4.0}
"""Beats (quarter notes) of the note values that a slice may last."""


def _choice(name: str, label: str, default: str, choices: tuple[str, ...], help: str, group: str) -> Choice:
    return Choice(name, label, "", 0, len(choices) - 1, default, 1, help, kind="choice", group=group, choices=choices)  # type: ignore[arg-type]


_TABLE = (
    # How much is sent.
    Parameter(
        "layers", "Layers", "", 1, MAX_LAYERS, 8, 1,
        "Active quantizers: each adds a layer of detail and 0.75 kbps.", kind="int", group="rate",
    ),
    Parameter(
        "kbps", "Bitrate", "kbps", KBPS_PER_LAYER, MAX_LAYERS * KBPS_PER_LAYER, 8 * KBPS_PER_LAYER, KBPS_PER_LAYER,
        "The same knob in kilobits per second and channel; the nearest whole number of layers is used.", view_of="layers", group="rate",
    ),
    Parameter(
        "loudness_layers", "Bits follow loudness", "%", -1.0, 1.0, 0.0, 0.01,
        "Above 0 quiet frames get fewer layers, below 0 loud ones do; at 0 all get the same.", group="rate",
    ),
    Parameter(
        "search", "Search", "", 1, MOST_CANDIDATES, 4, 1,
        "Candidates followed from layer to layer while codes are searched: more sound better at the same bitrate and take longer.",
        kind="int", group="rate",
    ),
    Parameter(
        "denoise", "Denoise", "%", 0.0, 1.0, 0.0, 0.01,
        "How much of the background noise is removed; needs a model that was trained for it.", group="denoise",
    ),
    Parameter(
        "noise_only", "Noise only", "", 0, 1, False, 1,
        "Plays what denoise takes away instead of what it leaves; with denoise at 0 that is silence.", kind="bool", group="denoise",
    ),
    # Levels.
    Parameter("mix", "Mix", "%", 0.0, 1.0, 1.0, 0.01, "Share of the coded sound; the rest is the input, aligned to the sample."),
    Parameter("input_gain_db", "Input", "dB", -24.0, 24.0, 0.0, 0.1, "Gain before the codec."),
    Parameter("output_gain_db", "Output", "dB", -24.0, 24.0, 0.0, 0.1, "Gain after codec and mix."),
    Parameter("bypass", "Bypass", "", 0, 1, False, 1, "Lets the input through unchanged, later by the codec's latency.", kind="bool"),
    # The layer desk.
    LayerGains(
        "layer_gains", "Layer gains", "", 0.0, 2.0, (1.0,) * MAX_LAYERS, 0.01,
        "How much each layer adds to the sound: 0 takes it out, 2 doubles it.", kind="gains", group="desk",
    ),
    LayerSet("muted_layers", "Mute", "", 1, MAX_LAYERS, (), 1, "Layers that are sent but not heard.", kind="layers", group="desk"),
    LayerSet(
        "solo_layers", "Solo", "", 1, MAX_LAYERS, (), 1,
        "Layers that are heard alone; if there are none, all are heard.", kind="layers", group="desk",
    ),
    # Listening.
    _choice(
        "listen", "Listen", "wet", ("wet", "dry", "difference", "layer", "latent"),
        "What is played: the effect, its input, what it takes away and adds, what one layer adds, or the sound before quantization.",
        "listen",
    ),
    Parameter(
        "listen_layer", "Layer heard", "", 1, MAX_LAYERS, 1, 1,
        "The layer whose share Listen: layer plays.", kind="int", group="listen",
    ),
    # Channels.
    _choice(
        "stereo", "Stereo", "linked", ("linked", "mid-side", "mono"),
        "How two channels are coded: each with all layers, as middle and side, or as the middle alone.", "stereo",
    ),
    Parameter(
        "side_layers", "Side layers", "", 0, MAX_LAYERS, 4, 1,
        "Layers of the side signal in mid-side; 0 sends none of it.", kind="int", group="stereo",
    ),
    # The channel: what happens to the codes on their way.
    Parameter("frame_loss", "Frame loss", "%", 0.0, 1.0, 0.0, 0.01, "Share of the frames that get lost on their way.", group="channel"),
    _choice(
        "loss_model", "Loss model", "random", ("random", "bursts", "pattern"),
        "How frames get lost: each by itself, in bursts (Gilbert's model), or always the last ones of a period.", "channel",
    ),
    Parameter("loss_burst", "Burst", "frames", 1, 75, 4, 1, "Mean length of a burst of lost frames.", kind="int", group="channel"),
    Parameter("loss_period", "Period", "frames", 2, 150, 8, 1, "Length of the pattern of lost frames.", kind="int", group="channel"),
    Parameter("layer_loss", "Layer loss", "%", 0.0, 1.0, 0.0, 0.01, "Share of the frames that lose one layer.", group="channel"),
    Parameter(
        "lost_layer", "Lost layer", "", 0, MAX_LAYERS, 0, 1,
        "The layer they lose; 0 draws one anew each time.", kind="int", group="channel",
    ),
    _choice(
        "concealment", "Concealment", "foresee", ("foresee", "hold", "repeat", "fade", "silence"),
        "What stands in for lost frames: what memory foresees (where there is none: fade), the last one held, the last ten to and fro, "
        "ever fewer layers of them, or silence.", "channel",
    ),
    # Codes.
    _choice(
        "bend", "Bend", "off", ("off", "offset", "shuffle", "nearest", "common"),
        "Other codes for those that came: some entries further on, drawn lots, near neighbours, or the most used ones only.", "codes",
    ),
    Parameter("bend_amount", "Bend amount", "%", 0.0, 1.0, 1.0, 0.01, "Share of the codes that are bent.", group="codes"),
    Parameter(
        "bend_offset", "Offset", "", -512, 512, 32, 1,
        "Entries by which Bend: offset moves; entries stand in order of likeness.", kind="int", group="codes",
    ),
    Parameter(
        "bend_nearest", "Neighbour", "", 1, 64, 4, 1,
        "Bend: nearest takes the entry that is so many places away in likeness.", kind="int", group="codes",
    ),
    Parameter(
        "bend_common", "Palette", "", 1, 512, 16, 1,
        "Bend: common keeps so many entries of each layer, those used most lately.", kind="int", group="codes",
    ),
    Parameter("bend_from", "From layer", "", 1, MAX_LAYERS, 1, 1, "First layer that is bent.", kind="int", group="codes"),
    Parameter("bend_to", "To layer", "", 1, MAX_LAYERS, MAX_LAYERS, 1, "Last layer that is bent.", kind="int", group="codes"),
    Parameter(
        "freeze", "Freeze", "", 0, 1, False, 1,
        "Holds the sound of this moment until it is switched off.", kind="bool", group="codes",
    ),
    Parameter(
        "freeze_frames", "Frozen", "frames", 1, 150, 12, 1,
        "Length of what Freeze holds and plays to and fro; 1 buzzes.", kind="int", group="codes",
    ),
    Parameter(
        "freeze_fade", "Freeze fade", "frames", 0, 75, 6, 1,
        "Time to go over into what is frozen, and back.", kind="int", group="codes",
    ),
    _choice(
        "slices", "Slices", "off", ("off", "stutter", "reverse"),
        "Cuts the sound into slices: each is repeated, or the last one is played backwards.", "codes",
    ),
    _choice("slice_length", "Slice", "1/8", tuple(SLICE_BEATS), "Length of a slice as a note value at the tempo.", "codes"),
    Parameter(
        "slice_repeats", "Repeats", "", 1, 16, 2, 1,
        "How often a slice is repeated before the next one comes.", kind="int", group="codes",
    ),
    Parameter(
        "code_delay", "Code delay", "frames", 1, 300, 28, 1,
        "Time after which codes come back, where the sound leaves room.", kind="int", group="codes",
    ),
    Parameter(
        "code_feedback", "Feedback", "%", 0.0, 0.95, 0.0, 0.01,
        "How much level and how many layers an echo keeps each time; 0 has no echo.", group="codes",
    ),
    Parameter(
        "passes", "Generations", "", 1, 8, 1, 1,
        "How many times the sound goes through the codec; each one more adds 3.3 ms.", automatable=False, kind="int", group="codes",
    ),
    Parameter(
        "cross_layers", "Own layers", "", 0, MAX_LAYERS, MAX_LAYERS, 1,
        "With a side-chain: layers that are the sound's own; the others are the side-chain's.", kind="int", group="codes",
    ),
    Parameter(
        "seed", "Seed", "", 0, 65535, 0, 1,
        "Whatever is drawn by lot is drawn the same way for the same seed.", automatable=False, kind="int", group="codes",
    ),
    # Motion.
    Parameter(
        "tempo", "Tempo", "bpm", 30.0, 300.0, 120.0, 0.1,
        "Beats per minute of slices and motion.", automatable=False, group="motion",
    ),
)  # fmt: skip

_SIMPLE: dict[str, Parameter] = {parameter.name: parameter for parameter in _TABLE}


def find_parameter(name: str) -> Parameter:
    """A parameter by name, `layer_gains.7` for one layer's gain; raises ValueError that suggests the nearest name."""
    if name in PARAMETERS:
        return PARAMETERS[name]
    whole, dot, layer = name.partition(".")
    gains = PARAMETERS.get(whole)
    if dot and isinstance(gains, LayerGains) and layer.isascii() and layer.isdigit() and 1 <= int(layer) <= MAX_LAYERS:
        return gains.element(int(layer))
    raise ValueError(f"There is no parameter {name!r}.{suggest(name, PARAMETERS)}")


PARAMETERS: dict[str, Parameter] = {
    **_SIMPLE,
    "motions": Motions(
        "motions", "Motion", "", 0, 16, (), 1, "What moves by itself: LFOs, envelope followers and step sequences, each with a target.",
        automatable=False, kind="motions", group="motion", find=find_parameter,
    ),
    "automation": Automations(
        "automation", "Automation", "", 0, 0, (), 1, "Parameters drawn over time.",
        automatable=False, kind="automation", group="motion", find=find_parameter,
    ),
}  # fmt: skip


def layers_of(kbps: float) -> int:
    """The number of layers whose rate is nearest to `kbps`."""
    return max(1, min(MAX_LAYERS, round(kbps / KBPS_PER_LAYER)))
