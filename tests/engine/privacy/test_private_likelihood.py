"""Private training by likelihood alone: gradients, noise, accounting, and what is recorded."""

from __future__ import annotations

import json
import math

import pytest
import torch
from likelihood import Gaussian, with_likelihood
from torch import nn
from training import StopAt, final_state
from vectors import MLP

from gankit import config as configuration
from gankit.contract import Networks
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.privacy import accountant, loss, secret
from gankit.engine.privacy.accountant import Plan
from gankit.engine.privacy.loss import PrivateLoss
from gankit.engine.privacy.secret import Privacy
from gankit.engine.settings import EngineSettings, PrivacySettings, TrainSettings
from gankit.engine.step import AdversarialLoss, trainable
from gankit.errors import GankitError
from gankit.workflows import train as training

pytest.importorskip("dp_accounting")


class Digits(nn.Module):
    """Two digits of four codes, the second given the first: embeddings, a masked product, a batch
    of products, and buffers."""

    def __init__(self, classes):
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(8, 3))
        self.first = nn.ParameterList([nn.Parameter(torch.randn(6, 10))])
        self.told = nn.Linear(classes, 10)
        self.last = nn.Parameter(torch.randn(2, 5, 4))
        self.bias = nn.Parameter(torch.zeros(2, 4))
        mask = torch.arange(6)[:, None] // 3 < torch.arange(10) // 5
        self.register_buffer("mask", mask.double(), persistent=False)
        self.register_buffer("start", torch.tensor([0, 4]), persistent=False)

    def forward(self, z, c):
        return z[:, :2]

    def nll(self, x, c):
        codes = (x * 2).round().long().clamp(0, 3)
        seen = self.embedding[codes + self.start].flatten(1)
        h = seen @ (self.first[0] * self.mask.to(seen)) + self.told(c)
        h = nn.functional.leaky_relu(h).view(len(x), 2, 5).transpose(0, 1)
        logits = torch.baddbmm(self.bias[:, None], h, self.last)
        mine = codes.T[..., None]
        total = (logits.logsumexp(2) - logits.gather(2, mine).squeeze(2))[0]
        return total + nn.functional.cross_entropy(logits[1], codes[:, 1], reduction="none")


def a_plan(**given):
    values = {
        "epsilon": 1.0, "delta": 1e-4, "clip": 1.0, "noise_multiplier": 0.0,
        "records": 300, "batch": 6, "steps": 100,
    }  # fmt: skip
    return Plan(**{**values, **given})


def networks_of(kind):
    torch.manual_seed(1)
    generator = kind(3).double()
    return Networks(generator, MLP(2, 1).double(), 4, likelihood=generator.nll)


def private(networks, plan, position=lambda: 0):
    given = {"privacy": Privacy(plan), "position": position}
    return PrivateLoss(networks, OBJECTIVES["rpgan"], **given), trainable(networks.generator)


@pytest.fixture
def real(setting):
    _, x, c, _ = setting
    return x, c


both = pytest.mark.parametrize("kind", [Gaussian, Digits])


# --- Gradients ----------------------------------------------------------------------------------


@both
def test_without_bound_and_noise_it_is_the_ordinary_step(real, kind):
    networks = networks_of(kind)
    losses, params = private(networks, a_plan(clip=1e9))
    ours, _ = losses.likelihood_step(params, *real)
    plain = AdversarialLoss(networks, OBJECTIVES["rpgan"]).likelihood_step(params, *real)[0]
    for a, b in zip(ours, plain, strict=True):
        torch.testing.assert_close(a, b.detach())


@both
@pytest.mark.parametrize("at_once", [1, 10**9], ids=["one by one", "together"])
def test_per_sample_gradients_are_those_of_a_loop(real, monkeypatch, kind, at_once):
    monkeypatch.setitem(loss.GRADIENTS_AT_ONCE, "cpu", at_once)
    networks, (x, c) = networks_of(kind), real
    params, norms = trainable(networks.generator), []
    each = [
        torch.autograd.grad(networks.likelihood(x[i : i + 1], c[i : i + 1]).sum(), params)
        for i in range(6)
    ]
    norms = [float(torch.cat([g.flatten() for g in gradients]).norm()) for gradients in each]
    clip = sorted(norms)[3]
    losses, _ = private(networks, a_plan(clip=clip))
    ours, _ = losses.likelihood_step(params, x, c)
    for k, gradient in enumerate(ours):
        loop = sum(g[k] * min(1, clip / norm) for g, norm in zip(each, norms, strict=True))
        torch.testing.assert_close(gradient, loop / 6)


@pytest.mark.parametrize("value", [1e6, -1e12, math.inf, math.nan])
def test_one_record_moves_the_sum_by_no_more_than_the_clip(real, value):
    """Its condition included."""
    networks, (x, c) = networks_of(Gaussian), real
    losses, params = private(networks, a_plan(clip=0.5))

    def summed(x, c):
        return 6 * torch.cat([g.flatten() for g in losses.likelihood_step(params, x, c)[0]])

    hostile, told, rest = x.clone(), c.clone(), [0, 1, 3, 4, 5]
    hostile[2], told[2] = value, 1e3
    blank = summed(x[rest], c[rest])
    assert blank.norm() <= 5 * 0.5
    assert (summed(hostile, told) - blank).norm() <= 0.5 + 1e-9
    assert summed(hostile, told).isfinite().all()


