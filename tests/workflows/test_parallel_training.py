"""Two processes train one run: together they do what one process does with the whole batch."""

from __future__ import annotations

import json
from pathlib import Path

import likelihood
import pytest
import torch
from processes import run_in_processes
from safetensors.torch import load_file

import gankit

SMALL = {
    "hidden": 8,
    "layers": 2,
    "d_layers": 2,
    "count": 200,
    "train__batch": 32,
    "train__threads": 1,
    "loss__objective": "nonsaturating",
    "penalty__gamma": "auto",
    "optim__eps": 1e-3,  # of tiny gradients, Adam would take the sign, which is rounding's
    "log__every": 32,
    "log__preview_count": 4,
}

WORKER = """
import dataclasses
import json
import tempfile

import torch._dynamo  # compiled steps import it, and it writes caches
from safetensors.torch import save_file

from gankit import config as configuration
from gankit.engine import trainer as engine
from gankit.engine.updates import Updates
from gankit.errors import GankitError
from gankit.plugins.registry import installed
from gankit.plugins.write_guard import confined
from gankit.workflows import train as training
from gankit.workflows.interrupts import StopRequest

toy = installed().modality("toy")
scratch = folder / f"scratch-{rank}"  # what is written elsewhere is noticed
scratch.mkdir()
tempfile.tempdir = str(scratch)
trainers, prepare = [], training.prepare

def noting(*given, **named):
    trainer, data = prepare(*given, **named)
    trainers.append(trainer)
    return trainer, data

training.prepare = noting

def train(name, *words):
    "Trains in a folder of that name, and stores how that ended for this process."
    config = configuration.resolve(toy.info, toy.modality.Settings, overrides=[*WORDS, *words])
    result = {}
    try:
        with confined(f"rank {rank}", *([folder / name] if rank == 0 else [])):
            result["status"] = training.train(toy, config, folder / name, device="cpu")
    except GankitError as error:
        result["error"] = str(error)
    if "status" in result:
        trainer = trainers[-1]
        tensors = {f"{n}/{k}": v for n, m in trainer.updates.modules().items()
                   for k, v in m.state_dict().items()}
        tensors |= {f"ema/{k}": v for k, v in trainer.ema.state_dict().items()}
        trainer.updates.random.begin("test")
        tensors["draws"] = torch.randn(4)
        tensors["z"] = trainer.updates.random.latents(2, 3)
        save_file(tensors, results / f"{name}-{rank}.safetensors")
        result |= {"samples": trainer.clock.samples, "codec": trainer.codec.state().config}
    (results / f"{name}-{rank}.json").write_text(json.dumps(result))

results = folder / "results"
results.mkdir(exist_ok=True)

# The codec is the main process's: another one does not fit its own.
if rank == 1:
    def fit_codec(*given):
        raise AssertionError("rank 1 fits a codec")
    toy.modality.fit_codec = fit_codec

train("whole", "train.samples=320")

class StopAt(StopRequest):
    def __call__(self):
        return rank == 1 and trainers[-1].clock.samples >= 160

training.StopRequest = StopAt
train("cut", "train.samples=320")
(results / f"cut-{rank}.json").rename(results / f"stopped-{rank}.json")
training.StopRequest = StopRequest
train("cut", "train.samples=320")

# Started by one process.
train("alone", "train.samples=320")

# The second one's GPU has less memory.
from types import SimpleNamespace

sys.path.insert(0, SUPPORT)
from gankit.engine.step import AdversarialLoss
from memory import STEPS, limit_memory

whole_steps = {name: getattr(AdversarialLoss, name) for name in STEPS}
limit_memory(SimpleNamespace(setattr=setattr), 4 if rank == 1 else 16)
train("short", "train.samples=320")
pieces = trainers[-1].updates.micro_batches.pieces
(results / f"divided-{rank}.json").write_text(json.dumps(pieces))
for name, step in whole_steps.items():
    setattr(AdversarialLoss, name, step)

train("resampled", "train.samples=64", "resampling.candidates=2")
train("odd", "train.samples=320", "train.batch=33")
train("pieces", "train.samples=320", "train.accumulate=32")

read = toy.modality.read
if rank == 1:
    def gone(*given):
        raise GankitError("rank 1 has no data", "Copy it there")
    toy.modality.read = gone
train("failing", "train.samples=320")

# Data that has changed on one machine.
def other(*given):
    found = read(*given)
    return dataclasses.replace(found, fingerprint="f00d") if rank else found
toy.modality.read = other
train("different", "train.samples=320")
toy.modality.read = read

# Steps take different times in both.
class Clock:
    now = 0.0
    def monotonic(self):
        return self.now

import gankit.engine.budget
gankit.engine.budget.time = clock = Clock()
follower = engine.follower

def slow(*modules):
    follow = follower(*modules)

    def slowly(decay):
        clock.now += 1.0 if rank == 1 else 0.5
        follow(decay)

    return slowly

engine.follower = slow
train("timed", "train.samples=1000000", "train.time=20", "log.verdict=0")

# The first half by likelihood.
from likelihood import with_likelihood

with_likelihood(toy.modality, SimpleNamespace(setattr=setattr))
train("warm", "train.samples=320", "train.warm_up=0.5", "warm_up.membership_limit=0.6")
likely = Updates.step_likelihood

def slowly(*given):
    clock.now += 1.0 if rank == 1 else 0.5
    likely(*given)

Updates.step_likelihood = slowly
train("warm-timed", "train.samples=1000000", "train.time=20", "train.warm_up=0.5",
      "log.verdict=0")
"""


