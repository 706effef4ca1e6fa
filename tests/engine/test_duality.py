"""Worst cases of both players: what the gap shows, and that measuring it changes nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from vectors import VectorCodec

from gankit.engine.data import RealSamples
from gankit.engine.duality import worst_cases
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.plan import TrainingPlan
from gankit.engine.settings import EngineSettings
from gankit.engine.trainer import Trainer
from gankit.metrics.duality import duality_gap

STEPS = 60


@pytest.fixture
def trainer(make_networks):
    """Three classes of vectors around their number."""
    torch.manual_seed(0)
    rng, codec, defaults = np.random.default_rng(0), VectorCodec(), EngineSettings()
    items = [(float(rng.normal(k)), int(k)) for k in rng.integers(0, 3, 600)]
    settings = replace(
        defaults,
        train=replace(defaults.train, batch=64),
        loss=replace(defaults.loss, r1=0.3),
        optim=replace(defaults.optim, lr=3e-3),
    )
    reals = RealSamples(
        items[:400], codec, batch=64, seed=0, device=torch.device("cpu"), cache="always"
    )
    plan = TrainingPlan(make_networks(), codec, reals, settings, OBJECTIVES["rpgan"], None)
    made = Trainer(plan)
    made.unseen = [codec.prepare(codec.encode(items[400:], rng))]
    return made


def gap(trainer, **options):
    found = worst_cases(
        *(trainer.updates, trainer.reals, trainer.generator_batch, trainer.unseen),
        samples=trainer.clock.game,
        **{"steps": STEPS, **options},
    )
    return duality_gap(found.discriminator, found.generator)


def test_the_gap_shrinks_with_training_and_grows_with_collapse(trainer):
    before, _ = gap(trainer)
    for _ in range(400):
        trainer.step()
    trained, error = gap(trainer)
    assert trained < before - 4 * error
    assert trained > -4 * error
    with torch.no_grad():  # one sample, whatever the class: at the mean
        layer = trainer.networks.generator.net[-1]
        layer.weight.zero_()
        layer.bias.fill_(1.0)
    collapsed, error = gap(trainer)
    assert collapsed > trained + 4 * error


def test_measuring_changes_nothing_and_is_deterministic_by_seed(trainer):
    trainer.step()
    modules = trainer.updates.modules().values()
    before = [t.clone() for m in modules for t in m.state_dict().values()]
    moments = [
        {k: v.clone() for k, v in state.items()}
        for player in (trainer.updates.discriminator, trainer.updates.generator)
        for state in player.optimiser.state.values()
    ]
    torch.manual_seed(7)
    state, position = torch.get_rng_state(), trainer.reals.position
    first = gap(trainer, steps=3, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert trainer.reals.position == position
    after = [t for m in modules for t in m.state_dict().values()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    for player in (trainer.updates.discriminator, trainer.updates.generator):
        for now in player.optimiser.state.values():
            assert all(torch.equal(now[k], v) for k, v in moments.pop(0).items())
    torch.manual_seed(8)
    assert gap(trainer, steps=3, seed=1) == first
    assert gap(trainer, steps=3, seed=2) != first


def test_without_training_there_is_no_gap(trainer):
    assert gap(trainer, steps=0)[0] == 0
