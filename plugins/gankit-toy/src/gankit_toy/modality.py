"""The modality: where to find each part of the contract. Start reading here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from PIL.Image import Image

from gankit.contract import (
    Bounds,
    Codec,
    CodecState,
    Converts,
    Dataset,
    Evaluator,
    Extractor,
    Fitting,
    Issue,
    Modality,
    Networks,
    Progress,
    Provenance,
    Rendering,
    Sample,
)
from gankit.errors import GankitError
from gankit.kit.pictures import png, synthetic
from gankit_toy.codec import PointCodec
from gankit_toy.evaluators import Coordinates, Modes
from gankit_toy.files import read_points, write_csv
from gankit_toy.networks import Discriminator, Generator
from gankit_toy.pictures import scatter
from gankit_toy.points import Point, Shape, coordinates, draw

FEWEST = 10
"""Fewest points in a data set."""


@dataclass(frozen=True)
class ToySettings:
    """Settings of the toy plugin."""

    shape: Shape = "grid25"
    """The cloud to draw without --data: 25 Gaussians on a grid, 8 on a ring, or a spiral."""
    count: Annotated[int, Bounds(1)] = 20_000
    """Points in that cloud."""
    sigma: Annotated[float, Bounds(0)] = 0.05
    """Its standard deviation around a mode's centre, or around the spiral's line."""
    conditional: bool = False
    """Whether to condition on the label, which is the mode in the drawn clouds."""
    hidden: Annotated[int, Bounds(1)] = 64
    """Units in a hidden layer, of both networks."""
    layers: Annotated[int, Bounds(1)] = 6
    """Hidden layers of the generator: depth makes the sharp bends that separate the modes."""
    d_layers: Annotated[int, Bounds(1)] = 4
    """Hidden layers of the discriminator."""
    latent: Annotated[int, Bounds(1)] = 2
    """Dimensions of the latent z."""


class ToyModality(Modality[Point], Converts):
    """2-D point clouds."""

    Settings = ToySettings
    formats = ("csv",)
    conversions = ("numpy",)
    network_settings = ("hidden", "layers", "d_layers", "latent")
    source_type = "http://c2pa.org/digitalsourcetype/trainedAlgorithmicData"

    def read(
        self, source: object | None, settings: ToySettings, progress: Progress
    ) -> Dataset[Point]:
        issues: list[Issue] = []
        if source is None:
            points = draw(settings.shape, settings.count, settings.sigma)
        else:
            points, issues = read_points(source, settings.conditional)
        if len(points) < FEWEST:
            name = source if isinstance(source, str | Path) else "the data"
            why = "".join(f"; {issue.location}: {issue.reason}" for issue in issues[:1])
            raise GankitError(
                f"{name} has {len(points)} usable points{why}", f"Provide at least {FEWEST}"
            )
        description = f"{len(points):,} points"
        if labels := {point.label for point in points} - {None}:
            used = "" if settings.conditional else ", not conditioned on (conditional=true does)"
            description += f", {len(labels)} labels{used}"
        return Dataset(
            points,
            fingerprint=hashlib.sha256(repr(points).encode()).hexdigest(),
            description=description,
            licence="computed, free of rights" if source is None else "",
            issues=issues,
        )

    def fit_codec(
        self, items: Sequence[Point], settings: ToySettings, fitting: Fitting
    ) -> PointCodec:
        return PointCodec.fit(items, settings.conditional)

    def load_codec(self, state: CodecState, settings: ToySettings) -> PointCodec:
        return PointCodec(**state.config)

    def build_networks(self, codec: Codec[Point], settings: ToySettings) -> Networks:
        condition = codec.layout.condition
        classes = condition.width if condition else 0
        return Networks(
            Generator(settings.latent, classes, settings.hidden, settings.layers),
            Discriminator(classes, settings.hidden, settings.d_layers),
            settings.latent,
        )

    def evaluators(
        self, codec: Codec[Point] | None, settings: ToySettings
    ) -> Sequence[Extractor[Point] | Evaluator[Point]]:
        return Coordinates(), Modes()

    def write(
        self,
        samples: Iterable[Sample[Point]],
        target: Path,
        codec: Codec[Point],
        provenance: Provenance,
        format: str,
    ) -> None:
        # CSV has no metadata to carry `provenance`; a column marks every row as synthetic.
        write_csv(samples, target / "points.csv")

    def render(self, item: Point, codec: Codec[Point] | None) -> Rendering:
        return Rendering("image/png", png(_scatter([item], codec)))

    def preview(
        self, items: Sequence[Point], codec: Codec[Point] | None, real: Sequence[Point] = ()
    ) -> Rendering:
        return Rendering("image/png", png(_scatter(items, codec), synthetic(self.source_type)))

    def convert(self, items: Sequence[Point], to: str, codec: Codec[Point] | None) -> Any:
        return coordinates(items)


def _scatter(items: Sequence[Point], codec: Codec[Point] | None) -> Image:
    """The points on the codec's axes, so that pictures are comparable."""
    axes = codec if isinstance(codec, PointCodec) else PointCodec.fit(items, conditional=False)
    return scatter(coordinates(items), axes.centres, axes.mean, axes.scale)