def words() -> list[str]:
    return [f"{key.replace('__', '.')}={value}" for key, value in SMALL.items()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parallel")
    gankit.fit("toy", out=folder / "alone", device="cpu", train__samples=160, **SMALL)
    support = str(Path(likelihood.__file__).parent)
    run_in_processes(f"WORDS, SUPPORT = {words()!r}, {support!r}\n{WORKER}", folder, 2)
    return folder


def results(folder: Path, name: str) -> list[dict]:
    return [json.loads((folder / "results" / f"{name}-{r}.json").read_text()) for r in (0, 1)]


def states(folder: Path, name: str) -> list[dict[str, torch.Tensor]]:
    return [load_file(folder / "results" / f"{name}-{rank}.safetensors") for rank in (0, 1)]


def weights(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        k: v for k, v in state.items() if k.split("/")[0] in ("generator", "discriminator", "ema")
    }


def expect_equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor], atol: float = 0) -> None:
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=0, atol=atol, msg=name)


def test_both_finish_with_the_same_weights_and_one_writes(folder):
    """A process that wrote anything would have failed."""
    first, second = results(folder, "whole")
    assert first == second
    assert (first["status"], first["samples"]) == ("done", 320)
    one, other = states(folder, "whole")
    expect_equal(weights(one), weights(other))
    lines = (folder / "whole" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["samples"] for line in lines] == list(range(32, 321, 32))
    exported = load_file(folder / "whole" / "model" / "generator.safetensors")
    expect_equal({f"ema/{k}": v for k, v in exported.items()}, {
        k: v for k, v in one.items() if k.startswith("ema/")})  # fmt: skip


def test_they_draw_different_random_numbers(folder):
    for name in ("whole", "cut", "alone"):
        one, other = states(folder, name)
        assert not torch.equal(one["draws"], other["draws"])
        assert not torch.equal(one["z"], other["z"])


def test_they_train_as_one_process_with_the_whole_batch(folder, tmp_path):
    gankit.fit("toy", out=tmp_path / "run", device="cpu", train__samples=320, **SMALL)
    one, other = states(folder, "whole")
    expect_equal(weights(one), weights(other))
    newest = sorted((tmp_path / "run" / "checkpoints").iterdir())[-1]
    single = weights(load_file(newest / "state.safetensors"))
    expect_equal(single, weights(one), atol=1e-6)
    first = load_file(sorted((tmp_path / "run" / "checkpoints").iterdir())[0] / "state.safetensors")
    assert any((single[k] - weights(first)[k]).abs().max() > 1e-4 for k in single)


