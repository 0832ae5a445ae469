"""Kept for scripts that import from here; these names live in `lamina.plugin.files.sound`."""

from lamina.plugin.files.sound import read_audio

__all__ = ["read_audio"]
