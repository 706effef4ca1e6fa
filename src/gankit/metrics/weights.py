"""Weights of the networks that features come from: read without running anything, and hashed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from pickle import UnpicklingError  # noqa: TID251 - only the error that torch.load raises
from typing import TYPE_CHECKING, Any

from gankit.errors import GankitError

if TYPE_CHECKING:
    from torch import nn


def read_weights(given: str, setting: str) -> dict[str, Any]:
    """The state dict in a file, ``.safetensors`` or torch's own of tensors alone; empty where it
    holds something else.

    Args:
        given: the path, as the user gave it.
        setting: that gave it; messages name it.

    Raises:
        GankitError: no such file, or one that cannot be read so.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(given).expanduser()
    if not path.is_file():
        raise GankitError(f"{setting}={given}: no such file", "Give the path of the weights")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, SafetensorError, RuntimeError, EOFError, OSError, KeyError) as error:
        raise GankitError(
            f"{setting}={given}: cannot be read ({type(error).__name__})",
            "It must be a state dict of tensors, as .safetensors or .pth",
        ) from error
    return state if isinstance(state, dict) else {}


def fingerprint_weights(network: nn.Module, recipe: str) -> str:
    """A hash of a network's weights and of its preprocessing."""
    digest = hashlib.sha256(recipe.encode())
    for name, tensor in sorted(network.state_dict().items()):
        if not name.endswith("num_batches_tracked"):  # a training counter, and not always stored
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
