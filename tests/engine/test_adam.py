"""Adam against torch's own, digit by digit."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from gankit.engine.adam import Adam


def parameters(seed: int) -> list[nn.Parameter]:
    made = torch.Generator().manual_seed(seed)
    shapes = ((3, 4), (5,), (2, 3, 4, 4), ())
    params = [nn.Parameter(torch.randn(shape, generator=made)) for shape in shapes]
    params[2].data = params[2].data.contiguous(memory_format=torch.channels_last)
    return [*params, nn.Parameter(torch.randn(4, generator=made, dtype=torch.float64))]


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_steps_equal_those_of_torch(weight_decay):
    mine, theirs = parameters(0), parameters(0)
    kind = torch.optim.AdamW if weight_decay else torch.optim.Adam
    expected = kind(theirs, fused=True, weight_decay=weight_decay)
    optimiser = Adam(mine, weight_decay=weight_decay)
    for seed in range(1, 4):
        lr, betas = 0.1 / seed, (0.1 * seed, 0.9 + 0.01 * seed)
        gradients = [torch.empty_like(p).copy_(p) for p in parameters(seed)]
        expected.param_groups[0] |= {"lr": lr, "betas": betas}
        for p, gradient in zip(theirs, gradients, strict=True):
            p.grad = gradient
        expected.step()
        optimiser.lr, optimiser.betas = lr, betas
        optimiser.step(gradients)
        if seed == 2:  # and from a saved state
            again = Adam(mine, weight_decay=weight_decay)
            again.load(optimiser.state)
            optimiser = again
    for a, b in zip(mine, theirs, strict=True):
        assert torch.equal(a, b)
        assert a.stride() == b.stride()
    for i, state in enumerate(expected.state_dict()["state"].values()):
        assert all(torch.equal(optimiser.state[i][name], value) for name, value in state.items())


def test_moments_of_another_network_are_refused():
    optimiser = Adam(parameters(0))
    optimiser.step(parameters(1))
    with pytest.raises(ValueError, match="moments of 5 parameters, not of 1"):
        Adam(parameters(0)[:1]).load(optimiser.state)


def test_a_step_needs_no_compiler():
    code = """
import sys, torch
from gankit.engine.adam import Adam
p = torch.zeros(2)
Adam([p]).step([torch.ones(2)])
assert p[0] < 0
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