def test_noise_has_the_scale_that_the_accountant_assumes(real):
    """An empty batch leaves only noise: sigma C over the expected batch, new at each position."""
    (x, c), at = real, [0]
    plan = a_plan(clip=0.5, noise_multiplier=3.0, batch=10)
    losses, params = private(networks_of(Digits), plan, lambda: at[0])

    def drawn(position):
        at[0] = position
        found, logs = losses.likelihood_step(params, x[:0], c[:0])
        assert 0.5 < float(logs["g_signal"]) < 1.5  # 1 where there is nothing but noise
        return torch.cat([g.flatten() for g in found])

    noise = torch.stack([drawn(k) for k in range(200)])
    scale, n = 3.0 * 0.5 / 10, noise.numel()
    assert abs(float(noise.mean())) < 5 * scale / math.sqrt(n)
    assert abs(float(noise.std()) / scale - 1) < 5 / math.sqrt(2 * n)
    assert torch.equal(drawn(7), noise[7])


# --- Accounting ---------------------------------------------------------------------------------


def test_each_batch_is_one_step_whatever_the_game_would_take():
    train = TrainSettings(batch=100, samples=50_050, d_steps=3, warm_up=50_050)
    found = accountant.plan(EngineSettings(train=train, privacy=PrivacySettings(epsilon=3.0)), 5000)
    assert found.steps == 501
    assert 2.97 < found.spent(501) <= 3


# --- Runs ---------------------------------------------------------------------------------------


PRIVATE = [
    *("privacy.epsilon=5", "train.samples=1440", "train.warm_up=1", "train.batch=48"),
    *("train.threads=1", "log.preview_count=6", "log.every=48"),
]


@pytest.fixture
def likely(vectors, monkeypatch):
    with_likelihood(vectors.modality, monkeypatch)
    return vectors


def train(vectors, folder, *words, callbacks=()):
    config = configuration.resolve(
        vectors.info, vectors.modality.Settings, overrides=[*PRIVATE, *words]
    )
    return training.train(vectors, config, folder, device="cpu", callbacks=callbacks)


def test_the_spending_is_recorded_and_nothing_of_real_samples(likely, tmp_path):
    assert train(likely, tmp_path / "run") == "done"
    record = json.loads((tmp_path / "run" / "model" / "model.json").read_text())["privacy"]
    assert 4.9 < record["epsilon"] <= 5 == record["epsilon_asked"]
    assert record["steps"] == record["steps_planned"] == 30
    assert "the clipped and noised gradients of its likelihood" in record["covers"]
    lines = [
        json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    ]
    spent = [line["epsilon"] for line in lines]
    assert spent == sorted(set(spent))
    assert spent[-1] == record["epsilon"]
    assert {line["phase"] for line in lines} == {"warm-up"}
    assert all("g_signal" in line for line in lines)
    assert not {"nll", "real_std", "d_real", "d_loss"} & set(lines[-1])


def test_a_private_likelihood_learns(likely, tmp_path, monkeypatch):
    """Enough records in a batch for the noise: the class means of the data, 0, 1 and 2."""
    monkeypatch.setattr(secret.os, "urandom", lambda n: b"s" * n)
    words = ["train.samples=24000", "train.batch=240", "warm_up.lr=0.1", "privacy.epsilon=200"]
    assert train(likely, tmp_path / "run", *words) == "done"
    mean = final_state(tmp_path / "run")[0]["generator/mean"]
    torch.testing.assert_close(mean, torch.arange(3.0)[:, None].expand(3, 2), atol=0.5, rtol=0)


@pytest.mark.parametrize("words", [[], ["data.cache=never", "data.workers=0"]])
def test_interrupted_and_resumed_is_bit_identical(likely, tmp_path, monkeypatch, words):
    monkeypatch.setattr(secret.os, "urandom", lambda n: b"s" * n)
    assert train(likely, tmp_path / "whole", *words) == "done"
    assert train(likely, tmp_path / "cut", *words, callbacks=[StopAt(700)]) == "interrupted"
    monkeypatch.setattr(secret.os, "urandom", lambda n: b"t" * n)  # the checkpoint has the secret
    assert train(likely, tmp_path / "cut", *words) == "done"
    whole, about = final_state(tmp_path / "whole")
    cut, about_cut = final_state(tmp_path / "cut")
    assert whole.keys() == cut.keys()
    for name in whole:
        assert torch.equal(whole[name], cut[name]), name
    assert about["policy"] == about_cut["policy"]


def test_a_game_after_the_warm_up_is_refused(likely, tmp_path):
    with pytest.raises(GankitError, match="train.warm_up and a game after it.*train.warm_up=1"):
        train(likely, tmp_path / "run", "train.warm_up=0.5", "loss.objective=nonsaturating")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("resampling.candidates=2", "without noise. Use resampling.candidates=1"),
        ("train.accumulate=2", "train.accumulate"),
        ("train.time=60", "in samples"),
    ],
)
def test_settings_that_cannot_be_combined(likely, tmp_path, word, message):
    with pytest.raises(GankitError, match=message):
        train(likely, tmp_path / "run", word)
    assert not (tmp_path / "run").exists()


def test_a_game_that_is_never_played_may_be_any(likely, tmp_path):
    words = ["train.samples=96", "loss.objective=rpgan", "augment.target=0.6"]
    assert train(likely, tmp_path / "run", *words, "loss.gradient_penalty=1") == "done"


def test_a_likelihood_without_per_sample_gradients_is_refused(vectors, tmp_path, monkeypatch):
    def built(codec, settings):
        generator = Gaussian(3)

        def nll(x, c):
            return generator.nll(x, c) + (0 if x.max().item() else 1)

        return Networks(generator, MLP(2, 1), 4, likelihood=nll)

    monkeypatch.setattr(vectors.modality, "build_networks", built)
    with pytest.raises(GankitError, match="likelihood has no per-sample gradients"):
        train(vectors, tmp_path / "run")
    assert not (tmp_path / "run").exists()
