"""Kept for scripts that import from here; these names live in `lamina.plugin.codes_file.file`."""

from lamina.plugin.codes_file.file import read_codes, write_codes

__all__ = ["read_codes", "write_codes"]
