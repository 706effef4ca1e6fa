"""Private training: gradients, noise, accounting, secrecy, and no other way for data to leak."""

from __future__ import annotations

import dataclasses
import json
import math
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from training import StopAt, final_state, weights
from vectors import MLP, VectorCodec, VectorModality

from gankit import config as configuration
from gankit.contract import Dataset, Networks, PluginInfo
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.parallel import ParallelContext
from gankit.engine.privacy import accountant, loss, secret
from gankit.engine.privacy.accountant import Plan
from gankit.engine.privacy.batches import PoissonSamples
from gankit.engine.privacy.loss import PrivateLoss, clipped_sum
from gankit.engine.privacy.policy import PrivatePolicy, generator_conditions
from gankit.engine.privacy.secret import Privacy
from gankit.engine.sampling.conditions import ConditionTable
from gankit.engine.settings import EngineSettings, PrivacySettings, TrainSettings
from gankit.engine.step import AdversarialLoss, trainable
from gankit.errors import GankitError
from gankit.plugins.records import LoadedModality
from gankit.workflows import train as training
from gankit.workflows.prepare import prepare

pytest.importorskip("dp_accounting")

PRIVATE = [
    "loss.objective=nonsaturating",
    "penalty.gamma=0.1",
    "privacy.epsilon=5",
    "train.batch=48",
    "train.threads=1",
    "log.preview_count=6",
]


INFO = PluginInfo("vectors", "numbers", "tests:none")


def a_plan(**given):
    values = {
        "epsilon": 1.0, "delta": 1e-4, "clip": 1.0, "noise_multiplier": 1.0,
        "records": 300, "batch": 6, "steps": 100,
    }  # fmt: skip
    return Plan(**{**values, **given})


def private(networks, plan, objective="nonsaturating"):
    given = {"privacy": Privacy(plan), "position": lambda: 0}
    return PrivateLoss(networks, OBJECTIVES[objective], **given), trainable(networks.discriminator)


