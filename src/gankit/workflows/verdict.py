"""The verdict: a few hundred samples, scored in a small share of the training time."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from gankit.config import Config
from gankit.contract import EvaluationData, Evaluator, Extractor, Progress, Sample
from gankit.contract.subsets import take
from gankit.metrics.evaluate import Score, evaluate
from gankit.plugins.records import LoadedModality
from gankit.runs.memorisation import copies_in_words
from gankit.runs.verdict import COPIES, COVERAGE
from gankit.workflows.data import Split
from gankit.workflows.scoring import evaluators_of, flattery

if TYPE_CHECKING:
    from gankit.engine.trainer import Trainer

SHARE, MOST_SECONDS, LEAST_SECONDS = 0.05, 60.0, 1.0
"""The time that it may take: a share of the training's, within these bounds."""
GENERATING = 0.6
"""The share of it for generating."""
TOGETHER = 50
"""Samples that are generated at once."""
FEWEST = 30
"""Samples, and held-out items, below which distances say little."""
PROBED = 16
"""Items on which an extractor's speed is measured."""
MAX_REFERENCE = {COVERAGE: 2_000, COPIES: 50_000}
"""Training items that samples are compared with. A few hundred samples reach the neighbourhood of
few of many; of copies, all have to be compared."""
POOR_COVERAGE = 0.5
"""Share of the real data's coverage below which there is a warning."""


def reserved(limit: float) -> float:
    """Seconds of a time budget that training leaves for the verdict."""
    return min(SHARE * limit, MOST_SECONDS)


def allowed(spent: float, left: float) -> float:
    """Seconds that the verdict may take after so many seconds, when so many are left."""
    return min(max(SHARE * spent, LEAST_SECONDS), MOST_SECONDS, left)


def verdict(
    plugin: LoadedModality,
    config: Config,
    trainer: Trainer,
    data: Split,
    *,
    seconds: float,
    stopped: Callable[[], bool],
    progress: Progress,
) -> dict[str, Any] | None:
    """Scores of samples of seeds 0, 1, …; None where there is no time, or nothing to compare with.

    By the first extractor, coverage, and copies where all training items can be compared; by the
    evaluators, the scores in their ``headline``. Random numbers elsewhere are not affected.

    Returns:
        The content of ``verdict.json``.
    """
    import torch

    deadline = time.monotonic() + seconds
    if len(data.heldout) < 2:
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        samples = _generated(
            trainer,
            config.engine.log.verdict,
            deadline - (1 - GENERATING) * seconds,
            progress,
            stopped,
        )
        if stopped() or len(samples) < FEWEST:
            return None
        # Scores of more samples than held-out items could not be compared with these.
        samples = samples[: max(len(data.heldout), FEWEST)]
        compared = EvaluationData(samples, data.train, data.heldout)
        backbones = trainer.networks.backbones
        sources = evaluators_of(plugin.modality, trainer.codec, config.settings, backbones)
        scores: list[Score] = []
        doubts: list[str] = []
        for evaluator in (e for e in sources if isinstance(e, Evaluator) and e.headline):
            found = evaluate([evaluator], compared, backbones=backbones)
            scores += [score for score in found if score.name in evaluator.headline]
            doubts += evaluator.warnings(compared)
        extractor = next((e for e in sources if isinstance(e, Extractor)), None)
        if extractor is not None and len(data.heldout) >= FEWEST:
            distances = list(_distances(extractor, compared, deadline, progress, backbones))
            doubts += _doubts(distances)
            scores = [*distances, *scores]
    if not scores:
        return None
    doubts += flattery(scores)
    return {
        "samples": best[1] if (best := trainer.best_weights()) else trainer.clock.samples,
        "n": len(samples),
        "scores": [score.as_dict() for score in scores],
        "warnings": list(dict.fromkeys(doubts)),
    }


def _generated(
    trainer: Trainer, n: int, until: float, progress: Progress, stopped: Callable[[], bool]
) -> list[Sample[Any]]:
    """At most ``n`` samples of the seeds 0, 1, …, a few at a time until the time is up. They are
    those of ``gankit generate`` but for rounding, which depends on how many are drawn together."""
    sampler, samples = trainer.sampler(best=True), list[Sample[Any]]()
    for start in range(0, n, TOGETHER):
        if stopped() or time.monotonic() > until:
            break
        progress("generating for the verdict", start, n)
        seeds = range(start, min(start + TOGETHER, n))
        samples += sampler.as_samples(
            sampler.draw(seeds, sampler.draw_conditions(seeds, {})), seeds
        )
    return samples


def _distances(
    extractor: Extractor[Any],
    data: EvaluationData[Any],
    deadline: float,
    progress: Progress,
    backbones: Collection[str] = (),
) -> Iterator[Score]:
    """Coverage of as many items as there is time for, then copies if there is time for all."""
    train = [
        item
        for item in take(data.train, range(min(PROBED, len(data.train))))
        if extractor.accepts(item)
    ]
    if not train:
        return
    extractor.fit(data.train)
    extractor.features(train[:2])  # loads whatever it needs
    started = time.monotonic()
    extractor.features(train)
    per_item = (time.monotonic() - started) / len(train)
    affordable = int(0.8 * max(deadline - time.monotonic(), 0.0) / max(per_item, 1e-9))
    n = min(len(data.generated), len(data.heldout), affordable // 4)
    if n < FEWEST:
        return
    some = EvaluationData(data.generated[:n], data.train, data.heldout)
    for name, most in MAX_REFERENCE.items():
        reference = min(affordable - 2 * n, most, len(data.train))
        affordable -= 2 * n + reference
        if name == COVERAGE or reference == len(data.train):
            yield from evaluate(
                *([extractor], some),
                only=[name],
                max_reference=reference,
                backbones=backbones,
                progress=progress,
            )


def _doubts(scores: Sequence[Score]) -> Iterator[str]:
    """Low coverage, and more copies than held-out items would count as."""
    for score in scores:
        real = score.real_baseline or 0.0
        if score.name.startswith(COVERAGE) and score.value < POOR_COVERAGE * real:
            yield (
                f"much of the data is not generated: coverage {score.value:.2f}, where real data "
                f"has {real:.2f}. Train longer, or on more data"
            )
    if copied := copies_in_words([score.as_dict() for score in scores]):
        yield copied
