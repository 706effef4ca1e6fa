"""Candidates for an augmented data set: what to generate, and which samples to keep."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from gankit.contract import Codec, Extractor, Progress, ReservesKeys, Sample, quiet
from gankit.contract.subsets import take
from gankit.errors import GankitError, did_you_mean
from gankit.metrics import nearest
from gankit.runs.directory import Run
from gankit.workflows.pool import SampleSource
from gankit.workflows.scoring import backbones_in, evaluators_of

CHUNK = 1024
"""Candidates that are generated and filtered at a time."""
TRIES = 20
"""Candidates per requested sample, after which the rest is given up."""
REFERENCE = 5000
"""Real items that candidates are compared with."""
NEIGHBOURS = 5
RATIO = 10
"""More generated items than so many times the real ones of their kind are warned of."""
DUPLICATES = 0.01
"""A candidate nearer to a real item than this share of real items to another is a duplicate."""

OUTLIER = "outlier"
"""The reason to drop what is unlike all real items."""

Filter = Callable[[Sequence[Any]], list[str]]
"""``items -> a reason to drop each, or an empty string``."""


@dataclass(frozen=True)
class Request:
    """So many generated items, for a condition."""

    count: int
    where: Mapping[str, object]


@dataclass
class Counts:
    """What became of the candidates."""

    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    missing: int = 0
    """Requested, and given up after many tries."""

    def as_dict(self) -> dict[str, Any]:
        return {"kept": self.kept, "dropped": dict(self.dropped), "missing": self.missing}


def plan(
    real: Sequence[Mapping[str, object]],
    *,
    balance: str = "",
    factor: float = 0.0,
    where: Mapping[str, object] | None = None,
    n: int = 0,
) -> list[Request]:
    """What to generate, from the real items' attributes.

    Args:
        balance: an attribute whose classes should all be as frequent as the most frequent one.
        factor: how many times as many items the result should have.
        where, n: so many, for a condition.

    Raises:
        GankitError: not exactly one of these, or one that is impossible.
    """
    if sum((bool(balance), bool(factor), bool(n))) != 1:
        raise GankitError(
            "it is unclear how much to generate", "Use one of --balance KEY, --factor F, or -n N"
        )
    conditions = dict(where or {})
    if n:
        return [Request(n, conditions)]
    if factor:
        if not 1 < factor < math.inf:
            what = "has no end" if factor > 1 else "adds nothing"
            raise GankitError(f"--factor {factor:g}: {what}", "Use more than 1, e.g. 2")
        return [Request(round((factor - 1) * len(real)), conditions)]
    names = list(real[0]) if real else []
    if balance not in names:
        raise GankitError(f"items have no attribute {balance!r}", did_you_mean(balance, names))
    counts = Counter(str(v[balance]) for v in real if v.get(balance) is not None)
    if not 2 <= len(counts) <= 100:
        classes = "1 class" if len(counts) == 1 else f"{len(counts)} classes"
        raise GankitError(
            f"--balance {balance}: it has {classes}", "Use an attribute with 2 to 100 classes"
        )
    most = max(counts.values())
    return [
        Request(most - count, {**conditions, balance: value})
        for value, count in sorted(counts.items())
        if count < most
    ]


def most_candidates(requests: Sequence[Request]) -> int:
    """The most seeds that requests can use up."""
    return sum((TRIES + 2) * request.count + 2 * CHUNK for request in requests) or 1


def thin_requests(requests: Sequence[Request], real: Sequence[Mapping[str, object]]) -> list[str]:
    """A warning for each request that far exceeds the real items it is learned from."""
    found, counted = list[str](), dict[tuple[str, ...], Counter[tuple[str, ...]]]()
    for request in requests:
        keys, wanted = tuple(request.where), tuple(map(str, request.where.values()))
        if keys not in counted:
            rows = (tuple(str(v.get(k)) for k in keys) for v in real)
            counted[keys] = Counter(rows) if keys else Counter({(): len(real)})
        like = counted[keys][wanted]  # 0 for a range, or one of several values
        if like and request.count > RATIO * like:
            named = "".join(f" with {k}={v}" for k, v in zip(keys, wanted, strict=True))
            items = "1 real one" if like == 1 else f"{like:,} real ones"
            found.append(
                f"{request.count:,} generated items{named} come from {items}: they repeat what "
                "little these show. Collect more, or add fewer with -n"
            )
    return found


class AttributeView(Sequence[Mapping[str, object]]):
    """The items' attributes, computed on access: a data set may be long."""

    def __init__(
        self, items: Sequence[Any], attributes: Callable[[Any], Mapping[str, object]]
    ) -> None:
        self.items, self.attributes = items, attributes

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: Any) -> Any:
        return self.attributes(self.items[i])


