"""The runs of guard.py: healthy recipes of every modality, each with one change that breaks it."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from gankit.kit.layers import concat_condition, residual_mlp

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
Values = np.ndarray[Any, Any]
EVERYWHERE: Mapping[str, Any] = {
    "train.threads": 1,
    "log.verdict": 0,
    "log.preview": 10**9,
    "log.preview_count": 64,
    "checkpoint.minutes": 60,
    "resampling.candidates": 1,
}
"""Settings of all runs: one thread, and nothing beside training that takes time."""


@dataclass(frozen=True)
class Healthy:
    """A recipe that trains."""

    recipe: str
    samples: int
    data: Callable[[], Any] = lambda: None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """``train.burn_in`` is all of training."""


@dataclass(frozen=True)
class Failing:
    """A healthy recipe with one change, under which it fails."""

    of: str
    change: Mapping[str, Any] = field(default_factory=dict)
    networks: Callable[[Any], tuple[nn.Module, nn.Module]] | None = None
    """In place of the plugin's, where those are what fails."""


# --- Data ----------------------------------------------------------------------------------------


@cache
def fashion(pictures: int, side: int = 14) -> tuple[Values, list[str]]:
    """The first pictures of Fashion-MNIST's training part, at half their size, with labels."""

    def idx(name: str) -> Values:
        data = gzip.decompress((SHARED / "fashion-mnist" / name).read_bytes())
        shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(data[3])]
        return np.frombuffer(data, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)

    x = idx("train-images-idx3-ubyte.gz")[:pictures].astype(np.float32)
    y = idx("train-labels-idx1-ubyte.gz")[:pictures]
    small = x.reshape(len(x), side, 2, side, 2).mean((2, 4))
    return small.round().astype(np.uint8), [f"class {k}" for k in y]


@cache
def adult(rows: int) -> Any:
    import pandas

    return pandas.read_csv(SHARED / "adult" / "train.csv", nrows=rows)


@cache
def digits() -> tuple[Values, list[str]]:
    """scikit-learn's digits as vectors of 64 numbers."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return found.data.astype(np.float32), [str(t) for t in found.target]


def spoken() -> str:
    return str(SHARED / "fsdd")


@cache
def molecules(count: int) -> list[str]:
    """The first SMILES of MOSES' training part, which is in random order."""
    with gzip.open(SHARED / "moses" / "train.csv.gz", "rt") as lines:
        next(lines)
        return [line.split(",")[0] for line, _ in zip(lines, range(count), strict=False)]


# --- Runs ----------------------------------------------------------------------------------------

POINTS = {"layers": 4, "d_layers": 3}
SOUNDS = {"train.batch": 128, "rounds": 16, "width": 128, "data.holdout": 0.2}
MOLECULES = {"conditions": [], "extractors": ["fingerprint"], "epochs": 0.5, "workers": 1, "units": 64, "train.batch": 64}
HEALTHY: Mapping[str, Healthy] = {
    "ring": Healthy("toy/ring8", 150_000, settings=POINTS),
    "grid": Healthy("toy/grid25", 300_000, settings=POINTS),
    "spiral": Healthy("toy/spiral", 200_000, settings=POINTS),
    "digits": Healthy("image/mnist", 20_000, settings={"builtin": "digits", "width": [32, 16]}),
    "fashion": Healthy(
        "image/cpu",
        20_000,
        lambda: fashion(4_000),
        {"mirror": False, "width": [32, 32, 16], "extractors": ["random-conv"]},
    ),
    "biopsies": Healthy("tabular/one-shot", 30_000, settings={"train.batch": 100}),
    "adult": Healthy("tabular/one-shot", 50_000, lambda: adult(6_000), {"train.batch": 250}),
    "strings": Healthy("audio/default", 40_000, settings=SOUNDS),
    "spoken": Healthy("audio/default", 40_000, spoken, {**SOUNDS, "conditions": ["label"]}),
    "molecules": Healthy("molecule/default", 40_000, lambda: molecules(1_500), MOLECULES),
    "vectors": Healthy("tensor/default", 60_000, digits),
}


def ignores_conditions(codec: Any) -> tuple[nn.Module, nn.Module]:
    """Small networks, the discriminator of which does not see conditions."""
    return own_networks(codec, False)


def sees_conditions(codec: Any) -> tuple[nn.Module, nn.Module]:
    """The same, the discriminator of which does."""
    return own_networks(codec, True)


def own_networks(codec: Any, sees: bool, width: int = 128) -> tuple[nn.Module, nn.Module]:
    import math

    numbers, classes = math.prod(codec.layout.shape), codec.layout.condition.width
    return (
        Perceptron(16 + classes, width, codec.layout.shape, True, 16),
        Perceptron(numbers + classes * sees, width, (1,), sees, 0),
    )


class Perceptron(nn.Module):
    def __init__(self, inputs: int, width: int, shape: tuple[int, ...], sees: bool, latent: int):
        super().__init__()
        self.body = residual_mlp(inputs, width, 2, int(np.prod(shape)))
        self.shape, self.sees, self.latent_dim = shape, sees, latent

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        x = x.flatten(1)
        x = concat_condition(x, c) if self.sees else x
        y: Tensor = self.body(x)
        return y.reshape(-1, *self.shape)


