"""The image modality: where to find each part of the contract. Start reading here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gankit.contract import (
    Augmentable,
    AvoidsBackbones,
    Codec,
    CodecState,
    Converts,
    Dataset,
    DownstreamModel,
    Evaluator,
    Extractor,
    Fitting,
    Modality,
    Networks,
    Progress,
    Provenance,
    ReadsItems,
    ReadsRemote,
    Rendering,
    Sample,
    Watermarks,
    WatermarkSearch,
)
from gankit.kit.remote import Remote
from gankit_image.codec.image_codec import ImageCodec, fit_codec
from gankit_image.data.images import Image
from gankit_image.data.labels import LABEL
from gankit_image.settings import ImageSettings


class ImageModality(
    Modality[Image], Augmentable, AvoidsBackbones, Converts, ReadsItems, ReadsRemote, Watermarks
):
    """Grey, colour and transparent images, and images of up to 16 bands of any numbers."""

    Settings = ImageSettings
    formats = ("folder", "zip", "parquet", "npz", "npy")
    conversions = ("numpy", "torch", "pil")
    shows_real_items = True
    hub_task = "unconditional-image-generation"
    network_settings = (
        "resolution",
        "mode",
        "architecture",
        "width",
        "blocks",
        "group_size",
        "latent",
        "embedding",
    )

    def read(
        self, source: object | None, settings: ImageSettings, progress: Progress
    ) -> Dataset[Image]:
        from gankit_image.data.sources import read

        return read(source, settings, progress)

    def read_items(self, source: object, settings: ImageSettings) -> Dataset[Image]:
        from gankit_image.data.single import read_items

        return read_items(source, settings)

    def read_remote(
        self, source: Remote, settings: ImageSettings, progress: Progress
    ) -> Dataset[Image]:
        from gankit_image.data.streaming import read_remote

        return read_remote(source, settings, progress)

    def fit_codec(
        self, items: Sequence[Image], settings: ImageSettings, fitting: Fitting
    ) -> ImageCodec:
        return fit_codec(items, settings, fitting.progress)

    def load_codec(self, state: CodecState, settings: ImageSettings) -> ImageCodec:
        return ImageCodec.from_state(state)

    def build_networks(self, codec: Codec[Image], settings: ImageSettings) -> Networks:
        from gankit_image.networks import build_networks

        assert isinstance(codec, ImageCodec)
        deep, bands = codec.format.bits > 8, codec.format.banded
        return build_networks(codec.layout, settings, deep=deep, bands=bands)

    def evaluators(
        self, codec: Codec[Image] | None, settings: ImageSettings
    ) -> Sequence[Extractor[Image] | Evaluator[Image]]:
        return self.evaluators_without(codec, settings, frozenset())

    def evaluators_without(
        self, codec: Codec[Image] | None, settings: ImageSettings, backbones: frozenset[str]
    ) -> Sequence[Extractor[Image] | Evaluator[Image]]:
        from gankit_image.evaluation.evaluators import build_evaluators

        return build_evaluators(settings, _own(codec), backbones)

    def write(
        self,
        samples: Iterable[Sample[Image]],
        target: Path,
        codec: Codec[Image],
        provenance: Provenance,
        format: str,
    ) -> Mapping[str, int]:
        from gankit_image.output.writing import write

        assert isinstance(codec, ImageCodec)
        return write(samples, target, codec, provenance, format)

    def render(self, item: Image, codec: Codec[Image] | None) -> Rendering:
        from gankit_image.output.rendering import render

        return render(item, _own(codec))

    def preview(
        self, items: Sequence[Image], codec: Codec[Image] | None, real: Sequence[Image] = ()
    ) -> Rendering:
        from gankit_image.output.rendering import preview

        return preview(items, _own(codec))

    def convert(self, items: Sequence[Image], to: str, codec: Codec[Image] | None) -> Any:
        from gankit_image.output.conversion import convert

        return convert(items, to, _own(codec))

    def watermark(self, item: Image, key: bytes) -> Image:
        from gankit_image.output.watermark import mark

        return mark(item, key)

    def find_watermark(self, content: bytes, key: bytes) -> WatermarkSearch | None:
        from gankit_image.output.watermark import search

        return search(content, key)

    def attributes(self, item: Image) -> Mapping[str, object]:
        return {} if item.label is None else {LABEL: item.label}

    def downstream_model(self, settings: ImageSettings) -> DownstreamModel[Image]:
        from gankit_image.evaluation.downstream import PixelClassifier

        return PixelClassifier(settings)


def _own(codec: Codec[Image] | None) -> ImageCodec | None:
    return codec if isinstance(codec, ImageCodec) else None
