"""Training as a command does it, on a modality of numbers."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest
import torch
from clocks import fake_budget_clock
from likelihood import Histogram, with_likelihood
from safetensors.torch import load_file
from torch import nn
from training import StopAt, final_state

from gankit import config as configuration
from gankit.engine.settings import TrainSettings
from gankit.errors import GankitError
from gankit.workflows import train as training

BASE = ["train.batch=16", "train.threads=1", "penalty.gamma=0.1", "log.preview_count=6"]


def resolve(vectors, *words):
    return configuration.resolve(vectors.info, vectors.modality.Settings, overrides=[*BASE, *words])


def train(vectors, folder, *words, callbacks=()):
    return training.train(
        vectors, resolve(vectors, *words), folder, device="cpu", callbacks=callbacks
    )


def metrics(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


VARIANTS = {
    "rpgan": [],
    "schedules": [
        "train.burn_in=200",
        "optim.lr=[1e-3, 1e-4]",
        "optim.beta2=[0.9, 0.99]",
        "ema.half_life=[0, 100]",
    ],
    "wgan-gp": [
        "loss.objective=wasserstein",
        "penalty.gamma=0",
        "loss.gradient_penalty=10",
        "train.d_steps=3",
    ],
    "accumulate": ["train.accumulate=4", "train.precision=bf16"],
    "streamed": ["data.cache=never", "data.workers=0"],
    "adapted gamma": ["penalty.gamma=auto", "train.d_steps=2", "loss.objective=hinge"],
    "finite-difference": [
        "penalty.gamma=auto",
        "loss.penalty_form=finite-difference",
        "loss.penalty_every=4",
        "train.accumulate=2",
        "train.precision=bf16",
    ],
}


COMPILED = pytest.param(["train.compile=true"], id="compiled", marks=[
    pytest.mark.slow, pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")])  # fmt: skip


@pytest.mark.parametrize(
    "words", [*(pytest.param(words, id=name) for name, words in VARIANTS.items()), COMPILED]
)
def test_interrupted_and_resumed_is_bit_identical(vectors, tmp_path, words):
    """20 steps = 10 + Ctrl-C + 10."""
    expect_exact_resume(vectors, tmp_path, *words)


def expect_exact_resume(vectors, tmp_path, *words, stop_at=480):
    words = [*words, "train.samples=960", "log.every=16"]
    assert train(vectors, tmp_path / "whole", *words) == "done"
    assert train(vectors, tmp_path / "cut", *words, callbacks=[StopAt(stop_at)]) == "interrupted"
    assert train(vectors, tmp_path / "cut", *words) == "done"
    whole, about = final_state(tmp_path / "whole")
    cut, about_cut = final_state(tmp_path / "cut")
    assert whole.keys() == cut.keys()
    for name in whole:
        assert torch.equal(whole[name], cut[name]), name
    assert about["position"] == about_cut["position"]
    assert about["clock"]["samples"] == about_cut["clock"]["samples"] == 960
    seen = [line["samples"] for line in metrics(tmp_path / "cut")]
    assert seen == sorted(set(seen))


def test_an_adapted_gamma_is_logged_and_weighs_what_has_no_weight_of_its_own(vectors, tmp_path):
    words = ["train.samples=960", "log.every=16", "penalty.gamma=auto"]
    train(vectors, tmp_path / "both", *words)
    values = [line["gamma"] for line in metrics(tmp_path / "both")]
    assert len(set(values)) > 2
    train(vectors, tmp_path / "one", *words, "loss.r1=0.1")
    assert "gamma" in metrics(tmp_path / "one")[-1]
    train(vectors, tmp_path / "none", "train.samples=32")
    assert "gamma" not in metrics(tmp_path / "none")[-1]


def test_training_moves_the_networks_and_finds_the_mean(vectors, tmp_path):
    """Each class's mean is learned: conditions reach both networks."""
    train(
        vectors,
        tmp_path / "run",
        "train.samples=40_000",
        "train.batch=64",
        "optim.lr=2e-3",
        "ema.half_life=2000",
    )
    from gankit.workflows.data import read_data

    data = read_data(vectors, resolve(vectors))
    real = torch.tensor([v for v, k in data.train if k == 2]).mean()
    run = tmp_path / "run"
    made = load_file(run / "model" / "generator.safetensors")
    from vectors import MLP

    generator = MLP(4, 2)
    generator.load_state_dict(made)
    with torch.no_grad():
        fake = generator(torch.randn(4000, 4), torch.eye(3)[[2]].expand(4000, 3))
    assert abs(float(fake.mean()) - float(real)) < 0.35


