"""A compiled step computes what the eager one does, second derivatives included."""

from __future__ import annotations

import functools
import shutil

import pytest
import torch

from gankit.contract import Batch
from gankit.engine.clock import TrainingSchedules
from gankit.engine.compile import CompiledStep
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.parallel import ParallelContext
from gankit.engine.randomness import StepRandomness
from gankit.engine.settings import EngineSettings, PenaltySettings, TrainSettings
from gankit.engine.step import AdversarialLoss, LossTerms, LossWeights, trainable
from gankit.engine.updates import Updates


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")
def test_compiled_finite_differences_share_the_augmentation(make_networks):
    """The compiler orders random numbers anew; with others in both passes, R1 would be 1e4 times
    as large."""
    torch.manual_seed(0)
    networks = make_networks()
    networks.augment_input = lambda x, p: x * (1 + torch.rand(len(x), 1)) + torch.randn(len(x), 1)
    params, n, r1 = trainable(networks.discriminator), 4096, {}
    w = LossWeights(*(torch.tensor(v) for v in (0.5, 0.5, 0.0, 0.0)))
    x, c, z = torch.randn(n, 2), torch.eye(3)[torch.arange(n) % 3], torch.randn(n, 4)
    for sigma in (0.0, 0.01):
        loss = AdversarialLoss(networks, OBJECTIVES["rpgan"], LossTerms(finite_difference=sigma))
        step = loss.discriminator_step
        if sigma:
            step = CompiledStep(step, networks.discriminator, networks.generator)
        _, logs = step(params, x, c, z, w, True)
        r1[sigma] = float(logs["r1"])
    assert r1[0.01] == pytest.approx(r1[0.0], rel=0.15)


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


def test_nothing_is_compiled_again(make_networks, monkeypatch):
    """Whatever the schedules set and the optimisers change. Dynamo alone decides, so that its
    graphs need not be translated."""
    from torch._dynamo.utils import counters

    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    networks, device = make_networks(), torch.device("cpu")
    penalty, train = PenaltySettings(gamma=0.1), TrainSettings(compile=True, batch=8)
    settings = EngineSettings(train=train, penalty=penalty)
    loss = AdversarialLoss(networks, OBJECTIVES["rpgan"])
    random = StepRandomness(lambda what, at: at, lambda: 0, ParallelContext(), device)
    updates = Updates(networks, loss, settings, device, ParallelContext(), random)
    schedules, graphs = TrainingSchedules(settings), []
    for samples in range(0, 40, 8):
        updates.set(schedules.at(samples))
        real = Batch(torch.randn(8, 2), torch.eye(3)[torch.arange(8) % 3])
        updates.step_discriminator(lambda real=real: real, True)
        updates.step_generator(lambda real=real: real)
        graphs.append(counters["stats"]["unique_graphs"])
    assert len(set(graphs)) == 1, graphs
    assert not counters["recompiles"]
    assert not counters["graph_break"]
