"""What augmentation is worth: a downstream model trained with and without it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gankit.contract import Progress
from gankit.errors import GankitError, did_you_mean
from gankit.runs.directory import Run
from gankit.workflows.candidates import (
    AttributeView,
    Counts,
    Request,
    generated,
    judges,
)
from gankit.workflows.data import quiet, read_data


@dataclass(frozen=True)
class Measured:
    """A way of training, and its scores over repetitions."""

    way: str
    scores: Mapping[str, tuple[float, float]]
    """Mean, and half the width of the 95 % interval."""


def measure(
    run: Run,
    data: str,
    *,
    test: str | None = None,
    key: str,
    requests_of: Callable[[Sequence[Mapping[str, object]]], list[Request]],
    repeats: int = 5,
    seed: int = 0,
    device: str = "auto",
    progress: Progress = quiet,
) -> list[Measured]:
    """Trains the modality's standard model on the real training part, with and without generated
    items and with the usual remedies, and tests all on the same untouched real items.

    Args:
        test: a test set of its own. Otherwise what the run held out, where ``data`` is what it was
            trained on, or a fifth of ``data``.
        key: what the model predicts.
        repeats: repetitions, each with other draws and other generated items.

    Raises:
        GankitError: the modality has no such model, or the key cannot be predicted.
    """
    modality, settings = run.plugin.modality, run.settings
    learner = modality.learner(settings)
    if learner is None:
        raise GankitError(
            f"plugin {run.plugin.info.name} has no model to measure with", "Leave out --measure"
        )
    train, heldout = _divide(run, data, test, seed, progress)
    values, sampler = AttributeView(train, modality.values), run.sampler(device)
    if not any(key in named for named in values):
        raise GankitError(f"items have no value named {key!r}", did_you_mean(key, list(values[0])))
    judge = judges(run, train, values, key, False, seed)
    ways: dict[str, list[dict[str, float]]] = {}
    for repeat in range(repeats):
        begin = seed + 10_000_000 * (repeat + 1)
        more = list(generated(sampler, requests_of(values), judge, Counts(), seed=begin))
        if more and not any(key in modality.values(sample.item) for sample in more):
            raise GankitError(
                f"generated items have no {key!r}, so that nothing can be learnt of it from them",
                "Choose a --target that the run is conditioned on",
            )
        sets = {
            "real alone": ("", train),
            "real + generated": ("", [*train, *(s.item for s in more)]),
        }
        sets |= {f"real, {remedy}": (remedy, train) for remedy in learner.mitigations}
        for i, (way, (remedy, items)) in enumerate(sets.items()):
            progress(f"measuring: {way}", repeat * len(sets) + i, repeats * len(sets))
            if scores := learner.scores(items, heldout, key, remedy, seed + repeat):
                ways.setdefault(way, []).append(scores)
    return [Measured(way, _intervals(found)) for way, found in ways.items()]


def verdict(measured: Sequence[Measured]) -> list[str]:
    """What the figures say, a sentence a score."""
    by_way = {m.way: m.scores for m in measured}
    ours, lines = by_way["real + generated"], []
    others = {way: scores for way, scores in by_way.items() if way != "real + generated"}
    for name, (mean, half) in ours.items():
        way = max(others, key=lambda w: others[w][name][0])
        best, spread = others[way][name]
        if mean - half > best + spread:
            said = f"generated items help: {mean:.3f} against {best:.3f} by {way}"
        elif mean + half < best - spread:
            said = f"generated items do not help: {way} is better, {best:.3f} against {mean:.3f}"
        else:
            said = f"no clear difference: {mean:.3f}, and {best:.3f} by {way}"
        lines.append(f"{name}: {said}")
    return lines


def _divide(
    run: Run, data: str, test: str | None, seed: int, progress: Progress
) -> tuple[list[Any], list[Any]]:
    modality, settings = run.plugin.modality, run.settings
    found = modality.read(data, settings, progress)
    if test is not None:
        return list(found.items), list(modality.read(test, settings, progress).items)
    if run.table and found.fingerprint == run.record["data"]["fingerprint"]:
        divided = read_data(run.plugin, run.config, None, progress)
        if len(divided.heldout):
            return list(divided.train), list(divided.heldout)
    order = np.random.default_rng([seed, 13]).permutation(len(found.items)).tolist()
    aside = len(order) // 5
    return [found.items[i] for i in order[aside:]], [found.items[i] for i in order[:aside]]


def _intervals(repeated: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    """Mean and half the 95 % interval, by Student's t."""
    table = {}
    for name in repeated[0]:
        values = np.array([scores[name] for scores in repeated])
        spread = float(values.std(ddof=1)) if len(values) > 1 else math.nan
        table[name] = (
            float(values.mean()),
            _student(len(values) - 1) * spread / math.sqrt(len(values)),
        )
    return table


def _student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t distribution."""
    known = {
        1: 12.706,
        2: 4.303,
        3: 3.182,
        4: 2.776,
        5: 2.571,
        6: 2.447,
        7: 2.365,
        8: 2.306,
        9: 2.262,
    }
    return known.get(freedom, 1.96 + 2.5 / max(freedom, 1))