def test_run_directory_is_complete(vectors, tmp_path):
    train(vectors, tmp_path / "run", "train.samples=320")
    run = tmp_path / "run"
    for name in (
        "run.toml",
        "provenance.json",
        "metrics.jsonl",
        "log.txt",
        "previews",
        "checkpoints",
        "model/model.json",
        "model/generator.safetensors",
    ):
        assert (run / name).exists(), name
    record = json.loads((run / "provenance.json").read_text())
    assert record["status"] == "done"
    assert record["data"]["fingerprint"] == "fixed"
    assert record["data"]["train"] + record["data"]["heldout"] == 300
    last = metrics(run)[-1]
    assert last["samples"] == 320
    assert {"d_loss", "g_loss", "r1", "r2", "guard", "samples_per_second"} <= last.keys()
    assert "phase" not in last


def test_changed_settings_are_named(vectors, tmp_path):
    train(vectors, tmp_path / "run", "train.samples=160")
    before = sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "run").rglob("*.toml"))
    with pytest.raises(GankitError, match=r"optim\.lr was 0\.0002, now 0\.01"):
        train(vectors, tmp_path / "run", "train.samples=160", "optim.lr=0.01")
    assert before == sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "run").rglob("*.toml"))


def test_a_finished_run_can_be_extended(vectors, tmp_path):
    train(vectors, tmp_path / "run", "train.samples=160")
    assert train(vectors, tmp_path / "run", "train.samples=320") == "done"
    assert final_state(tmp_path / "run")[1]["clock"]["samples"] == 320


def test_changed_data_is_refused(vectors, tmp_path, monkeypatch):
    train(vectors, tmp_path / "run", "train.samples=160")
    read = vectors.modality.read
    monkeypatch.setattr(
        vectors.modality, "read", lambda *a: dataclasses.replace(read(*a), fingerprint="other")
    )
    with pytest.raises(GankitError, match="data has changed"):
        train(vectors, tmp_path / "run", "train.samples=320")


def test_divergence_keeps_the_last_good_checkpoint(vectors, tmp_path):
    with pytest.raises(GankitError, match="diverged"):
        train(
            vectors,
            tmp_path / "run",
            "train.samples=16_000",
            "optim.lr=1e30",
            "checkpoint.every=16",
            "optim.beta1=0.9",
        )
    tensors, _ = final_state(tmp_path / "run")
    assert all(t.isfinite().all() for k, t in tensors.items() if k.startswith("ema/"))
    assert json.loads((tmp_path / "run" / "provenance.json").read_text())["status"] == "failed"


def test_only_one_process_trains_in_a_folder(vectors, tmp_path):
    from filelock import FileLock

    (tmp_path / "run").mkdir()
    with FileLock(tmp_path / "run" / ".lock"), pytest.raises(GankitError, match="another process"):
        train(vectors, tmp_path / "run", "train.samples=160")


def test_adaptive_augmentation_moves_p(vectors, tmp_path, monkeypatch):
    build = vectors.modality.build_networks
    monkeypatch.setattr(
        vectors.modality,
        "build_networks",
        lambda *a: dataclasses.replace(
            build(*a), augment_input=lambda x, p: x + p * torch.randn_like(x)
        ),
    )
    train(
        vectors,
        tmp_path / "run",
        "train.samples=640",
        "augment.target=0.0",
        "augment.speed=1000",
        "augment.p=0.25",
    )
    assert float(final_state(tmp_path / "run")[0]["augment_p"]) == 0.25
    train(
        vectors,
        tmp_path / "adapted",
        "train.samples=640",
        "augment.target=0.1",
        "augment.speed=1000",
        "optim.lr=1e-6",
        "optim.d_lr=1e-2",
    )
    assert float(final_state(tmp_path / "adapted")[0]["augment_p"]) > 0.05


def test_collapse_within_each_class_is_detected(vectors, tmp_path, monkeypatch):
    """A generator that ignores z, with one sample per class: classes vary, samples do not."""

    class Collapsed(nn.Module):
        def __init__(self, generator):
            super().__init__()
            self.generator = generator

        def forward(self, z, c):
            return self.generator(torch.zeros_like(z), c)

    build = vectors.modality.build_networks

    def collapsed(*given):
        networks = build(*given)
        return dataclasses.replace(networks, generator=Collapsed(networks.generator))

    monkeypatch.setattr(vectors.modality, "build_networks", collapsed)
    watched = ["guard.every=32", "guard.action=warn", "ema.half_life=40"]
    train(vectors, tmp_path / "run", "train.samples=640", *watched)
    assert metrics(tmp_path / "run")[-1]["guard"] == "collapsing"


