"""The training items that generated ones are nearest to, for people who want to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gankit.contract import Extractor, Progress, Sample, quiet
from gankit.contract.subsets import take
from gankit.errors import GankitError
from gankit.metrics.neighbours import nearest
from gankit.runs.directory import Run
from gankit.workflows.data import read_data
from gankit.workflows.scoring import backbones_in, evaluators_of

MOST_TRAIN, MOST_HELDOUT = 20_000, 1_000
"""Training items that are searched, evenly spaced where there are more; and held-out ones, whose
distances are the measure."""
NEIGHBOURS = 4
"""Training items beside each sample."""
BLOCK = 512


@dataclass(frozen=True)
class Neighbour:
    """A training item near a sample."""

    item: Any
    distance: float
    """In units of the median distance of held-out items to their nearest training item: about 1 is
    usual, near 0 is a copy."""


def refusal(run: Run) -> str:
    """Why a run's training items are not shown; empty where they may be."""
    if run.privacy:
        return "This run is differentially private: its training items are shown to nobody"
    if not run.plugin.modality.shows_real_items:
        return f"Plugin {run.plugin.info.name} does not show single training items"
    if not run.table:
        return "This is a model without its run, which does not know its training data"
    return ""


class TrainingItems:
    """A run's training items with their features.

    Args:
        run: one that may show its training items, see :func:`refusal`.

    Raises:
        GankitError: they may not be shown, are not there any more, or have changed; or the
            modality has no features.
    """

    def __init__(self, run: Run, progress: Progress = quiet) -> None:
        if why := refusal(run):
            raise GankitError(why)
        modality, settings = run.plugin.modality, run.settings
        found = evaluators_of(modality, run.codec, settings, backbones_in(run.model))
        extractors = [one for one in found if isinstance(one, Extractor)]
        if not extractors:
            raise GankitError(f"plugin {run.plugin.info.name} has no features to compare")
        split = read_data(run.plugin, run.config, run.source, progress)
        recorded = run.record.get("data", {}).get("fingerprint", split.dataset.fingerprint)
        if split.dataset.fingerprint != recorded:
            raise GankitError("the data has changed since the run was trained", "Restore it")
        self.extractor, self.total = extractors[0], len(split.train)
        self.extractor.fit(split.train)
        self.items: Sequence[Any] = split.train
        self.numbers, self.rows = self._features(split.train, MOST_TRAIN)
        _, heldout = self._features(split.heldout, MOST_HELDOUT)
        if not len(self.rows):
            raise GankitError("no training item has features to compare")
        distances = nearest(heldout, self.rows)[:, 0] if len(heldout) else np.ones(1)
        self.unit = float(np.median(distances)) or 1.0

    @property
    def searched(self) -> int:
        """Training items among which neighbours are looked for."""
        return len(self.rows)

    def near(self, samples: Sequence[Sample[Any]]) -> list[list[Neighbour]]:
        """The nearest training items of each sample; none of one without features."""
        accepted = [i for i, s in enumerate(samples) if self.extractor.accepts(s.item)]
        found: list[list[Neighbour]] = [[] for _ in samples]
        if not accepted:
            return found
        rows = self.extractor.features([samples[i].item for i in accepted])
        for i, row in zip(accepted, rows, strict=True):
            distances = np.linalg.norm(self.rows - row, axis=1)
            order = np.argsort(distances, kind="stable")[:NEIGHBOURS]
            items = take(self.items, [self.numbers[k] for k in order.tolist()])
            found[i] = [
                Neighbour(item, float(d) / self.unit)
                for item, d in zip(items, distances[order], strict=True)
            ]
        return found

    def _features(
        self, items: Sequence[Any], most: int
    ) -> tuple[list[int], np.ndarray[Any, np.dtype[np.float64]]]:
        """The numbers of some items, and their features (N, D)."""
        chosen = np.linspace(0, len(items) - 1, min(len(items), most)).astype(np.int64)
        numbers, parts = list[int](), []
        for start in range(0, len(chosen), BLOCK):
            at = chosen[start : start + BLOCK]
            block = [
                (i, item)
                for i, item in zip(at.tolist(), take(items, at), strict=True)
                if self.extractor.accepts(item)
            ]
            if block:
                numbers += [i for i, _ in block]
                parts.append(self.extractor.features([item for _, item in block]))
        return numbers, np.concatenate(parts) if parts else np.zeros((0, 0))
