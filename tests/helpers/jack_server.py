"""A real JACK server without a sound card, for tests: synchronous, so that every sample counts."""

import os
import shutil
import subprocess
import time

import pytest

NAME = "lamina-test"
WAITED_SECONDS = 60


class JackServer:
    """A JACK server of one's own.

    `start` and `stop` (or `kill`) may be called again and again; clients find it by the environment in `environment`.
    """

    def __init__(self, period=256, rate=48_000):
        self.period, self.rate = period, rate
        # One name for all: JACK keeps a list of eight servers, and only an equal name takes a dead one's place there.
        self.name = NAME
        self.environment = {
            **os.environ,
            "JACK_DEFAULT_SERVER": self.name,
            "JACK_NO_START_SERVER": "1",
            "JACK_NO_AUDIO_RESERVATION": "1",
        }
        self._process = None

    def start(self):
        command = f"jackd -n {self.name} -S -t 2000 -d dummy -r {self.rate} -p {self.period} -C 2 -P 2".split()
        self._process = subprocess.Popen(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + WAITED_SECONDS
        while time.monotonic() < deadline:
            ready = subprocess.run(
                ["jack_wait", "-s", self.name, "-c"], env=self.environment, capture_output=True, text=True, timeout=10
            )
            if "running" in ready.stdout and "not" not in ready.stdout:
                return self
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        self.stop()
        # Where it is meant to be, a server that doesn't start must not pass for tests that ran.
        return (pytest.fail if os.environ.get("CI") else pytest.skip)("jackd does not start on this machine")

    def kill(self):
        """As if it had crashed."""
        self._process.kill()
        self._process.wait()

    def stop(self):
        # With -S it doesn't end on a polite signal.
        self.kill()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def require_jack():
    """Skips where there is no JACK server to start or no client for Python."""
    if shutil.which("jackd") is None:
        pytest.skip("jackd is not installed")
    try:
        import jack  # noqa: F401
    except (ImportError, OSError):
        pytest.skip("JACK's client library or its Python package is not installed")