# --- Several logits per sample ------------------------------------------------------------------


def test_a_discriminator_may_give_several_logits_per_sample(vectors, tmp_path, monkeypatch):
    from vectors import MLP

    build = vectors.modality.build_networks
    monkeypatch.setattr(
        vectors.modality,
        "build_networks",
        lambda *a: dataclasses.replace(build(*a), discriminator=MLP(2, 3)),
    )
    words = ["train.samples=640", "loss.gradient_penalty=0.1", "resampling.candidates=2"]
    assert train(vectors, tmp_path / "run", *words) == "done"
    assert (tmp_path / "run" / "model" / "ratio.safetensors").is_file()
    assert {"r1", "r2", "gradient_penalty", "d_sign"} <= metrics(tmp_path / "run")[-1].keys()


# --- The budget ---------------------------------------------------------------------------------


class Steps:
    """Counts steps; with each, so many seconds pass on a fake clock."""

    def __init__(self, monkeypatch, seconds=1.0):
        self.clock, self.seconds, self.count = fake_budget_clock(monkeypatch), seconds, 0
        monkeypatch.setattr("gankit.engine.trainer.follower", lambda *_: self.one)

    def one(self, *_):
        self.count += 1
        self.clock.advance(self.seconds)


def slow_codec(vectors, monkeypatch, clock, seconds):
    """Makes fitting the codec last so many seconds; returns what it was passed."""
    given = []

    def fit(items, settings, fitting):
        given.append((fitting, fitting.time_left()))
        clock.advance(seconds)
        return type(vectors.modality).fit_codec(vectors.modality, items, settings, fitting)

    monkeypatch.setattr(vectors.modality, "fit_codec", fit)
    return given


TIMED = ["train.samples=100_000_000", "train.time=100", "log.verdict=0"]


def timed(vectors, folder, steps, *words, started=None):
    """Trains until the time is up: how many steps that were, and where the run ended."""
    before, config = steps.count, resolve(vectors, *TIMED, *words)
    assert training.train(vectors, config, folder, device="cpu", started=started) == "done"
    return steps.count - before, final_state(folder)[1]["clock"]


def test_the_budget_includes_the_time_before_training(vectors, tmp_path, monkeypatch):
    """Of 100 seconds, the command's start took 25 and the codec 60."""
    steps = Steps(monkeypatch)
    slow_codec(vectors, monkeypatch, steps.clock, 60)
    count, at = timed(vectors, tmp_path / "run", steps, started=steps.clock.now - 25)
    assert count == 15
    assert (at["samples"], at["steps"], at["seconds"]) == (15 * 16, 15, 100)


def test_a_run_that_used_up_its_time_trains_no_more(vectors, tmp_path, monkeypatch):
    steps = Steps(monkeypatch)
    count, before = timed(vectors, tmp_path / "run", steps)
    assert count == 100
    steps.clock.advance(1e6)  # the time between two commands does not count
    assert timed(vectors, tmp_path / "run", steps) == (0, before)
    more, at = timed(vectors, tmp_path / "run", steps, "train.time=150")
    assert more == 50
    assert at["samples"] == 150 * 16


def test_the_time_of_an_interrupted_run_counts(vectors, tmp_path, monkeypatch):
    steps = Steps(monkeypatch)
    stop = StopAt(30 * 16)
    words = [*TIMED, "log.every=16"]
    assert train(vectors, tmp_path / "run", *words, callbacks=[stop]) == "interrupted"
    steps.clock.advance(1e6)
    _, at = timed(vectors, tmp_path / "run", steps, "log.every=16")
    assert steps.count == 100
    assert at["seconds"] == 100


def test_a_part_of_the_budget_is_reserved_for_resampling(vectors, tmp_path, monkeypatch):
    """A quarter of what is left when training begins; the classifier may use all that remains."""
    steps, left = Steps(monkeypatch), []

    class Resampling:
        def __init__(self, *_, time_left, **__):
            self.time_left = time_left

        def fit(self, network, samples):
            left.append(self.time_left())
            return 1.0

    monkeypatch.setattr("gankit.engine.trainer.Resampling", Resampling)
    words = ["resampling.candidates=2", "resampling.time_fraction=0.25"]
    count, _ = timed(vectors, tmp_path / "run", steps, *words, started=steps.clock.now - 20)
    assert count == 60
    assert left == [20]


