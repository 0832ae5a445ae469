"""Playing through PortAudio itself, to ALSA's null device: opened, drained by the callback, paused, let go, closed."""

import os
import subprocess
import sys

import pytest

ALSA_CONFIGURATION = 'pcm.!default { type null }\npcm.lamina_null { type null hint { show on description "Null" } }\n'

PROGRAM = """
import sys, threading, time
import numpy as np
from lamina.gui.model.outputs import find_outputs
from lamina.gui.model.player import Player, PlayState
from lamina.plugin import NeuralCodec

found = find_outputs()
if not found.outputs:
    sys.exit(f"SKIP {found.remark}")

def wait_until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, (player.state, player.position_seconds, player.take_trouble())
        time.sleep(0.01)

player = Player()
player.set_codec(NeuralCodec())
player.set_output(found.preferred)
# Mono on a stereo device, and long: the null device takes sound as fast as it gets it.
player.load(np.random.default_rng(0).normal(0, 0.1, (1, 44100 * 60)).astype(np.float32), 44100)
player.play()
wait_until(lambda: player.position_seconds > 0.3)
assert player._playback.sink.name == found.preferred.name and player._playback.sink.is_alive
player.pause()
wait_until(lambda: player.state is PlayState.PAUSED and player._playback.sink.drain.is_at_rest)
place = player.position_seconds
player.release_output()
assert find_outputs(rescan=True).outputs and player.position_seconds == place
player.play()
wait_until(lambda: player.position_seconds > place + 0.1)
assert player.take_trouble() == ""
player.close()
assert not [t.name for t in threading.enumerate() if t.name.startswith("lamina")]
print("played")
"""


def test_it_plays_to_a_portaudio_device(tmp_path):
    if not sys.platform.startswith("linux"):
        pytest.skip("the null device is ALSA's")
    configuration = tmp_path / "asound.conf"
    configuration.write_text(ALSA_CONFIGURATION)
    environment = {**os.environ, "ALSA_CONFIG_PATH": str(configuration)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=120)
    if done.stderr.startswith("SKIP"):
        pytest.skip(done.stderr[5:].strip())
    assert done.returncode == 0, done.stderr
    assert done.stdout == "played\n"
