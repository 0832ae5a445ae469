"""Whether the work that an ONNX graph makes can depend on what it is given, and not only on how much that is.

A graph that takes a moment for silence may take minutes for a certain sound: where a number out of the sound says how
large an array is to be, or which branch is taken. What was tried with one sound says nothing of others then. Lamina's
networks have nothing of that kind: their arrays are as long as there are frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lamina.models.bundles.onnx_weights import (
    ATTRIBUTE_OF_NODE,
    FUNCTION_OF_MODEL,
    GRAPH_OF_MODEL,
    GRAPHS_OF_ATTRIBUTE,
    INITIALIZER_OF_GRAPH,
    NAME,
    NODE_OF_FUNCTION,
    NODE_OF_GRAPH,
    OPERATOR,
    fields_of,
)

INPUT_OF_NODE, OUTPUT_OF_NODE, DOMAIN_OF_NODE, NAME_OF_FUNCTION = 1, 2, 7, 1
ONLY_SIZES = ("Shape", "Size")
"""Operators that tell of an array only how large it is."""
BY_CHANCE = "Random"
"""What operators are called that give numbers out of nothing."""
ALL = tuple(range(16))
SIZED_BY: dict[str, tuple[int, ...]] = {
    "AffineGrid": (1,),
    "BlackmanWindow": (0,),
    "CenterCropPad": (1,),
    "Col2Im": (1, 2),
    "Compress": (1,),
    "ConstantOfShape": (0,),
    "CropAndResize": (1, 3),
    "DFT": (1, 2),
    "Expand": (1,),
    "HammingWindow": (0,),
    "HannWindow": (0,),
    "If": (0,),
    "ImageDecoder": ALL,
    "MaxUnpool": (2,),
    "MelWeightMatrix": (0, 1),
    "NonMaxSuppression": ALL,
    "NonZero": (0,),
    "OneHot": (1,),
    "Pad": (1, 3),
    "Range": ALL,
    "Reshape": (1,),
    "Resize": (1, 2, 3),
    "STFT": (1, 3),
    "SequenceAt": (1,),
    "SequenceErase": (1,),
    "SequenceInsert": (2,),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "SplitToSequence": (1,),
    "Squeeze": (1,),
    "StringSplit": ALL,
    "Tile": (1, 2),
    "Tokenizer": ALL,
    "TopK": (1,),
    "Unique": (0,),
    "Unsqueeze": (1,),
    "Upsample": (1,),
}
"""Inputs whose numbers say how large a result is, or what is computed at all (ONNX operator set 23, and ONNX Runtime's
own operators of these names)."""
REDUCED = "Reduce"
"""What operators are called whose second input says along which axes."""


KNOWN_ELSEWHERE = ("MatMulNBits",)
"""Operators beyond ONNX's own set that Lamina's networks have."""
STANDARD = ("", "ai.onnx")


@dataclass
class _Node:
    operator: str = ""
    domain: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    graphs: list[memoryview] = field(default_factory=list)


def check_work(path: Path) -> None:
    """Refuse a graph whose work may depend on the numbers in its inputs.

    What is left is work that depends on how many frames and channels a call has (`lamina.models.engines.pieces`).

    Raises ValueError, naming the operator; also for a file that is no ONNX model.
    """
    try:
        parts = [
            (number, value)
            for number, value in fields_of(memoryview(path.read_bytes()))
            if number in (GRAPH_OF_MODEL, FUNCTION_OF_MODEL) and isinstance(value, memoryview)
        ]
        functions = {_text(value, NAME_OF_FUNCTION) for number, value in parts if number == FUNCTION_OF_MODEL}
        for number, value in parts:
            _check(value, NODE_OF_GRAPH if number == GRAPH_OF_MODEL else NODE_OF_FUNCTION, path, functions, set())
    except (IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no ONNX model, or it is damaged: {error}") from error


def _check(graph: memoryview, nodes: int, path: Path, functions: set[str], fixed: set[str]) -> None:
    """Check a graph or function.

    `fixed` are the names around it that don't depend on what the model is given, but at most on how much that is. Of a
    function's inputs nothing is known.
    """
    fixed = fixed | {""}
    if nodes == NODE_OF_GRAPH:
        fixed |= set(_initializers(graph))
    for number, value in fields_of(graph):
        if number != nodes or not isinstance(value, memoryview):
            continue
        node = _node(value)
        is_fixed = [name in fixed for name in node.inputs]
        is_by_chance = node.operator.startswith(BY_CHANCE)
        is_known = node.domain in STANDARD or node.operator in (*KNOWN_ELSEWHERE, *functions)
        sizing = (1,) if node.operator.startswith(REDUCED) else SIZED_BY.get(node.operator, ())
        if (
            not all(is_fixed[place] for place in sizing if place < len(is_fixed))
            or not (is_known or all(is_fixed))
            or (is_by_chance and nodes == NODE_OF_FUNCTION)
        ):
            raise ValueError(
                f"{path} holds an operator {node.operator} whose work may depend on the sound, so that nobody can say "
                "how long it takes"
            )
        for within in node.graphs:
            _check(within, NODE_OF_GRAPH, path, functions, fixed)
        tells_sizes = node.operator in ONLY_SIZES and node.operator not in functions
        if tells_sizes or (all(is_fixed) and not node.graphs and not is_by_chance):
            fixed |= set(node.outputs)
        else:
            fixed -= set(node.outputs)


def _text(message: memoryview, wanted: int) -> str:
    for number, value in fields_of(message):
        if number == wanted and isinstance(value, memoryview):
            return bytes(value).decode()
    return ""


def _initializers(graph: memoryview) -> Iterator[str]:
    for number, value in fields_of(graph):
        if number == INITIALIZER_OF_GRAPH and isinstance(value, memoryview):
            yield _text(value, NAME)


def _node(message: memoryview) -> _Node:
    node = _Node()
    for number, value in fields_of(message):
        if not isinstance(value, memoryview):
            continue
        if number == OPERATOR:
            node.operator = bytes(value).decode()
        elif number == DOMAIN_OF_NODE:
            node.domain = bytes(value).decode()
        elif number == INPUT_OF_NODE:
            node.inputs.append(bytes(value).decode())
        elif number == OUTPUT_OF_NODE:
            node.outputs.append(bytes(value).decode())
        elif number == ATTRIBUTE_OF_NODE:
            node.graphs += [
                held for part, held in fields_of(value) if part in GRAPHS_OF_ATTRIBUTE and isinstance(held, memoryview)
            ]
    return node
