"""All scores of a generator, each with its real-data baseline."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from gankit.contract import EvaluationData, Evaluator, Extractor, Progress, Sample
from gankit.contract.subsets import take
from gankit.errors import GankitError, did_you_mean
from gankit.metrics._features import Features, as_features
from gankit.metrics.frechet import GaussianStats, frechet_distance
from gankit.metrics.intervals import (
    frechet_without,
    groups_of,
    manifold_without,
    memorisation_without,
    spreads,
)
from gankit.metrics.kernel import kernel_distance
from gankit.metrics.manifold import balls, manifold_scores
from gankit.metrics.memorisation import Distances, memorisation_of, to_nearest

if TYPE_CHECKING:
    from gankit.contract import Metric

Item = TypeVar("Item")
Values = np.ndarray[Any, Any]
FeatureMetric = Callable[[Values, Values, np.random.Generator], dict[str, float]]
"""``(real (N, D), generated (M, D), rng) -> scores``."""

GROUPS: dict[str, tuple[str, ...]] = {
    "frechet": ("frechet",),
    "kernel": ("kernel", "kernel_std"),
    "manifold": ("precision", "recall", "density", "coverage"),
    "memorisation": ("nearest_train_ratio", "copies", "closer_to_train", "data_copying_z"),
}
"""The core's scores by the computation that they share; either name selects."""

LOWER_IS_BETTER = {
    "frechet": True,
    "kernel": True,
    "precision": False,
    "recall": False,
    "density": False,
    "coverage": False,
    "copies": True,
}
"""The others are best at their real-data baseline, or come from plugins."""


@dataclass(frozen=True)
class Score:
    """A number, with everything that determines whether it can be compared with another."""

    name: str
    """``metric/extractor``, or an established name such as ``fid``."""
    value: float
    real_baseline: float | None
    """The same metric for held-out real samples in place of the generated ones; None where an
    evaluator has none."""
    extractor: str
    """Name of the extractor, or of the evaluator."""
    extractor_fingerprint: str
    """Scores with different fingerprints are not comparable."""
    n_real: int
    """Real samples compared with."""
    n_generated: int
    """Generated samples used, and held-out ones for the baseline."""
    split: str
    """Where the real samples come from."""
    seed: int
    lower_is_better: bool | None
    """None where neither holds, or it is not known."""
    baselines: Mapping[str, float] = field(default_factory=dict)
    """The same metric for other models' samples, by their name."""
    error: float | None = None
    """Standard error of the value, where it is known."""
    interval: tuple[float, float] | None = None
    """A 95 % confidence interval over resamples of the generated samples; see
    :mod:`gankit.metrics.intervals`. None where there is none."""
    shared_backbone: str = ""
    """The pretrained network that extractor and discriminator share, which flatters the score:
    not comparable with others'. Empty where they share none."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON, which has no infinity and no NaN: these become None."""
        found = asdict(self) | {"baselines": {k: _finite(v) for k, v in self.baselines.items()}}
        if self.interval is not None:
            found["interval"] = [_finite(end) for end in self.interval]
        return {key: _finite(value) for key, value in found.items()}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def compare(
    real: Values, generated: Values, rng: np.random.Generator, *, k: int = 5
) -> dict[str, float]:
    """All distances and manifold scores between two feature sets.

    Args:
        real: features ``(N, D)``.
        generated: features ``(M, D)``.
        rng: draws the kernel distance's subsets.
        k: neighbours for precision, recall, density and coverage.

    Returns:
        ``frechet, kernel, kernel_std, precision, recall, density, coverage``.

    Raises:
        GankitError: fewer than two samples, widths that differ, values that are not finite.
    """
    return {
        **_frechet(real, generated, rng),
        **_kernel(real, generated, rng),
        **manifold_scores(real, generated, k=k),
    }


