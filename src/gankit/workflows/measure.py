"""Benchmarking augmentation: a downstream model trained with and without generated items."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gankit.config.paths import expanded
from gankit.contract import Progress, quiet
from gankit.errors import GankitError, did_you_mean
from gankit.runs.directory import Run
from gankit.system_errors import translated
from gankit.workflows.augment import augmentable
from gankit.workflows.candidates import (
    AttributeView,
    Counts,
    Request,
    filters,
    generated,
    thin_requests,
)
from gankit.workflows.conformity import conformed
from gankit.workflows.data import held_out, read_data
from gankit.workflows.generate import MEMORY_HINT, check_seeds

SEEDS_APART = 10_000_000
"""Between the first seeds of two repetitions."""
AUGMENTED = "real + generated"
TEST_SHARE = 0.2
"""Of the data, if the run held nothing of it out."""
FEWEST = 5
"""Items of a class in the training part, and in the test part, below which a score says nothing."""
MOST_CLASSES = 50, 20
"""Texts, and whole numbers, of more different values than this are no classes."""


def _ignore(warning: str) -> None:
    pass


@dataclass(frozen=True)
class Benchmark:
    """A training set, and the downstream model's scores over repetitions."""

    trained_on: str
    scores: Mapping[str, tuple[float, float]]
    """Mean, and half the width of the 95 % confidence interval."""


@translated(memory=MEMORY_HINT)
def measure(
    run: Run,
    data: str,
    *,
    test: str | None = None,
    key: str,
    requests_of: Callable[[Sequence[Mapping[str, object]]], list[Request]],
    repeats: int = 5,
    seed: int = 0,
    keep_all: bool = False,
    device: str = "auto",
    progress: Progress = quiet,
    warn: Callable[[str], None] = _ignore,
) -> list[Benchmark]:
    """Trains the modality's downstream model on the real training part, with and without generated
    items and with the usual mitigations, and tests all on the same held-out real items.

    Args:
        test: a separate test set. Otherwise what the run held out, where ``data`` is what it was
            trained on, or a fifth of ``data``.
        key: what the model predicts.
        requests_of: what to generate, from the training items' attributes.
        repeats: repetitions, each with other draws and other generated items.
        keep_all: add near duplicates and outliers too.
        warn: called with each doubt about the result.

    Raises:
        GankitError: the modality has no such model, the key cannot be predicted, or a score is not
            defined.
    """
    modality = augmentable(run)
    model = modality.downstream_model(run.settings)
    if model is None:
        raise GankitError(
            f"plugin {run.plugin.info.name} has no downstream model", "Leave out --measure"
        )
    train, heldout = (
        list(conformed(run.plugin.modality, run.codec, items, name, strict=True).items)
        for items, name in zip(
            _split(run, data, test, key, seed, progress), (data, test or data), strict=True
        )
    )
    attributes = AttributeView(train, modality.attributes)
    if not any(key in named for named in attributes):
        known = list(attributes[0])
        raise GankitError(f"items have no attribute {key!r}", did_you_mean(key, known))
    if not len(heldout):
        raise GankitError("no items to test on", "Give more data, or a test set: --test PATH")
    _check_classes(key, attributes, AttributeView(heldout, modality.attributes))
    for warning in thin_requests(requests_of(attributes), attributes):
        warn(warning)
    filter_of = filters(run, run.codec, train, attributes, key, keep_all, seed)
    check_seeds(seed, SEEDS_APART * (repeats + 2))
    results: dict[str, list[dict[str, float]]] = {}
    for repeat in range(repeats):
        first, counts = seed + SEEDS_APART * (repeat + 1), Counts()
        # A sampler of its own: keys must differ within a data set, not between repetitions.
        source = run.sampler(device)
        requests = requests_of(attributes)
        more = list(generated(source, requests, filter_of, counts, alongside=train, seed=first))
        if more and not any(key in modality.attributes(sample.item) for sample in more):
            raise GankitError(
                f"generated items have no {key!r}, so a model cannot be trained on them",
                "Use a --target that the run is conditioned on",
            )
        sets = {
            "real": ("", train),
            AUGMENTED: ("", [*train, *(s.item for s in more)]),
        }
        sets |= {f"real, {mitigation}": (mitigation, train) for mitigation in model.mitigations}
        for i, (name, (mitigation, items)) in enumerate(sets.items()):
            progress("measuring", repeat * len(sets) + i, repeats * len(sets))
            if scores := model.scores(items, heldout, key, mitigation, seed + repeat):
                _check_defined(key, name, scores)
                results.setdefault(name, []).append(scores)
    return [Benchmark(name, _intervals(found)) for name, found in results.items()]


