"""The duality gap of a run: from its newest checkpoint, on items that were held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gankit.contract import Progress, quiet
from gankit.contract.subsets import take
from gankit.errors import GankitError
from gankit.metrics.duality import DUALITY_GAP, duality_score
from gankit.metrics.evaluate import Score, rng_for
from gankit.runs.directory import Run
from gankit.workflows.prepare import prepare

PAIRS = 1000
"""Held-out items that are compared with generated ones, at most."""


def duality(
    run: Run, unseen: Sequence[Any], seed: int, device: str, progress: Progress = quiet
) -> Score:
    """Trains each player of a run alone for a while, in memory, and scores what it gains.

    Args:
        unseen: items that were not trained on.

    Raises:
        GankitError: the run has no discriminator, no game, or is private.
    """
    from gankit.engine.checkpoint import checkpoints
    from gankit.engine.duality import worst_cases

    if not checkpoints(run.path / "checkpoints"):
        raise GankitError(
            f"{DUALITY_GAP} needs the discriminator, and {run.path} has no checkpoint",
            "Name the directory that the run was trained in",
        )
    engine = run.config.engine
    if engine.train.by_likelihood:
        raise GankitError(
            f"{DUALITY_GAP}: {run.path} was trained by likelihood alone, without a game",
            "Leave it out",
        )
    if engine.privacy.epsilon:
        raise GankitError(
            f"{DUALITY_GAP}: {run.path} is private, and its discriminator would be trained on the "
            "data again without noise",
            "Leave it out",
        )
    trainer, _ = prepare(
        *(run.plugin, run.config, run.path),
        source=run.source,
        device=device,
        progress=progress,
        networks=run.networks,
    )
    trainer.resume(set_aside=False)
    progress(f"{DUALITY_GAP}: training each network alone", 0, 0)
    n, batch = min(len(unseen), PAIRS), trainer.reals.batch
    rng = rng_for(seed, DUALITY_GAP)
    items = take(unseen, sorted(rng.choice(len(unseen), n, replace=False).tolist()))
    batches = [
        trainer.codec.prepare(
            trainer.codec.encode(take(items, range(at, min(at + batch, n))), rng).to(trainer.device)
        )
        for at in range(0, n, batch)
    ]
    found = worst_cases(
        *(trainer.updates, trainer.reals, trainer.generator_batch, batches),
        samples=trainer.clock.game,
        seed=seed,
    )
    return duality_score(found.discriminator, found.generator, seed)
