"""Causal layers with explicit state: one forward serves training, whole files and live frames.

Every layer takes `[batch, time, channels]` and a list of state tensors, and returns its output with the
state to hand to the next call. A list of zeros (see `initial_state`) starts a stream. Nothing is kept
inside a module, so a stream can be copied, reset or moved by its owner.

All arithmetic is matrix products over the last axis. That is deliberate: the runtime's packed matrix
product computes each row in the same order however many rows a call brings, so a frame's latent, and with
it its codes, are bit for bit the same for any cutting of the stream.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

State = list[Tensor]
StateShape = tuple[int, int]


class StreamingModule(nn.Module, ABC):
    """A module whose memory of the past is an argument.

    Subclasses say what state they need (`state_shapes`, each `(time, channels)`) and implement
    `forward(x, state) -> (y, new_state)`.
    """

    @abstractmethod
    def state_shapes(self) -> list[StateShape]:
        """Shapes `(time, channels)` of the state tensors, in the order `forward` takes them."""

    __call__: Callable[..., tuple[Tensor, State]]

    def initial_state(self, batch: int = 1) -> State:
        """Zeros: the state before the first sample. Each tensor is `[batch, time, channels]`."""
        reference = next(self.parameters(), None)
        device = reference.device if reference is not None else None
        return [torch.zeros(batch, time, channels, device=device) for time, channels in self.state_shapes()]


class CausalConv(StreamingModule):
    """A dilated causal convolution, `[B, T, inputs]` → `[B, T, outputs]`, as one matrix product.

    Its state is the last `(kernel − 1) · dilation` inputs.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, dilation: int = 1, bias: bool = True) -> None:
        super().__init__()
        self.inputs, self.kernel, self.dilation = inputs, kernel, dilation
        self.context = (kernel - 1) * dilation
        self.linear = nn.Linear(inputs * kernel, outputs, bias=bias)

    def state_shapes(self) -> list[StateShape]:
        return [(self.context, self.inputs)] if self.context else []

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        if not self.context:
            return self.linear(x), []
        extended = torch.cat([state[0], x], 1)
        earlier = range(0, self.context, self.dilation)
        taps = [extended[:, start : start - self.context] for start in earlier]
        return self.linear(torch.cat([*taps, x], -1)), [extended[:, -self.context :]]


class StridedConv(StreamingModule):
    """A causal strided convolution, `[B, T · stride, inputs]` → `[B, T, outputs]`, kernel = stride + overlap.

    Each output sees its own `stride` inputs and the `overlap` (≤ stride) inputs before them, which are its state.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, overlap: int, bias: bool = True) -> None:
        super().__init__()
        self.stride, self.step, self.tail = stride, stride * inputs, overlap * inputs
        self.linear = nn.Linear(self.step + self.tail, outputs, bias=bias)

    def state_shapes(self) -> list[StateShape]:
        return [(1, self.tail)]

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        frames = x.reshape(x.shape[0], -1, self.step)
        tails = torch.cat([state[0], frames[:, :, self.step - self.tail :]], 1)
        return self.linear(torch.cat([tails[:, :-1], frames], -1)), [tails[:, -1:]]


class OverlapAddConv(StreamingModule):
    """A causal transposed convolution, `[B, T, inputs]` → `[B, T · stride, outputs]`, kernel = stride + overlap.

    What reaches past an input's own `stride` outputs is its state and is added to the next ones.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, overlap: int, bias: bool = True) -> None:
        super().__init__()
        self.outputs, self.step, self.tail = outputs, stride * outputs, overlap * outputs
        self.linear = nn.Linear(inputs, self.step + self.tail, bias=False)
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def state_shapes(self) -> list[StateShape]:
        return [(1, self.tail)]

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        wide = self.linear(x)
        tails = torch.cat([state[0], wide[:, :, self.step :]], 1)
        head = torch.cat([wide[:, :, : self.tail] + tails[:, :-1], wide[:, :, self.tail : self.step]], -1)
        y = head.reshape(head.shape[0], -1, self.outputs)
        return (y if self.bias is None else y + self.bias), [tails[:, -1:]]


class ResidualBlock(StreamingModule):
    """x + gain · W₂ gelu(causal conv(x)): the unit of the frame-rate networks.

    `depth` is how many blocks share the stack; gains start at 1/√depth so that the stack starts at unit scale.
    """

    def __init__(self, channels: int, dilation: int, depth: int) -> None:
        super().__init__()
        self.conv = CausalConv(channels, channels, kernel=3, dilation=dilation)
        self.project = nn.Linear(channels, channels)
        self.gain: nn.Parameter | None = nn.Parameter(torch.full((channels,), 1 / math.sqrt(depth)))

    def state_shapes(self) -> list[StateShape]:
        return self.conv.state_shapes()

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        hidden, state = self.conv(x, state)
        change = self.project(nn.functional.gelu(hidden, approximate="tanh"))
        return x + (change if self.gain is None else self.gain * change), state

    @torch.no_grad()
    def fold_gain(self) -> None:
        """Multiply the gain into W₂ for good: the same function with less to compute."""
        if self.gain is not None:
            self.project.weight.mul_(self.gain[:, None])
            self.project.bias.mul_(self.gain)
            self.gain = None

    @torch.no_grad()
    def unfold_gain(self) -> None:
        """Give a folded block its gain back, as 1."""
        if self.gain is None:
            self.gain = nn.Parameter(torch.ones(len(self.project.bias), device=self.project.bias.device))


class Chain(StreamingModule):
    """Streaming modules one after the other; its state is theirs, concatenated. Plain modules may stand between."""

    half_precision = False
    """Whether matrix products run in bfloat16; for training only."""

    def __init__(self, modules: Iterable[nn.Module]) -> None:
        super().__init__()
        self.items = nn.ModuleList(modules)

    def state_shapes(self) -> list[StateShape]:
        return [shape for item in self.items if isinstance(item, StreamingModule) for shape in item.state_shapes()]

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        if not self.half_precision:
            return self._forward(x, state)
        with torch.autocast(x.device.type, torch.bfloat16):
            y, after = self._forward(x, state)
        return y.float(), [item.float() for item in after]

    def _forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        after: State = []
        used = 0
        for item in self.items:
            if isinstance(item, StreamingModule):
                size = len(item.state_shapes())
                x, new = item(x, state[used : used + size])
                used += size
                after += new
            else:
                x = item(x)
        return x, after
