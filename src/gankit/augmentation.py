"""A data set made larger: the user's items beside generated ones, each marked, none hidden."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gankit import provenance
from gankit.contract import Codec, Extractor, Progress, Sample
from gankit.errors import GankitError, did_you_mean, without_password
from gankit.items import pick
from gankit.metrics import nearest
from gankit.plugins import installed
from gankit.runs import Run
from gankit.training import quiet, read_data

CHUNK = 1024
"""Candidates that are generated and judged at a time."""
TRIES = 20
"""Times as many candidates as are wanted, after which the rest is given up."""
REFERENCE = 5000
"""Real items that candidates are compared with."""
NEIGHBOURS = 5


@dataclass(frozen=True)
class Wish:
    """So many generated items, for what is asked."""

    count: int
    where: Mapping[str, object]


@dataclass
class Tally:
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
) -> list[Wish]:
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
        return [Wish(n, asked)]
    if factor:
        if factor <= 1:
            raise GankitError(f"--factor {factor:g}: adds nothing", "Use more than 1, e.g. 2")
        return [Wish(round((factor - 1) * len(real)), asked)]
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
        Wish(most - count, {**asked, balance: value})
        for value, count in sorted(counts.items())
        if count < most
    ]


class Draws(Protocol):
    """What candidates come from: :class:`gankit.engine.sampling.Sampler`, for one."""

    codec: Codec[Any]

    def sample(
        self, n: int, seed: int = 0, where: Mapping[str, object] | None = None
    ) -> Iterator[Sample[Any]]: ...


class Named(Sequence[Mapping[str, object]]):
    """The items' named values, each made when it is asked for: a table may be long."""

    def __init__(self, items: Sequence[Any], values: Callable[[Any], Mapping[str, object]]) -> None:
        self.items, self.values = items, values

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: Any) -> Any:
        return self.values(self.items[i])


class Judge:
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
        reasons = ["" if self.extractor.takes(item) else "invalid" for item in items]
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
    sampler: Draws,
    wishes: Sequence[Wish],
    judge: Callable[[Wish], Callable[[Sequence[Any]], list[str]] | None],
    tally: Tally,
    *,
    beside: Sequence[Any] = (),
    seed: int = 0,
    progress: Progress = quiet,
) -> Iterator[Sample[Any]]:
    """Candidates that stay, wish by wish; what is dropped is counted in ``tally``.

    Args:
        beside: the real items that they will stand beside.
    """
    if beside:
        sampler.codec.beside(beside)
    wanted = sum(wish.count for wish in wishes)
    for wish in wishes:
        decide, kept, tried = judge(wish), 0, 0
        while kept < wish.count and tried < TRIES * wish.count + CHUNK:
            some = list(sampler.sample(min(CHUNK, 2 * (wish.count - kept) + 16), seed, wish.where))
            seed += len(some)
            tried += len(some)
            reasons = decide([s.item for s in some]) if decide else [""] * len(some)
            for sample, reason in zip(some, reasons, strict=True):
                if kept == wish.count:
                    break
                if reason:
                    tally.dropped[reason] += 1
                    continue
                kept += 1
                tally.kept += 1
                yield sample
            progress("generating", tally.kept, wanted)
        tally.missing += wish.count - kept


