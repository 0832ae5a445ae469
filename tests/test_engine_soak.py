"""An hour of sound through the engine's own process: it doesn't grow, counts every frame, and never plays NaN.

The virtual device runs as fast as it can. LAMINA_SOAK_MINUTES sets another length.
"""

import os
import time
from pathlib import Path

import numpy as np
from pedalboard.io import AudioFile
from sounds import demo

from lamina.plugin import Board, NeuralCodec
from lamina.plugin.host.client import LiveEngine
from lamina.plugin.host.file_player import PLAY_STATES, PlayState
from lamina.plugin.host.settings import DeviceSettings

MINUTES = float(os.environ.get("LAMINA_SOAK_MINUTES", "60"))
WARM_UP_MINUTES = 4.0
"""Of sound, in which buffers, caches and the allocator's pools come to their size."""
MOST_GROWTH_BYTES = 5_000_000
RATE, FRAME, BLOCK = 24_000, 320, 960
LONGEST_SECONDS = 1500


def resident_bytes(process):
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_an_hour_of_sound(tmp_path):
    clip = tmp_path / "clip.wav"
    with AudioFile(str(clip), "w", samplerate=RATE, num_channels=1, bit_depth=24) as file:
        file.write(demo(1, RATE, 6.0)[:1])
    with LiveEngine(opens=False) as engine:
        settings = DeviceSettings(output="virtual?fast", input="none", sample_rate=RATE, buffer=BLOCK)
        for answer in (
            engine.set_devices(settings),
            engine.set_board("A", Board([NeuralCodec(layers=8)])),
            engine.load(clip),
            engine.set_loop((0.0, 6.0)),
            engine.play(),
        ):
            answer.result(60)
        deadline = time.monotonic() + LONGEST_SECONDS
        before, n_seen, n_moves = 0, 0, 0
        # Until the file plays the board rests, which takes as long as this process pleases: the hour begins now.
        first = engine.telemetry.state()
        while PLAY_STATES[int(first["play_state"])] is not PlayState.PLAYING:
            assert time.monotonic() < deadline, "the file does not play"
            first = engine.telemetry.state()
        while True:
            heard = engine.telemetry.take()
            n_seen += heard.output.shape[1]
            assert np.isfinite(heard.output).all() and np.isfinite(heard.input).all()
            state = engine.telemetry.state()
            minutes = (int(state["n_processed"]) - int(first["n_processed"])) / RATE / 60
            # The hour is not spent at rest: knobs move as they would.
            n_moves += 1
            engine.set_parameters("A", [0], {"layers": 1 + n_moves % 24, "denoise": n_moves % 3 / 2})
            if not before and minutes >= WARM_UP_MINUTES:
                before = resident_bytes(engine.process_id)
            if minutes >= MINUTES:
                break
            assert time.monotonic() < deadline, f"only {minutes:.1f} minutes of sound within {LONGEST_SECONDS} s"
            time.sleep(0.05)
        grown = resident_bytes(engine.process_id) - before
        print(f"{minutes:.1f} minutes, {n_moves} moves, {grown / 1e6:+.2f} MB")
        assert before and grown < MOST_GROWTH_BYTES
        # An hour of whole frames in whole blocks: three frames each, and not one too many or too few.
        frames, samples, blocks = (int(state[name]) - int(first[name]) for name in ("n_frames", "n_processed", "n_blocks"))
        assert frames * FRAME == samples == blocks * BLOCK
        assert int(state["n_late"]) == 0 and engine.n_restarts == 0
        assert n_seen > 0.5 * RATE * 60
        assert [event for event in engine.take_events() if event["event"] == "message"] == []