# --- Gradients ----------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["nonsaturating", "hinge", "lsgan", "wasserstein", "rpgan"])
@pytest.mark.parametrize("penalise", [True, False])
@pytest.mark.parametrize("logits", [1, 3])
def test_without_bound_and_noise_it_is_the_ordinary_step(setting, objective, penalise, logits):
    networks, real, c, z = setting
    networks = dataclasses.replace(networks, discriminator=MLP(2, logits).double())
    losses, params = private(networks, a_plan(clip=1e9, noise_multiplier=0.0), objective)
    ours, _ = losses.discriminator_step(params, real, c, z, weights(0.7, 0.3), penalise)
    ordinary, _ = AdversarialLoss(networks, OBJECTIVES[objective]).discriminator_step(
        params, real, c, z, weights(0.7, 0.3), penalise
    )
    for a, b in zip(ours, ordinary, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("at_once", [1, 10**9], ids=["one by one", "together"])
def test_per_sample_gradients_are_those_of_a_loop(setting, monkeypatch, at_once):
    """Batches of one through the ordinary step, clipped by hand."""
    monkeypatch.setitem(loss.GRADIENTS_AT_ONCE, "cpu", at_once)
    networks, real, c, z = setting
    clip, w = 0.8, weights(0.7, 0.3)
    losses, params = private(networks, a_plan(clip=clip, noise_multiplier=0.0))
    ours, _ = losses.discriminator_step(params, real, c, z, w)
    plain, norms = AdversarialLoss(networks, OBJECTIVES["nonsaturating"]), []
    total = [torch.zeros_like(p) for p in params]
    for i in range(6):
        one = slice(i, i + 1)
        gradients, _ = plain.discriminator_step(params, real[one], c[one], z[one], w)
        norms.append(float(torch.cat([g.flatten() for g in gradients]).norm()))
        for t, g in zip(total, gradients, strict=True):
            t += g * min(1, clip / norms[-1])
    assert min(norms) < clip < max(norms), "the test needs both kinds"
    for a, b in zip(ours, total, strict=True):
        torch.testing.assert_close(a, b.detach() / 6)


@pytest.mark.parametrize("value", [1e6, -1e12, math.inf, math.nan])
def test_one_record_moves_the_sum_by_no_more_than_the_clip(setting, value):
    networks, real, c, z = setting
    losses, _ = private(networks, a_plan())
    by_name = {k: p.detach() for k, p in networks.discriminator.named_parameters()}
    with torch.no_grad():
        fake = networks.generator(z, c)

    def summed(real, fake, c):
        return torch.cat([
            t.flatten()
            for t in clipped_sum(
                lambda p, *pair: losses.pair_loss(p, *pair, weights(0.7, 0.3), True),
                by_name, (real, fake, c), 0.5,
            )
        ])  # fmt: skip

    before = summed(real, fake, c)
    hostile = real.clone()
    hostile[2] = value
    assert before.norm() <= 6 * 0.5
    assert (summed(hostile, fake, c) - before).norm() <= 2 * 0.5 + 1e-9  # replaced
    rest = [0, 1, 3, 4, 5]
    without = summed(real[rest], fake[rest], c[rest])
    assert (summed(hostile, fake, c) - without).norm() <= 0.5 + 1e-9  # blanked out
    assert summed(hostile, fake, c).isfinite().all()


def test_noise_has_the_scale_that_the_accountant_assumes(setting):
    """An empty batch leaves only noise: sigma C over the expected batch, new at each step."""
    networks, real, c, z = setting
    privacy, at = Privacy(a_plan(clip=0.5, noise_multiplier=3.0, batch=10)), [0]
    losses = PrivateLoss(
        networks, OBJECTIVES["nonsaturating"], privacy=privacy, position=lambda: at[0]
    )
    params = trainable(networks.discriminator)

    def drawn(position):
        at[0] = position
        found, logs = losses.discriminator_step(params, real[:0], c[:0], z[:0], weights(1, 1))
        return torch.cat([g.flatten() for g in found]), logs["d_signal"]

    noise = torch.stack([drawn(k)[0] for k in range(200)])
    scale = 3.0 * 0.5 / 10
    n = noise.numel()
    assert abs(float(noise.mean())) < 5 * scale / math.sqrt(n)
    assert abs(float(noise.std()) / scale - 1) < 5 / math.sqrt(2 * n)
    correlation = float((noise[0] * noise[1]).sum() / noise[0].norm() / noise[1].norm())
    assert abs(correlation) < 5 / math.sqrt(noise.shape[1])
    assert torch.equal(drawn(7)[0], noise[7])
    assert 0.5 < float(drawn(0)[1]) < 1.5  # d_signal is 1 where there is nothing but noise


# --- Accounting ---------------------------------------------------------------------------------


def delta_of_gaussian(epsilon, sigma):
    """Balle & Wang 2018, theorem 8, at sensitivity 1."""

    def phi(x):
        return 0.5 * math.erfc(-x / math.sqrt(2))

    return phi(0.5 / sigma - epsilon * sigma) - math.exp(epsilon) * phi(
        -0.5 / sigma - epsilon * sigma
    )


@pytest.mark.parametrize(("sigma", "steps"), [(2.0, 1), (5.0, 10), (40.0, 400)])
def test_full_batches_are_the_closed_form(sigma, steps):
    """Without sampling, T steps are one Gaussian mechanism with sigma / sqrt(T)."""
    plan = a_plan(noise_multiplier=sigma, batch=300, records=300, steps=steps, delta=1e-5)
    epsilon = plan.spent(steps)
    exact = delta_of_gaussian(epsilon, sigma / math.sqrt(steps))
    assert exact <= 1e-5 * (1 + 1e-6), "rounded the wrong way"
    assert exact > 0.95e-5


def test_sampled_batches_agree_with_another_library():
    """opacus 1.6.0: PRVAccountant 3.1989 and RDPAccountant 3.4495 (an upper bound) for history
    [(2.0, 1000 / 29305, 1500)] at delta 1 / 293050."""
    plan = a_plan(noise_multiplier=2.0, batch=1000, records=29305, steps=1500, delta=1 / 293050)
    assert plan.spent(1500) == pytest.approx(3.1989, abs=0.02)
    assert plan.spent(1500) < 3.4495
    assert 0 == plan.spent(0) < plan.spent(1) < plan.spent(700) < plan.spent(1500)


def engine(epsilon=3.0, delta=0.0, batch=100, samples=50_000, d_steps=1):
    return EngineSettings(
        train=TrainSettings(batch=batch, samples=samples, d_steps=d_steps),
        privacy=PrivacySettings(epsilon=epsilon, delta=delta),
    )


@pytest.mark.parametrize("epsilon", [0.5, 3.0, 10.0])
def test_a_plan_spends_nearly_the_requested_epsilon_and_no_more(epsilon):
    plan = accountant.plan(engine(epsilon, d_steps=3, samples=50_050), 5000)
    assert plan.steps == 3 * math.ceil(50_050 / 300)
    assert plan.delta == 1 / 50_000
    assert 0.99 * epsilon < plan.spent(plan.steps) <= epsilon


@pytest.mark.parametrize(
    ("given", "records", "message"),
    [
        ({"delta": 0.01}, 100, "below 1/n = 0.01"),
        ({"epsilon": 0.001}, 5000, "training would fail"),
        ({"batch": 16}, 5000, "batches of 16"),
        ({}, 20, "batches of 20"),
    ],
)
def test_impossible_plans(given, records, message):
    with pytest.raises(GankitError, match=message):
        accountant.plan(engine(**given), records)


def test_the_library_may_be_missing(monkeypatch):
    accountant._loss_distribution.cache_clear()
    monkeypatch.setitem(sys.modules, "dp_accounting.pld", None)
    with pytest.raises(GankitError, match="dp-accounting.*not installed") as error:
        accountant.plan(engine(), 5000)
    assert "gankit[privacy]" in str(error.value)


# --- Batches ------------------------------------------------------------------------------------


def poisson(privacy, cache="auto"):
    items = [(float(i), i % 3) for i in range(300)]
    return PoissonSamples(
        items, VectorCodec(), privacy=privacy, batch=60, seed=0, device=torch.device("cpu"),
        cache=cache,
    )  # fmt: skip


def test_each_record_is_drawn_independently_with_the_rate():
    privacy = Privacy(a_plan(batch=60))
    batches = [privacy.sampled(k) for k in range(2000)]
    member = np.zeros((2000, 300))
    for row, batch in zip(member, batches, strict=True):
        assert len(set(batch)) == len(batch)
        row[batch] = 1
    assert member.mean() == pytest.approx(0.2, abs=0.003)
    assert abs(member.mean(0) - 0.2).max() < 5 * math.sqrt(0.16 / 2000)
    assert member.sum(1).var() == pytest.approx(300 * 0.16, rel=0.2)  # binomial, not fixed
    assert abs(np.corrcoef(member[:-1, 0], member[1:, 0])[0, 1]) < 0.1  # no epochs


def test_batches_are_a_function_of_secret_and_position():
    privacy, other = Privacy(a_plan(batch=60)), Privacy(a_plan(batch=60))
    assert privacy.sampled(120) == privacy.sampled(120) != privacy.sampled(180)
    assert privacy.sampled(120) != other.sampled(120)
    streams = [poisson(privacy), poisson(privacy, "never")]
    drawn = []
    for reals in streams:
        torch.manual_seed(0)
        drawn.append([reals.next() for _ in range(4)])
        assert reals.position == 240
    for cached, streamed in zip(*drawn, strict=True):
        assert torch.equal(cached.x, streamed.x)
        assert torch.equal(cached.c, streamed.c)
    streams[0].seek(120)
    torch.manual_seed(0)
    assert streams[0].next().x.round()[:, 0].tolist() == privacy.sampled(120)


# --- The generator ------------------------------------------------------------------------------


def test_the_generators_gradients_do_not_depend_on_the_records(tmp_path, monkeypatch):
    """Other items, the same D and the same published table: G's gradients are the same."""

    class Elsewhere(VectorModality):
        def read(self, source, settings, progress):
            found = super().read(source, settings, progress)
            return Dataset([(v * -7 + 100, k) for v, k in found.items], "other", "300 numbers")

    found = []
    for modality in (VectorModality(), Elsewhere()):
        loaded = LoadedModality(INFO, modality, "gankit", "0")
        config = configuration.resolve(loaded.info, modality.Settings, overrides=PRIVATE)
        trainer, _ = prepare(loaded, config, tmp_path / "none", device="cpu")
        monkeypatch.setattr(trainer.reals, "next", lambda: pytest.fail("G got a real batch"))
        torch.manual_seed(5)
        updates = trainer.updates
        found.append(updates.gradients(updates.generator, trainer.generator_batch()))
    (here, logs), (there, _) = found
    assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))
    assert any(g.abs().sum() > 0 for g in here)
    assert set(logs) == {"g_loss"}


