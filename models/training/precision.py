"""Number formats of matrix products in training: where bfloat16 is fast, and how single precision is computed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


def is_bfloat16_fast(device: torch.device) -> bool:
    """Whether products in bfloat16 beat single precision: on GPUs, and on CPUs with instructions for them."""
    if device.type == "cuda":
        return True
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


@contextlib.contextmanager
def fast_products(device: torch.device, half_precision: bool) -> Iterator[None]:
    """Inside, single-precision products use the library that is fastest on every maker's CPUs, and TF32 on GPUs.

    Not where that rounds factors although full precision was asked for: on GPUs without `half_precision`, and on CPUs
    with matrix units for bfloat16 (AMX), which the filterbank and the quantizer would not survive unharmed.
    """
    rounds = not half_precision if device.type == "cuda" else bool(torch.cpu.get_capabilities().get("amx_bf16"))
    before = torch.get_float32_matmul_precision()
    if not rounds:
        torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
