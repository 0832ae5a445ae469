"""`lamina listen run` in a terminal of its own."""

import os
import pty
import select
import subprocess
import sys
import time

WAITED_SECONDS = 180


class Terminal:
    """The command at one end of a terminal, and a listener's hands at the other."""

    def __init__(self, plan, folder, *options, output="virtual", n_trials=5):
        self.n_trials = n_trials
        self.end, other = pty.openpty()
        words = [sys.executable, "-m", "lamina", "listen", "run", plan, "--listener", "Ann", "--out", folder]
        self.process = subprocess.Popen(
            [*map(str, words), "--output", output, *options], stdin=other, stdout=other, stderr=other, close_fds=True
        )
        os.close(other)
        self.text = ""

    def press(self, *keys):
        for key in keys:
            os.write(self.end, key.encode())

    def wait_for(self, text):
        deadline = time.monotonic() + WAITED_SECONDS
        while text not in self.text:
            assert time.monotonic() < deadline, self.text
            if select.select([self.end], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.end, 4096).decode("utf-8", "replace")
                except OSError:  # the other end is closed
                    assert text in self.text, self.text
                    return
        self.text = self.text[self.text.index(text) + len(text) :]

    def answer(self, number, key):
        self.wait_for(f"Trial {number} of {self.n_trials}  listen to A and B and X")
        self.press(key)  # isn't taken: nothing was heard yet
        self.press("a", "b", "x")
        self.wait_for("X is heard")
        self.press(key)

    def ended(self):
        code = self.process.wait(WAITED_SECONDS)
        os.close(self.end)
        return code
