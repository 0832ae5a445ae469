"""The desk while it is played live: as an offline render, every control at hand, and nothing lost while they move."""

import time

import numpy as np
import pytest
from engine_rig import EngineRig
from sounds import demo

from lamina.plugin import Board, Motion, NeuralCodec, Settings
from lamina.plugin.host.client.live_engine import LiveEngine
from lamina.plugin.host.client.process_handle import EngineError

RATE, BLOCK = 48_000, 240
FADED_IN = RATE // 10
"""The input fades in while the engine begins."""
DESK = {
    "layers": 16, "bend": "offset", "bend_from": 5, "frame_loss": 0.15, "loss_model": "bursts", "slices": "stutter",
    "code_feedback": 0.5,
    "stereo": "mid-side", "side_layers": 5, "layer_gains": [1.0, 1.2, 0.8], "seed": 4,
}  # fmt: skip
MOTIONS = [
    Motion("layers", depth=-0.4, hz=1.3),
    Motion("mix", "steps", -0.6, hz=4.0, steps=(0.0, 1.0, 0.5)),
    Motion("output_gain_db", depth=-0.1),
]
DRAWN = [{"target": "mix", "times": [0.0, 2.0], "values": [0.0, 1.0]}]


def music(seconds: float) -> np.ndarray:
    """Silent in the beginning, because the input fades in."""
    sound = demo(0, RATE, seconds).copy()
    sound[:, : 2 * FADED_IN] = 0
    return sound


def test_live_it_sounds_as_rendered(monkeypatch):
    audio = music(4.0)
    settings = {**DESK, "motions": MOTIONS}
    rig = EngineRig(monkeypatch, audio, RATE, BLOCK, Board([NeuralCodec(**settings)]))
    output = rig.run(3.0)
    codec = NeuralCodec(**settings)
    lag = BLOCK + codec.latency_samples(RATE, BLOCK)
    n_samples = output.shape[1] - lag
    rendered = codec(np.tile(audio, 2)[:, : n_samples + RATE], RATE)[:, :n_samples]
    # The engine counts denormal numbers as zero; frames, lots and motion are the same.
    assert np.abs(output[:, lag:] - rendered).max() < 1e-4
    assert np.abs(rendered - np.tile(audio, 2)[:, :n_samples]).max() > 0.05


def test_everything_on_the_desk_moves_fifty_times_a_second_and_nothing_is_lost(monkeypatch):
    random = np.random.default_rng(5)
    choices = {
        "freeze": (False, True), "slices": ("off", "stutter", "reverse"), "bend": ("off", "offset", "shuffle",
        "nearest", "common"),
        "bend_amount": (0.0, 0.2, 1.0), "frame_loss": (0.0, 0.4), "concealment": ("hold", "repeat", "fade", "silence"),
        "code_feedback": (0.0, 0.8), "stereo": ("linked", "mid-side", "mono"), "listen": ("wet", "difference", "layer",
        "latent"),
        "muted_layers": ([], [1], [3, 7]), "layer_gains": ([1.0] * 24, [0.5, 2.0]), "loudness_layers": (-1.0, 0.0, 1.0),
        "variable_rate": (False, True),
        "motions": ([], [{"target": "layers", "depth": -0.5}]), "layers": (1, 8, 24),
    }  # fmt: skip
    names = list(choices)

    def move(block):
        if block % 4 == 0 and block:
            name = names[block // 4 % len(names)]
            rig.engine.set_parameters("A", [0], {name: choices[name][random.integers(len(choices[name]))]})

    audio = music(6.0)
    rig = EngineRig(monkeypatch, audio, RATE, BLOCK, Board([NeuralCodec()]), each_block=move)
    output = rig.run(20.0)
    state = rig.telemetry.state()
    assert rig.texts() == []
    assert int(state["n_late"]) == 0
    assert int(state["n_blocks"]) * BLOCK == int(state["n_processed"])
    assert abs(int(state["n_frames"]) - int(state["n_processed"]) // 640) <= 1
    assert np.isfinite(output).all()
    assert np.abs(output).max() <= 2.0
    assert np.sqrt(np.mean(output[:, RATE:] ** 2)) > 0.01


def test_more_generations_are_heard_live_without_a_click_at_the_new_delay(monkeypatch):
    """With the mix at zero what comes out is what went in, at the board's delay of the moment."""
    t = np.arange(2 * RATE) / RATE
    tone = (0.4 * np.sin(2 * np.pi * 220 * t))[None].astype(np.float32)
    changed = False

    def change():
        nonlocal changed
        if not changed and rig.n_played > 2 * RATE:
            changed = True
            rig.engine.set_parameters("A", [0], {"passes": 5})

    # Not quite as fast as it can: while the new stream is made there must still be something left to play.
    rig = EngineRig(
        monkeypatch, tone, RATE, BLOCK, Board([NeuralCodec(mix=0.0)]), each_block=lambda block: time.sleep(0.001)
    )
    output = rig.run(16.0, change)
    before, after = (NeuralCodec(passes=passes).latency_samples(RATE, BLOCK) for passes in (1, 5))
    assert after - before == 4 * 160
    assert int(rig.telemetry.state()["board_samples"]) == after
    expected = np.tile(tone[0], 10)
    for start, lag in ((RATE, before), (15 * RATE, after)):
        np.testing.assert_array_equal(
            output[0, start : start + RATE // 2], expected[start - BLOCK - lag :][: RATE // 2]
        )
    assert np.abs(np.diff(output[0, FADED_IN:])).max() <= 1.25 * np.abs(np.diff(tone)).max()


@pytest.mark.parametrize("values", [{**DESK, "motions": MOTIONS}, {"automation": DRAWN}])
def test_all_settings_reach_the_engines_own_process_as_plain_values(values):
    settings = NeuralCodec(**values).settings
    with LiveEngine(opens=False) as engine:
        engine.set_board("A", Board([NeuralCodec()])).result(30)
        engine.set_parameters("A", [0], settings.plain()).result(30)
        engine.set_parameters("A", [0], values).result(30)
        # What was said is kept for an engine that follows a dead one, so it is what the engine was told.
        engine.set_board("B", Board([NeuralCodec(**values)])).result(30)
        with pytest.raises(EngineError, match="no parameter 'nothing'"):
            engine.set_parameters("A", [0], {"motions": [{"target": "nothing"}]}).result(30)
    again = Settings()
    for name, value in settings.plain().items():
        again = again.with_value(name, value)
    assert again == settings
