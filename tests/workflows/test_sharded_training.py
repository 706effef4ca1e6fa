"""Two processes train networks of which each holds a half, as those that hold all of them do."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from processes import run_in_processes
from safetensors.torch import load_file

import gankit
from gankit.errors import GankitError

WORDS = [
    *("resolution=16", "width=[32]", "blocks=2", "train.batch=12", "train.threads=1"),
    *("log.every=12", "log.preview_count=2", "log.verdict=0", "ema.half_life=12"),
    "optim.eps=1e-3",  # of tiny gradients, Adam would take the sign, which is rounding's
]
SAMPLES = 60

WORKER = """
import copy
import json

from safetensors.torch import save_file
from torch import nn

from gankit import config as configuration
from gankit.contract import Layout, Networks
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.parallel import ParallelContext
from gankit.engine.sharding import ShardedLoss, shard, whole
from gankit.engine.step import AdversarialLoss, LossTerms, LossWeights, trainable
from gankit.errors import GankitError
from gankit.plugins.registry import installed
from gankit.workflows import train as training
from gankit.workflows.interrupts import StopRequest
from gankit_image.networks import build_networks
from gankit_image.settings import ImageSettings

# --- Gradients, in double precision ---

parallel, cpu, layout = ParallelContext.current(), torch.device("cpu"), Layout((3, 8, 8))
weights = LossWeights(*(torch.tensor(v, dtype=torch.float64) for v in (0.8, 0.4, 0.0, 0.0)))
terms = LossTerms(finite_difference=0.03)
torch.manual_seed(0)
real = torch.randn(6, 3, 8, 8, dtype=torch.float64)

def gradients(loss, part):
    "Of D and G on a part of a batch, with a part's own directions of finite differences."
    networks, found = loss.networks, []
    torch.manual_seed(part)
    some = slice(part, None, size)
    for step, module in ((loss.discriminator_step, networks.discriminator),
                         (loss.generator_step, networks.generator)):
        z = real[some].flatten(1)[:, :networks.latent_dim]
        found += step(trainable(module), real[some], None, z, weights)[0]
    return found

apart = {}
for name, own in {"r3gan": {"width": (32, 16), "blocks": 1},
                  "vit": {"width": (32,), "blocks": 2}}.items():
    torch.manual_seed(0)
    networks = build_networks(layout, ImageSettings(architecture=name, augmentations=(), **own))
    for module in (networks.generator, networks.discriminator):
        module.double()
        for p in module.parameters():
            p.data += 0.02 * torch.randn_like(p)
    game = OBJECTIVES["rpgan"], terms
    plain = AdversarialLoss(copy.deepcopy(networks), *game)
    parts = [gradients(plain, part) for part in range(size)]
    expected = [torch.stack(same).mean(0) for same in zip(*parts)]
    torch.set_default_dtype(torch.float64)
    shard(networks, layout, cpu, parallel)
    torch.set_default_dtype(torch.float32)
    held = [p.to_local().numel() for p in networks.generator.parameters()]
    found = [whole(g) for g in gradients(ShardedLoss(networks, *game), rank)]
    apart[name] = [
        max(float((a - b).abs().max()) for a, b in zip(found, expected, strict=True)),
        sum(float(g.abs().sum()) for g in expected),
        sum(held) / sum(p.numel() for p in networks.generator.parameters()),
    ]
(folder / f"gradients-{rank}.json").write_text(json.dumps(apart))

class Elsewhere(nn.Module):
    "Uses a layer's weights without calling the layer."
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4)])
    def forward(self, z, c):
        return z @ self.layers[0].weight

try:
    shard(Networks(Elsewhere(), Elsewhere(), 4), Layout((4,)), cpu, parallel)
except GankitError as error:
    (folder / f"elsewhere-{rank}.json").write_text(json.dumps(str(error)))

# --- Runs ---

image = installed().modality("image")
trainers, prepare = [], training.prepare

def noting(*given, **named):
    trainer, data = prepare(*given, **named)
    trainers.append(trainer)
    return trainer, data

training.prepare = noting

