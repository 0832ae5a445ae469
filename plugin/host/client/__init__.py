"""The engine as its user sees it: a handle on its process that starts it anew when it dies.

`LiveEngine` can be imported from here, as scripts have done; it lives in `live_engine`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lamina.plugin.host.client.live_engine import LiveEngine

__all__ = ["LiveEngine"]


def __getattr__(name: str) -> Any:
    if name == "LiveEngine":
        from lamina.plugin.host.client.live_engine import LiveEngine

        return LiveEngine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
