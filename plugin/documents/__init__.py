"""Presets, boards and foreign effects as JSON that can be kept and sent."""
