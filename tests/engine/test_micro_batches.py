"""GPU memory that does not suffice: the same steps in smaller pieces. Simulated on a CPU."""

from __future__ import annotations

import itertools
import json
from types import SimpleNamespace

import pytest
import torch
from memory import WORDS, limit_memory
from training import StopAt, final_state, weights

from gankit import config as configuration
from gankit.contract import Batch, Callback
from gankit.engine.micro_batches import MicroBatches, slices
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.sampling.sampler import Sampler
from gankit.engine.settings import EngineSettings, TrainSettings
from gankit.engine.step import AdversarialLoss, LossTerms
from gankit.engine.updates import Updates
from gankit.errors import GankitError
from gankit.workflows import train as training

WORDS_OF_RUNS = [
    *("train.batch=16", "train.threads=1", "loss.r1=0.1", "loss.r2=0.1", "log.preview_count=6"),
    *("log.every=16", "optim.eps=1e-3"),
]


@pytest.mark.parametrize(("samples", "pieces"), [(7, 1), (7, 2), (7, 4), (8, 4), (3, 3)])
def test_pieces_cover_a_batch_evenly(samples, pieces):
    found = slices(samples, pieces)
    sizes = [part.stop - part.start for part in found]
    assert (len(found), sum(sizes)) == (pieces, samples)
    assert max(sizes) - min(sizes) <= 1
    assert [i for part in found for i in range(part.start, part.stop)] == list(range(samples))


def fitting(most):
    def function(parts):
        if any(part.stop - part.start > most for part in parts):
            raise torch.OutOfMemoryError(WORDS)
        return len(parts)

    return function


def test_pieces_are_halved_until_they_fit_and_stay_so():
    micro = MicroBatches()
    assert micro.compute(64, fitting(20)) == 4
    assert (micro.pieces, micro.failed) == (4, 64)
    assert micro.compute(64, fitting(64)) == 4
    assert micro.compute(3, fitting(3)) == 3  # fewer samples than pieces
    assert micro.pieces == 4


def test_what_happened_is_reported_once():
    micro = MicroBatches()
    micro.compute(32, fitting(10))
    event = micro.report(32, TrainSettings(batch=64, accumulate=2), 1)
    assert event.as_dict() == {
        "kind": "memory",
        "text": "GPU memory did not suffice for pieces of 32 samples: each batch is now computed "
        "in 8 pieces of 8",
        "remedy": "In further runs, set train.accumulate=8",
    }
    assert micro.failed == 0
    odd = MicroBatches()
    odd.compute(9, fitting(3))  # four pieces, where a batch of 18 has 3 or 9 for each process
    event = odd.report(9, TrainSettings(batch=18), 2)
    assert "each process's part of a batch is now computed in 4 pieces of 3" in event.text
    assert event.remedy.endswith("train.accumulate=9")


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError(WORDS),
        RuntimeError("MPS backend out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"),
    ],
)
def test_not_even_one_sample_fits(error):
    sizes = []

    def function(parts):
        sizes.append(len(parts))
        raise error

    with pytest.raises(type(error)) as found:
        MicroBatches().compute(6, function)
    assert found.value is error
    assert sizes == [1, 2, 4, 6]


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no"),
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        MemoryError(),
    ],
)
def test_other_errors_pass(error):
    tried = []

    def function(parts):
        tried.append(parts)
        raise error

    with pytest.raises(type(error)):
        MicroBatches().compute(6, function)
    assert len(tried) == 1


# --- Gradients ----------------------------------------------------------------------------------


def updates_of(networks, z, terms=None):
    """The two players' updates, with these latents."""
    random = SimpleNamespace(latents=lambda n, width: z[:n], divide=lambda pieces: None)
    loss = AdversarialLoss(networks, OBJECTIVES["rpgan"], terms or LossTerms())
    found = Updates(networks, loss, EngineSettings(), torch.device("cpu"), None, random)
    found.weights = weights(r1=0.7, r2=0.3, gp=2.0)
    return found


@pytest.mark.parametrize("fits", [1, 2, 4])
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_gradients_are_those_of_the_whole_batch(setting, monkeypatch, fits, player):
    """In doubles, to rounding; and so are the logged values."""
    networks, real, c, z = setting
    static = [True] if player == "discriminator" else []

    def gradients():
        updates = updates_of(networks, z)
        found = updates.gradients(getattr(updates, player), Batch(real, c), *static)
        return *found, updates.micro_batches.failed

    whole, logs, failed = gradients()
    assert not failed
    attempts = limit_memory(monkeypatch, fits)
    parts, logs_of_parts, failed = gradients()
    assert failed == attempts[0] == 6
    assert attempts[-1] <= fits
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)
    for name in logs_of_parts.keys() - {"real_std"}:
        torch.testing.assert_close(logs[name], logs_of_parts[name], rtol=1e-12, atol=1e-14)
    assert ("real_std" in logs_of_parts) == (player == "generator" and fits > 1)


def test_an_attempt_that_fails_leaves_running_statistics_alone(make_networks, monkeypatch):
    torch.manual_seed(0)
    networks = make_networks(batch_norm=True)
    real, c, z = torch.randn(8, 2), torch.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1]], torch.randn(8, 4)
    norm = networks.generator.net[1]
    start = norm.running_mean.clone()

    def means(limit):
        norm.running_mean.copy_(start)
        updates = updates_of(networks, z)
        if limit:  # fails once the generator has seen the samples
            discriminate = AdversarialLoss.discriminate

            def limited(self, x, *given, **named):
                if len(x) > 4:
                    raise torch.OutOfMemoryError(WORDS)
                return discriminate(self, x, *given, **named)

            monkeypatch.setattr(AdversarialLoss, "discriminate", limited)
        else:
            updates.micro_batches.pieces = 2
        updates.gradients(updates.generator, Batch(real, c))
        assert updates.micro_batches.pieces == 2
        return norm.running_mean.clone()

    assert torch.equal(means(limit=False), means(limit=True))