def evaluate(
    evaluators: Sequence[Extractor[Item] | Evaluator[Item]],
    data: EvaluationData[Item],
    seed: int = 0,
    *,
    only: Collection[str] = (),
    extra: Sequence[Metric] = (),
    k: int = 5,
    max_reference: int = 10_000,
    baselines: Mapping[str, Sequence[Sample[Item]]] | None = None,
    of_model: Sequence[Score] = (),
    backbones: Collection[str] = (),
    progress: Progress | None = None,
    on_features: Callable[[str, Located, Located, Features], None] | None = None,
) -> list[Score]:
    """Every score of every extractor and evaluator.

    The reference is the training set, at most ``max_reference`` items of it, drawn once. Generated
    samples are compared with it, and as many held-out real ones are for the floor: the smaller of
    the two sets decides how many. So value and floor differ in nothing but who made the samples.
    Generated samples that an extractor does not take are left out, and as many held-out ones; where
    fewer than two remain, it gives no scores.

    Args:
        evaluators: what ``Modality.evaluators`` gave.
        data: generated, training and held-out items.
        seed: draws all subsets; the same seed gives the same scores.
        only: what to compute, all if empty: groups (``memorisation``), scores (``recall``,
            ``recall/<extractor>``, ``fid``), evaluators or extra metrics, by name.
        extra: further scores of feature sets, from plugins.
        k: neighbours for precision, recall, density and coverage.
        max_reference: bounds memory and time.
        baselines: other models' samples, scored in the same way.
        of_model: scores of the model itself, to stand among those of its samples.
        backbones: pretrained networks that the discriminator is built on; scores on the features
            of one of them are marked.
        progress: called while features are extracted.
        on_features: called with each extractor's name and the features of the training items, of
            the generated samples and of the held-out items.

    Raises:
        GankitError: a name in ``only`` that nothing here has; fewer than two generated, training
            or held-out items; features that are not finite.
    """
    check_names(only, evaluators, extra, [score.name for score in of_model])
    share = {source.backbone for source in evaluators} & set(backbones)
    others_data = {name: replace(data, generated=made) for name, made in (baselines or {}).items()}
    reference, generated, heldout = _draw(data, seed, max_reference)
    made = {name: _draw(other, seed, max_reference)[1] for name, other in others_data.items()}
    functions: dict[str, FeatureMetric] = {
        "frechet": _frechet,
        "kernel": _kernel,
        "manifold": lambda real, fake, rng: manifold_scores(real, fake, k=k),
        **{info.name: info.function for info in extra},
    }
    groups = {name: GROUPS.get(name, ()) for name in (*functions, "memorisation")}
    scores: list[Score] = []

    def compared(
        group: str,
        real: Values,
        made: Values,
        known: _Known,
        radii: Values | None,
    ) -> dict[str, float]:
        if group == "frechet":
            return {"frechet": frechet_distance(known.stats(real), known.stats(made))}
        if group == "memorisation":
            return memorisation_of(known.distances(made))
        if group == "manifold":
            return manifold_scores(real, made, k=k, radii=radii)
        return functions[group](real, made, rng_for(seed, group))

    for source in evaluators:
        if isinstance(source, Evaluator):
            if selects(only, source, source.name, ()):
                if progress is not None:
                    progress(f"{source.name}: comparing", 0, 0)
                values, floors = _split_floors(source.evaluate(data, rng_for(seed, source.name)))
                others = {
                    name: source.evaluate(other, rng_for(seed, source.name))
                    for name, other in others_data.items()
                }
                counts = len(data.train), len(data.generated)
                found = _scores(
                    only, source, source.name, values, floors, others, counts, seed, share
                )
                scores += [score for _, score in found]
            continue

        chosen = [group for group in groups if selects(only, source, group, groups[group])]
        if not chosen:
            continue
        trained = _features(source, reference, "training items", progress)
        drawn = _features(source, generated, "generated samples", progress)
        unseen = _features(source, heldout, "held-out items", progress).rows
        others_made = {
            name: _features(source, items, name, progress).rows for name, items in made.items()
        }
        real, fake = trained.rows, drawn.rows
        if on_features is not None and len(fake):
            on_features(source.name, trained, drawn, unseen)
        if len(fake) < 2:
            continue
        # A Fréchet distance of fewer samples is a larger one: all are of as many.
        others_made = {name: rows for name, rows in others_made.items() if len(rows) >= 2}
        n = min(map(len, (fake, unseen, *others_made.values())))
        fake, unseen = _fewer(fake, n, seed), _fewer(unseen, n, seed)
        others_made = {name: _fewer(rows, n, seed) for name, rows in others_made.items()}
        nearest = min(k, len(real) - 1, n - 1)
        radii = balls(real, nearest) if "manifold" in chosen and nearest > 0 else None
        known = _Known(real, unseen)
        for group in chosen:
            if progress is not None:
                progress(f"{source.name}: {group}", 0, 0)
            value = compared(group, real, fake, known, radii)
            floor = compared(group, real, unseen, known, radii)
            others = {
                name: compared(group, real, features, known, radii)
                for name, features in others_made.items()
            }
            counts = len(real), len(fake)
            resampled = _spreads(group, value, (real, fake), known, radii, nearest, seed)
            scores += [
                replace(score, **resampled.get(metric, {}))
                for metric, score in _scores(
                    *(only, source, group, value, floor, others, counts, seed, share)
                )
            ]
    return _joined(scores, of_model)


