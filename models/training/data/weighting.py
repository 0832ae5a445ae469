"""How often what is drawn."""

from __future__ import annotations

from lamina.models.training.sounds.audio_files import PLAIN_KIND

KIND_WEIGHTS = {"speech": 0.62, "music": 0.30, "noise": 0.08, PLAIN_KIND: 1.0}
"""Shares of the examples, in proportion among the kinds that there are."""

NARROW_BAND_HZ = 9_000.0
"""Up to this a clip's band edge makes it narrow-band: it has nothing in the top octave, and must not teach that."""

NARROW_SPEECH_WEIGHT = 0.4
"""How often a second of narrow-band speech is drawn, compared with a second of full-band speech."""


def clip_weight(kind: str, band_edge_hz: float) -> float:
    """How often a second of a clip is drawn, compared with others of its kind."""
    return NARROW_SPEECH_WEIGHT if kind == "speech" and band_edge_hz <= NARROW_BAND_HZ else 1.0
