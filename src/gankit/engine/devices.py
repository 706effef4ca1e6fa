"""Where to compute."""

from __future__ import annotations

from typing import Literal

import torch

from gankit.errors import GankitError


def choose_device(name: str) -> torch.device:
    """The device of a name; ``auto`` prefers CUDA, then Apple's MPS, then the CPU.

    Raises:
        GankitError: an unknown name, or a device that is not available.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise GankitError(
            f"device {name!r} cannot be used: {str(error).splitlines()[0]}",
            "Use auto, cpu, cuda, cuda:N or mps",
        ) from None
    return device


def fastest_precision(device: torch.device) -> Literal["fp32", "bf16"]:
    """bf16 where the device computes it, and does not only emulate it."""
    if device.type == "cuda":
        native = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        native = device.type == "cpu" and _has_bf16()
    return "bf16" if native else "fp32"


def _has_bf16() -> bool:
    """Whether the processor multiplies bfloat16: x86's AVX512-BF16 or AMX."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in checks)
