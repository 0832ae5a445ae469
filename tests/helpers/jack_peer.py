"""A program of its own beside the engine on a JACK server.

One client plays noise into it, another records what comes out.

    python jack_peer.py FOLDER SECONDS

Writes FOLDER/played.npy and FOLDER/recorded.npy, `[samples, 2]`, counted from the same sample of the server's clock,
and prints "going" once both are connected.
"""

import sys
import threading
import time
from pathlib import Path

import jack
import numpy as np

WAITED_SECONDS = 60


def ports_of(client, is_input):
    deadline = time.monotonic() + WAITED_SECONDS
    while time.monotonic() < deadline:
        # Asked one by one: not every version of the library passes the direction on.
        ports = [port for port in client.get_ports("PortAudio", is_audio=True) if port.is_input is is_input]
        if len(ports) >= 2:
            return ports[:2]
        time.sleep(0.02)
    raise SystemExit(f"the engine has no {'input' if is_input else 'output'} on this server")


def main(folder, seconds):
    player, recorder = jack.Client("peer-out"), jack.Client("peer-in")
    for client in (player, recorder):
        for channel in range(2):
            (client.outports if client is player else client.inports).register(f"p{channel}")
    rate, period = player.samplerate, player.blocksize
    n_samples = int(seconds * rate) // period * period
    played = (np.random.default_rng(5).standard_normal((n_samples, 2)) * 0.1).astype(np.float32)
    recorded = np.zeros((n_samples + rate, 2), np.float32)
    begin = [None]
    done = threading.Event()

    @player.set_process_callback
    def play(frames):
        start = 0 if begin[0] is None else player.last_frame_time - begin[0]
        for channel, port in enumerate(player.outports):
            block = port.get_array()
            block[:] = (
                played[start : start + frames, channel] if begin[0] is not None and 0 <= start < n_samples else 0.0
            )

    @recorder.set_process_callback
    def record(frames):
        if begin[0] is None:
            return
        start = recorder.last_frame_time - begin[0]
        if start + frames > len(recorded):
            done.set()
        elif start >= 0:
            for channel, port in enumerate(recorder.inports):
                recorded[start : start + frames, channel] = port.get_array()

    with player, recorder:
        for source, target in zip(player.outports, ports_of(player, is_input=True), strict=True):
            player.connect(source, target)
        for source, target in zip(ports_of(recorder, is_input=False), recorder.inports, strict=True):
            recorder.connect(source, target)
        time.sleep(0.2)
        begin[0] = player.frame_time // period * period + 20 * period + player.last_frame_time % period
        print("going", flush=True)
        done.wait(seconds * 4 + WAITED_SECONDS)
    np.save(folder / "played.npy", played)
    np.save(folder / "recorded.npy", recorded)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
