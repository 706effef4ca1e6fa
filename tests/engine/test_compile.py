"""A compiled step computes what the eager one does, second derivatives included."""

from __future__ import annotations

import shutil

import pytest
import torch

from gankit.engine.compile import CompiledStep
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.step import AdversarialLoss, LossWeights, trainable


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")
def test_compiled_equals_eager(make_networks):
    torch.manual_seed(0)
    networks = make_networks()
    game = AdversarialLoss(networks, OBJECTIVES["rpgan"])
    compiled = CompiledStep(game.discriminator_step, networks.discriminator, networks.generator)
    params = trainable(networks.discriminator)
    w = LossWeights(*(torch.tensor(v) for v in (0.5, 0.5, 0.0, 0.0)))
    for gamma in (0.5, 2.0):  # weights are inputs: changing one recompiles nothing
        w.r1.fill_(gamma)
        with torch.no_grad():  # and so are the parameters
            for p in (*params, *networks.generator.parameters()):
                p.add_(0.01)
        x, c, z = torch.randn(8, 2), torch.eye(3)[torch.arange(8) % 3], torch.randn(8, 4)
        expected, logs = game.discriminator_step(params, x, c, z, w, True)
        found, found_logs = compiled(params, x, c, z, w, True)
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
        assert found_logs.keys() == logs.keys()
    assert len(compiled.compiled) == 1
