"""Weight matrices in bytes: a quarter of the memory to read for each frame, and integer arithmetic.

A row's weights are grouped in blocks of 32 that share a scale (absolute maximum / 127). The runtime's operator
`MatMulNBits` rounds each row of its input the same way, so a frame's result doesn't depend on how many frames a call
brings.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray

BLOCK = 32
ZERO = 128
LARGEST = 127
INTEGER_ARITHMETIC = 4
"""The operator's accuracy level that multiplies bytes with bytes."""
DOMAIN = "com.microsoft"
CODES, SCALES = ".bytes", ".scales"
"""Suffixes of the initializers that stand for a weight."""

ByteArray = npt.NDArray[np.uint8]


def to_bytes(weight: FloatArray) -> tuple[ByteArray, FloatArray]:
    """Round a matrix `[rows, columns]` to bytes `[rows, blocks, 32]` with scales `[rows, blocks]`.

    Zeros fill up the last block.
    """
    rows, columns = weight.shape
    blocks = -(-columns // BLOCK)
    padded = np.zeros((rows, blocks * BLOCK), np.float32)
    padded[:, :columns] = weight
    grouped = padded.reshape(rows, blocks, BLOCK)
    scales = np.abs(grouped).max(-1) / np.float32(LARGEST)
    steps = np.rint(grouped / np.where(scales > 0, scales, 1)[..., None])
    return (steps + ZERO).astype(np.uint8), scales.astype(np.float32)


def from_bytes(codes: ByteArray, scales: FloatArray, columns: int) -> FloatArray:
    """The weights `[rows, columns]` that the bytes stand for."""
    steps = codes.astype(np.float32) - ZERO
    whole: FloatArray = (steps * scales.reshape(*codes.shape[:2], 1)).reshape(len(codes), -1)[:, :columns]
    return whole


def rounded(weight: FloatArray) -> FloatArray:
    """The weights as they are after storing them in bytes."""
    return from_bytes(*to_bytes(weight), weight.shape[1])


def store_in_bytes(model: Any, names: set[str]) -> None:
    """Let an ONNX model compute its products x · Wᵀ with bytes, for the initializers W in `names`."""
    from onnx import helper, numpy_helper

    graph = model.graph
    initializers = {item.name: item for item in graph.initializer}
    transposed = {node.output[0]: node for node in graph.node if node.op_type == "Transpose" and node.input[0] in names}
    for node in list(graph.node):
        if node.op_type != "MatMul" or node.input[1] not in transposed:
            continue
        transpose = transposed.pop(node.input[1])
        name = transpose.input[0]
        weight = numpy_helper.to_array(initializers[name]).astype(np.float32)
        codes, scales = to_bytes(weight)
        graph.initializer.append(numpy_helper.from_array(codes, name + CODES))
        graph.initializer.append(numpy_helper.from_array(scales.reshape(-1), name + SCALES))
        product = helper.make_node(
            "MatMulNBits",
            [node.input[0], name + CODES, name + SCALES],
            list(node.output),
            name=node.name,
            domain=DOMAIN,
            K=weight.shape[1],
            N=weight.shape[0],
            bits=8,
            block_size=BLOCK,
            accuracy_level=INTEGER_ARITHMETIC,
        )
        position = list(graph.node).index(node)
        graph.node.remove(node)
        graph.node.insert(position, product)
        graph.node.remove(transpose)
        graph.initializer.remove(initializers.pop(name))
    if not any(item.domain == DOMAIN for item in model.opset_import):
        model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
