"""Kept for scripts that import from here; these names live in `lamina.plugin.host.device.device_settings`."""

from lamina.plugin.host.device.device_settings import DeviceSettings

__all__ = ["DeviceSettings"]
