"""Contract 3 for the desk: moving a control makes no step that the sound does not have."""

from functools import lru_cache

import pytest
from desk_sounds import largest_step, music, stream

from lamina.plugin import PARAMETERS

SECONDS = 2.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("freeze", (False, True)),
        ("slices", ("off", "stutter")),
        ("slices", ("off", "reverse")),
        ("bend_amount", (0.0, 0.3)),
        ("code_feedback", (0.0, 0.9)),
        ("frame_loss", (0.0, 0.3)),
        ("layer_gains.3", (0.2, 1.8)),
        ("muted_layers", ((), (4, 5))),
        ("loudness_layers", (0.0, 1.0)),
        ("solo_layers", ((), (1, 3))),
        ("bend", ("nearest", "common")),
        ("bend_nearest", (1, 60)),
        ("bend_from", (3, 12)),
        ("slice_length", ("1/16", "1/8")),
        ("code_delay", (10, 40)),
        ("freeze_frames", (2, 40)),
        ("concealment", ("hold", "silence")),
        ("layer_loss", (0.0, 1.0)),
        ("side_layers", (0, 12)),
        ("seed", (1, 2)),
        ("tempo", (90.0, 200.0)),
    ],
)
def test_moving_a_control_makes_no_step_the_sound_does_not_have(name, values):
    """At either end the altered sound has its own steps; going between them adds none."""
    audio = music(SECONDS)
    context = {
        "bend": {"bend_amount": 0.3}, "bend_nearest": {"bend_amount": 0.3}, "bend_from": {"bend_amount": 0.3},
        "seed": {"frame_loss": 0.3},
        "slice_length": {"slices": "stutter"}, "tempo": {"slices": "reverse"}, "code_delay": {"code_feedback": 0.8},
        "freeze_frames": {"freeze": True}, "concealment": {"frame_loss": 0.3}, "side_layers": {"stereo": "mid-side"},
    }  # fmt: skip
    settings = {"layers": 16, "bend": "nearest", "bend_amount": 0.0, **context.get(name, {})}
    moved = stream(audio, lambda codec, i: codec.set_parameters({name: values[i // 9 % 2]}), **settings)

    at_rest = (largest_step_of_altered(_altered({**settings, name: value})) for value in values)
    assert largest_step(moved) <= 1.3 * max(largest_step(audio), *at_rest)


@lru_cache
def largest_step_of_altered(settings):
    """Of the sound with settings, `(name, value)` each, that stand still; many controls share one of their ends."""
    begun = {name: value for name, value in settings if "." not in name}
    return largest_step(stream(music(SECONDS), lambda codec, i: codec.set_parameters(dict(settings)), **begun))


def _altered(settings):
    return tuple(
        sorted(
            (name, value)
            for name, value in settings.items()
            if name not in PARAMETERS or value != PARAMETERS[name].default
        )
    )
