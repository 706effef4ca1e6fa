"""Choosing among candidates by a density ratio that is known, and by one that is fitted."""

from __future__ import annotations

import math

import pytest
import torch
from clocks import FakeClock
from torch import nn
from vectors import MLP, VectorCodec

import gankit
from gankit.contract import Batch
from gankit.engine.adam import Adam
from gankit.engine.data import RealSamples
from gankit.engine.sampling.resampling import (
    Resampling,
    fit_density_ratio,
    flatten_ratio,
    from_pool,
)
from gankit.engine.sampling.sampler import Resampler, Sampler
from gankit.engine.sampling.walks import between
from gankit.engine.settings import ResamplingSettings
from gankit.runs.directory import Run


class Shifted(nn.Module):
    """The same draw from N(1, 1) twice, for any class."""

    def forward(self, z, c):
        return z[:, :1].repeat(1, 2) + 1


class LogRatio(nn.Module):
    """log N(x; 0, 1) - log N(x; 1, 1)."""

    def forward(self, x, c):
        return 0.5 - x[:, 0]


def test_the_logit_becomes_the_logarithm_of_the_density_ratio():
    torch.manual_seed(0)
    classifier = MLP(1, 1)
    c = torch.eye(3)[torch.arange(256) % 3]

    def fakes(real):
        return Batch(torch.randn(len(real), 1) + 1, real.c)

    settings = ResamplingSettings(lr=5e-3, weight_decay=0)
    assert fit_density_ratio(classifier, fakes, real_batch(c), 400_000, settings)
    x = torch.linspace(-1, 2, 30)[:, None]
    logits = classifier(x, c[:30])
    assert (logits - (0.5 - x[:, 0])).abs().max() < 0.3


def real_batch(c):
    return lambda: Batch(torch.randn(len(c), 1), c)


def test_it_stops_on_request():
    batch = Batch(torch.randn(8, 1), torch.eye(3)[[0] * 8])
    stopped = fit_density_ratio(
        MLP(1, 1),
        lambda real: Batch(torch.randn(len(real), 1), real.c),
        lambda: batch,
        1000,
        ResamplingSettings(),
        stop=lambda: True,
    )
    assert not stopped


def sampler(candidates):
    codec = VectorCodec()
    codec.layout = type(codec.layout)((2,), None)
    codec.decode = lambda batch, seeds, where=None: [float(x[0]) for x in batch.x]
    resampler = Resampler(LogRatio(), candidates) if candidates > 1 else None
    return Sampler(Shifted(), codec, 1, torch.device("cpu"), resampler=resampler)


def test_choosing_brings_samples_to_the_real_distribution():
    few, many = (torch.tensor([s.item for s in sampler(k).sample(20_000)]) for k in (1, 64))
    assert few.mean() == pytest.approx(1, abs=0.03)
    assert many.mean() == pytest.approx(0, abs=0.08)
    assert many.std() == pytest.approx(1, abs=0.08)


def test_a_chosen_item_depends_on_its_seed_alone():
    some = sampler(4)
    whole = {s.seed: s.item for s in some.sample(300)}
    assert all(s.item == whole[s.seed] for s in some.sample(40, 111))


def test_candidates_are_compared_by_the_codecs_density_ratio_input():
    backwards = sampler(64)
    backwards.codec.density_ratio_input = lambda batch, seeds=None: Batch(1 - batch.x)
    chosen = torch.tensor([s.item for s in backwards.sample(5_000)])
    # The ratio sees 1 - x, which is N(0, 1), as x: exp(0.5 - (1 - x)) moves N(1, 1) to N(2, 1).
    assert chosen.mean() == pytest.approx(2, abs=0.08)


def test_samples_of_a_pool_keep_their_own_conditions():
    x = torch.arange(12.0)[:, None]
    fakes = from_pool([Batch(x[:5], 2 * x[:5]), Batch(x[5:], 2 * x[5:])])
    drawn = [fakes(Batch(torch.zeros(8, 1), torch.ones(8, 1))) for _ in range(20)]
    assert all(len(batch) == 8 and torch.equal(batch.c, 2 * batch.x) for batch in drawn)
    assert torch.cat([batch.x for batch in drawn]).unique().tolist() == x[:, 0].tolist()
    assert from_pool([Batch(x)])(Batch(x[:3])).c is None


def test_interpolation_is_between_the_chosen_candidates():
    some = sampler(4)
    other = 0
    for last in (40, 41, 42, 43):
        path = [s.item for s in between(some, (3, last), 5)]
        ends = [s.item for seed in (3, last) for s in some.sample(1, seed)]
        assert [path[0], path[-1]] == ends
        assert path[2] == pytest.approx(sum(ends) / 2, abs=1e-5)  # one dimension: linear
        other += ends[1] != pytest.approx(float(some.latents([last])) + 1)
    assert other, "no seed's winner is another than its first candidate"


def run(tmp_path, name, candidates=3, samples=512, pool_size=0, **more):
    return gankit.fit(
        "toy",
        out=tmp_path / name,
        device="cpu",
        train__samples=samples,
        train__threads=1,
        resampling__candidates=candidates,
        resampling__train_fraction=4.0,
        resampling__pool_size=pool_size,
        **more,
    )


@pytest.mark.parametrize("pool_size", [0, 300])
def test_a_run_keeps_its_density_ratio(tmp_path, pool_size):
    made = run(tmp_path, "a", pool_size=pool_size)
    assert made.sampler("cpu").resampler.candidates == 3
    assert (made.path / "model" / "ratio.safetensors").is_file()
    assert made.sample(5) == run(tmp_path, "b", pool_size=pool_size).sample(5)
    plain = run(tmp_path, "c", candidates=1)
    assert plain.sampler("cpu").resampler is None


