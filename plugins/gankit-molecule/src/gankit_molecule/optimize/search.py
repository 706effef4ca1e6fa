"""The search for molecules that score high, in the latents of a trained codec.

Rounds of three steps: a network is trained to predict scores from latents; latents of the best
molecules are perturbed, mixed, and moved along its gradient; new molecules that are written from
them are scored. Twice the codec is trained further on the better ones, which it could not always
write before (weighted retraining, Tripp et al. 2020). The best of different scaffolds are the
elites, on which the generator is then trained as in feedback GANs (Gupta & Zou 2019).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch

from gankit.contract import Batch, Fitting, quiet
from gankit.errors import GankitError
from gankit.kit.autoencoders import part_of
from gankit.kit.cache import Cache
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.data.parallel import mapped
from gankit_molecule.optimize.elites import Elites
from gankit_molecule.optimize.objective import Expression, Scoring
from gankit_molecule.optimize.pool import MIN_ELITES, Pool, diverse, scaffold_of
from gankit_molecule.optimize.proposals import propose
from gankit_molecule.optimize.scorers import REASONS, ByFunction, Score, scorer_of
from gankit_molecule.optimize.space import SearchSpace
from gankit_molecule.optimize.surrogate import BATCH_SIZE, Surrogate
from gankit_molecule.settings import MoleculeSettings
from gankit_molecule.timing import check_stopped, interruptible

TRAINING_SHARE = 0.25
"""Share of the calls for training molecules."""
FIRST_BATCHES = 3
"""Batches of which at least one molecule must have a score."""
ROUNDS = 24
RETRAININGS = 2
"""How often the codec is retrained on the better molecules, the last time at the end."""
EPOCHS = 30.0
"""Passes over them, each time; a fourth of the setting ``epochs`` where that is set."""
MIN_PER_ROUND = 32
"""Molecules per round, at least."""
CANDIDATES = 3
"""Molecules that are written for each one that is scored."""
RANDOM_SHARE = 0.1
"""Share of the scored molecules that is drawn at random, not chosen by predicted score."""
MAX_PARENTS = 500
"""Best molecules whose latents are perturbed and mixed."""
PASSES = 60, 15
"""Passes over the scored molecules when the surrogate is trained: at first, and in each further
round."""
MIN_STEPS, MAX_STEPS = 50, 1500
"""Of that training."""
RANK = 0.1
"""The better of the other molecules that the codec is retrained on are drawn more often, with
weight 1/(0.1 n + rank) of n."""
TEMPERATURE = 0.7
"""Of writing during the search: a colder decoder reproduces training molecules."""
ROUNDS_TIME = 0.6
"""Share of the time for rounds; the rest is for retraining."""
MAX_IDLE_ROUNDS = 5
"""Rounds in a row without a new molecule, after which the search ends."""


class Search:
    """Looks for molecules that score high.

    Args:
        smiles: the training molecules, which do not count as found.
    """

    def __init__(
        self,
        objective: Expression | Scoring,
        settings: MoleculeSettings,
        smiles: Sequence[str],
        cache: Cache,
    ) -> None:
        self.settings, self.smiles = settings, smiles
        self.scorer = scorer_of(objective, settings, cache)
        self.missing = Counter[str]()
        self.calls = 0
        most = min(max(int(TRAINING_SHARE * settings.calls), 1), len(smiles))
        rows = np.random.default_rng(0).choice(len(smiles), most, replace=False)
        self.rows: list[int] = sorted(rows.tolist())
        """Training molecules that are scored."""
        self._first: list[Score] = []

    def begin(self, fitting: Fitting) -> None:
        """Scores some of the training molecules: before anything slow, for a scorer may not work.

        Raises:
            GankitError: it does not.
            KeyboardInterrupt: the user has stopped.
        """
        try:
            self._first = self._score(
                [self.smiles[i] for i in self.rows], "scoring training molecules", fitting
            )
        finally:
            self.scorer.close()
        self.rows = self.rows[: len(self._first)]
        if not any(isinstance(score, float) for score in self._first):
            raise self._no_scores()

    def run(self, space: SearchSpace, items: Sequence[Molecule], fitting: Fitting) -> Elites:
        """Spends the other calls on new molecules, or the time that is left.

        Args:
            items: the training molecules that were scored, with their values.

        Raises:
            GankitError: the scorer fails.
            KeyboardInterrupt: the user has stopped.
        """
        try:
            with torch.random.fork_rng(devices=[]), torch.enable_grad():
                torch.manual_seed(0)  # like the codec, it depends on no run's seed
                return self._run(space, items, fitting)
        finally:
            self.scorer.close()

    def _run(self, space: SearchSpace, items: Sequence[Molecule], fitting: Fitting) -> Elites:
        settings, layout = self.settings, space.layout
        pool, seen = Pool(), set(self.smiles)
        self._add(pool, space, items, self._first)
        pool.known = len(pool.smiles)
        cond_dim = layout.condition.width if layout.condition else 0
        surrogate = Surrogate(layout.shape[0], cond_dim)
        each = max(math.ceil((settings.calls - self.calls) / ROUNDS), MIN_PER_ROUND)
        seeds, rounds, start = 0, 0, self.calls
        for k in range(RETRAININGS):
            limit = start + (settings.calls - start) * (k + 1) // RETRAININGS
            part, idle = part_of(fitting, 1 / (RETRAININGS - k)), 0
            rounds_time = part_of(part, ROUNDS_TIME)
            while self.calls < limit and idle < MAX_IDLE_ROUNDS and rounds_time.time_left() > 0:
                check_stopped(fitting)
                rounds += 1
                self._fit(surrogate, pool, space, PASSES[rounds > 1])
                parents = pool.best(MAX_PARENTS, settings.per_scaffold)
                x, c = propose(*pool.latents(parents), CANDIDATES * each, surrogate, space.noisy)
                written = space.write(Batch(x, c), range(seeds, seeds + len(x)), TEMPERATURE)
                seeds += len(x)
                new = {m.smiles: m for m in written if m.valid and m.smiles not in seen}
                idle = 0 if new else idle + 1
                if not new:
                    continue
                most = min(each, limit - self.calls)
                chosen = self._chosen(list(new.values()), space, surrogate, most)
                seen.update(m.smiles for m in chosen)
                what = f"searching (round {rounds}, best {pool.scores[parents[0]]:.3g})"
                scores = self._score([m.smiles for m in chosen], what, rounds_time)
                self._add(pool, space, chosen[: len(scores)], scores)
            if part.time_left() > 0:
                self._retrain(pool, space, part)
            surrogate = Surrogate(layout.shape[0], cond_dim)
            self._fit(surrogate, pool, space, PASSES[0])
        fitting.progress("searching", settings.calls, settings.calls)
        return self._elites(pool, surrogate)

    def _retrain(self, pool: Pool, space: SearchSpace, fitting: Fitting) -> None:
        """Trains the codec on the best molecules and as many others, the better the more often."""
        rows = pool.best(self.settings.elites, self.settings.per_scaffold)
        others = np.array(sorted(set(range(len(pool.scores))) - set(rows)), np.int64)
        if len(others):
            ranks = np.argsort(np.argsort(-np.array(pool.scores)[others], kind="stable"))
            weights = 1 / (RANK * len(others) + ranks)
            count = min(len(rows), len(others))
            drawn = np.random.default_rng(0).choice(
                others, count, replace=False, p=weights / weights.sum()
            )
            rows = sorted([*rows, *drawn.tolist()])
        if len(rows) < MIN_ELITES:
            return
        _, c = pool.latents(rows)
        epochs = self.settings.epochs / 4 or EPOCHS
        space.retrain([pool.smiles[i] for i in rows], c, epochs, fitting)
        _, c = pool.latents()
        pool.x = list(space.latents(pool.smiles, c))

    def _elites(self, pool: Pool, surrogate: Surrogate) -> Elites:
        rows = pool.best(self.settings.elites, self.settings.per_scaffold)
        scores = np.array(pool.scores)
        x, c = pool.latents(rows)
        return Elites(
            surrogate,
            x,
            c,
            [pool.smiles[i] for i in rows],
            [pool.scores[i] for i in rows],
            {
                "training molecules": _figures(scores[: pool.known]),
                "new molecules": _figures(scores[pool.known :]),
                "elites": _figures(scores[rows]),
            },
            dict(self.missing),
        )

    def _fit(self, surrogate: Surrogate, pool: Pool, space: SearchSpace, passes: int) -> None:
        x, c = pool.latents()
        steps = min(max(passes * len(x) // BATCH_SIZE, MIN_STEPS), MAX_STEPS)
        surrogate.fit(x, c, torch.tensor(pool.scores), space.noisy, steps)

    def _chosen(
        self, written: list[Molecule], space: SearchSpace, surrogate: Surrogate, most: int
    ) -> list[Molecule]:
        """The most promising molecules of different scaffolds, and a few at random."""
        batch = space.encode(written)
        with torch.no_grad():
            predicted = surrogate(batch.x, batch.c)
        ranked: list[int] = predicted.argsort(descending=True, stable=True).tolist()
        scaffolds = self._scaffolds([m.smiles for m in written])
        rows = diverse(
            ranked, scaffolds, math.ceil((1 - RANDOM_SHARE) * most), self.settings.per_scaffold
        )
        others = sorted(set(ranked) - set(rows))
        drawn = torch.randperm(len(others))[: most - len(rows)].tolist()
        return [written[i] for i in (*rows, *(others[k] for k in drawn))]

    def _add(
        self,
        pool: Pool,
        space: SearchSpace,
        molecules: Sequence[Molecule],
        scores: Sequence[Score],
    ) -> None:
        """Adds the molecules that have a score."""
        scored = [(m, s) for m, s in zip(molecules, scores, strict=True) if isinstance(s, float)]
        if scored:
            batch = space.encode([m for m, _ in scored])
            smiles = [m.smiles for m, _ in scored]
            scaffolds = self._scaffolds(smiles)
            pool.add(batch, list(zip(smiles, scaffolds, [s for _, s in scored], strict=True)))

    def _scaffolds(self, smiles: Sequence[str]) -> list[str]:
        return list(mapped(scaffold_of, smiles, self.settings.workers, "", quiet))

    def _score(self, smiles: Sequence[str], what: str, fitting: Fitting) -> list[Score]:
        """Scores, batch by batch; of the first molecules only, if the time runs out.

        Raises:
            GankitError: the first batches have none.
            KeyboardInterrupt: the user has stopped.
        """
        scores: list[Score] = []
        progress = interruptible(fitting)
        size = self.scorer.batch
        for i in range(0, len(smiles), size):
            some = self.scorer.score(smiles[i : i + size])
            scores += some
            self.calls += len(some)
            self.missing.update(score for score in some if isinstance(score, str))
            none = sum(self.missing.values())
            shown = f"{what}, {none:,} without a score" if none else what
            progress(shown, self.calls, self.settings.calls)
            if none == self.calls and (
                none >= FIRST_BATCHES * size or self.calls >= len(self.rows)
            ):
                raise self._no_scores()
            if fitting.time_left() <= 0:
                break
        return scores

    def _no_scores(self) -> GankitError:
        reasons = ", ".join(f"{REASONS[k]}: {n:,}" for k, n in self.missing.items())
        why = self.scorer.why if isinstance(self.scorer, ByFunction) else ""
        return GankitError(
            f"objective={self.settings.objective}: none of the first {self.calls:,} molecules has "
            f"a score ({why or reasons})",
            "Set a larger scorer_seconds, or a smaller scorer_batch"
            if [*self.missing] == ["time"]
            else "Try it on a few SMILES by itself",
        )


def _figures(scores: np.ndarray[tuple[int], np.dtype[np.float64]]) -> dict[str, float]:
    if not len(scores):
        return {"mean": math.nan, "std": math.nan, "count": 0}
    return {"mean": float(scores.mean()), "std": float(scores.std()), "count": len(scores)}
