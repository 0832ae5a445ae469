"""A slot: one effect of a live board.

It can be bypassed, is watched, and is taken out of the sound when it fails.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable

import numpy as np
from pedalboard import ExternalPlugin, Plugin

from lamina.dsp.arrays import FloatArray
from lamina.dsp.delay import DelayLine
from lamina.dsp.ramp import Ramp
from lamina.plugin.call.effect import Effect
from lamina.plugin.host.live_board.runners import EffectError, Runner, TakenOver, open_runner
from lamina.plugin.host.live_board.seam import SEAM_SAMPLES, Seam
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.rivals.coding.rival import Rival, StreamedRival
from lamina.plugin.stream.reports import FrameReport

BYPASS_SECONDS = 0.02
RETRY_SETTLING_SECONDS = 0.05
MOST_DAMAGED_BLOCKS = 3
LONGEST_SHORTAGE_SECONDS = 0.25
KEPT_TIMES = 256


class Slot:
    """One effect on blocks of a constant length. `push` and `take_reports` belong to one thread; the rest to any.

    Args:
        effect: a codec, another Lamina effect, or a native plugin.
        sample_rate: Hz.
        n_channels: channels of every block.
        block: samples of every block.
        on_trouble: called with a sentence for the user when the effect fails.
        stall_seconds: an effect other than a codec that takes longer for one block has failed.

    `effect` is what was given. `bypass` may be set at any time: the sound goes over to the slot's own input, as late as
    the effect would be, and back.
    `failure` says in a sentence why the effect is out of the sound; it is empty while all is well. An effect that can't
    stream at all has failed from the start, with a latency of 0.
    """

    def __init__(
        self,
        effect: Effect | Plugin,
        sample_rate: int,
        n_channels: int,
        block: int,
        on_trouble: Callable[[str], None] | None = None,
        stall_seconds: float = 0.15,
    ) -> None:
        self.label = _label(effect)
        self.bypass = False
        self.failure = ""
        self.latency_samples = 0
        self.effect, self._rate, self._n_channels, self._block = effect, sample_rate, n_channels, block
        # Codecs in this process can't stall by themselves: a pause of the whole machine is not their fault.
        self._on_trouble, self._stall_seconds = (
            on_trouble,
            math.inf if isinstance(effect, NeuralCodec | StreamedRival) else stall_seconds,
        )
        self._retrying = threading.Lock()
        self._retried: Runner | None = None
        self._runner: Runner | None = None
        try:
            self._runner = open_runner(effect, sample_rate, n_channels, block)
            self.latency_samples = self._runner.latency_samples
        except Exception as error:
            self._tell(_reason(error))
        self._seconds = np.zeros(KEPT_TIMES)
        self._n_timed = 0
        self._share_now = 0.0
        self._start(float(self._runner is not None))

    @property
    def mean_seconds(self) -> float:
        """Mean time of the newest pushes."""
        return float(self._timed().mean())

    @property
    def worst_seconds(self) -> float:
        """Longest time of the newest pushes."""
        return float(self._timed().max())

    def push(self, block: FloatArray) -> FloatArray:
        """The next block through the slot, `latency_samples` later.

        Float32 `[n_channels, block]`, finite, in and out. Never raises what the effect raises.
        """
        if self._retried is not None:
            self._runner, self._retried = self._retried, None
            self._start(0.0)
            self._n_settling = self.latency_samples + round(RETRY_SETTLING_SECONDS * self._rate)
        n_samples = block.shape[1]
        dry = self._dry.push(block)
        if self._runner is None and self._share_now == 0.0:
            return dry
        wet = self._run(self._runner, block) if self._runner is not None else self._seam.carry(n_samples)
        self._n_settling = max(0, self._n_settling - n_samples)
        self._share.set(float(self._runner is not None and not self.bypass and not self._n_settling))
        share = self._share.take(n_samples)
        self._share_now = float(share[-1])
        # Written so that an end of the range gives back that signal's own samples, bit for bit.
        mixed: FloatArray = dry * (1 - share) + wet * share
        return mixed

    def take_reports(self) -> list[FrameReport]:
        """A codec's frames since the last call."""
        return self._runner.take_reports() if self._runner is not None else []

    def reset(self) -> None:
        """Forget the past. Not while another thread pushes."""
        if self._runner is not None:
            try:
                self._runner.reset()
            except Exception as error:
                self._runner = None
                self._tell(_reason(error))
        self._start(float(self._runner is not None and not self.bypass))

    def retry(self) -> bool:
        """Try a failed effect again; it fades in after a moment. Takes time: call it on a thread that may wait.

        Returns whether it plays again; if not, `failure` says why.
        """
        with self._retrying:
            if not self.failure:
                return True
            try:
                runner = open_runner(self.effect, self._rate, self._n_channels, self._block, self.latency_samples)
            except Exception as error:
                self._tell(_reason(error))
                return False
            self.failure = ""
            self._retried = runner
            return True

    def _start(self, share: float) -> None:
        self._dry = DelayLine(self._n_channels, self.latency_samples)
        self._seam = Seam(self._n_channels)
        self._share = Ramp(share, round(BYPASS_SECONDS * self._rate))
        self._share_now = share
        self._n_settling = self._n_damaged = self._n_short = 0

    def _run(self, runner: Runner, block: FloatArray) -> FloatArray:
        """The effect's sound, whole and finite whatever the effect does."""
        n_samples = block.shape[1]
        started = time.perf_counter()
        try:
            out = runner.push(block)
        except TakenOver:
            self._take_out()
            self.failure = f"The effect {self.label} plays on another board now."
            return self._seam.carry(n_samples)
        except Exception as error:
            self._fail(_reason(error))
            return self._seam.carry(n_samples)
        seconds = time.perf_counter() - started
        self._seconds[self._n_timed % KEPT_TIMES] = seconds
        self._n_timed += 1
        finite = np.isfinite(out).all(0)
        n_good = out.shape[1] if finite.all() else int(np.argmin(finite))
        wet = self._seam.pass_on(out[:, :n_good])
        if n_good < n_samples:
            wet = np.concatenate([wet, self._seam.carry(n_samples - n_good)], 1)
        self._n_damaged = self._n_damaged + 1 if n_good < out.shape[1] else 0
        self._n_short = self._n_short + n_samples if out.shape[1] < n_samples else 0
        if self._n_damaged and (self._n_damaged >= MOST_DAMAGED_BLOCKS or not finite.any()):
            self._fail("gave back NaN or infinite samples")
        elif self._n_short > LONGEST_SHORTAGE_SECONDS * self._rate:
            self._fail("gives back fewer samples than it takes")
        elif seconds > self._stall_seconds:
            self._fail(f"took {seconds * 1000:.0f} ms for {n_samples / self._rate * 1000:.0f} ms of sound")
        return wet

    def _fail(self, reason: str) -> None:
        self._take_out()
        self._tell(reason)

    def _take_out(self) -> None:
        """The effect is not called again; what was heard of it is left over the length of a seam."""
        self._runner = None
        self._share = Ramp(self._share_now, SEAM_SAMPLES)
        self._share.set(0.0)

    def _tell(self, reason: str) -> None:
        self.failure = f"The effect {self.label} {reason} and is bypassed."
        if self._on_trouble is not None:
            # What a listener does wrong must not stop the sound.
            with contextlib.suppress(Exception):
                self._on_trouble(f"{self.failure} The rest goes on.")

    def _timed(self) -> np.ndarray:
        return self._seconds[: max(1, min(self._n_timed, KEPT_TIMES))]


def _label(effect: Effect | Plugin) -> str:
    if isinstance(effect, Rival):
        return effect.title
    name = getattr(effect, "name", "") if isinstance(effect, ExternalPlugin) else ""
    return str(name) or type(effect).__name__


def _reason(error: Exception) -> str:
    if isinstance(error, EffectError):
        return str(error)
    text = " ".join(str(error).split()).rstrip(".")
    return f"raised an error ({type(error).__name__}{': ' if text else ''}{text})"