class CandidateFilter:
    """Separates candidates to keep from those to drop, in an extractor's feature space.

    - ``near duplicate``: nearer to a real item than 99 of 100 real items are to another one, or
      equal to one.
    - ``outlier``: outside the neighbourhoods of all real items (Kynkäänniemi et al. 2019,
      section 3.1).
    - ``wrong class``: its real neighbours are mostly of another class than was requested.
    - ``invalid``: the extractor does not accept it.

    Args:
        classes: of the real items, where one was requested.
    """

    def __init__(
        self, extractor: Extractor[Any], real: Sequence[Any], classes: Sequence[str] | None
    ) -> None:
        self.extractor = extractor
        features = extractor.features(list(real))
        self.centre = features.mean(0)  # distances are computed about it: squares cancel less
        self.reference = features - self.centre
        self.classes = None if classes is None else np.array(classes)
        k = min(NEIGHBOURS, len(self.reference) - 1)
        among = nearest(self.reference, self.reference, k, same=True)
        self.radii = among[:, -1]
        # Where real items repeat, the quantile is 0 and only copies are duplicates. Features of
        # equal items may differ by rounding.
        rounding = 1e-6 * float(np.sqrt(np.square(self.reference).sum(1).mean()))
        self.duplicate = max(float(np.quantile(among[:, 0], DUPLICATES)), rounding)

    def __call__(self, items: Sequence[Any], requested: str | None) -> list[str]:
        """A reason to drop each item, or an empty string."""
        reasons = ["" if self.extractor.accepts(item) else "invalid" for item in items]
        valid = [i for i, reason in enumerate(reasons) if not reason]
        if not valid:
            return reasons
        x = self.extractor.features([items[i] for i in valid]) - self.centre
        distances = _distances(x, self.reference)
        k = min(NEIGHBOURS, len(self.reference))
        closest = np.argpartition(distances, k - 1, axis=1)[:, :k]
        # By differences, since the expanded square cancels where two points nearly agree.
        exact = np.sqrt(np.square(x[:, None] - self.reference[closest]).sum(2)).min(1)
        for row, (i, d) in enumerate(zip(valid, distances, strict=True)):
            if exact[row] <= self.duplicate:
                reasons[i] = "near duplicate"
            elif not (d <= self.radii).any():
                reasons[i] = OUTLIER
            elif requested is not None and self.classes is not None:
                votes = Counter(self.classes[closest[row]].tolist())
                if 2 * votes[requested] < max(votes.values()):
                    reasons[i] = "wrong class"
        return reasons


def _distances(a: Any, b: Any) -> Any:
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0))


def filters(
    run: Run,
    codec: Codec[Any],
    real: Sequence[Any],
    attributes: Sequence[Mapping[str, object]],
    key: str,
    keep_all: bool,
    seed: int,
) -> Callable[[Request], Filter | None]:
    """For each request, what filters its candidates; None where all are kept."""
    found = evaluators_of(run.plugin.modality, codec, run.settings, backbones_in(run.model))
    extractor = next((e for e in found if isinstance(e, Extractor)), None)
    if keep_all or extractor is None or len(real) < 2 * NEIGHBOURS:
        return lambda request: None
    extractor.fit(real)
    rng = np.random.default_rng([seed, 11])
    chosen = np.sort(rng.choice(len(real), min(len(real), REFERENCE), replace=False))
    classes = [str(attributes[i].get(key)) for i in chosen.tolist()] if key else None
    keep = CandidateFilter(extractor, take(real, chosen), classes)

    def of(request: Request) -> Filter:
        requested = str(request.where.get(key))  # a range, or one of two, is no class
        known = requested if requested in (classes or ()) else None
        return lambda items: keep(items, known)

    return of


def generated(
    source: SampleSource,
    requests: Sequence[Request],
    filter_of: Callable[[Request], Filter | None],
    counts: Counts,
    *,
    alongside: Sequence[Any] = (),
    seed: int = 0,
    progress: Progress = quiet,
) -> Iterator[Sample[Any]]:
    """Candidates that are kept, request by request; dropped ones are counted in ``counts``.

    Args:
        alongside: the real items of the data set that they are added to.
    """
    if len(alongside) and isinstance(source.codec, ReservesKeys):
        source.codec.reserve(alongside)
    wanted = sum(request.count for request in requests)
    for request in requests:
        drop, kept, tried = filter_of(request), 0, 0
        stream = source.sample(most_candidates([request]), seed, request.where)
        while kept < request.count and tried < TRIES * request.count + CHUNK:
            n = min(CHUNK, 2 * (request.count - kept) + 16)
            some = list(islice(stream, n))
            tried += len(some)
            reasons = drop([s.item for s in some]) if drop else [""] * len(some)
            for sample, reason in zip(some, reasons, strict=True):
                if kept == request.count:
                    break
                if reason:
                    counts.dropped[reason] += 1
                    continue
                kept += 1
                counts.kept += 1
                yield sample
            progress("generating", counts.kept, wanted)
        seed += tried
        counts.missing += request.count - kept
