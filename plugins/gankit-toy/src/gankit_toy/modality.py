"""The modality: where each part of the contract is found. Start reading here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL.PngImagePlugin import PngInfo

from gankit.contract import (
    CodecState,
    Dataset,
    Evaluator,
    Extractor,
    Issue,
    Layout,
    Modality,
    Networks,
    Progress,
    Provenance,
    Sample,
)
from gankit.errors import GankitError
from gankit_toy.codec import PointCodec
from gankit_toy.evaluators import Coordinates, Modes
from gankit_toy.files import read_points, write_csv
from gankit_toy.networks import Discriminator, Generator
from gankit_toy.pictures import MADE_BY, film, scatter
from gankit_toy.points import Point, Shape, coordinates, draw

FEWEST = 10
"""Fewer points than this are no data set."""


@dataclass(frozen=True)
class ToySettings:
    """Settings of the toy plugin."""

    shape: Shape = "grid25"
    """The cloud drawn where no data is given: 25 Gaussians on a grid, 8 on a ring, or a spiral."""
    count: int = 20_000
    """Points in that cloud."""
    sigma: float = 0.05
    """Its standard deviation about a mode's centre, or about the spiral's line."""
    conditional: bool = False
    """Whether to condition on the label, which in the drawn clouds is the mode."""
    hidden: int = 64
    """Units in a hidden layer, of both networks."""
    layers: int = 6
    """Hidden layers of the generator: depth makes the sharp bends that part the modes."""
    d_layers: int = 4
    """Hidden layers of the discriminator."""
    latent: int = 2
    """Dimensions of the latent z."""

    def __post_init__(self) -> None:
        for name in ("count", "hidden", "layers", "d_layers", "latent"):
            if getattr(self, name) < 1:
                raise GankitError(f"{name}={getattr(self, name)}: too small", "Use 1 or more")
        if self.sigma < 0:
            raise GankitError(f"sigma={self.sigma}: negative", "Use 0 or more")


class ToyModality(Modality[Point]):
    """2-D point clouds."""

    Settings = ToySettings
    formats = ("csv",)
    source_type = "http://c2pa.org/digitalsourcetype/trainedAlgorithmicData"

    _codec: PointCodec | None = None
    """The latest codec: previews take their axes from it, so that they compare."""

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
            why = "".join(f"; {problem.location}: {problem.reason}" for problem in issues[:1])
            raise GankitError(
                f"{name} has {len(points)} usable points{why}", f"Give at least {FEWEST}"
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
        self, items: Sequence[Point], settings: ToySettings, progress: Progress
    ) -> PointCodec:
        self._codec = PointCodec.fit(list(items), settings.conditional)
        return self._codec

    def load_codec(self, state: CodecState, settings: ToySettings) -> PointCodec:
        self._codec = PointCodec(**state.config)
        return self._codec

    def build_networks(self, layout: Layout, settings: ToySettings) -> Networks:
        classes = layout.condition.width if layout.condition else 0
        return Networks(
            Generator(settings.latent, classes, settings.hidden, settings.layers),
            Discriminator(classes, settings.hidden, settings.d_layers),
            settings.latent,
        )

    def evaluators(self, settings: ToySettings) -> Sequence[Extractor[Point] | Evaluator[Point]]:
        return Coordinates(), Modes()

    def write(
        self,
        samples: Iterable[Sample[Point]],
        target: Path,
        provenance: Provenance,
        format: str,
    ) -> None:
        # CSV has no metadata to carry `provenance`; a column marks every row as synthetic.
        write_csv(samples, target / "points.csv")

    def preview(self, items: Sequence[Point], target: Path) -> Path:
        codec = self._codec or PointCodec.fit(items, conditional=False)
        file = target.with_name(target.name + ".png")
        picture = scatter(coordinates(items), codec.centres, codec.mean, codec.scale)
        mark = PngInfo()
        mark.add_text("Source", MADE_BY)
        picture.save(file, pnginfo=mark)
        return file

    def animate(self, previews: Sequence[Path], target: Path) -> Path | None:
        return film(previews, target.with_name(target.name + ".gif")) if previews else None
