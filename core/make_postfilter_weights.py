"""Writes `postfilter_weights.h` from the weights that Python reads; a test refuses a header that is stale."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path

from lamina.models.engines.postfilter import Network, shipped_network

HEADER = Path(__file__).parent / "postfilter_weights.h"
PER_LINE = 10


def header(network: Network) -> str:
    """What `postfilter_weights.h` must say of that network."""
    seen, hidden = network.weights_1.shape
    lines = [
        "// Made by make_postfilter_weights.py from the weights that lamina.models.training.postfilter trained.",
        f"constexpr int PF_SEEN = {seen}, PF_HIDDEN = {hidden};",
        f"constexpr float PF_MOST = {_number(network.most[0])};",
    ]
    for field in fields(Network):
        if field.name == "most":
            continue
        numbers = [_number(value) for value in getattr(network, field.name).ravel()]
        lines.append(f"constexpr float PF_{field.name.upper()}[] = {{")
        lines += [f"    {', '.join(numbers[i : i + PER_LINE])}," for i in range(0, len(numbers), PER_LINE)]
        lines.append("};")
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    """Nine digits tell every float from the next."""
    digits = f"{float(value):.9g}"
    return f"{digits}f" if any(sign in digits for sign in ".e") else f"{digits}.0f"


def main() -> int:
    HEADER.write_text(header(shipped_network()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
