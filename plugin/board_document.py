"""Kept for scripts that import from here; these names live in `lamina.plugin.documents.boards`."""

from lamina.plugin.documents.boards import build_board, describe_board

__all__ = ["build_board", "describe_board"]
