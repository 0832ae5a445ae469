"""Frequencies as musicians call them."""

import math

NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
CONCERT_HZ, CONCERT_NUMBER = 440.0, 69


def note_of(frequency_hz: float) -> str:
    """The nearest note of equal temperament (A4 is 440 Hz) and how many cents it is off: "G♯5 −19 ct"."""
    place = CONCERT_NUMBER + 12 * math.log2(frequency_hz / CONCERT_HZ)
    number = math.floor(place + 0.5)
    cents = round(100 * (place - number))
    words = f"{cents:+d}".replace("-", "\N{MINUS SIGN}") if cents else "0"
    return f"{NAMES[number % 12]}{number // 12 - 1} {words} ct"
