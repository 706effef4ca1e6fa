"""The search for molecules that score high, in the latents of a trained codec.

Rounds of three steps: a network learns to foretell scores from latents; latents of the best
molecules are disturbed, mixed, and moved up its gradient; what is written from them, if it is new,
is scored. Now and then the codec learns to read and write the better ones, which it could not
always say before (weighted retraining, Tripp et al. 2020). The best that are unlike each other are
the elites, which the generator then learns from as feedback GANs do (Gupta & Zou 2019).
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from rdkit import rdBase
from rdkit.Chem import MolToSmiles
from rdkit.Chem.Scaffolds import MurckoScaffold
from torch import Tensor

from gankit.contract import Batch, Progress
from gankit.errors import GankitError
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.data.parallel import mapped
from gankit_molecule.data.standardise import parsed
from gankit_molecule.optimize.objective import Expression, Scoring
from gankit_molecule.optimize.scorers import REASONS, ByFunction, Score, scorer_of
from gankit_molecule.optimize.surrogate import BATCH, Surrogate
from gankit_molecule.settings import MoleculeSettings
from gankit_molecule.store import Store

if TYPE_CHECKING:
    from gankit_molecule.codec.codec import MoleculeCodec

FIRST = 0.25
"""Share of the calls for training molecules."""
FIRST_BATCHES = 3
"""Batches of which at least one molecule must have a score."""
ROUNDS = 24
RELEARN = 2
"""Times that the codec learns the better molecules, the last of them at the end."""
EPOCHS = 30.0
"""Passes over them, each time; a fourth of what the user set for the data."""
FEWEST = 16
"""Elites at the least."""
A_ROUND = 32
"""Molecules a round at the least."""
CANDIDATES = 3
"""Molecules that are written for each one that is scored."""
CHANCE = 0.1
"""Share of those scored that is drawn, not chosen by what is foretold."""
CROSSED, FRESH = 0.25, 0.1
"""Shares of latents that are mixed of two, and drawn from N(0, I); the others are disturbed."""
PARENTS = 500
"""Best molecules whose latents are disturbed and mixed, at the most."""
CLIMB, STRIDE = 8, 0.2
"""Steps up the gradient, and the length of each; a sample takes a drawn share of it."""
PASSES = 60, 15
"""Over what was scored, of training the network: at first, and in each further round."""
STEPS = 50, 1500
"""Of that at the least, and at the most."""
RANK = 0.1
"""The better of the other molecules that the codec learns are drawn oftener, as 1/(0.1 n + rank)
of n."""
TEMPERATURE = 0.7
"""Of writing while searching: a colder decoder writes what it knows by heart."""
MOST_IDLE = 5
"""Rounds in a row that write nothing new, after which there is nothing to be found."""


@dataclass
class Found:
    """What a search found."""

    surrogate: Surrogate
    x: Tensor
    """Latents of the elites, best first."""
    c: Tensor | None
    smiles: list[str]
    scores: list[float]
    figures: dict[str, dict[str, float]]
    """Mean and deviation of the scores, and their number, by whose they are."""
    missing: dict[str, int]
    """Molecules without a score, by the reason."""


@dataclass
class _Pool:
    """What was scored: molecules with their latents, conditions and scores."""

    smiles: list[str] = field(default_factory=list)
    x: list[Tensor] = field(default_factory=list)
    c: list[Tensor] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    scaffolds: list[str] = field(default_factory=list)
    known: int = 0
    """Those at the beginning that are training molecules."""

    def add(self, batch: Batch, molecules: Sequence[tuple[str, str, float]]) -> None:
        """Latents, with the SMILES, scaffold and score of each."""
        for i, (smiles, scaffold, score) in enumerate(molecules):
            self.smiles.append(smiles)
            self.scaffolds.append(scaffold)
            self.scores.append(score)
            self.x.append(batch.x[i])
            if batch.c is not None:
                self.c.append(batch.c[i])

    def latents(self, rows: Sequence[int] | None = None) -> tuple[Tensor, Tensor | None]:
        """``x`` and ``c`` of these rows, or all."""
        rows = range(len(self.x)) if rows is None else rows
        c = torch.stack([self.c[i] for i in rows]) if self.c else None
        return torch.stack([self.x[i] for i in rows]), c

    def best(self, most: int, per_scaffold: int) -> list[int]:
        """Rows of the best new molecules, best first, no more of a scaffold than that (a memory of
        scaffolds, Blaschke et al. 2020); training molecules only where there are hardly others.
        """
        n = len(self.scores)
        ranked = sorted(range(self.known, n), key=lambda i: -self.scores[i])
        chosen = _spread(ranked, self.scaffolds, most, per_scaffold)
        if len(chosen) < FEWEST:
            old = sorted(range(self.known), key=lambda i: -self.scores[i])
            chosen += old[: FEWEST - len(chosen)]
        return chosen


class Search:
    """Looks for molecules that score high.

    Args:
        smiles: the training set's, none of which counts as found.
    """

    def __init__(
        self,
        objective: Expression | Scoring,
        settings: MoleculeSettings,
        smiles: Sequence[str],
        store: Store,
    ) -> None:
        self.settings, self.smiles = settings, smiles
        self.scorer = scorer_of(objective, settings, store)
        self.missing = Counter[str]()
        self.calls = 0
        most = min(max(int(FIRST * settings.calls), 1), len(smiles))
        rows = np.random.default_rng(0).choice(len(smiles), most, replace=False)
        self.rows: list[int] = sorted(rows.tolist())
        """Training molecules that are scored."""
        self._first: list[Score] = []

    def begin(self, progress: Progress) -> None:
        """Scores some of the training molecules: before anything slow is done, for a scorer may
        not work at all.

        Raises:
            GankitError: it does not.
        """
        try:
            self._first = self._score(
                [self.smiles[i] for i in self.rows], "scoring training molecules", progress
            )
        finally:
            self.scorer.close()

    def run(self, codec: MoleculeCodec, items: Sequence[Molecule], progress: Progress) -> Found:
        """Spends the other calls on new molecules.

        Args:
            items: the training molecules that were scored, with their values.

        Raises:
            GankitError: the scorer does not work any more.
        """
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)  # as the codec itself, it depends on no run's seed
                return self._run(codec, items, progress)
        finally:
            self.scorer.close()

    def _run(self, codec: MoleculeCodec, items: Sequence[Molecule], progress: Progress) -> Found:
        settings, layout = self.settings, codec.layout
        writer = copy.copy(codec)
        writer.settings = replace(codec.settings, raw=True, temperature=TEMPERATURE)
        pool, seen = _Pool(), set(self.smiles)
        self._take(pool, codec, items, self._first)
        pool.known = len(pool.smiles)
        told = layout.condition.width if layout.condition else 0
        surrogate = Surrogate(layout.shape[0], told)
        each = max(math.ceil((settings.calls - self.calls) / ROUNDS), A_ROUND)
        seeds, turned = 0, 0
        start = self.calls
        limits = [start + (settings.calls - start) * (k + 1) // RELEARN for k in range(RELEARN)]
        for limit in limits:
            idle = 0
            while self.calls < limit and idle < MOST_IDLE:
                turned += 1
                self._learn(surrogate, pool, codec, PASSES[turned > 1])
                parents = pool.best(self._elites(pool, PARENTS), settings.per_scaffold)
                x, c = _proposed(*pool.latents(parents), CANDIDATES * each, surrogate, codec.noisy)
                written = _written(writer, Batch(x, c), seeds)
                seeds += len(x)
                new = {m.smiles: m for m in written if m.valid and m.smiles not in seen}
                idle = 0 if new else idle + 1
                if not new:
                    continue
                most = min(each, limit - self.calls)
                chosen = self._chosen(list(new.values()), codec, surrogate, most)
                seen.update(m.smiles for m in chosen)
                what = f"searching (round {turned}, best {pool.scores[parents[0]]:.3g})"
                scores = self._score([m.smiles for m in chosen], what, progress)
                self._take(pool, codec, chosen, scores)
            self._relearn(pool, codec, progress)
            writer.mean, writer.slope, writer.factor = codec.mean, codec.slope, codec.factor
            surrogate = Surrogate(layout.shape[0], told)
            self._learn(surrogate, pool, codec, PASSES[0])
        progress("searching", settings.calls, settings.calls)
        return self._found(pool, surrogate)

    def _relearn(self, pool: _Pool, codec: MoleculeCodec, progress: Progress) -> None:
        """Trains the codec on the best molecules and as many others, the better the oftener."""
        rows = pool.best(self._elites(pool, self.settings.elites), self.settings.per_scaffold)
        others = np.array(sorted(set(range(len(pool.scores))) - set(rows)), np.int64)
        if len(others):
            ranks = np.argsort(np.argsort(-np.array(pool.scores)[others], kind="stable"))
            weights = 1 / (RANK * len(others) + ranks)
            count = min(len(rows), len(others))
            drawn = np.random.default_rng(0).choice(
                others, count, replace=False, p=weights / weights.sum()
            )
            rows = sorted([*rows, *drawn.tolist()])
        if len(rows) < FEWEST:
            return
        _, c = pool.latents(rows)
        epochs = self.settings.epochs / 4 or EPOCHS
        codec.relearn([pool.smiles[i] for i in rows], c, epochs, progress)
        _, c = pool.latents()
        pool.x = list(codec.latents(pool.smiles, c))

    def _elites(self, pool: _Pool, most: int) -> int:
        """No more than a fourth of the new ones, else nothing would be chosen."""
        return max(min(most, (len(pool.smiles) - pool.known) // 4), FEWEST)

    def _found(self, pool: _Pool, surrogate: Surrogate) -> Found:
        rows = pool.best(self._elites(pool, self.settings.elites), self.settings.per_scaffold)
        scores = np.array(pool.scores)
        x, c = pool.latents(rows)
        return Found(
            surrogate,
            x,
            c,
            [pool.smiles[i] for i in rows],
            [pool.scores[i] for i in rows],
            {
                "of training molecules": _figures(scores[: pool.known]),
                "of new ones": _figures(scores[pool.known :]),
                "of the best, learnt from": _figures(scores[rows]),
            },
            dict(self.missing),
        )

    def _learn(self, surrogate: Surrogate, pool: _Pool, codec: MoleculeCodec, passes: int) -> None:
        x, c = pool.latents()
        steps = min(max(passes * len(x) // BATCH, STEPS[0]), STEPS[1])
        surrogate.learn(x, c, torch.tensor(pool.scores), codec.noisy, steps)

    def _chosen(
        self, written: list[Molecule], codec: MoleculeCodec, surrogate: Surrogate, most: int
    ) -> list[Molecule]:
        """The most promising molecules, no scaffold too often, and a few at random."""
        batch = codec.encode(written, np.random.default_rng(0))
        with torch.no_grad():
            hopes = surrogate(batch.x, batch.c)
        ranked: list[int] = hopes.argsort(descending=True, stable=True).tolist()
        scaffolds = self._scaffolds([m.smiles for m in written])
        rows = _spread(
            ranked, scaffolds, math.ceil((1 - CHANCE) * most), self.settings.per_scaffold
        )
        others = sorted(set(ranked) - set(rows))
        drawn = torch.randperm(len(others))[: most - len(rows)].tolist()
        return [written[i] for i in (*rows, *(others[k] for k in drawn))]

    def _take(
        self,
        pool: _Pool,
        codec: MoleculeCodec,
        molecules: Sequence[Molecule],
        scores: Sequence[Score],
    ) -> None:
        """Puts what has a score into the pool."""
        scored = [(m, s) for m, s in zip(molecules, scores, strict=True) if isinstance(s, float)]
        if scored:
            batch = codec.encode([m for m, _ in scored], np.random.default_rng(0))
            smiles = [m.smiles for m, _ in scored]
            scaffolds = self._scaffolds(smiles)
            pool.add(batch, list(zip(smiles, scaffolds, [s for _, s in scored], strict=True)))

    def _scaffolds(self, smiles: Sequence[str]) -> list[str]:
        return list(mapped(scaffold_of, smiles, self.settings.workers, "", _quiet))

    def _score(self, smiles: Sequence[str], what: str, progress: Progress) -> list[Score]:
        """Scores, counted; shown a batch after the other.

        Raises:
            GankitError: the first batches have none.
        """
        scores: list[Score] = []
        size = self.scorer.batch
        for i in range(0, len(smiles), size):
            some = self.scorer.score(smiles[i : i + size])
            scores += some
            self.calls += len(some)
            self.missing.update(score for score in some if isinstance(score, str))
            none = sum(self.missing.values())
            said = f"{what}, {none:,} without a score" if none else what
            progress(said, self.calls, self.settings.calls)
            if none == self.calls and (
                none >= FIRST_BATCHES * size or self.calls >= len(self.rows)
            ):
                raise self._nothing()
        return scores

    def _nothing(self) -> GankitError:
        reasons = ", ".join(f"{REASONS[k]}: {n:,}" for k, n in self.missing.items())
        why = self.scorer.why if isinstance(self.scorer, ByFunction) else ""
        return GankitError(
            f"objective={self.settings.objective}: none of the first {self.calls:,} molecules has "
            f"a score ({why or reasons})",
            "Set a larger scorer_seconds, or a smaller scorer_batch"
            if [*self.missing] == ["time"]
            else "Try it on a few SMILES by itself",
        )


def scaffold_of(smiles: str) -> str:
    """A molecule's rings and their linkers (Bemis & Murcko 1996); the molecule itself where it has
    no ring.
    """
    with rdBase.BlockLogs():
        mol = parsed(smiles)
        if mol is None:
            return smiles
        try:
            found = str(MolToSmiles(MurckoScaffold.GetScaffoldForMol(mol)))
        except (ValueError, RuntimeError):
            found = ""
    return found or smiles


def _spread(
    ranked: Sequence[int], scaffolds: Sequence[str], most: int, per_scaffold: int
) -> list[int]:
    """The first ones, no more of a scaffold than that."""
    counts, chosen = Counter[str](), list[int]()
    for i in ranked:
        if len(chosen) == most:
            break
        if counts[scaffolds[i]] < per_scaffold:
            counts[scaffolds[i]] += 1
            chosen.append(i)
    return chosen


def _written(codec: MoleculeCodec, batch: Batch, seeds: int) -> list[Molecule]:
    """What a codec writes from latents, with seeds from this one on."""
    written: list[Molecule] = []
    for i in range(0, len(batch), codec.decode_batch_size):
        some = batch[i : i + codec.decode_batch_size]
        written += codec.decode(some, range(seeds + i, seeds + i + len(some)))
    return written


def _proposed(
    x: Tensor,
    c: Tensor | None,
    n: int,
    surrogate: Surrogate,
    noisy: Callable[[Tensor], Tensor],
) -> tuple[Tensor, Tensor | None]:
    """Latents and conditions ``(n, …)`` to write from.

    Args:
        x: latents of the best molecules, best first; ``c`` their conditions.
    """
    one, other = ((len(x) * torch.rand(n).square()).long() for _ in range(2))  # better ones oftener
    kind, w = torch.rand(n, 1), torch.rand(n, 1)
    crossed, fresh = kind < CROSSED, kind > 1 - FRESH
    mixed = (w * x[one] + (1 - w) * x[other]) / (w**2 + (1 - w) ** 2).sqrt()
    start = torch.where(crossed, mixed, noisy(x[one]))
    start = torch.where(fresh, torch.randn(n, x.shape[1]), start)
    if c is not None:
        c = torch.where(crossed, w * c[one] + (1 - w) * c[other], c[one])
    return _climbed(start, c, surrogate, STRIDE * torch.rand(n, 1)), c


def _climbed(x: Tensor, c: Tensor | None, surrogate: Surrogate, stride: Tensor) -> Tensor:
    """Latents moved up the gradient of what is foretold, no further out than others lie."""
    furthest = 1.2 * math.sqrt(x.shape[1])
    for _ in range(CLIMB):
        at = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad(surrogate(at, c).sum(), at)
        x = at.detach() + stride * slope / slope.norm(dim=1, keepdim=True).clamp(min=1e-9)
        x = x * (furthest / x.norm(dim=1, keepdim=True).clamp(min=1e-9)).clamp(max=1)
    return x


def _figures(scores: np.ndarray[tuple[int], np.dtype[np.float64]]) -> dict[str, float]:
    if not len(scores):
        return {"mean": math.nan, "deviation": math.nan, "count": 0}
    return {"mean": float(scores.mean()), "deviation": float(scores.std()), "count": len(scores)}


def described(
    figures: Mapping[str, Mapping[str, float]], missing: Mapping[str, int]
) -> list[dict[str, str]]:
    """Lines for :meth:`MoleculeCodec.describe`."""
    lines = [
        {
            "property": f"objective, {whose}",
            "mean": f"{line['mean']:.3g}",
            "deviation": f"{line['deviation']:.3g}",
            "missing": "0",
        }
        for whose, line in figures.items()
    ]
    lines += [
        {"property": f"objective: {REASONS[k]}", "mean": "", "deviation": "", "missing": f"{n:,}"}
        for k, n in missing.items()
    ]
    return lines


def _quiet(what: str, done: int, total: int) -> None:
    """It is over in a moment."""