def test_the_generators_conditions(make_networks):
    """From the table by frequency; from generated samples where the codec can infer them."""
    losses = AdversarialLoss(make_networks(), OBJECTIVES["nonsaturating"])
    table = ConditionTable(torch.eye(3), torch.tensor([6.0, 3.0, 1.0]))
    batch = generator_conditions(losses, VectorCodec(), table, 5000)
    assert batch.x.numel() == 0
    assert torch.allclose(batch.c.mean(0), torch.tensor([0.6, 0.3, 0.1]), atol=0.03)

    class Inferring(VectorCodec):
        def sample_conditions(self, where, seeds):
            return torch.zeros(len(seeds), 3)

        def infer_conditions(self, x):
            return torch.eye(3)[(x[:, 0] > 0).long()]

    c = generator_conditions(losses, Inferring(), None, 50).c
    assert c.shape == (50, 3)
    assert (c.sum(1) == 1).all()


# --- Runs ---------------------------------------------------------------------------------------


def train(vectors, folder, *words, callbacks=()):
    config = configuration.resolve(
        vectors.info, vectors.modality.Settings, overrides=[*PRIVATE, *words]
    )
    return training.train(vectors, config, folder, device="cpu", callbacks=callbacks)


@pytest.mark.parametrize(
    "words", [[], ["train.d_steps=3", "data.cache=never", "data.workers=0", "train.precision=bf16"]]
)
def test_interrupted_and_resumed_is_bit_identical(vectors, tmp_path, monkeypatch, words):
    words = [*words, "train.samples=1440", "log.every=48"]
    monkeypatch.setattr(secret.os, "urandom", lambda n: b"s" * n)
    assert train(vectors, tmp_path / "whole", *words) == "done"
    assert train(vectors, tmp_path / "cut", *words, callbacks=[StopAt(700)]) == "interrupted"
    monkeypatch.setattr(secret.os, "urandom", lambda n: b"t" * n)  # the checkpoint has the secret
    assert train(vectors, tmp_path / "cut", *words) == "done"
    whole, about = final_state(tmp_path / "whole")
    cut, about_cut = final_state(tmp_path / "cut")
    assert whole.keys() == cut.keys()
    for name in whole:
        assert torch.equal(whole[name], cut[name]), name
    assert about["policy"] == about_cut["policy"]
    assert about["position"] == about_cut["position"]


