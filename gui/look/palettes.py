"""The themes: what each colour of the dark one, which the code names, is in the others."""

from __future__ import annotations

import re
from collections.abc import Mapping

DARK, LIGHT, CONTRAST = "dark", "light", "contrast"
THEME_TEXTS = {DARK: "Dark", LIGHT: "Light", CONTRAST: "High contrast"}

_LIGHT = {
    # Neutrals.
    "#0B0D10": "#F5F6F8", "#121519": "#DFE3E8", "#191D22": "#FFFFFF", "#232930": "#E9ECF0", "#2C333B": "#DCE1E7",
    "#2A3038": "#D3D9E0", "#303741": "#C3CAD3", "#7F8A97": "#5A646F", "#98A2AE": "#4A535E", "#E7EAED": "#14171B",
    # Accents, and what is written on them.
    "#F0A458": "#9A5000", "#F7B672": "#B05E05", "#8A5A2B": "#E8B980", "#2A2118": "#FBEBD8", "#1A1208": "#FFFFFF",
    "#6CB4D2": "#1A6788", "#2F5D73": "#A9D3E6", "#EC6A5E": "#B3261E", "#FFE2BD": "#5A2E00",
    # Light and shade of caps.
    "#4A525C": "#B9C1CA", "#272D34": "#E3E7EC", "#1B2025": "#F4F6F8", "#2B3138": "#FFFFFF", "#1D2227": "#E8ECF0",
    "#14181C": "#FFFFFF", "#D5DADF": "#39424C", "#FFFFFF": "#000000",
    # Spectrograms: from paper to ink.
    "#1B1B33": "#DCD8EC", "#4A2A5E": "#C2A3D0", "#8E3B63": "#B5628C", "#D2694F": "#A83E3E", "#F3B562": "#6E2417",
    "#FFF3D0": "#250A08",
    # Differences.
    "#7CCBEF": "#0B4566", "#2E7C9E": "#5B9DBE", "#A05F1C": "#CC8A4A", "#F5BC78": "#6B3200",
    # Codes.
    "#5B7BD5": "#3F61C4", "#3FA7A0": "#1F8A83", "#B9A64A": "#9C872A", "#DB7F55": "#C3622F", "#C76BA6": "#AE4889",
    # Codebooks.
    "#0F1215": "#F1F2F4", "#4A3420": "#E6C9A4", "#B5783B": "#B97428", "#FFD9A3": "#6B3600",
}  # fmt: skip
_CONTRAST = {
    "#0B0D10": "#000000", "#121519": "#000000", "#191D22": "#000000", "#232930": "#1F1F1F", "#2C333B": "#3D3D3D",
    "#2A3038": "#8C8C8C", "#303741": "#8C8C8C", "#7F8A97": "#D0D0D0", "#98A2AE": "#EDEDED", "#E7EAED": "#FFFFFF",
    "#F0A458": "#FFB52E", "#F7B672": "#FFCB66", "#8A5A2B": "#9C6300", "#2A2118": "#2E1F00", "#1A1208": "#000000",
    "#6CB4D2": "#66D4FF", "#2F5D73": "#00597A", "#EC6A5E": "#FF7B70", "#FFE2BD": "#FFFFFF",
    "#4A525C": "#FFFFFF", "#272D34": "#6E6E6E", "#1B2025": "#2A2A2A", "#2B3138": "#1F1F1F", "#1D2227": "#0A0A0A",
}  # fmt: skip
PALETTES: Mapping[str, Mapping[str, str]] = {DARK: {}, LIGHT: _LIGHT, CONTRAST: _CONTRAST}

HEX = re.compile(r"#[0-9A-Fa-f]{6}\b")


def translated(text: str, theme: str) -> str:
    """A text, as a style sheet, with every colour of the dark theme as it is in another one."""
    palette = PALETTES[theme]
    return HEX.sub(lambda found: palette.get(found[0].upper(), found[0]), text)


def contrast(first: str, second: str) -> float:
    """How well two colours are told apart, 1 to 21, as WCAG 2 counts it."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
