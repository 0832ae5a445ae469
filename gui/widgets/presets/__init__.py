"""Presets to look through."""