def test_fitting_the_codec_has_a_share_of_the_budget(vectors, tmp_path, monkeypatch):
    steps = Steps(monkeypatch)
    given = slow_codec(vectors, monkeypatch, steps.clock, 45)
    timed(vectors, tmp_path / "run", steps, "train.seed=7", started=steps.clock.now - 25)
    ((fitting, left),) = given
    assert left == pytest.approx(0.6 * 75)
    assert fitting.seed == 7
    assert not fitting.stopped()
    assert fitting.rng().random() == fitting.rng().random()


def test_a_stop_while_the_codec_is_fitted_ends_the_command(vectors, tmp_path, monkeypatch):
    import os
    import signal

    def fit(items, settings, fitting):
        os.kill(os.getpid(), signal.SIGINT)
        assert fitting.stopped()
        return type(vectors.modality).fit_codec(vectors.modality, items, settings, fitting)

    monkeypatch.setattr(vectors.modality, "fit_codec", fit)
    with pytest.raises(KeyboardInterrupt):
        train(vectors, tmp_path / "run", "train.samples=160")
    assert not (tmp_path / "run").exists()


# --- Warming up by the likelihood ---------------------------------------------------------------


WARM = [
    *("train.warm_up=480", "warm_up.lr=0.05", "warm_up.ramp=5"),
    *("optim.lr=0.05", "loss.r1=0.1", "ema.half_life=0"),
]


def test_the_warm_up_lowers_the_likelihood_and_then_the_game_begins(vectors, tmp_path, monkeypatch):
    with_likelihood(vectors.modality, monkeypatch)
    ramp = ["train.burn_in=320", "optim.lr=[5e-2, 1e-3]", "loss.r1=[0.1, 0]"]
    train(vectors, tmp_path / "run", *WARM, *ramp, "train.samples=960", "log.every=16")
    lines = metrics(tmp_path / "run")
    warm, game = lines[:30], lines[30:]
    assert {line["phase"] for line in warm} == {"warm-up"}
    assert {line["phase"] for line in game} == {"adversarial"}
    assert all("nll" in line and "d_loss" not in line for line in warm)
    assert all("d_loss" in line and "nll" not in line for line in game)
    assert warm[-1]["nll"] < warm[0]["nll"] - 0.3
    # A ramp and a cosine of the warm-up's own; the game's schedules begin when it ends.
    rates = [line["lr"] for line in warm]
    assert rates[:4] == sorted(rates[:4])
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[0] == pytest.approx(0.05 / 5)
    assert rates[15] == pytest.approx(0.05 / 2)  # half of it is over
    assert rates[-1] < 0.001
    falling = [line["lr"] for line in game[:20]]
    assert falling == sorted(falling, reverse=True)
    assert falling[0] == 0.05
    assert game[-1]["lr"] == pytest.approx(1e-3)


def test_the_warm_up_fits_each_class_and_leaves_the_discriminator_alone(
    vectors, tmp_path, monkeypatch
):
    from gankit.workflows.data import read_data

    with_likelihood(vectors.modality, monkeypatch)
    words = [*WARM, "train.warm_up=1", "train.samples=16_000"]
    train(vectors, tmp_path / "run", *words)
    state, _ = final_state(tmp_path / "run")
    data = read_data(vectors, resolve(vectors, *words))
    means = torch.tensor(
        [[sum(v for v, k in data.train if k == kind) / sum(k == kind for _, k in data.train)] * 2
         for kind in range(3)]
    )  # fmt: skip
    torch.testing.assert_close(state["ema/mean"], means, atol=0.25, rtol=0)
    assert not [name for name in state if name.startswith(("d_optimiser/", "g_optimiser/"))]
    assert not {name for line in metrics(tmp_path / "run") for name in line if name[:2] == "d_"}


@pytest.mark.parametrize("stop_at", [240, 480, 720])
def test_resuming_is_exact_before_at_and_after_the_end_of_the_warm_up(
    vectors, tmp_path, monkeypatch, stop_at
):
    with_likelihood(vectors.modality, monkeypatch)
    expect_exact_resume(vectors, tmp_path, *WARM, stop_at=stop_at)


def test_the_moments_of_the_warm_up_are_kept_while_it_lasts(vectors, tmp_path, monkeypatch):
    with_likelihood(vectors.modality, monkeypatch)
    for samples, there in (320, True), (480, True), (496, False):
        run = tmp_path / str(samples)
        train(vectors, run, *WARM, f"train.samples={samples}")
        state, about = final_state(run)
        assert any(name.startswith("warm_up_optimiser/") for name in state) == there
        assert about["clock"]["warm_up"] == min(samples, 480)


