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
    why: str
    change: Mapping[str, Any] = field(default_factory=dict)
    networks: Callable[[Any], tuple[nn.Module, nn.Module]] | None = None
    """In place of the plugin's, where those are what fails."""
    data: Callable[[], Any] | None = None
    """In place of the healthy run's."""


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


def cells(rows: int) -> tuple[Values, list[str]]:
    """scikit-learn's breast cancer data: 30 numbers a row, benign or malignant."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    return found.data[:rows].astype(np.float32), [str(t) for t in found.target[:rows]]


def diabetes() -> Any:
    """scikit-learn's diabetes data as a table of 11 columns."""
    from sklearn.datasets import load_diabetes

    return load_diabetes(as_frame=True, scaled=False).frame


def spoken() -> str:
    return str(SHARED / "fsdd")


@cache
def molecules(count: int) -> list[str]:
    """The first SMILES of MOSES' training part, which is in random order."""
    with gzip.open(SHARED / "moses" / "train.csv.gz", "rt") as lines:
        next(lines)
        return [line.split(",")[0] for line, _ in zip(lines, range(count), strict=False)]


# --- Runs ----------------------------------------------------------------------------------------

CHECKS = 50
"""Of a run: these are short, and so are the distances between their checks."""
POINTS = {"layers": 4, "d_layers": 3}
SOUNDS = {"train.batch": 128, "rounds": 16, "data.holdout": 0.2, "width": 128}
MOLECULES = {
    "conditions": [],
    "extractors": ["fingerprint"],
    "epochs": 0.5,
    "workers": 1,
    "units": 64,
}
PICTURES = {
    "mirror": False,
    "width": [32, 32, 16],
    "extractors": ["random-conv"],
    "penalty.gamma": [10.0, 3.0],
}

HEALTHY: Mapping[str, Healthy] = {
    "ring": Healthy("toy/ring8", 150_000, settings=POINTS),
    "grid": Healthy("toy/grid25", 300_000, settings=POINTS),
    "fashion": Healthy("image/cpu", 20_000, lambda: fashion(4_000), PICTURES),
    "biopsies": Healthy("tabular/one-shot", 30_000, settings={"train.batch": 100}),
    "strings": Healthy("audio/default", 40_000, settings=SOUNDS),
    "cells": Healthy("tensor/default", 40_000, lambda: cells(569), {"data.holdout": 0.4}),
    "vectors": Healthy("tensor/default", 80_000, digits),
    "adult": Healthy("tabular/one-shot", 50_000, lambda: adult(6_000), {"train.batch": 250}),
    # Set aside: no threshold was chosen on these.
    "spiral": Healthy("toy/spiral", 200_000, settings=POINTS),
    "classes": Healthy("toy/ring8", 150_000, settings={**POINTS, "conditional": True}),
    "diabetes": Healthy("tabular/one-shot", 30_000, diabetes, {"train.batch": 100}),
    "spoken": Healthy("audio/default", 40_000, spoken, SOUNDS),
    "molecules": Healthy(
        "molecule/default", 40_000, lambda: molecules(1_500), {**MOLECULES, "train.batch": 64}
    ),
}
SET_ASIDE = ("spiral", "classes", "diabetes", "spoken", "molecules")


def ignores_conditions(codec: Any) -> tuple[nn.Module, nn.Module]:
    """The tensor plugin's networks, but for a discriminator that does not see conditions."""
    numbers, classes = int(np.prod(codec.layout.shape)), codec.layout.condition.width
    return (
        Perceptron(16 + classes, codec.layout.shape, True),
        Perceptron(numbers, (1,), False),
    )


class Perceptron(nn.Module):
    """(N, …) and conditions (N, width) to (N, *shape)."""

    latent_dim = 16

    def __init__(self, inputs: int, shape: tuple[int, ...], sees: bool) -> None:
        super().__init__()
        self.body = residual_mlp(inputs, 128, 2, int(np.prod(shape)))
        self.shape, self.sees = shape, sees

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        x = x.flatten(1)
        x = concat_condition(x, c) if self.sees else x
        y: Tensor = self.body(x)
        return y.reshape(-1, *self.shape)


LR, GAMMA = "optim.lr", "penalty.gamma"
OF_2014 = {"loss.objective": "saturating", GAMMA: 0.0}
FAILING: Mapping[str, Failing] = {
    "ring-lr": Failing("ring", "learning rates × 30", {LR: [9e-2, 3e-3]}),
    "grid-g-lr": Failing(
        "grid", "generator's learning rate × 30", {LR: [9e-2, 3e-3], "optim.d_lr": [3e-3, 1e-4]}
    ),
    "fashion-gamma": Failing("fashion", "γ × 0.001", {GAMMA: [0.01, 0.003]}),
    "biopsies-lr": Failing("biopsies", "learning rates × 30", {LR: 6e-2}),
    "strings-2014": Failing("strings", "saturating loss of 2014, no penalty", OF_2014),
    "vectors-ignored": Failing(
        "vectors", "a discriminator that sees no condition", networks=ignores_conditions
    ),
    "spiral-lr": Failing("spiral", "learning rates × 30", {LR: [9e-2, 3e-3]}),
    "classes-lr": Failing("classes", "learning rates × 30", {LR: [9e-2, 3e-3]}),
    "diabetes-lr": Failing("diabetes", "learning rates × 30", {LR: 6e-2}),
    "adult-lr": Failing("adult", "learning rates × 30", {LR: 6e-2}),
    "fashion-2014": Failing("fashion", "saturating loss of 2014, no penalty", OF_2014),
    "strings-lr": Failing("strings", "learning rates × 30", {LR: [3e-2, 1.5e-3]}),
    "spoken-2014": Failing("spoken", "saturating loss of 2014, no penalty", OF_2014),
    "molecules-g-lr": Failing(
        "molecules",
        "generator's learning rate × 100",
        {LR: [1e-1, 5e-3], "optim.d_lr": [1e-3, 5e-5]},
    ),
    "cells-few": Failing(
        "cells",
        "40 training items in place of 341",
        {"data.holdout": 0.85},
        data=lambda: cells(268),
    ),
}


def healthy_of(name: str) -> str:
    """The healthy run beside a failing one; itself for a healthy one."""
    return FAILING[name].of if name in FAILING else name
