"""What a run looks at while it trains."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gankit.contract import Layout
from gankit.engine.sampling.previews import conditional_std
from gankit.engine.sampling.sampler import Sampler


class Picture(nn.Module):
    """Channels last in memory, as convolutions in that format return."""

    def forward(self, z, c=None):
        return z.view(-1, 3, 2, 2).contiguous(memory_format=torch.channels_last)


def test_the_spread_of_samples_does_not_depend_on_their_memory_format():
    from vectors import VectorCodec

    class Codec(VectorCodec):
        layout = Layout((3, 2, 2))

    sampler = Sampler(Picture(), Codec(), 12, torch.device("cpu"))
    plain = sampler.latents(range(16)).std(0).mean()
    assert conditional_std(sampler) == pytest.approx(float(plain), rel=1e-5)
