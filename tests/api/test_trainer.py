"""``gankit.Trainer``: the engine on plain tensors."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import gankit
from gankit.errors import GankitError

SMALL = {"train.batch": 32, "train.threads": 1}


class Conditional(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(inputs, 16), nn.LeakyReLU(0.2), nn.Linear(16, outputs))

    def forward(self, x, c):
        return self.body(torch.cat([x, c], 1))


def pair(latent=3, size=2):
    def mlp(a, b):
        return nn.Sequential(nn.Linear(a, 16), nn.LeakyReLU(0.2), nn.Linear(16, b))

    torch.manual_seed(1)
    return mlp(latent, size), mlp(size, 1)


@pytest.fixture
def x():
    return torch.randn(100, 2, generator=torch.Generator().manual_seed(0))


def test_training_goes_on_and_sampling_is_reproducible(x):
    seen = []
    trainer = gankit.Trainer(
        *pair(), x, device="cpu", settings=SMALL, callbacks=[lambda tick: seen.append(tick)]
    )
    assert repr(trainer) == "Trainer of (2) on 100 items: 0 samples seen"
    assert trainer.train(samples=64).samples == 64
    assert trainer.train(samples=64).samples == 128
    assert trainer.sample(5, seed=3).shape == (5, 2)
    assert torch.equal(trainer.sample(5, seed=3)[2:], trainer.sample(3, seed=5))
    assert [tick["samples"] for tick in seen] == [m["samples"] for m in trainer.metrics]
    assert "d_loss" in trainer.plot().svg


def test_training_is_watched(x):
    watched = SMALL | {"guard.every": 32, "guard.samples": 32}
    trainer = gankit.Trainer(*pair(), x, device="cpu", settings=watched).train(samples=640)
    assert {"diversity", "coverage", "d_accuracy"} <= set(trainer.metrics[-1])
    assert trainer.metrics[-1]["guard"] != "not watched"
    assert "heldout_distance" not in trainer.metrics[-1]  # nothing is held out


def test_steps_of_a_loop_of_ones_own_are_those_of_train(x):
    by_hand = gankit.Trainer(*pair(), x, device="cpu", settings=SMALL)
    losses = [by_hand.step() for _ in range(4)]
    assert {"d_loss", "g_loss", "r1"} <= losses[0].keys()
    at_once = gankit.Trainer(*pair(), x, device="cpu", settings=SMALL).train(samples=128)
    assert torch.allclose(by_hand.sample(4), at_once.sample(4))


def test_a_folder_keeps_checkpoints_that_are_continued_from(x, tmp_path):
    whole = gankit.Trainer(*pair(), x, device="cpu", settings=SMALL).train(samples=128)
    half = {"device": "cpu", "settings": SMALL, "out": tmp_path / "state"}
    gankit.Trainer(*pair(), x, **half).train(samples=64)
    again = gankit.Trainer(*pair(), x, **half)
    assert again.samples == 64
    assert torch.equal(again.train(samples=64).sample(4), whole.sample(4))


def test_labels_and_numbers_as_conditions(x):
    labels = torch.arange(100) % 3 + 5
    by_label = gankit.Trainer(
        Conditional(6, 2), Conditional(5, 1), x, labels, latent_dim=3, settings=SMALL
    )
    assert by_label.sample(4, 6).shape == by_label.sample(4).shape == (4, 2)
    with pytest.raises(GankitError, match="the data have no label 9. Known: 5, 6, 7"):
        by_label.sample(4, 9)
    by_number = gankit.Trainer(Conditional(5, 2), Conditional(4, 1), x, x, settings=SMALL)
    assert by_number.sample(4, [0.5, 1.0]).shape == (4, 2)
    with pytest.raises(GankitError, match=r"c has shape \(1, 3\).* Give \(4, 2\)|c has shape"):
        by_number.sample(4, [0.5, 1.0, 2.0])


@pytest.mark.parametrize(
    "objective",
    [
        "hinge",
        lambda real, fake: torch.nn.functional.softplus(fake - real),
        (lambda real, fake: fake - real, lambda real, fake: -fake),
        gankit.Objective("mine", lambda real, fake: fake - real, lambda real, fake: -fake),
    ],
)
def test_objectives(x, objective):
    trainer = gankit.Trainer(*pair(), x, objective=objective, device="cpu", settings=SMALL)
    assert trainer.step()["g_loss"] != 0


def test_one_function_is_the_relativistic_objective(x):
    def own(real, fake):
        return torch.nn.functional.softplus(fake - real)

    first, second = (
        gankit.Trainer(*pair(), x, objective=given, device="cpu", settings=SMALL).step()
        for given in ("rpgan", own)
    )
    assert first == pytest.approx(second)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x": torch.zeros(10, 3, 4)}, r"the generator gives \(N, 2\), the data are \(N, 3, 4\)"),
        ({"x": [[float("nan"), 0.0]] * 9}, "has values that are not finite"),
        ({"x": "text"}, "x is no tensor"),
        ({"c": torch.zeros(7)}, "c has 7 rows for 100 items"),
        ({"objective": "hinges"}, "no objective 'hinges'. Did you mean hinge"),
        ({"objective": 3}, "objective=3 is not an objective"),
        ({"optim__rl": 1}, "Did you mean optim.lr"),
        ({"callbacks": [3]}, "a callback is 3"),
    ],
)
def test_what_does_not_fit(x, given, message):
    with pytest.raises(GankitError, match=message):
        gankit.Trainer(*pair(), **{"x": x, **given})


def test_without_a_limit(x):
    with pytest.raises(GankitError, match="it is unclear how long to train. Give samples or time"):
        gankit.Trainer(*pair(), x).train()