def verdict(benchmarks: Sequence[Benchmark]) -> list[str]:
    """What the figures mean, a sentence per score."""
    by_name = {b.trained_on: b.scores for b in benchmarks}
    ours, lines = by_name[AUGMENTED], []
    others = {name: scores for name, scores in by_name.items() if name != AUGMENTED}
    for score, (mean, half) in ours.items():
        name = max(others, key=lambda other: others[other][score][0])
        best, spread = others[name][score]
        if mean - half > best + spread:
            said = f"generated items help: {mean:.3f} against {best:.3f} for {name}"
        elif mean + half < best - spread:
            said = f"generated items do not help: {name} is better, {best:.3f} against {mean:.3f}"
        else:
            said = f"no significant difference: {mean:.3f}, and {best:.3f} for {name}"
        lines.append(f"{score}: {said}")
    return lines


def _check_classes(
    key: str, train: Sequence[Mapping[str, object]], test: Sequence[Mapping[str, object]]
) -> None:
    """Checks that every class to predict is in both parts.

    Raises:
        GankitError: one is not, or too rarely.
    """
    counts = [Counter(v for named in part if (v := named.get(key)) is not None)
              for part in (train, test)]  # fmt: skip
    classes = [*(counts[0] | counts[1])]
    texts, numbers = MOST_CLASSES
    most = texts if all(isinstance(c, str | bool) for c in classes) else numbers
    if not 2 <= len(classes) <= most or any(isinstance(c, float) for c in classes):
        return  # the model has its own rules for numbers, and for too many classes
    rare = min(classes, key=lambda c: (min(counts[1][c], counts[0][c]), str(c)))
    fit, held = counts[0][rare], counts[1][rare]
    if min(fit, held) < FEWEST:
        raise GankitError(
            f"{key}={rare} has {fit:,} training and {held:,} test items: scores are not defined "
            f"for a class of fewer than {FEWEST} in either",
            "Collect more of them, give a larger --test set, or choose another --target",
        )


def _check_defined(key: str, trained_on: str, scores: Mapping[str, float]) -> None:
    """Checks that scores are numbers.

    Raises:
        GankitError: one is not.
    """
    for name, value in scores.items():
        if not math.isfinite(value):
            raise GankitError(
                f"{name} of {key} is not defined for the model trained on {trained_on}",
                "Give a larger --test set, or choose another --target",
            )


def _split(
    run: Run, data: str, test: str | None, key: str, seed: int, progress: Progress
) -> tuple[list[Any], list[Any]]:
    modality, settings = run.plugin.modality, run.settings
    found = modality.read(expanded(data), settings, progress)
    if test is not None:
        return list(found.items), list(modality.read(expanded(test), settings, progress).items)
    if run.table and found.fingerprint == run.record["data"]["fingerprint"]:
        split = read_data(run.plugin, run.config, None, progress)
        if len(split.heldout):
            return list(split.train), list(split.heldout)
    named = AttributeView(found.items, augmentable(run).attributes)
    classes = [named[i].get(key) for i in range(len(named))]
    strata = classes if len(set(map(str, classes))) <= MOST_CLASSES[0] else None
    aside = held_out(len(classes), TEST_SHARE, seed, strata)
    test_items = set(aside.tolist())
    rest = [i for i in range(len(classes)) if i not in test_items]
    return [found.items[i] for i in rest], [found.items[i] for i in aside.tolist()]


def _intervals(repeated: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    """Mean and half the 95 % confidence interval, by Student's t."""
    found = {}
    for name in repeated[0]:
        values = np.array([scores[name] for scores in repeated])
        spread = float(values.std(ddof=1)) if len(values) > 1 else math.nan
        half = _student(len(values) - 1) * spread / math.sqrt(len(values))
        found[name] = (float(values.mean()), half)
    return found


def _student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t distribution."""
    known = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
    return known[freedom - 1] if 0 < freedom <= len(known) else 1.96 + 2.5 / max(freedom, 1)
