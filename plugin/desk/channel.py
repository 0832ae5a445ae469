"""The channel: frames and layers that get lost on their way, and what stands in for them.

A codec with a memory foresees each frame from those before it. What got lost is missing there too, so the receiver's
own loop runs here from the first loss on, until it foresees what the sender does again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray
from lamina.dsp.chance import uniform
from lamina.models.engines.loop import Loop
from lamina.models.runtime import CodecRuntime
from lamina.plugin.desk.effect import CodeEffect
from lamina.plugin.desk.frame import ABSENT, CodedFrame, to_and_fro
from lamina.plugin.parameters.declare import ParameterGroup, choice, parameter
from lamina.plugin.parameters.kinds import MAX_LAYERS

if TYPE_CHECKING:
    from lamina.plugin.parameters.settings import Settings

LOSE_FRAME, LOSE_LAYER, WHICH_LAYER = 1, 2, 3
REPEATED_FRAMES = 10
HELD_WHOLE_FRAMES, HELD_FALL = 4, 0.84
"""How long a held frame sounds like itself; then it gets softer.

A frame that repeats 75 times a second buzzes.
"""
FADE_LAYERS, FADE_LEVEL = 0.6, 0.88
"""What concealment by fading keeps from one lost frame to the next."""

FORESEEN_LEVEL = 0.9
"""The same for frames that are foreseen: the first one is as loud as memory says."""
RECOVERED = 0.05
"""Difference of predictions, as a share of their size, at which the receiver's loop is taken for the sender's again.

