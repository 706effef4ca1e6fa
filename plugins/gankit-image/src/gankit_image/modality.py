"""The image modality: where to find each part of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gankit.contract import (
    CodecState,
    Dataset,
    DownstreamModel,
    Evaluator,
    Extractor,
    Layout,
    Modality,
    Networks,
    Progress,
    Provenance,
    Sample,
)
from gankit.kit.pictures import film
from gankit_image.codec.image_codec import ImageCodec, fit_codec
from gankit_image.data.images import Image
from gankit_image.settings import ImageSettings


class ImageModality(Modality[Image]):
    """Grey, colour and transparent images; 8 bits per channel, or 16 for grey images."""

    Settings = ImageSettings
    formats = ("folder", "zip", "parquet")
    mixes = True

    def read(
        self, source: object | None, settings: ImageSettings, progress: Progress
    ) -> Dataset[Image]:
        from gankit_image.data.sources import read

        return read(source, settings, progress)

    def fit_codec(
        self, items: Sequence[Image], settings: ImageSettings, progress: Progress
    ) -> ImageCodec:
        return fit_codec(items, settings, progress)

    def load_codec(self, state: CodecState, settings: ImageSettings) -> ImageCodec:
        return ImageCodec.from_state(state)

    def build_networks(self, layout: Layout, settings: ImageSettings) -> Networks:
        from gankit_image.networks import build_networks

        return build_networks(layout, settings)

    def evaluators(self, settings: ImageSettings) -> Sequence[Extractor[Image] | Evaluator[Image]]:
        from gankit_image.evaluation.evaluators import build_evaluators

        return build_evaluators(settings)

    def write(
        self, samples: Iterable[Sample[Image]], target: Path, provenance: Provenance, format: str
    ) -> None:
        from gankit_image.output.writing import write

        write(samples, target, provenance, format)

    def values(self, item: Image) -> Mapping[str, object]:
        return {} if item.label is None else {"label": item.label}

    def learner(self, settings: ImageSettings) -> DownstreamModel[Image]:
        from gankit_image.evaluation.downstream import PixelClassifier

        return PixelClassifier(settings)

    def preview(self, items: Sequence[Image], target: Path) -> Path:
        from gankit_image.output.rendering import preview

        return preview(items, target)

    def animate(self, previews: Sequence[Path], target: Path) -> Path | None:
        return film(previews, target.with_name(f"{target.name}.gif"))
