"""The toy with what ``gankit augment`` needs, in place of the installed one."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gankit.contract import Codec, DownstreamModel, Provenance, Sample
from gankit.errors import GankitError
from gankit_toy.modality import ToyModality
from gankit_toy.points import Point, coordinates


class NearestMean(DownstreamModel[Point]):
    """Predicts the label of the nearest mean, or x by its mean."""

    mitigations = ("weights",)

    def scores(
        self, train: Sequence[Point], test: Sequence[Point], key: str, mitigation: str, seed: int
    ) -> dict[str, float]:
        if key == "x":
            if mitigation:
                return {}
            error = coordinates(test)[:, 0] - coordinates(train)[:, 0].mean()
            return {"mae": -float(np.abs(error).mean())}
        if key != "label":
            raise GankitError(f"{key} cannot be predicted", "Use label or x")
        labels = sorted({str(point.label) for point in train})
        means = np.stack(
            [coordinates([p for p in train if p.label == label]).mean(0) for label in labels]
        )
        found = np.square(coordinates(test)[:, None] - means).sum(2).argmin(1)
        hits = [labels[i] == point.label for i, point in zip(found, test, strict=True)]
        return {"accuracy": float(np.mean(hits))}


class AugmentableToy(ToyModality):
    def attributes(self, item: Point) -> Mapping[str, object]:
        return {"label": item.label, "x": item.x}

    def downstream_model(self, settings: Any) -> NearestMean:
        return NearestMean()

    def write(
        self,
        samples: Iterable[Sample[Point]],
        target: Path,
        codec: Codec[Point],
        provenance: Provenance,
        format: str,
    ) -> None:
        with (target / "points.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["x", "y", "label", "generated"])
            for sample in samples:
                rows.writerow([*sample.item, int(not sample.real)])
