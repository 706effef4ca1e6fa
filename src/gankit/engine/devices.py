"""Where to compute."""

from __future__ import annotations

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