Bytes in the networks round what remains of an error up and down, so that it needn't vanish.
"""


LossModel = Literal["random", "bursts", "pattern"]
Concealment = Literal["foresee", "hold", "repeat", "fade", "silence"]


class Channel(CodeEffect):
    """Its memory.

    The frames that arrived last, whether a burst of losses goes on, and the receiver's loop while it differs.
    """

    class Parameters(ParameterGroup, group="channel", tab="Channel", section="Lost frames", page="channel"):
        frame_loss: float = parameter(
            "Frame loss", 0.0, 1.0, default=0.0, unit="%", help="Share of the frames that get lost on their way.",
        )  # fmt: skip
        loss_burst: int = parameter(
            "Burst", 1, 75, default=4, unit="frames", beside=True, refines="loss_model", suits=("bursts",),
            help="Mean length of a burst of lost frames.",
        )  # fmt: skip
        loss_period: int = parameter(
            "Period", 2, 150, default=8, unit="frames", beside=True, refines="loss_model", suits=("pattern",),
            help="Length of the pattern of lost frames.",
        )  # fmt: skip
        loss_model: LossModel = choice(
            "Loss model", get_args(LossModel), default="random",
            help="How frames get lost: each by itself, in bursts (Gilbert's model), or always the last ones of a "
            "period.",
        )  # fmt: skip
        concealment: Concealment = choice(
            "Concealment", get_args(Concealment), default="foresee",
            help="What stands in for lost frames: what memory foresees (where there is none: fade), the last one held, "
            "the last ten "
            "to and fro, ever fewer layers of them, or silence.",
        )  # fmt: skip
        layer_loss: float = parameter(
            "Layer loss", 0.0, 1.0, default=0.0, unit="%", section="Lost layers", help="Share of the frames that lose "
            "one layer.",
        )  # fmt: skip
        lost_layer: int = parameter(
            "Lost layer", 0, MAX_LAYERS, default=0, of_layers=True, section="Lost layers",
            help="The layer they lose; 0 draws one anew each time.",
        )  # fmt: skip

    def __init__(self, runtime: CodecRuntime) -> None:
        super().__init__(runtime)
        self._arrived: deque[CodedFrame] = deque(maxlen=REPEATED_FRAMES)
        # With those that got lost, as the receiver foresaw them.
        self._passed: deque[CodedFrame] = deque(maxlen=runtime.loop_frames)
        self._n_lost = 0
        self._in_burst = False
        self._receiver: Loop | None = None
        # The last lag code that arrived, of each channel; 0 before the first one.
        self._lag: npt.NDArray[np.integer] | int = 0

    @staticmethod
    def is_active(settings: Settings) -> bool:
        return settings.frame_loss > 0 or settings.layer_loss > 0

    @property
    def is_at_rest(self) -> bool:
        """Whether the receiver foresees what the sender does."""
        return self._receiver is None

    def step(self, frame: CodedFrame, settings: Settings, index: int) -> CodedFrame:
        """What the receiver plays for the frame number `index`. A frame with no layers counts as lost."""
        if self._loses(settings, index) or frame.layers == 0:
            self._n_lost += 1
            return self._concealed(self._received(frame.thinned(0), frame), settings.concealment)
        self._n_lost = 0
        arrived = frame
        if settings.layer_loss > 0 and uniform(settings.seed, LOSE_LAYER, index) < settings.layer_loss:
            arrived = self._without_a_layer(frame, settings, index)
        arrived = self._received(arrived, frame)
        self._arrived.append(arrived)
        self._note_lag(arrived)
        return arrived

    def _received(self, arrived: CodedFrame, sent: CodedFrame) -> CodedFrame:
        """What arrived of a frame, as foreseen by the receiver; without a memory the frame itself."""
        if sent.crossed:
            # What two loops foresaw travels as it is; nothing that was lost is missed in it.
            self._receiver = None
        if sent.prediction is None or sent.crossed or (arrived is sent and self._receiver is None):
            self._passed.append(arrived)
            return arrived
        if self._receiver is None:
            self._receiver = self._loop_so_far(len(sent.codes))
        prediction = self._receiver.receive(arrived.codes, self._counts(arrived))
        if arrived is sent and np.linalg.norm(prediction - sent.prediction) <= RECOVERED * np.linalg.norm(
            sent.prediction
        ):
            self._receiver = None
        arrived = replace(arrived, prediction=prediction)
        self._passed.append(arrived)
        return arrived

    def _loop_so_far(self, n_channels: int) -> Loop:
        """A receiver's loop that heard what has passed."""
        loop = self._runtime.loop(n_channels)
        if loop is None:
            raise ValueError("Frames with predictions need a codec with a memory.")
        if self._passed:
            codes, predictions = (
                np.stack([getattr(frame, name) for frame in self._passed], 1) for name in ("codes", "prediction")
            )
            loop.catch_up(predictions, codes, np.stack([self._counts(frame) for frame in self._passed], 1))
        return loop

    def _counts(self, frame: CodedFrame) -> npt.NDArray[np.int64]:
        """How many layers of a frame a loop may hear, `[channels]`.

        0 if it got lost, else those of a frame with a lag, or without one.
        """
        most = np.where(frame.foreseen_by_lag, frame.codes.shape[1], self._runtime.config.coarse_layers)
        return np.where((frame.codes >= 0).any(1), most, 0)

    def note(self, frame: CodedFrame) -> None:
        """A frame that arrived on a channel that loses nothing."""
        self._n_lost, self._in_burst = 0, False
        self._arrived.append(frame)
        self._passed.append(frame)
        self._note_lag(frame)

    def _note_lag(self, frame: CodedFrame) -> None:
        lags = frame.codes[:, 0]
        is_told = frame.foreseen_by_lag & (lags >= 0)
        if is_told.all():
            self._lag = lags
        elif is_told.any():
            self._lag = np.where(is_told, lags, self._lag)

    def _loses(self, settings: Settings, index: int) -> bool:
        share = settings.frame_loss
        if share <= 0:
            self._in_burst = False
            return False
        if settings.loss_model == "pattern":
            period = settings.loss_period
            return index % period >= period - round(share * period)
        drawn = uniform(settings.seed, LOSE_FRAME, index)
        if settings.loss_model == "random" or share >= 1:
            return drawn < share
        # Gilbert (1960): a burst ends with probability 1/length, and begins so often that `share` of all frames are in
        # one.
        leave = 1 / settings.loss_burst
        enter = min(1.0, leave * share / (1 - share))
        self._in_burst = drawn >= leave if self._in_burst else drawn < enter
        return self._in_burst

    def _without_a_layer(self, frame: CodedFrame, settings: Settings, index: int) -> CodedFrame:
        layer = settings.lost_layer or 1 + int(uniform(settings.seed, WHICH_LAYER, index) * frame.layers)
        codes = frame.codes.copy()
        codes[:, layer - 1] = ABSENT
        return replace(frame, codes=codes)

    def _concealed(self, lost: CodedFrame, how: str) -> CodedFrame:
        if not self._arrived:
            return lost.thinned(0, 0.0)
        last, n_lost = self._arrived[-1], self._n_lost
        if how == "foresee" and lost.prediction is not None and lost.foreseen_by_lag.all():
            return self._foreseen(lost)
        if how == "silence":
            return last.thinned(last.layers, 0.0)
        if how == "repeat":
            # To and fro from the newest one: 2nd newest, 3rd newest … and back.
            return self._arrived[-1 - to_and_fro(n_lost, len(self._arrived))]
        if how in ("foresee", "fade"):
            return last.thinned(max(1, int(last.layers * FADE_LAYERS**n_lost)), FADE_LEVEL**n_lost)
        return last.thinned(last.layers, HELD_FALL ** max(0, n_lost - HELD_WHOLE_FRAMES))

    def _foreseen(self, lost: CodedFrame) -> CodedFrame:
        """A lost frame as the receiver's memory predicts it.

        The whole prediction counts, of which usually only a share does.
        """
        memory = self._runtime.config.memory
        if memory is None or lost.prediction is None:
            raise ValueError("Only a codec with a memory foresees frames.")
        guarded = np.broadcast_to(self._lag, len(lost.codes)) >= memory.n_lags
        shares: FloatArray = np.where(guarded, memory.guarded, memory.trust).astype(np.float32)[:, None]
        codes = lost.codes.copy()
        codes[:, 0] = 0
        return replace(
            lost,
            codes=codes,
            layers=1,
            prediction=lost.prediction / shares,
            level=FORESEEN_LEVEL ** max(0, self._n_lost - 1),
        )
