"""Kept for scripts that import from here; these names live in `lamina.plugin.documents.vst3`."""

from lamina.plugin.documents.vst3 import load_vst3

__all__ = ["load_vst3"]
