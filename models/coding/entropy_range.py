"""A range coder: turns integer probabilities into bits, the same on every machine (G. N. N. Martin, 1979).

The interval is `low` … `low + range`, in 48 bits; 16 bits leave at a time. A carry runs back through what has left
already.
"""

from __future__ import annotations

_BITS = 48
_WORD_BITS = 16
_TOP = 1 << _BITS
_SHIFT = _BITS - _WORD_BITS
_BOTTOM = 1 << _SHIFT
_REST = _BOTTOM - 1
_WORD_BYTES = _WORD_BITS // 8
_LAST_WORD = (1 << _WORD_BITS) - 1

MOST_TOTAL = 1 << 24
"""Totals stay below this, so that the 32 bits of the smallest range divide finely enough."""


class RangeEncoder:
    """Takes symbols as shares of a total; `finish` gives the bytes."""

    __slots__ = ("_low", "_range", "_words")

    def __init__(self) -> None:
        self._low, self._range = 0, _TOP
        self._words: list[int] = []

    def encode(self, start: int, share: int, total: int) -> None:
        """The symbol that takes `start` … `start + share` of `total`; 1 ≤ share, start + share ≤ total < 2²⁴."""
        unit = self._range // total
        self._low += unit * start
        self._range = unit * share
        while self._range < _BOTTOM:
            self._shift()

    def finish(self) -> bytes:
        """The bytes; the decoder takes zeros for what follows them, so no zero bytes end them."""
        for n_free in range(_BITS, -1, -1):  # the number within the interval that ends in the most zeros
            value = -(-self._low >> n_free) << n_free
            if value < self._low + self._range:
                break
        self._low = value
        for _ in range(_BITS // _WORD_BITS):
            self._shift()
        data = b"".join(word.to_bytes(_WORD_BYTES, "big") for word in self._words)
        return data.rstrip(b"\0")

    def _shift(self) -> None:
        words = self._words
        if self._low >= _TOP:
            self._low -= _TOP
            index = len(words) - 1
            while words[index] == _LAST_WORD:
                words[index] = 0
                index -= 1
            words[index] += 1
        words.append(self._low >> _SHIFT)
        self._low = (self._low & _REST) << _WORD_BITS
        self._range <<= _WORD_BITS


class RangeDecoder:
    """Read back what `RangeEncoder` wrote, asked with the same totals.

    Other bytes give some symbols or other, never an error.
    """

    __slots__ = ("_data", "_position", "_range", "_unit", "_value")

    def __init__(self, data: bytes) -> None:
        self._data, self._position = data, _BITS // 8
        self._value = int.from_bytes(data[: _BITS // 8].ljust(_BITS // 8, b"\0"), "big")
        self._range = _TOP
        self._unit = 1

    def target(self, total: int) -> int:
        """Where in `total` the next symbol lies; `consume` must follow."""
        self._unit = self._range // total
        return min(self._value // self._unit, total - 1)

    def consume(self, start: int, share: int) -> None:
        """The symbol at the target takes `start` … `start + share`."""
        self._value -= self._unit * start
        self._range = self._unit * share
        while self._range < _BOTTOM:
            word = self._data[self._position : self._position + _WORD_BYTES]
            self._position += _WORD_BYTES
            self._value = self._value << _WORD_BITS | int.from_bytes(word.ljust(_WORD_BYTES, b"\0"), "big")
            self._range <<= _WORD_BITS
