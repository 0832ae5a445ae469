"""Reads the weights out of a bundle's ONNX graphs without the package onnx, which only training needs.

An ONNX file is a protobuf message: fields one after the other, each with a key (number · 8 + kind of its value). Of a
model's graph only the initializers are read, each a name, a type, dimensions, and values as little-endian bytes.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

GRAPH_OF_MODEL, FUNCTION_OF_MODEL = 7, 25
NODE_OF_GRAPH, INITIALIZER_OF_GRAPH, SPARSE_OF_GRAPH, NODE_OF_FUNCTION = 1, 5, 15, 7
OPERATOR, ATTRIBUTE_OF_NODE = 4, 5
TENSORS_OF_ATTRIBUTE, GRAPHS_OF_ATTRIBUTE, SPARSE_OF_ATTRIBUTE = (5, 10), (6, 11), (22, 23)
EXTERNAL_DATA, KEY, VALUE = 13, 1, 2
DIMS, DATA_TYPE, FLOAT_DATA, NAME, RAW_DATA = 1, 2, 4, 8, 9
"""Fields of an initializer."""
VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5
"""Kinds of values."""
DATA_TYPES: dict[int, np.dtype[Any]] = {1: np.dtype("<f4"), 2: np.dtype("u1"), 7: np.dtype("<i8"), 10: np.dtype("<f2")}

DEEPEST = 16
LOOPS = ("Loop", "Scan", "SequenceMap", "BeamSearch", "GreedySearch", "Sampling", "WhisperBeamSearch")
"""Operators that may go on for ever, ONNX Runtime's own among them; none of Lamina's networks has one."""

Array = npt.NDArray[Any]


def read_weights(path: Path) -> dict[str, Array]:
    """The initializers of a graph by name.

    Only those of floats, half floats, bytes and long integers; others are left out.

    Raises ValueError if the file is no ONNX model, or a damaged one.
    """
    found: dict[str, Array] = {}
    try:
        for number, graph in fields_of(memoryview(path.read_bytes())):
            if number == GRAPH_OF_MODEL and isinstance(graph, memoryview):
                for part, value in fields_of(graph):
                    if part == INITIALIZER_OF_GRAPH and isinstance(value, memoryview):
                        _read_initializer(value, found)
    except (IndexError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{path} is no ONNX model, or it is damaged: {error}") from error
    return found


def check_graph(path: Path, listed: Container[str]) -> None:
    """Refuse a graph that no bundle may run.

    Raises ValueError for one that holds a loop, which might never end, or that reads a file which is not `listed`, and
    so not verified.
    """
    try:
        for number, value in fields_of(memoryview(path.read_bytes())):
            if number in (GRAPH_OF_MODEL, FUNCTION_OF_MODEL) and isinstance(value, memoryview):
                _check_nodes(value, NODE_OF_GRAPH if number == GRAPH_OF_MODEL else NODE_OF_FUNCTION, path, listed, 0)
    except (IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no ONNX model, or it is damaged: {error}") from error


def _check_nodes(graph: memoryview, nodes: int, path: Path, listed: Container[str], depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError(f"{path} nests graphs more than {DEEPEST} deep")
    for number, value in fields_of(graph):
        if not isinstance(value, memoryview):
            continue
        if number == nodes:
            _check_node(value, path, listed, depth)
        elif nodes == NODE_OF_GRAPH and number == INITIALIZER_OF_GRAPH:
            _check_tensor(value, path, listed)
        elif nodes == NODE_OF_GRAPH and number == SPARSE_OF_GRAPH:
            _check_sparse(value, path, listed)


def _check_node(node: memoryview, path: Path, listed: Container[str], depth: int) -> None:
    for number, value in fields_of(node):
        if not isinstance(value, memoryview):
            continue
        if number == OPERATOR and bytes(value).decode() in LOOPS:
            raise ValueError(f"{path} holds a loop, which might never end")
        if number == ATTRIBUTE_OF_NODE:
            for part, held in fields_of(value):
                if not isinstance(held, memoryview):
                    continue
                if part in TENSORS_OF_ATTRIBUTE:
                    _check_tensor(held, path, listed)
                elif part in SPARSE_OF_ATTRIBUTE:
                    _check_sparse(held, path, listed)
                elif part in GRAPHS_OF_ATTRIBUTE:
                    _check_nodes(held, NODE_OF_GRAPH, path, listed, depth + 1)


def _check_sparse(sparse: memoryview, path: Path, listed: Container[str]) -> None:
    for _, value in fields_of(sparse):
        if isinstance(value, memoryview):
            _check_tensor(value, path, listed)


def _check_tensor(tensor: memoryview, path: Path, listed: Container[str]) -> None:
    for number, entry in fields_of(tensor):
        if number == EXTERNAL_DATA and isinstance(entry, memoryview):
            said = {part: bytes(value).decode() for part, value in fields_of(entry) if isinstance(value, memoryview)}
            if said.get(KEY) == "location" and said.get(VALUE, "") not in listed:
                raise ValueError(f"{path} reads {said.get(VALUE, '')!r}, which the bundle does not list")


def _read_initializer(message: memoryview, found: dict[str, Array]) -> None:
    name, data_type, values = "", 0, memoryview(b"")
    dims: list[int] = []
    for number, value in fields_of(message):
        if isinstance(value, int):
            if number == DIMS:
                dims.append(value)
            elif number == DATA_TYPE:
                data_type = value
        elif number == DIMS:
            dims += _packed(value)
        elif number == NAME:
            name = bytes(value).decode()
        elif number in (RAW_DATA, FLOAT_DATA):
            values = value
    if data_type in DATA_TYPES:
        found[name] = np.frombuffer(values, DATA_TYPES[data_type]).reshape(dims)


def fields_of(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """A message's fields: their numbers, and integers or bytes."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            whole, place = _varint(message, place)
            yield number, whole
            continue
        if kind == BYTES:
            size, place = _varint(message, place)
        elif kind in (FIXED_32, FIXED_64):
            size = 4 if kind == FIXED_32 else 8
        else:
            raise ValueError(f"a field of the unknown kind {kind}")
        if place + size > len(message):
            raise ValueError("it ends in the middle")
        yield number, message[place : place + size]
        place += size


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """An integer in groups of seven bits, the lowest first, and the place behind it."""
    value = shift = 0
    while True:
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _packed(message: memoryview) -> list[int]:
    values, place = [], 0
    while place < len(message):
        value, place = _varint(message, place)
        values.append(value)
    return values