class _Known:
    """What scores, floors and errors ask for again and again, computed once: the statistics of
    each set of features, and its distances to the training items. The sets outlive it."""

    def __init__(self, real: Values, unseen: Values) -> None:
        self._real, self._unseen = real, unseen
        self._stats = dict[int, GaussianStats]()
        self._near = dict[int, Features]()

    def stats(self, rows: Values) -> GaussianStats:
        if id(rows) not in self._stats:
            self._stats[id(rows)] = GaussianStats.of(rows)
        return self._stats[id(rows)]

    def distances(self, made: Values) -> Distances:
        return Distances(self._to_real(made), self._to_real(self._unseen))

    def _to_real(self, rows: Values) -> Features:
        if id(rows) not in self._near:
            self._near[id(rows)] = to_nearest(self._real, rows)
        return self._near[id(rows)]


def _frechet(real: Values, generated: Values, rng: np.random.Generator) -> dict[str, float]:
    return {"frechet": frechet_distance(GaussianStats.of(real), GaussianStats.of(generated))}


def _kernel(real: Values, generated: Values, rng: np.random.Generator) -> dict[str, float]:
    mean, std = kernel_distance(real, generated, rng)
    return {"kernel": mean, "kernel_std": std}


@dataclass(frozen=True)
class Located:
    """Features, and the items that they are of."""

    rows: Features
    """``(N, D)``."""
    numbers: Sequence[int]
    """Of the items in their sequence, in order."""


@dataclass(frozen=True)
class _Subset(Generic[Item]):
    """Some items of a long sequence, fetched when their turn comes."""

    fetch: Callable[[Sequence[int]], Sequence[Item]]
    indices: Sequence[int]


def _draw(
    data: EvaluationData[Item], seed: int, max_reference: int
) -> tuple[_Subset[Item], _Subset[Item], _Subset[Item]]:
    """Reference, generated and held-out items, the last two of equal number."""
    sizes = {
        "generated samples": len(data.generated),
        "training items": len(data.train),
        "held-out items": len(data.heldout),
    }
    for what, size in sizes.items():
        if size < 2:
            raise GankitError(
                f"{size} {what}: a score needs at least 2", "Generate more, or give more data"
            )
    rng = rng_for(seed, "items")

    def some(count: int, of: int) -> list[int]:
        return sorted(rng.choice(of, min(count, of), replace=False).tolist())

    n = min(len(data.generated), len(data.heldout))
    return (
        _Subset(partial(take, data.train), some(max_reference, len(data.train))),
        _Subset(lambda i: [data.generated[k].item for k in i], some(n, len(data.generated))),
        _Subset(partial(take, data.heldout), some(n, len(data.heldout))),
    )


def _features(
    extractor: Extractor[Item], items: _Subset[Item], what: str, progress: Progress | None
) -> Located:
    parts, numbers = [], list[int]()
    for start in range(0, len(items.indices), 512):
        if progress is not None:
            progress(f"{extractor.name}: {what}", start, len(items.indices))
        at = items.indices[start : start + 512]
        block = items.fetch(at)
        taken = [(i, item) for i, item in zip(at, block, strict=True) if extractor.accepts(item)]
        if taken:
            parts.append(extractor.features([item for _, item in taken]))
            numbers += [i for i, _ in taken]
    rows = as_features(np.concatenate(parts), what) if parts else np.empty((0, 0))
    return Located(rows, numbers)


def _fewer(rows: Features, n: int, seed: int) -> Features:
    if len(rows) == n:
        return rows
    return rows[np.sort(rng_for(seed, "valid").choice(len(rows), n, replace=False))]


