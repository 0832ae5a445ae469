"""Ends of a line as real processes."""

import json
import queue
import subprocess
import sys
import threading

import pytest

PATIENCE = 120


class End:
    """One `lamina line …` that runs, and what it has told as JSON.

    `before` is what runs it, as words of a command.
    """

    def __init__(self, *arguments, program=("-m", "lamina"), before=()):
        command = [*before, sys.executable, *program, "line", *map(str, arguments), "--json"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self._told = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self._told.put(json.loads(line))
        self._told.put(None)

    def asks(self, *lines):
        """Type lines while it runs."""
        self.process.stdin.write("".join(f"{line}\n" for line in lines))
        self.process.stdin.flush()

    def hears(self, event, **values):
        """Wait for an event with these values."""
        while True:
            told = self._told.get(timeout=PATIENCE)
            assert told is not None, self.process.communicate(timeout=PATIENCE)
            if told["event"] == event and all(told[name] == value for name, value in values.items()):
                return told

    def ends(self):
        """The exit code, and what stood on standard error."""
        code = self.process.wait(PATIENCE)
        return code, self.process.stderr.read()


@pytest.fixture
def ends():
    """Starts ends, and sees to it that none is left behind."""
    started = []

    def start(*arguments, **options):
        started.append(End(*arguments, **options))
        return started[-1]

    yield start
    for end in started:
        if end.process.poll() is None:
            end.process.kill()
        end.process.wait(PATIENCE)
        end.process.stdin.close()
        end.process.stdout.close()
        end.process.stderr.close()
