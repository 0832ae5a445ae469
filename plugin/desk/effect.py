"""What an effect of the code desk is: parameters of its own, when it is active, and what it does to frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from lamina.plugin.desk.frame import CodedFrame
from lamina.plugin.parameters.declare import ParameterGroup

if TYPE_CHECKING:
    from lamina.models.runtime import CodecRuntime
    from lamina.plugin.parameters.settings import Settings


class CodeEffect(ABC):
    """One effect of one stream; its attributes are what it remembers.

    While no effect of the desk is active, frames pass in whole stretches and effects only `note` them. As soon as one
    is, every frame goes through the `step` of all of them, so that each may rely on having met every frame, by one of
    the two.

    Args:
        runtime: the codec, shared.
    """

    Parameters: ClassVar[type[ParameterGroup]]
    """What can be set of it: a nested class."""

    def __init__(self, runtime: CodecRuntime) -> None:
        self._runtime = runtime

    @staticmethod
    @abstractmethod
    def is_active(settings: Settings) -> bool:
        """Whether it alters anything with these settings; asked once for each snapshot of them."""

    @staticmethod  # noqa: B027 (few need it)
    def prepare(runtime: CodecRuntime, settings: Settings) -> None:
        """Work out what would take too long in a frame; called when settings change, before they are heard."""

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing of what it did goes on after it is switched off."""
        return True

    @abstractmethod
    def step(self, frame: CodedFrame, settings: Settings, index: int) -> CodedFrame:
        """What goes on instead of `frame`, the stream's frame number `index`. Frames are shared: change copies."""

    @abstractmethod
    def note(self, frame: CodedFrame) -> None:
        """A frame that passed while nothing on the desk was active."""
