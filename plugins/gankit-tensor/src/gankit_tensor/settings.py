"""Settings of the tensor plugin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from gankit.contract import Bounds


@dataclass(frozen=True)
class TensorSettings:
    """Settings of the tensor plugin."""

    x_key: str = "x"
    """The array of items in a .npz or .pt file that has several."""
    c_key: str = "c"
    """The array of conditions there; c, label, labels, y and target are found by themselves."""
    conditional: bool = True
    """Whether to condition on the labels or numbers that come with the items."""
    standardise: bool = True
    """Whether networks see each number in standard deviations from its mean; otherwise as it is."""
    latent: Annotated[int, Bounds(1)] = 16
    """Dimensions of the latent z, for the plugin's own networks."""
    hidden: Annotated[int, Bounds(1)] = 128
    """Width of their hidden layers."""
    layers: Annotated[int, Bounds(0)] = 2
    """Residual layers of each."""