# --- Runs ---------------------------------------------------------------------------------------


def train(vectors, folder, *words, callbacks=()):
    words = [*WORDS_OF_RUNS, "train.samples=320", *words]
    config = configuration.resolve(vectors.info, vectors.modality.Settings, overrides=words)
    return training.train(vectors, config, folder, device="cpu", callbacks=callbacks)


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


class Warnings(Callback):
    def __init__(self):
        self.found = []

    def warning(self, message):
        self.found.append(message)


def expect_alike(one, other, atol=0.0):
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=0, atol=atol, msg=name)


def test_a_run_goes_on_in_pieces_and_says_so(vectors, tmp_path, monkeypatch):
    train(vectors, tmp_path / "whole")
    attempts, warnings = limit_memory(monkeypatch, 4), Warnings()
    assert train(vectors, tmp_path / "short", callbacks=[warnings]) == "done"
    assert [n for n in attempts if n > 4] == [16, 8]
    whole, about_whole = final_state(tmp_path / "whole")
    short, about = final_state(tmp_path / "short")
    expect_alike(whole, short, 1e-5)
    assert about["position"] == about_whole["position"]
    assert (about_whole["pieces"], about["pieces"]) == (1, 4)
    told = [event for line in lines(tmp_path / "short") for event in line.get("events", [])]
    (event,) = (event for event in told if event["kind"] == "memory")
    assert event in lines(tmp_path / "short")[0]["events"]
    assert event["remedy"] == "In further runs, set train.accumulate=4"
    assert event["text"] == (
        "GPU memory did not suffice for pieces of 16 samples: each batch is now computed in 4 "
        "pieces of 4"
    )
    sentence = f"{event['text']}. In further runs, set train.accumulate=4"
    assert warnings.found.count(sentence) == 1
    assert f"warning: {sentence}" in (tmp_path / "short" / "log.txt").read_text()


def test_a_piece_of_an_accumulated_batch_is_divided(vectors, tmp_path, monkeypatch):
    words = ["train.accumulate=2", "augment.p=0"]
    train(vectors, tmp_path / "whole", *words)
    limit_memory(monkeypatch, 3)
    train(vectors, tmp_path / "short", *words)
    expect_alike(final_state(tmp_path / "whole")[0], final_state(tmp_path / "short")[0], 1e-5)


def test_a_resumed_run_keeps_its_pieces_and_is_bit_identical(vectors, tmp_path, monkeypatch):
    """And draws what a run draws that was in pieces from the start."""
    with monkeypatch.context() as limited:
        limit_memory(limited, 4)
        train(vectors, tmp_path / "whole")
        assert train(vectors, tmp_path / "cut", callbacks=[StopAt(160)]) == "interrupted"
    with monkeypatch.context() as limited:
        attempts = limit_memory(limited, 16)  # a larger GPU
        assert train(vectors, tmp_path / "cut") == "done"
        assert set(attempts) == {4}
    expect_alike(final_state(tmp_path / "whole")[0], final_state(tmp_path / "cut")[0])


def test_memory_may_run_out_later_and_in_the_generator_s_step(vectors, tmp_path, monkeypatch):
    train(vectors, tmp_path / "whole")
    step, calls = AdversarialLoss.generator_step, itertools.count()

    def limited(self, params, real, *given):
        if next(calls) > 5 and len(real) > 8:
            raise torch.OutOfMemoryError(WORDS)
        return step(self, params, real, *given)

    monkeypatch.setattr(AdversarialLoss, "generator_step", limited)
    train(vectors, tmp_path / "short")
    expect_alike(final_state(tmp_path / "whole")[0], final_state(tmp_path / "short")[0], 1e-5)
    told = [line["samples"] for line in lines(tmp_path / "short") if line.get("events")]
    assert told[0] > 16


def test_where_no_sample_fits_the_last_checkpoint_is_kept(vectors, tmp_path, monkeypatch):
    train(vectors, tmp_path / "run", "checkpoint.every=160", callbacks=[StopAt(160)])
    before = final_state(tmp_path / "run")[0]
    attempts = limit_memory(monkeypatch, 0)
    with pytest.raises(GankitError, match=r"the GPU is out of memory: 2.00 GiB") as found:
        train(vectors, tmp_path / "run", "checkpoint.every=160")
    assert "Earlier checkpoints are kept" in found.value.hint
    assert attempts == [16, 8, 4, 2, 1]
    expect_alike(before, final_state(tmp_path / "run")[0])


def test_generated_samples_do_not_depend_on_the_pieces(vectors):
    codec = vectors.modality.fit_codec([], None, None)
    generator = vectors.modality.build_networks(codec, None).generator
    whole = Sampler(generator, codec, 4, torch.device("cpu"))
    seeds = range(codec.decode_batch_size)
    c = torch.eye(3)[[seed % 3 for seed in seeds]]
    expected = whole.generate(whole.latents(seeds), c)

    def limited(z, c):
        if len(z) > 20:
            raise torch.OutOfMemoryError(WORDS)
        return generator(z, c)

    limited.eval = lambda: None
    short = Sampler(limited, codec, 4, torch.device("cpu"))
    found = short.generate(short.latents(seeds), c)
    torch.testing.assert_close(found.x, expected.x)
    assert short.micro_batches.pieces == 4