def _scores(
    only: Collection[str],
    source: Extractor[Any] | Evaluator[Any],
    group: str,
    values: dict[str, float],
    floors: dict[str, float],
    others: Mapping[str, dict[str, float]],
    counts: tuple[int, int],
    seed: int,
    share: Collection[str],
) -> Iterator[tuple[str, Score]]:
    """The scores of one group that ``only`` selects, with their names in the group."""
    if isinstance(source, Evaluator):
        directions = source.lower_is_better
    else:
        directions = LOWER_IS_BETTER if group in GROUPS else {}
    for metric, value in values.items():
        name = _score_name(source, metric)
        if only and {group, metric, name}.isdisjoint(only):
            continue
        yield (
            metric,
            Score(
                name=name,
                value=float(value),
                real_baseline=float(floors[metric]) if metric in floors else None,
                extractor=source.name,
                extractor_fingerprint=source.fingerprint,
                n_real=counts[0],
                n_generated=counts[1],
                split="train",
                seed=seed,
                lower_is_better=directions.get(metric),
                baselines={name: float(o[metric]) for name, o in others.items() if metric in o},
                shared_backbone=source.backbone if source.backbone in share else "",
            ),
        )


def _spreads(
    group: str,
    values: Mapping[str, float],
    features: tuple[Values, Values],
    known: _Known,
    radii: Values | None,
    k: int,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Error and interval of those scores of a group that have some, by name."""
    real, fake = features
    groups = groups_of(len(fake), rng_for(seed, "resamples"))
    if groups is None:
        return {}
    if group == "frechet":
        without = frechet_without(known.stats(real), fake, groups)
    elif group == "memorisation":
        without = memorisation_without(known.distances(fake), groups)
    elif group == "manifold" and radii is not None:
        without = manifold_without(real, fake, groups, k, radii)
    else:
        return {}
    found = spreads(values, without)
    return {name: {"error": s.error, "interval": s.interval} for name, s in found.items()}


def _joined(scores: list[Score], of_model: Sequence[Score]) -> list[Score]:
    """The model's scores after the samples' score of the same quantity, as ``white_box_x`` after
    ``x``; else at the end."""
    for score in of_model:
        related = [i for i, s in enumerate(scores, 1) if score.name.endswith(f"_{s.name}")]
        at = related[-1] if related else len(scores)
        scores = [*scores[:at], score, *scores[at:]]
    return scores


def _score_name(source: Extractor[Any] | Evaluator[Any], metric: str) -> str:
    if isinstance(source, Evaluator):
        return metric
    return source.aliases.get(metric, f"{metric}/{source.name}")


def _split_floors(found: dict[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Values and their floors: an evaluator's ``x_real`` is the floor of its ``x``."""
    floors = {name: found[f"{name}_real"] for name in found if f"{name}_real" in found}
    values = {name: found[name] for name in found if name not in {f"{n}_real" for n in floors}}
    return values, floors


def selects(
    only: Collection[str],
    source: Extractor[Any] | Evaluator[Any],
    group: str,
    metrics: Sequence[str],
) -> bool:
    """Whether ``only`` selects a score of this group."""
    names = {group, *metrics, *(_score_name(source, metric) for metric in (group, *metrics))}
    return not only or not names.isdisjoint(only)


def check_names(
    only: Collection[str],
    evaluators: Sequence[Extractor[Item] | Evaluator[Item]],
    extra: Sequence[Metric],
    of_model: Sequence[str] = (),
) -> None:
    """Checks that each of ``only`` is the name of a metric or a group.

    Args:
        of_model: names of scores of the model itself.

    Raises:
        GankitError: names the unknown one, with the nearest names.
    """
    own = [*GROUPS, *(metric for group in GROUPS.values() for metric in group)]
    own += [info.name for info in extra]
    groups = [one.name for one in evaluators if isinstance(one, Evaluator)]
    known = [*own, *groups, *of_model]
    for one in evaluators:
        if isinstance(one, Extractor):
            known += [_score_name(one, metric) for metric in own]
    for name in only:
        if name not in known:
            hint = did_you_mean(name, list(dict.fromkeys(known)))
            if groups and not hint.startswith("Did"):
                hint = f"Use a group: {', '.join([*GROUPS, *groups])}"
            raise GankitError(f"unknown metric {name!r}", hint)


def rng_for(seed: int, purpose: str) -> np.random.Generator:
    """A stream of its own for each purpose, so that leaving a score out changes no other."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])