def test_what_a_run_records_and_what_stays_secret(vectors, tmp_path):
    words = ["train.samples=960", "log.every=96", "train.seed=4"]
    for name in ("one", "two"):
        train(vectors, tmp_path / name, *words)
    run = tmp_path / "one"
    record = json.loads((run / "model" / "model.json").read_text())["privacy"]
    assert 4.9 < record["epsilon"] <= 5 == record["epsilon_asked"]
    assert record["steps"] == record["steps_planned"] == 20
    assert record["delta"] == 1 / (10 * record["records"])
    assert record["sampling_rate"] == 48 / record["records"]
    assert record["accountant"].startswith("dp-accounting 0.")
    assert record["does_not_cover"]

    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    spent = [line["epsilon"] for line in lines]
    assert spent == sorted(spent)
    assert spent[-1] == record["epsilon"]
    assert not {"d_real", "d_sign", "d_loss", "r1", "real_std"} & set(lines[-1])

    # The seed is published, so nothing may follow from it; the secret stays in the checkpoint.
    secret = final_state(run)[1]["policy"]["secret"]
    assert len(bytes.fromhex(secret)) == 16
    for file in run.rglob("*"):
        if file.is_file() and "checkpoints" not in file.parts:
            content = file.read_bytes()
            assert secret.encode() not in content
            assert bytes.fromhex(secret) not in content
    # A hash of the data would confirm a guess at the one record that an attacker does not know.
    known = json.loads((run / "provenance.json").read_text())["data"]["fingerprint"]
    assert known not in (run / "model" / "model.json").read_text()
    a, b = (
        load_file(tmp_path / name / "model" / "generator.safetensors") for name in ("one", "two")
    )
    assert not any(torch.equal(a[k], b[k]) for k in a)


