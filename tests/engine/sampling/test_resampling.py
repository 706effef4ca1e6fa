"""A density ratio that is known, and what choosing by it does."""

from __future__ import annotations

import pytest
import torch
from gankit.workflows.fit import fit
from torch import nn
from vectors import MLP, VectorCodec

from gankit.contract import Batch
from gankit.engine.sampling.resampling import flatten_ratio, learn_density_ratio, seen_again
from gankit.engine.sampling.sampler import Sampler
from gankit.engine.settings import ResamplingSettings
from gankit.runs.directory import Run


class Shifted(nn.Module):
    """N(1, 1) twice the same number, whatever the class."""

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
    assert learn_density_ratio(classifier, fakes, real_batch(c), 400_000, settings)
    x = torch.linspace(-1, 2, 30)[:, None]
    learnt = classifier(x, c[:30])
    assert (learnt - (0.5 - x[:, 0])).abs().max() < 0.3


def real_batch(c):
    return lambda: Batch(torch.randn(len(c), 1), c)


def test_it_stops_when_told():
    batch = Batch(torch.randn(8, 1), torch.eye(3)[[0] * 8])
    stopped = learn_density_ratio(
        MLP(1, 1),
        lambda real: Batch(torch.randn(len(real), 1), real.c),
        lambda: batch,
        1000,
        ResamplingSettings(),
        stop=lambda: True,
    )
    assert not stopped


def sampler(candidates):
    ratio = LogRatio() if candidates > 1 else None
    codec = VectorCodec()
    codec.layout = type(codec.layout)((2,), None)
    codec.decode = lambda batch, seeds: [float(x[0]) for x in batch.x]
    return Sampler(Shifted(), codec, 1, None, torch.device("cpu"), ratio, candidates)


def test_choosing_brings_samples_to_the_real_distribution():
    few, many = (torch.tensor([s.item for s in sampler(k).sample(20_000)]) for k in (1, 64))
    assert few.mean() == pytest.approx(1, abs=0.03)
    assert many.mean() == pytest.approx(0, abs=0.08)
    assert many.std() == pytest.approx(1, abs=0.08)


def test_a_chosen_item_depends_on_its_seed_alone():
    some = sampler(4)
    whole = {s.seed: s.item for s in some.sample(300)}
    assert all(s.item == whole[s.seed] for s in some.sample(40, 111))


def test_candidates_are_judged_by_what_the_codec_says_of_them():
    backwards = sampler(64)
    backwards.codec.density_ratio_input = lambda batch, seeds=None: Batch(1 - batch.x)
    chosen = torch.tensor([s.item for s in backwards.sample(5_000)])
    # The ratio takes 1 - x, which is N(0, 1), for x: exp(0.5 - (1 - x)) moves N(1, 1) to N(2, 1).
    assert chosen.mean() == pytest.approx(2, abs=0.08)


def test_what_was_made_beforehand_is_shown_with_its_own_conditions():
    x = torch.arange(12.0)[:, None]
    fakes = seen_again([Batch(x[:5], 2 * x[:5]), Batch(x[5:], 2 * x[5:])])
    shown = [fakes(Batch(torch.zeros(8, 1), torch.ones(8, 1))) for _ in range(20)]
    assert all(len(batch) == 8 and torch.equal(batch.c, 2 * batch.x) for batch in shown)
    assert torch.cat([batch.x for batch in shown]).unique().tolist() == x[:, 0].tolist()
    assert seen_again([Batch(x)])(Batch(x[:3])).c is None


def test_a_way_leads_between_the_chosen_candidates():
    some = sampler(4)
    other = 0
    for last in (40, 41, 42, 43):
        way = [s.item for s in some.between(3, last, 5)]
        ends = [s.item for seed in (3, last) for s in some.sample(1, seed)]
        assert [way[0], way[-1]] == ends
        assert way[2] == pytest.approx(sum(ends) / 2, abs=1e-5)  # one dimension: straight
        other += ends[1] != pytest.approx(float(some.latents([last])) + 1)
    assert other, "no seed's winner is another than its first candidate"


def run(tmp_path, name, candidates=3, samples=512, kept=0, **more):
    return fit(
        "toy",
        out=tmp_path / name,
        device="cpu",
        train__samples=samples,
        train__threads=1,
        resampling__candidates=candidates,
        resampling__train_fraction=4.0,
        resampling__pool_size=kept,
        **more,
    )


@pytest.mark.parametrize("kept", [0, 300])
def test_a_run_keeps_what_it_chooses_by(tmp_path, kept):
    made = run(tmp_path, "a", kept=kept)
    assert made.sampler("cpu").ratio is not None
    assert (made.path / "model" / "ratio.safetensors").is_file()
    assert made.sample(5) == run(tmp_path, "b", kept=kept).sample(5)
    plain = run(tmp_path, "c", candidates=1)
    assert plain.sampler("cpu").ratio is None


def test_learning_makes_no_more_passes_over_the_data_than_allowed(tmp_path, monkeypatch):
    shown = []

    def learn(classifier, next_fake, next_real, samples, *_):
        shown.append((samples, len(next_fake(next_real()))))
        return True

    monkeypatch.setattr("gankit.engine.sampling.resampling.learn_density_ratio", learn)
    made = run(tmp_path, "a", resampling__max_epochs=0.01, kept=10_000)
    items = len(made.plugin.modality.read(None, made.config.settings, lambda *_: None).items)
    assert shown[0][0] <= 0.01 * items < 4 * 512
    assert shown[0][1] == made.config.engine.train.batch


def test_a_run_keeps_how_far_the_ratio_was_flattened(tmp_path, monkeypatch):
    monkeypatch.setattr("gankit.engine.sampling.resampling.flatten_ratio", lambda *_: 0.25)
    assert run(tmp_path, "a").sampler("cpu").power == 0.25


def test_an_interruption_while_it_learns_is_made_up_for(tmp_path, monkeypatch):
    whole = run(tmp_path, "whole").sample(8)

    def interrupted(*_, **__):
        return False

    with monkeypatch.context() as patch:
        patch.setattr("gankit.engine.sampling.resampling.learn_density_ratio", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, "cut")
    assert run(tmp_path, "cut").sample(8) == whole


def test_a_generator_that_went_on_is_not_chosen_by_an_old_ratio(tmp_path, monkeypatch):
    assert run(tmp_path, "a").sampler("cpu").ratio is not None
    monkeypatch.setattr(
        "gankit.engine.sampling.resampling.learn_density_ratio", lambda *_, **__: False
    )
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, "a", samples=1024)
    assert Run(tmp_path / "a").sampler("cpu").ratio is None


def powers(shift, broken):
    """The power for a classifier that is right, or that mistakes what is large for what is real."""
    torch.manual_seed(0)

    def generate(c, seeds):
        return torch.randn(len(seeds), 1) + shift

    def ratio(x, c):
        right = -shift * x[:, 0] + shift**2 / 2
        return 5 * x[:, 0] if broken else right

    return flatten_ratio(
        ratio, generate, lambda: Batch(torch.randn(512, 1)), lambda seeds: None, candidates=8
    )


def test_a_ratio_that_is_no_number_ends_no_run():
    fake = torch.zeros(512, 1)
    nothing = torch.full((512,), torch.nan)
    power = flatten_ratio(
        lambda x, c: nothing, lambda c, seeds: fake, lambda: Batch(fake + 1), lambda seeds: None, 2
    )
    assert 0 <= power <= 1


def test_the_ratio_is_flattened_where_it_would_move_the_means():
    assert powers(0.5, broken=False) == 1.0
    assert powers(0.0, broken=True) == 0.0