GAMMA, LR = ("loss.r1", "loss.r2"), "optim.lr"
FAILING: Mapping[str, Failing] = {
    "ring-saturating": Failing("ring", {"loss.objective": "saturating"}),
    "ring-2014": Failing("ring", {"loss.objective": "saturating", **dict.fromkeys(GAMMA, 0.0)}),
    "ring-lr": Failing("ring", {LR: [9e-2, 3e-3]}),
    "ring-wgan": Failing("ring", {"loss.objective": "wasserstein", **dict.fromkeys(GAMMA, 0.0)}),
    "ring-gamma": Failing("ring", dict.fromkeys(GAMMA, [0.002, 0.0001])),
    "ring-r1-only": Failing("ring", {"loss.r2": 0.0}),
    "ring-d-lr": Failing("ring", {"optim.d_lr": [0.06, 0.002]}),
    "grid-gamma-0": Failing("grid", dict.fromkeys(GAMMA, 0.0)),
    "grid-2014": Failing("grid", {"loss.objective": "saturating", **dict.fromkeys(GAMMA, 0.0)}),
    "grid-g-lr": Failing("grid", {LR: [9e-2, 3e-3], "optim.d_lr": [3e-3, 1e-4]}),
    "grid-lr": Failing("grid", {LR: [9e-2, 3e-3]}),
    "spiral-lr": Failing("spiral", {LR: [9e-2, 3e-3]}),
    "spiral-wasserstein": Failing("spiral", {"loss.objective": "wasserstein", **dict.fromkeys(GAMMA, 0.0)}),
    "spiral-gamma-0": Failing("spiral", dict.fromkeys(GAMMA, 0.0)),
    "spiral-d-layers": Failing("spiral", {"d_layers": 12}),
    "digits-gamma": Failing("digits", dict.fromkeys(GAMMA, [0.01, 0.003])),
    "digits-lr": Failing("digits", {LR: [9e-2, 9e-3]}),
    "digits-beta1": Failing("digits", {"optim.beta1": 0.9}),
    "digits-saturating": Failing("digits", {"loss.objective": "saturating"}),
    "fashion-gamma": Failing("fashion", dict.fromkeys(GAMMA, [0.01, 0.003])),
    "fashion-2014": Failing("fashion", {"loss.objective": "saturating", **dict.fromkeys(GAMMA, 0.0)}),
    "fashion-lr": Failing("fashion", {LR: [9e-2, 9e-3]}),
    "fashion-saturating": Failing("fashion", {"loss.objective": "saturating"}),
    "fashion-r1-only": Failing("fashion", {"loss.r2": 0.0}),
    "biopsies-lr": Failing("biopsies", {LR: 6e-2}),
    "biopsies-2014": Failing("biopsies", {"loss.objective": "saturating", **dict.fromkeys(GAMMA, 0.0)}),
    "biopsies-gamma": Failing("biopsies", dict.fromkeys(GAMMA, 0.002)),
    "biopsies-saturating": Failing("biopsies", {"loss.objective": "saturating"}),
    "adult-gamma": Failing("adult", dict.fromkeys(GAMMA, 0.002)),
    "adult-2014": Failing("adult", {"loss.objective": "saturating", **dict.fromkeys(GAMMA, 0.0)}),
    "adult-lr": Failing("adult", {LR: 6e-2}),
    "adult-d-lr": Failing("adult", {"optim.d_lr": 4e-2}),
    "strings-gamma": Failing("strings", dict.fromkeys(GAMMA, 0.003)),
    "strings-2014": Failing("strings", {"loss.objective": "saturating", **dict.fromkeys(GAMMA, 0.0)}),
    "strings-lr": Failing("strings", {LR: [3e-2, 1.5e-3]}),
    "strings-saturating": Failing("strings", {"loss.objective": "saturating"}),
    "spoken-gamma": Failing("spoken", dict.fromkeys(GAMMA, 0.003)),
    "spoken-2014": Failing("spoken", {"loss.objective": "saturating", **dict.fromkeys(GAMMA, 0.0)}),
    "spoken-lr": Failing("spoken", {LR: [3e-2, 1.5e-3]}),
    "spoken-d-lr": Failing("spoken", {"optim.d_lr": [2e-2, 1e-3]}),
    "molecules-gamma": Failing("molecules", dict.fromkeys(GAMMA, 0.001)),
    "molecules-lr": Failing("molecules", {LR: [3e-2, 1.5e-3]}),
    "molecules-saturating": Failing("molecules", {"loss.objective": "saturating"}),
    "vectors-gamma": Failing("vectors", dict.fromkeys(GAMMA, [0.005, 0.0005])),
    "vectors-lr": Failing("vectors", {LR: [3e-2, 3e-3]}),
    "vectors-own": Failing("vectors", networks=sees_conditions),
    "vectors-ignored": Failing("vectors", networks=ignores_conditions),
    "vectors-few": Failing("vectors", {"data.holdout": 0.9}),
}