def test_a_stop_in_one_process_stops_both(folder):
    first, second = results(folder, "stopped")
    assert first == second
    assert first["status"] == "interrupted"
    assert 160 <= first["samples"] < 320


def test_resuming_is_exact_in_each_process(folder):
    """Weights, and the random numbers to come, are those of the run that was not stopped."""
    assert [r["status"] for r in results(folder, "cut")] == ["done", "done"]
    for whole, cut in zip(states(folder, "whole"), states(folder, "cut"), strict=True):
        expect_equal(whole, cut)


def test_two_processes_continue_the_run_of_one(folder):
    """As those that trained it from the start."""
    first, second = results(folder, "alone")
    assert first == second
    assert (first["status"], first["samples"]) == ("done", 320)
    one, other = states(folder, "alone")
    expect_equal(weights(one), weights(other))
    expect_equal(weights(one), weights(states(folder, "whole")[0]), atol=1e-6)


def test_where_memory_does_not_suffice_in_one_process_all_go_on_in_pieces(folder):
    assert [r["status"] for r in results(folder, "short")] == ["done", "done"]
    assert results(folder, "divided") == [4, 4]
    one, other = states(folder, "short")
    expect_equal(weights(one), weights(other))
    expect_equal(weights(one), weights(states(folder, "whole")[0]), atol=1e-6)
    lines = (folder / "short" / "metrics.jsonl").read_text().splitlines()
    (event,) = json.loads(lines[0])["events"]
    assert event["text"] == (
        "GPU memory did not suffice for pieces of 16 samples: each process's part of a batch is "
        "now computed in 4 pieces of 4"
    )


def test_one_process_continues_the_run_of_two(folder):
    run = gankit.fit("toy", out=folder / "whole", device="cpu", train__samples=640, **SMALL)
    assert run.metrics()[-1]["samples"] == 640


def test_only_the_main_process_fits_the_density_ratio(folder):
    assert [r["status"] for r in results(folder, "resampled")] == ["done", "done"]
    assert (folder / "resampled" / "model" / "ratio.safetensors").is_file()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("odd", "train.batch=33 cannot be divided over 2 processes with train.accumulate=1. Use a "
                "multiple of 2"),
        ("pieces", "train.batch=32 cannot be divided over 2 processes with train.accumulate=32. "
                   "Use a multiple of 64"),
    ],
)  # fmt: skip
def test_a_batch_that_cannot_be_divided_is_refused(folder, name, message):
    assert results(folder, name) == [{"error": message}] * 2
    assert not (folder / name).exists()


def test_an_error_in_one_process_ends_both(folder):
    first, second = results(folder, "failing")
    assert first == {"error": "process 1 of 2: rank 1 has no data. Copy it there"}
    assert second == {"error": "rank 1 has no data. Copy it there"}
    assert not (folder / "failing").exists()


def test_data_that_differs_between_processes_is_refused(folder):
    first, second = results(folder, "different")
    assert first == second
    assert "process 1 of 2 read other data (" in first["error"]
    assert "fingerprint f00d) than process 0 (" in first["error"]
    assert not (folder / "different").exists()


def test_the_time_limit_ends_both_at_once(folder):
    """With the slower one, after 20 steps."""
    first, second = results(folder, "timed")
    assert first == second
    assert (first["status"], first["samples"]) == ("done", 20 * 32)


@pytest.mark.parametrize(("name", "samples"), [("warm", 320), ("warm-timed", 20 * 32)])
def test_both_warm_up_alike(folder, name, samples):
    """Also where the time decides, of which one process sees less."""
    first, second = results(folder, name)
    assert first == second
    assert (first["status"], first["samples"]) == ("done", samples)
    one, other = states(folder, name)
    expect_equal(weights(one), weights(other))
    lines = (folder / name / "metrics.jsonl").read_text().splitlines()
    phases = [json.loads(line)["phase"] for line in lines]
    half = samples // 64
    assert phases == ["warm-up"] * half + ["adversarial"] * half