def test_the_classifier_makes_no_more_passes_over_the_data_than_allowed(tmp_path, monkeypatch):
    used = []

    def fit(classifier, next_fake, next_real, samples, *_):
        used.append((samples, len(next_fake(next_real()))))
        return True

    monkeypatch.setattr("gankit.engine.sampling.resampling.fit_density_ratio", fit)
    made = run(tmp_path, "a", resampling__max_epochs=0.01, pool_size=10_000)
    items = len(made.plugin.modality.read(None, made.config.settings, lambda *_: None).items)
    assert used[0][0] <= 0.01 * items < 4 * 512
    assert used[0][1] == made.config.engine.train.batch


def test_a_run_keeps_how_far_the_ratio_was_flattened(tmp_path, monkeypatch):
    monkeypatch.setattr("gankit.engine.sampling.resampling.flatten_ratio", lambda *_: 0.25)
    assert run(tmp_path, "a").sampler("cpu").resampler.power == 0.25


def test_an_interrupted_fit_is_repeated_when_the_run_resumes(tmp_path, monkeypatch):
    whole = run(tmp_path, "whole").sample(8)

    def interrupted(*_, **__):
        return False

    with monkeypatch.context() as patch:
        patch.setattr("gankit.engine.sampling.resampling.fit_density_ratio", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, "cut")
    assert run(tmp_path, "cut").sample(8) == whole


def test_the_ratio_of_an_earlier_generator_is_removed(tmp_path, monkeypatch):
    assert run(tmp_path, "a").sampler("cpu").resampler is not None
    monkeypatch.setattr(
        "gankit.engine.sampling.resampling.fit_density_ratio", lambda *_, **__: False
    )
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, "a", samples=1024)
    assert Run(tmp_path / "a").sampler("cpu").resampler is None


def powers(shift, broken):
    """The power for a classifier that is right, or one that finds large samples real."""
    torch.manual_seed(0)

    def generate(c, seeds):
        return torch.randn(len(seeds), 1) + shift

    def ratio(x, c):
        right = -shift * x[:, 0] + shift**2 / 2
        return 5 * x[:, 0] if broken else right

    return flatten_ratio(
        ratio, generate, lambda: Batch(torch.randn(512, 1)), lambda seeds: None, candidates=8
    )


def test_a_ratio_that_is_not_finite_does_not_end_a_run():
    fake = torch.zeros(512, 1)
    nothing = torch.full((512,), torch.nan)
    power = flatten_ratio(
        lambda x, c: nothing, lambda c, seeds: fake, lambda: Batch(fake + 1), lambda seeds: None, 2
    )
    assert 0 <= power <= 1


def test_the_ratio_is_flattened_where_it_would_move_the_means():
    assert powers(0.5, broken=False) == 1.0
    assert powers(0.0, broken=True) == 0.0


# --- The time that is left ----------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr("gankit.engine.sampling.resampling.time", clock)
    return clock


def test_fitting_ends_with_its_time(clock, monkeypatch):
    """By then the learning rate has fallen to 0, as it does at the end of the samples."""
    rates = []

    class Noting(Adam):
        def step(self, gradients):
            rates.append(self.lr)
            super().step(gradients)

    def next_real():
        clock.advance(1)
        return Batch(torch.randn(8, 1), torch.eye(3)[[0] * 8])

    monkeypatch.setattr("gankit.engine.sampling.resampling.Adam", Noting)
    settings = ResamplingSettings(lr=1.0)
    assert fit_density_ratio(MLP(1, 1), lambda real: real, next_real, 10**9, settings, seconds=10)
    assert rates == pytest.approx([1 - i / 10 for i in range(10)], abs=1e-4)


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.zeros(2))

    def forward(self, x, c):
        return x @ self.slope


def test_resampling_is_bounded_by_the_time_that_is_left(clock):
    """Every batch lasts a second: of the pool, of fitting and of flattening."""
    counts = {"pool": 0, "fit": 0}

    class Slow(VectorCodec):
        decode_batch_size = 8

        def density_ratio_input(self, batch, seeds=None):
            clock.advance(1)
            return Batch(batch.x)

    codec, ends = Slow(), clock.now + 100
    codec.layout = type(codec.layout)((2,), None)
    items = [(float(i), 0) for i in range(100)]
    reals = RealSamples(items, codec, batch=8, seed=0, device=torch.device("cpu"))

    def progress(what, done, total):
        counts["pool" if "samples" in what else "fit"] += 1

    resampling = Resampling(
        *(Sampler(Shifted(), codec, 1, torch.device("cpu")), reals),
        settings=ResamplingSettings(candidates=2, pool_size=10**6),
        stop=lambda: False,
        progress=progress,
        time_left=lambda: ends - clock.now,
    )
    assert 0 <= resampling.fit(Linear(), 10**9) <= 1
    # 40 % for the pool, 80 % of the rest for fitting, and at most one batch beyond each.
    assert 40 <= counts["pool"] <= 42
    assert 46 <= counts["fit"] <= 49
    assert clock.now <= ends + 4


def test_without_a_limit_the_whole_pool_is_generated():
    reported, some = [], sampler(1)
    some.codec.decode_batch_size = 16
    resampling = Resampling(
        *(some, None, ResamplingSettings(candidates=2)),
        stop=lambda: False,
        progress=lambda what, done, total: reported.append((done, total)),
    )
    assert [len(batch) for batch in resampling._pool(64, math.inf)] == [16] * 4
    assert reported == [(0, 64), (16, 64), (32, 64), (48, 64)]