def augment(
    run: Run,
    data: str,
    out: Path,
    *,
    balance: str = "",
    factor: float = 0.0,
    where: Mapping[str, object] | None = None,
    n: int = 0,
    seed: int = 0,
    keep_all: bool = False,
    format: str | None = None,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Writes a new data set: the real items, then the generated ones.

    Args:
        data: the real data; it is only read.
        out: the folder to make.
        keep_all: keep near duplicates and items off the manifold too.

    Returns:
        What ``provenance.json`` says.

    Raises:
        GankitError: for whatever the user can put right.
    """
    modality = run.plugin.modality
    if not modality.mixes:
        raise GankitError(
            f"plugin {run.plugin.info.name} cannot write real items beside generated ones",
            "Use gankit generate, and put the folders together yourself",
        )
    provenance.refuse_existing(out, overwrite)
    inside = Path(data).resolve()
    if out.resolve() == inside or inside in out.resolve().parents:
        raise GankitError(
            f"{out} lies in {data}, which is not to be changed", "Choose another --out"
        )
    source = modality.read(data, _settings(run), progress)
    real = source.items
    values = Named(real, modality.values)
    wishes = plan(values, balance=balance, factor=factor, where=where, n=n)
    tally, model, sampler = Tally(), run.model, run.sampler(device)
    judge = judges(run, real, values, balance, keep_all, seed)
    made = generated(sampler, wishes, judge, tally, beside=real, seed=seed, progress=progress)

    def everything() -> Iterator[Sample[Any]]:
        for i in range(len(real)):
            yield Sample(real[i], -1, dict(values[i]), real=True)
        yield from made

    record: dict[str, Any] = {
        "plugin": run.plugin.info.name,
        "versions": provenance.versions(run.plugin.distribution),
        "augmented": {
            "source": without_password(data),
            "description": source.description,
            "real": len(real),
            "generated": tally.as_dict(),
        },
        "where": dict(where or {}),
        "data_fingerprint": model["data"]["fingerprint"],
        "data_licence": model["data"]["licence"],
    }
    if balance:
        record["augmented"]["balance"] = balance
        record["augmented"]["before"] = dict(Counter(str(v.get(balance)) for v in values))
    return provenance.write_generated(
        modality,
        everything(),
        out,
        format=format or _format_of(modality.formats, data),
        run=model["run"],
        plugins=installed(),
        overwrite=overwrite,
        record=record,
        finish=lambda full: full["augmented"].update(generated=tally.as_dict()),
    )


def judges(
    run: Run,
    real: Sequence[Any],
    values: Sequence[Mapping[str, object]],
    key: str,
    keep_all: bool,
    seed: int,
) -> Callable[[Wish], Callable[[Sequence[Any]], list[str]] | None]:
    """For each wish, what judges its candidates; None where all may stay. Features may need the
    codec, which :meth:`gankit.runs.Run.sampler` loads.
    """
    found = run.plugin.modality.evaluators(_settings(run))
    extractor = next((e for e in found if isinstance(e, Extractor)), None)
    if keep_all or extractor is None or len(real) < 2 * NEIGHBOURS:
        return lambda wish: None
    rng = np.random.default_rng([seed, 11])
    chosen = np.sort(rng.choice(len(real), min(len(real), REFERENCE), replace=False))
    classes = [str(values[i].get(key)) for i in chosen.tolist()] if key else None
    judge = Judge(extractor, pick(real, chosen), classes)

    def of(wish: Wish) -> Callable[[Sequence[Any]], list[str]]:
        asked = str(wish.where.get(key))  # a range, or one of two, is no class
        return lambda items: judge(items, asked if asked in (classes or ()) else None)

    return of


# --- What it is worth ---------------------------------------------------------------------------


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
    wishes_of: Callable[[Sequence[Mapping[str, object]]], list[Wish]],
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
    modality, settings = run.plugin.modality, _settings(run)
    learner = modality.learner(settings)
    if learner is None:
        raise GankitError(
            f"plugin {run.plugin.info.name} has no model to measure with", "Leave out --measure"
        )
    train, heldout = _divide(run, data, test, seed, progress)
    values, sampler = Named(train, modality.values), run.sampler(device)
    if not any(key in named for named in values):
        raise GankitError(f"items have no value named {key!r}", did_you_mean(key, list(values[0])))
    judge = judges(run, train, values, key, False, seed)
    ways: dict[str, list[dict[str, float]]] = {}
    for repeat in range(repeats):
        begin = seed + 10_000_000 * (repeat + 1)
        more = list(generated(sampler, wishes_of(values), judge, Tally(), seed=begin))
        if more and not any(key in modality.values(sample.item) for sample in more):
            raise GankitError(
                f"generated items have no {key!r}, so that nothing can be learnt of it from them",
                "Choose a --target that the run is conditioned on",
            )
        sets = {
            "real alone": ("", train),
            "real + generated": ("", [*train, *(s.item for s in more)]),
        }
        sets |= {f"real, {remedy}": (remedy, train) for remedy in learner.remedies}
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
    modality, settings = run.plugin.modality, _settings(run)
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
    """The 97.5 % quantile of Student's t, as tables have it."""
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


def _settings(run: Run) -> Any:
    from gankit import config as configuration

    return configuration.validate(run.plugin.modality.Settings, run.model["settings"])


def _format_of(formats: Sequence[str], data: str) -> str:
    """The source's own format, where the plugin writes it."""
    suffixes = {suffix.removeprefix(".") for suffix in Path(data).suffixes}
    return next((f for f in formats if f in suffixes), formats[0])
