"""Many minutes of sound through the engine's own process.

It doesn't grow, counts every frame, and never plays NaN. Silence is no work.

The virtual device runs as fast as it can. LAMINA_SOAK_MINUTES sets another length; 60 is what is measured for the docs.
"""

import os
import time
from pathlib import Path

import numpy as np
import pytest
from pedalboard.io import AudioFile
from sounds import demo

from lamina.plugin import Board, NeuralCodec
from lamina.plugin.host.client.live_engine import LiveEngine
from lamina.plugin.host.device.device_settings import DeviceSettings
from lamina.plugin.host.engine.sound_path import REST_SECONDS, SoundPath
from lamina.plugin.host.live_board.live_board import LiveBoard
from lamina.plugin.host.live_board.switch import BoardSwitch
from lamina.plugin.host.transport.file_player import PLAY_STATES, FilePlayer, PlayState
from lamina.plugin.host.wire.telemetry import TelemetryWriter, make_shared_file

MINUTES = float(os.environ.get("LAMINA_SOAK_MINUTES", "10"))
WARM_UP_MINUTES = 4.0
"""Of sound, in which buffers, caches and the allocator's pools come to their size."""
MOST_GROWTH_BYTES_PER_HOUR = 5_000_000
RATE, FRAME, BLOCK = 24_000, 320, 960
PATIENCE_SECONDS = 120
"""For a sign of life."""
MOST_SECONDS = PATIENCE_SECONDS + 60 * max(MINUTES, WARM_UP_MINUTES)
"""Of the whole test: an engine that takes longer to make sound than the sound lasts could not play it live."""


def resident_bytes(process):
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.long
@pytest.mark.timeout(MOST_SECONDS)
def test_the_engine_plays_on_and_on_and_does_not_grow(tmp_path):
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
            answer.result(PATIENCE_SECONDS)
        deadline = time.monotonic() + PATIENCE_SECONDS
        before, n_before, n_now, n_seen, n_moves = 0, 0, 0, 0, 0
        # Until the file plays the board rests, which takes as long as this process pleases: counting begins now.
        first = engine.telemetry.state()
        while PLAY_STATES[int(first["play_state"])] is not PlayState.PLAYING:
            assert time.monotonic() < deadline, "the file does not play"
            first = engine.telemetry.state()
        while True:
            heard = engine.telemetry.take()
            n_seen += heard.output.shape[1]
            assert np.isfinite(heard.output).all() and np.isfinite(heard.input).all()
            state = engine.telemetry.state()
            if int(state["n_processed"]) > n_now:
                n_now, deadline = int(state["n_processed"]), time.monotonic() + PATIENCE_SECONDS
            minutes = (n_now - int(first["n_processed"])) / RATE / 60
            # The time is not spent at rest: knobs move as they would.
            n_moves += 1
            engine.set_parameters("A", [0], {"layers": 1 + n_moves % 24, "denoise": n_moves % 3 / 2})
            if not before and minutes >= WARM_UP_MINUTES:
                before, n_before = resident_bytes(engine.process_id), n_now
            if minutes >= MINUTES:
                break
            assert time.monotonic() < deadline, f"the sound stands still after {minutes:.1f} minutes"
            time.sleep(0.05)
        grown = resident_bytes(engine.process_id) - before
        print(f"{minutes:.1f} minutes, {n_moves} moves, {grown / 1e6:+.2f} MB")
        assert before and grown < MOST_GROWTH_BYTES_PER_HOUR * (n_now - n_before) / RATE / 3600
        # Whole frames in whole blocks: three frames each, and not one too many or too few.
        frames, samples, blocks = (
            int(state[name]) - int(first[name]) for name in ("n_frames", "n_processed", "n_blocks")
        )
        assert frames * FRAME == samples == blocks * BLOCK
        assert int(state["n_late"]) == 0 and engine.n_restarts == 0
        assert n_seen > 0.5 * RATE * 60
        assert [event for event in engine.take_events() if event["event"] == "message"] == []


@pytest.mark.parametrize("layers", [1, 3, 8, 24])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_in_silence_the_codec_rests_and_wakes_with_the_next_sound(layers, n_channels):
    telemetry = TelemetryWriter(make_shared_file())
    board = LiveBoard(Board([NeuralCodec(layers=layers)]), RATE, n_channels, BLOCK)
    path = SoundPath(RATE, BLOCK, FilePlayer(RATE), BoardSwitch(board), telemetry)
    path.set_live(True)

    def frames_of(seconds, level):
        before = int(telemetry.state["n_frames"])
        for number in range(round(seconds * RATE / BLOCK)):
            noise = np.random.default_rng(number).standard_normal((n_channels, BLOCK)).astype(np.float32)
            played = path.process(level * noise)
        return int(telemetry.state["n_frames"]) - before, played

    for _ in range(2):
        assert frames_of(0.4, 0.1)[0] == 30
        frames_of(REST_SECONDS + 0.4, 0.0)
        n_frames, played = frames_of(0.4, 0.0)
        assert n_frames == 0 and not played.any()