def train(name, *words):
    config = configuration.resolve(
        *(image.info, image.modality.Settings), recipe="vit",
        overrides=[*WORDS, f"train.samples={SAMPLES}", *words], data=str(folder / "data"))
    return training.train(image, config, folder / name, device="cpu")

train("whole")
train("sharded", "train.shard=true")

class StopAt(StopRequest):
    def __call__(self):
        return bool(trainers) and trainers[-1].clock.samples >= 24

trainers.clear()
training.StopRequest = StopAt
stopped = train("cut", "train.shard=true")
training.StopRequest = StopRequest
assert stopped == "interrupted"
train("cut", "train.shard=true")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sharded")
    (folder / "data").mkdir()
    random = np.random.default_rng(0)
    for i in range(40):
        pixels = random.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "data" / f"{i:02}.png")
    run_in_processes(f"WORDS, SAMPLES = {WORDS!r}, {SAMPLES}\n{WORKER}", folder, 2)
    return folder


def newest(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(sorted((folder / "checkpoints").iterdir())[-1] / "state.safetensors")


@pytest.mark.parametrize("architecture", ["r3gan", "vit"])
def test_gradients_are_those_of_whole_networks(folder, architecture):
    for rank in (0, 1):
        found = json.loads((folder / f"gradients-{rank}.json").read_text())
        apart, size, held = found[architecture]
        assert apart < 1e-12 < 1 < size
        assert 0.4 < held < 0.6


def test_a_sharded_run_is_that_of_whole_networks(folder):
    """Weights, average and moments; and the files are alike."""
    whole, sharded = newest(folder / "whole"), newest(folder / "sharded")
    assert whole.keys() == sharded.keys()
    for name, value in whole.items():
        torch.testing.assert_close(sharded[name], value, rtol=0, atol=5e-6, msg=name)
    first = load_file(
        sorted((folder / "sharded" / "checkpoints").iterdir())[0] / "state.safetensors"
    )
    assert max(float((whole[k] - first[k]).abs().max()) for k in first if "ema/" in k) > 1e-4
    exported = load_file(folder / "sharded" / "model" / "generator.safetensors")
    for name, value in exported.items():
        assert torch.equal(value, sharded[f"ema/{name}"]), name
    previews = [sorted(p.name for p in (folder / n / "previews").iterdir())
                for n in ("whole", "sharded")]  # fmt: skip
    assert previews[0] == previews[1] != []


def test_resuming_a_sharded_run_is_exact(folder):
    whole, cut = newest(folder / "sharded"), newest(folder / "cut")
    assert whole.keys() == cut.keys()
    for name, value in whole.items():
        assert torch.equal(cut[name], value), name


def test_one_process_continues_a_sharded_run(folder):
    gankit.Run(folder / "sharded")
    more = [*WORDS, f"train.samples={SAMPLES + 24}", "train.shard=true"]
    given = dict(word.replace(".", "__").split("=", 1) for word in more)
    values = {k: json.loads(v) for k, v in given.items()}
    run = gankit.fit(
        *("image", folder / "data"),
        **{"recipe": "vit", "out": folder / "sharded", "device": "cpu", **values},
    )
    assert run.metrics()[-1]["samples"] == SAMPLES + 24


def test_layers_that_are_used_without_a_call_are_refused(folder):
    for rank in (0, 1):
        message = json.loads((folder / f"elsewhere-{rank}.json").read_text())
        assert message.startswith("train.shard cannot be used with this generator: ")
        assert message.endswith("call a layer instead of using its weights elsewhere")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"loss__r1": 1.0}, "loss.penalty_form=exact"),
        ({"loss__r1": 0.0, "loss__r2": 0.0, "loss__gradient_penalty": 1.0}, "loss.gradient_pen"),
        ({"loss__penalty_form": "finite-difference", "train__compile": True}, "train.compile"),
        (
            {"loss__penalty_form": "finite-difference", "resampling__candidates": 2},
            "resampling.candidates",
        ),
    ],
)
def test_what_needs_whole_networks_is_refused_before_training(tmp_path, given, named):
    with pytest.raises(GankitError, match="train.shard cannot be used with " + named):
        gankit.fit("toy", out=tmp_path / "run", device="cpu", train__shard=True, **given)
    assert not (tmp_path / "run").exists()
