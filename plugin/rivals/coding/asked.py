"""How codecs are asked for in a text such as "lamina:6:search=4,opus:12": told once, for `--help`, docs and `parse`."""

from __future__ import annotations

MODEL, TWO_PASS = "model", "two_pass"
"""What Lamina takes beside its parameters: a model's name, and, where it gets whole pieces, "on"."""

LAMINA_FORM, PRESET_FORM, RIVAL_FORM, ORIGINAL_FORM = "lamina:KBPS", "preset:NAME", "NAME:KBPS", "original"
FORMS = {
    LAMINA_FORM: f"Lamina, kbps per channel; behind it any `:PARAMETER=VALUE`, `:{MODEL}=NAME`, and `:{TWO_PASS}=on`, "
    "which hears the whole sound first and plans its bits",
    PRESET_FORM: f"a preset's name or file; behind it any `:PARAMETER=VALUE` on top, and `:{TWO_PASS}=on`",
    RIVAL_FORM: "another codec; behind it the options that `lamina rivals` tells, as `:OPTION=VALUE`",
    ORIGINAL_FORM: "the sound as it is",
}
"""What may be asked for, and what that takes."""


def forms(*names: str) -> str:
    """Some of `FORMS` in one line, for `--help`."""
    return "; ".join(f"{name} ({FORMS[name].replace('`', '')})" for name in names)