def test_the_average_begins_with_what_the_warm_up_ended_with(vectors, tmp_path, monkeypatch):
    """However long its half-life: it is not an average with the networks before training."""
    with_likelihood(vectors.modality, monkeypatch)
    words = [*WARM, "ema.half_life=1e12", "train.samples=960"]
    train(vectors, tmp_path / "run", *words, callbacks=[StopAt(480)])
    warm = final_state(tmp_path / "run")[0]["generator/mean"]
    train(vectors, tmp_path / "run", *words)
    state, _ = final_state(tmp_path / "run")
    assert warm.abs().min() > 0
    torch.testing.assert_close(state["ema/mean"], warm)
    assert not torch.allclose(state["generator/mean"], warm)


def test_a_share_of_the_time_is_the_warm_up_too(vectors, tmp_path, monkeypatch):
    """Of 100 seconds, 20 pass before training: 60 of 80 are the warm-up, at one a step."""
    clock = fake_budget_clock(monkeypatch)
    with_likelihood(vectors.modality, monkeypatch)
    every_second(monkeypatch, clock)
    words = [*WARM, *TIMED, "train.warm_up=0.75", "log.every=16"]
    config = resolve(vectors, *words)
    run = tmp_path / "run"
    training.train(vectors, config, run, device="cpu", started=clock.now - 20)
    lines = metrics(run)
    assert [line["phase"] for line in lines] == ["warm-up"] * 60 + ["adversarial"] * 20
    rates = [line["lr"] for line in lines[:60]]
    assert rates[30] == pytest.approx(0.05 / 2)
    assert rates[-1] < 0.001


def test_where_all_of_the_time_is_the_warm_up_no_game_begins(vectors, tmp_path, monkeypatch):
    """The learning rate falls to 0 by then, also where more samples were meant to follow."""
    clock = fake_budget_clock(monkeypatch)
    with_likelihood(vectors.modality, monkeypatch)
    every_second(monkeypatch, clock)
    for length in "1", "50_000_000":
        run = tmp_path / length
        assert train(vectors, run, *WARM, *TIMED, f"train.warm_up={length}", "log.every=16")
        lines = metrics(run)
        assert {line["phase"] for line in lines} == {"warm-up"}
        assert len(lines) == 100
        assert lines[-1]["lr"] < 0.001


def every_second(monkeypatch, clock):
    """Makes each step last a second."""
    from gankit.engine.updates import Updates

    for name in "step_likelihood", "step_generator":
        step = getattr(Updates, name)
        monkeypatch.setattr(
            Updates, name, lambda *given, step=step: (step(*given), clock.advance(1))
        )


LEAKY = [
    *("train.warm_up=1", "train.samples=64_000", "warm_up.lr=0.3", "warm_up.weight_decay=0"),
    *("warm_up.membership_limit=0.6", "warm_up.ramp=5", "log.every=16"),
]


def test_a_warm_up_that_memorises_is_ended_early(vectors, tmp_path, monkeypatch):
    with_likelihood(vectors.modality, monkeypatch, Histogram)
    run = tmp_path / "run"
    assert train(vectors, run, *LEAKY) == "done"
    lines = metrics(run)
    last, capped = lines[-1], lines[-1]["capped"]
    assert last["membership_auc"] > 0.7
    assert capped % 216 < 16  # measured once in each epoch
    assert capped < 32_000
    assert last["samples"] == pytest.approx(1.2 * capped, abs=16)
    assert last["lr"] < 0.1
    falling = [line["lr"] for line in lines if line["samples"] > capped]
    assert falling == sorted(falling, reverse=True)
    assert not [line for line in lines if "membership_auc" in line and line["samples"] < 216]
    log = (run / "log.txt").read_text()
    assert f"ended early, after {capped:,} samples" in log
    assert "above warm_up.membership_limit=0.6" in log
    before = (run / "log.txt").stat().st_mtime_ns
    assert train(vectors, run, *LEAKY) == "done"
    assert (run / "log.txt").stat().st_mtime_ns == before  # nothing was left to train
    # As long, interrupted where the learning rate falls.
    cut = tmp_path / "cut"
    assert train(vectors, cut, *LEAKY, callbacks=[StopAt(capped + 32)]) == "interrupted"
    assert train(vectors, cut, *LEAKY) == "done"
    assert torch.equal(final_state(cut)[0]["ema/logits"], final_state(run)[0]["ema/logits"])
    assert metrics(cut)[-1]["samples"] == last["samples"]