def test_a_run_cannot_be_extended(vectors, tmp_path):
    train(vectors, tmp_path / "run", "train.samples=480")
    before = {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()}
    with pytest.raises(GankitError, match="chosen for 10 steps; 20 would spend more"):
        train(vectors, tmp_path / "run", "train.samples=960")
    assert before == {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("loss.objective=rpgan", "its generator uses real samples.*nonsaturating"),
        ("loss.gradient_penalty=1", "penalty.gamma"),
        ("penalty.gamma=auto", "penalty.gamma=0.1"),
        ("loss.penalty_form=finite-difference", "penalty_form=exact"),
        ("augment.target=0.6", "augment.p"),
        ("train.warm_up=96", "a game after it. Use train.warm_up=1, .* or train.warm_up=0"),
        ("resampling.candidates=2", "without noise. Use resampling.candidates=1"),
        ("train.accumulate=2", "train.accumulate"),
        ("train.compile=true", "train.compile"),
        ("train.time=60", "in samples"),
        ("privacy.epsilon=-1", "privacy.epsilon=-1.0: out of range. Use between 0 and"),
        ("privacy.delta=1", "privacy.delta=1.0: out of range. Use between 0 and 0.5"),
        ("privacy.delta=0.5", "below 1/n"),
        ("privacy.clip=0", "privacy.clip=0.0: out of range. Use above 0"),
        ("privacy.epsilon=0.0001", "training would fail"),
    ],
)
def test_settings_that_cannot_be_combined(vectors, tmp_path, word, message):
    with pytest.raises(GankitError, match=message):
        train(vectors, tmp_path / "run", word)
    assert not (tmp_path / "run").exists()


class Mixed(VectorModality):
    """Batch normalisation, stated or not."""

    def __init__(self, stated):
        self.stated = stated

    def build_networks(self, codec, settings):
        return Networks(MLP(4, 2), MLP(2, 1, batch_norm=True), 4, batch_dependent=self.stated)


@pytest.mark.parametrize("stated", [True, False])
def test_batch_dependent_networks_are_refused(vectors, tmp_path, stated):
    mixed = dataclasses.replace(vectors, modality=Mixed(stated))
    message = "depends on its neighbours" if stated else "no per-sample gradients"
    with pytest.raises(GankitError, match=message):
        train(mixed, tmp_path / "run")
    assert not (tmp_path / "run").exists()


ENGINE = EngineSettings(privacy=PrivacySettings(epsilon=3))


def test_several_processes_are_refused(monkeypatch):
    monkeypatch.setattr(ParallelContext, "current", lambda: ParallelContext(0, 2))
    with pytest.raises(GankitError, match="several processes"):
        PrivatePolicy().check(ENGINE, OBJECTIVES["nonsaturating"])


def test_a_learned_codec_is_refused():
    codec = VectorCodec()
    PrivatePolicy().check(ENGINE, OBJECTIVES["nonsaturating"], codec=codec)
    codec.is_learned = True
    with pytest.raises(GankitError, match="this codec: it is a model of its own"):
        PrivatePolicy().check(ENGINE, OBJECTIVES["nonsaturating"], codec=codec)


def test_a_run_without_privacy_records_none(vectors, tmp_path):
    train(vectors, tmp_path / "run", "privacy.epsilon=0", "train.samples=96")
    assert "privacy" not in json.loads((tmp_path / "run" / "model" / "model.json").read_text())
    line = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    assert "epsilon" not in line
    assert {"d_real", "real_std"} <= set(line)


@pytest.mark.parametrize("epsilon", [0, 5])
def test_previews_of_private_runs_show_no_real_items(vectors, tmp_path, monkeypatch, epsilon):
    shown, preview = [], vectors.modality.preview

    def noting(items, codec, real=()):
        shown.append(len(real))
        return preview(items, codec, real)

    monkeypatch.setattr(vectors.modality, "preview", noting)
    words = ["train.samples=96", f"privacy.epsilon={epsilon}"]
    assert train(vectors, tmp_path / "run", *words) == "done"
    assert set(shown) == ({0} if epsilon else {240})
