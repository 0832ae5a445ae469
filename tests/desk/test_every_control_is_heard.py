"""No parameter only looks alive: each one's values sound different, where it is said to matter, and nowhere else."""

from pathlib import Path
from runpy import run_path

import numpy as np
import pytest
from desk_sounds import RATE, difference, music, render, voice

from lamina.plugin import PARAMETERS, Motion, NeuralCodec

SECONDS = 2.0
RENDERED = {}

# For each parameter: what else must be set, two values, and settings with which it must not be heard (None: it always
# is).
BURSTS, PATTERN, LOSS = (
    {"frame_loss": 0.3, "loss_model": "bursts"},
    {"frame_loss": 0.3, "loss_model": "pattern"},
    {"frame_loss": 0.3},
)
STUTTER, NO_SLICES = {"slices": "stutter"}, {"slices": "off"}
SHOWN = {
    "layers": ({}, 3, 12, {"bypass": True}),
    "kbps": ({}, 1.5, 9.0, {"mix": 0.0}),
    "loudness_layers": ({}, 0.0, 0.8, None),
    "variable_rate": ({"layers": 8}, False, True, {"layers": 3}),
    "search": ({}, 1, 4, {"mix": 0.0}),
    "denoise": ({}, 0.0, 1.0, None),
    "postfilter": ({}, 0.0, 1.0, {"listen": "latent"}),
    "noise_only": ({"denoise": 0.7}, False, True, None),
    "mix": ({}, 0.2, 0.9, {"listen": "difference"}),
    "input_gain_db": ({}, 0.0, -9.0, {"bypass": True}),
    "output_gain_db": ({}, 0.0, -9.0, {"bypass": True}),
    "bypass": ({}, False, True, None),
    "layer_gains": ({}, [1.0], [0.4], {"listen": "latent"}),
    "muted_layers": ({}, [], [2], {"listen": "latent"}),
    "solo_layers": ({}, [], [2], {"listen": "latent"}),
    "listen": ({}, "wet", "difference", None),
    "listen_layer": ({"listen": "layer"}, 1, 4, {"listen": "wet"}),
    "stereo": ({}, "linked", "mono", None),
    "side_layers": ({"stereo": "mid-side"}, 1, 8, {"stereo": "linked"}),
    "frame_loss": ({}, 0.0, 0.2, None),
    "loss_model": (LOSS, "random", "bursts", {"frame_loss": 0.0}),
    "loss_burst": (BURSTS, 2, 20, {"loss_model": "random"}),
    "loss_period": (PATTERN, 5, 20, {"loss_model": "random"}),
    "layer_loss": ({}, 0.0, 0.5, None),
    "lost_layer": ({"layer_loss": 0.5}, 1, 5, {"layer_loss": 0.0}),
    "concealment": (BURSTS, "hold", "repeat", {"frame_loss": 0.0}),
    "bend": ({}, "off", "shuffle", {"bend_amount": 0.0}),
    "bend_amount": ({"bend": "shuffle"}, 0.1, 0.9, {"bend": "off"}),
    "bend_offset": ({"bend": "offset"}, 3, 200, {"bend": "shuffle"}),
    "bend_nearest": ({"bend": "nearest"}, 1, 60, {"bend": "shuffle"}),
    "bend_common": ({"bend": "common"}, 2, 200, {"bend": "shuffle"}),
    "bend_from": ({"bend": "shuffle"}, 1, 5, {"bend": "off"}),
    "bend_to": ({"bend": "shuffle"}, 2, 8, {"bend": "off"}),
    "freeze": ({}, False, True, None),
    "freeze_frames": (
        {"motions": [Motion("freeze", "steps", 1.0, hz=1.0, steps=(0.0, 1.0, 1.0))]},
        3,
        60,
        {"motions": []},
    ),
    "freeze_fade": ({"motions": [Motion("freeze", "steps", 1.0, hz=1.0, steps=(0.0, 1.0))]}, 0, 60, {"motions": []}),
    "slices": ({}, "off", "reverse", None),
    "slice_length": (STUTTER, "1/16", "1/4", NO_SLICES),
    "slice_repeats": (STUTTER, 1, 6, NO_SLICES),
    "code_delay": ({"code_feedback": 0.8}, 10, 40, {"code_feedback": 0.0}),
    "code_feedback": ({}, 0.0, 0.9, None),
    "passes": ({}, 1, 4, None),
    "cross_layers": ({}, 24, 2, None),
    "seed": ({"bend": "shuffle"}, 1, 2, {"bend": "off"}),
    "tempo": (STUTTER, 90.0, 180.0, NO_SLICES),
    "motions": ({}, [], [Motion("layers", depth=-0.5)], None),
    "automation": ({}, [], [{"target": "mix", "times": [1.0, 2.0], "values": [1.0, 0.2]}], None),
}

# An effect's own tests may say the same of its parameters.
for _path in sorted(Path(__file__).parent.glob("test_desk_*.py")):
    if "\nSHOWN = " in _path.read_text(encoding="utf-8"):
        SHOWN |= run_path(str(_path))["SHOWN"]


def test_every_parameter_is_tried_here():
    assert set(SHOWN) == set(PARAMETERS)


def sound(name, **settings):
    item = "voice" if name in ("denoise", "noise_only", "postfilter") else "both" if name == "cross_layers" else "music"
    settings = {"search": 1, "postfilter": 0.0, **settings}
    # Its text has all that isn't as usual: one control's default is many others' context.
    key = item, repr(NeuralCodec(**settings))
    if key not in RENDERED:
        if item == "both":
            RENDERED[key] = NeuralCodec(**settings)(music(SECONDS)[:1], RATE, sidechain=voice(SECONDS))
        else:
            RENDERED[key] = render((voice if item == "voice" else music)(SECONDS), **settings)
    return RENDERED[key]


@pytest.mark.slow
@pytest.mark.parametrize("name", SHOWN)
def test_each_is_heard_where_it_matters_and_only_there(name):
    context, low, high, silent = SHOWN[name]
    layers = {} if name in ("layers", "kbps") else {"layers": 8}
    first, second = (sound(name, **{**layers, **context, name: value}) for value in (low, high))
    assert np.isfinite(second).all()
    assert difference(second, first) > 0.02
    if silent is not None:
        first, second = (sound(name, **{**layers, **context, **silent, name: value}) for value in (low, high))
        assert np.array_equal(first, second)
