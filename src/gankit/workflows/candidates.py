"""Generated candidates for an augmented data set, and which of them may stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from gankit.contract import Codec, Extractor, Progress, Sample
from gankit.contract.subsets import take
from gankit.errors import GankitError, did_you_mean
from gankit.metrics import nearest
from gankit.runs.directory import Run
from gankit.workflows.data import quiet

CHUNK = 1024
"""Candidates that are generated and judged at a time."""

TRIES = 20
"""Times as many candidates as are wanted, after which the rest is given up."""

REFERENCE = 5000
"""Real items that candidates are compared with."""

NEIGHBOURS = 5


@dataclass(frozen=True)
class Request:
    """So many generated items, for what is asked."""

    count: int
    where: Mapping[str, object]


@dataclass
class Counts:
    """What became of the candidates."""

    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    missing: int = 0
    """Wanted, and given up after many tries."""

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
    """What to generate, from the real items' named values.

    Args:
        balance: a name whose values should all be as frequent as the most frequent one.
        factor: how many times the real items the result should have.
        where, n: so many, for what is asked.

    Raises:
        GankitError: not exactly one of these, or one that cannot be.
    """
    if sum((bool(balance), bool(factor), bool(n))) != 1:
        raise GankitError(
            "how much should be generated?", "Give one of --balance KEY, --factor F, or -n N"
        )
    asked = dict(where or {})
    if n:
        return [Request(n, asked)]
    if factor:
        if factor <= 1:
            raise GankitError(f"--factor {factor:g}: adds nothing", "Use more than 1, e.g. 2")
        return [Request(round((factor - 1) * len(real)), asked)]
    names = list(real[0]) if real else []
    if balance not in names:
        raise GankitError(f"items have no value named {balance!r}", did_you_mean(balance, names))
    counts = Counter(str(v[balance]) for v in real if v.get(balance) is not None)
    if not 2 <= len(counts) <= 100:
        raise GankitError(
            f"--balance {balance}: it has {len(counts)} values", "Name one with 2 to 100 classes"
        )
    most = max(counts.values())
    return [
        Request(most - count, {**asked, balance: value})
        for value, count in sorted(counts.items())
        if count < most
    ]


class SampleSource(Protocol):
    """What candidates come from: :class:`gankit.engine.sampling.sampler.Sampler`, for one."""

    codec: Codec[Any]

    def sample(
        self, n: int, seed: int = 0, where: Mapping[str, object] | None = None
    ) -> Iterator[Sample[Any]]: ...


class AttributeView(Sequence[Mapping[str, object]]):
    """The items' named values, each made when it is asked for: a table may be long."""

    def __init__(self, items: Sequence[Any], values: Callable[[Any], Mapping[str, object]]) -> None:
        self.items, self.values = items, values

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: Any) -> Any:
        return self.values(self.items[i])


class CandidateFilter:
    """Tells candidates that may stay from those that may not, by an extractor's features.

    - ``near duplicate``: nearer to a real item than 99 of 100 real items are to another one.
    - ``off manifold``: outside the neighbourhoods of all real items (Kynkäänniemi et al. 2019,
      section 3.1).
    - ``wrong class``: its real neighbours are mostly of another class than was asked.
    - ``invalid``: the extractor does not take it.

    Args:
        classes: of the real items, where one was asked.
    """

    def __init__(
        self, extractor: Extractor[Any], real: Sequence[Any], classes: Sequence[str] | None
    ) -> None:
        self.extractor = extractor
        self.reference = extractor.features(list(real))
        self.classes = None if classes is None else np.array(classes)
        k = min(NEIGHBOURS, len(self.reference) - 1)
        among = nearest(self.reference, self.reference, k, same=True)
        self.radii = among[:, -1]
        self.duplicate = float(np.quantile(among[:, 0], 0.01))

    def __call__(self, items: Sequence[Any], asked: str | None) -> list[str]:
        """A reason to drop each item, or an empty text."""
        reasons = ["" if self.extractor.accepts(item) else "invalid" for item in items]
        valid = [i for i, reason in enumerate(reasons) if not reason]
        if not valid:
            return reasons
        x = self.extractor.features([items[i] for i in valid])
        distances = _distances(x, self.reference)
        k = min(NEIGHBOURS, len(self.reference))
        closest = np.argpartition(distances, k - 1, axis=1)[:, :k]
        for row, (i, d) in enumerate(zip(valid, distances, strict=True)):
            if d.min() <= self.duplicate:
                reasons[i] = "near duplicate"
            elif not (d <= self.radii).any():
                reasons[i] = "off manifold"
            elif asked is not None and self.classes is not None:
                votes = Counter(self.classes[closest[row]].tolist())
                if 2 * votes[asked] < max(votes.values()):
                    reasons[i] = "wrong class"
        return reasons


def _distances(a: Any, b: Any) -> Any:
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0))


def generated(
    sampler: SampleSource,
    requests: Sequence[Request],
    judge: Callable[[Request], Callable[[Sequence[Any]], list[str]] | None],
    counts: Counts,
    *,
    beside: Sequence[Any] = (),
    seed: int = 0,
    progress: Progress = quiet,
) -> Iterator[Sample[Any]]:
    """Candidates that stay, wish by wish; what is dropped is counted in ``counts``.

    Args:
        beside: the real items that they will stand beside.
    """
    if beside:
        sampler.codec.reserve(beside)
    wanted = sum(request.count for request in requests)
    for request in requests:
        decide, kept, tried = judge(request), 0, 0
        while kept < request.count and tried < TRIES * request.count + CHUNK:
            some = list(
                sampler.sample(min(CHUNK, 2 * (request.count - kept) + 16), seed, request.where)
            )
            seed += len(some)
            tried += len(some)
            reasons = decide([s.item for s in some]) if decide else [""] * len(some)
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
        counts.missing += request.count - kept


def judges(
    run: Run,
    real: Sequence[Any],
    values: Sequence[Mapping[str, object]],
    key: str,
    keep_all: bool,
    seed: int,
) -> Callable[[Request], Callable[[Sequence[Any]], list[str]] | None]:
    """For each wish, what judges its candidates; None where all may stay. Features may need the
    codec, which :meth:`gankit.runs.directory.Run.sampler` loads.
    """
    found = run.plugin.modality.evaluators(run.settings)
    extractor = next((e for e in found if isinstance(e, Extractor)), None)
    if keep_all or extractor is None or len(real) < 2 * NEIGHBOURS:
        return lambda request: None
    rng = np.random.default_rng([seed, 11])
    chosen = np.sort(rng.choice(len(real), min(len(real), REFERENCE), replace=False))
    classes = [str(values[i].get(key)) for i in chosen.tolist()] if key else None
    judge = CandidateFilter(extractor, take(real, chosen), classes)

    def of(request: Request) -> Callable[[Sequence[Any]], list[str]]:
        asked = str(request.where.get(key))  # a range, or one of two, is no class
        return lambda items: judge(items, asked if asked in (classes or ()) else None)

    return of