def test_a_warm_up_that_does_not_memorise_goes_on(vectors, tmp_path, monkeypatch):
    """Nor does measuring change what is trained."""
    with_likelihood(vectors.modality, monkeypatch)
    words = [*WARM, "train.warm_up=1", "train.samples=4000", "warm_up.membership_limit=0.6"]
    train(vectors, tmp_path / "run", *words)
    last = metrics(tmp_path / "run")[-1]
    assert last["samples"] == 4000
    assert abs(last["membership_auc"] - 0.5) < 0.25
    assert "capped" not in last
    monkeypatch.setattr("gankit.engine.shadow.Shadow.measure", lambda self: (0.5, 0.1, 1.0))
    train(vectors, tmp_path / "other", *words)
    means = [final_state(tmp_path / name)[0]["ema/mean"] for name in ("run", "other")]
    assert torch.equal(*means)


def test_a_warm_up_that_learns_nothing_new_is_ended_early(vectors, tmp_path, monkeypatch):
    with_likelihood(vectors.modality, monkeypatch, Histogram)
    words = [*(w for w in LEAKY if "membership_limit" not in w), "warm_up.early_stop=true"]
    assert train(vectors, tmp_path / "run", *words) == "done"
    last = metrics(tmp_path / "run")[-1]
    assert last["samples"] == pytest.approx(1.2 * last["capped"], abs=16)
    assert "was " in (log := (tmp_path / "run" / "log.txt").read_text())
    assert "the negative log-likelihood of items that are not trained on" in log


def test_few_items_are_trained_on_in_smaller_batches():
    train = TrainSettings(batch=500, epoch_steps=20, epochs=3)
    assert (train.on(100_000).batch, train.on(2_000).batch, train.on(30).batch) == (500, 100, 16)
    assert train.on(2_000).samples == 6_000
    assert TrainSettings(batch=500, epoch_steps=20, accumulate=8).on(2_000).batch == 96
    assert train.on(2_000, pieces=64).batch == 64
    assert TrainSettings(batch=500).on(2_000).batch == 500


def test_a_warm_up_step_counts_its_own_samples(vectors, tmp_path, monkeypatch):
    """Several discriminator steps follow only once the game has begun."""
    with_likelihood(vectors.modality, monkeypatch)
    seen = []
    monkeypatch.setattr("gankit.engine.trainer.ema_decay", lambda batch, _: seen.append(batch) or 0)
    train(vectors, tmp_path / "run", *WARM, "train.d_steps=3", "train.samples=576")
    assert seen == [48] * 2
    assert final_state(tmp_path / "run")[1]["clock"]["steps"] == 32


def test_a_warm_up_needs_a_likelihood(vectors, tmp_path):
    with pytest.raises(GankitError, match="train.warm_up needs networks with a likelihood"):
        train(vectors, tmp_path / "run", "train.warm_up=160")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("field", "words", "says"),
    [
        ("by_likelihood", ["train.warm_up=160"], "learns by its likelihood alone"),
        ("ragged", [*WARM, "train.compile=true"], "train.compile cannot be used with these net"),
        ("ragged", ["privacy.epsilon=8", "privacy.delta=1e-5"], "used with these networks: the sh"),
    ],
)
def test_what_networks_cannot_do_is_refused(vectors, tmp_path, monkeypatch, field, words, says):
    with_likelihood(vectors.modality, monkeypatch)
    build = vectors.modality.build_networks

    def limited(*given):
        return dataclasses.replace(build(*given), **{field: True})

    monkeypatch.setattr(vectors.modality, "build_networks", limited)
    with pytest.raises(GankitError, match=says):
        train(vectors, tmp_path / "run", *words)
    assert not (tmp_path / "run").exists()


def test_the_steps_of_both_phases_are_compiled(vectors, tmp_path, monkeypatch):
    with_likelihood(vectors.modality, monkeypatch)
    compiled = []

    class Step:
        def __init__(self, step, *_):
            self.step = step

        def __call__(self, *given):
            compiled.append(self.step.__name__.removesuffix("_step"))
            return self.step(*given)

    monkeypatch.setattr("gankit.engine.updates.CompiledStep", Step)
    train(vectors, tmp_path / "run", *WARM, "train.compile=true", "train.samples=512")
    assert compiled == ["likelihood"] * 30 + ["discriminator", "generator"] * 2
