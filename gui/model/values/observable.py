"""Who wants to know: a list of callbacks, called in the thread that makes the change."""

from collections.abc import Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")


class Observable(Generic[P]):
    """Calls every subscriber, in the order they came, with the arguments of `notify`."""

    def __init__(self) -> None:
        self._subscribers: list[Callable[P, object]] = []

    def subscribe(self, callback: Callable[P, object]) -> Callable[[], None]:
        """Adds `callback`; the returned function takes it off again."""
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

        return unsubscribe

    def notify(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Tells every subscriber."""
        for callback in tuple(self._subscribers):
            callback(*args, **kwargs)
