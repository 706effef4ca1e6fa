"""What tests of the engine share."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture
def setting(make_networks):
    """Networks in doubles, six real samples, their conditions and latents."""
    torch.manual_seed(3)
    networks = make_networks()
    networks.generator.double()
    networks.discriminator.double()
    real = torch.randn(6, 2, dtype=torch.float64)
    c = torch.eye(3, dtype=torch.float64)[[0, 1, 2, 0, 1, 2]]
    z = torch.randn(6, 4, dtype=torch.float64)
    return networks, real, c, z
