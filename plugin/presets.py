"""Kept for scripts that import from here; these names live in `lamina.plugin.documents.presets`."""

from lamina.plugin.documents.preset_codec import codec_for
from lamina.plugin.documents.presets import list_presets, load_preset, save_preset

__all__ = ["codec_for", "list_presets", "load_preset", "save_preset"]
