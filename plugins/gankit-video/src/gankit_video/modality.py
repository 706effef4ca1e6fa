"""The video modality: where to find each part of the contract. Start reading here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gankit.contract import (
    Augmentable,
    Codec,
    CodecState,
    Converts,
    Dataset,
    DownstreamModel,
    Evaluator,
    Extractor,
    Fitting,
    HasBaselines,
    Modality,
    Networks,
    Progress,
    Provenance,
    ReadsItems,
    Rendering,
    Sample,
    Written,
)
from gankit_video.codec.video_codec import VideoCodec, fit_codec
from gankit_video.data.items import LABEL, Clip
from gankit_video.settings import VideoSettings


class VideoModality(Modality[Clip], Augmentable, Converts, HasBaselines, ReadsItems):
    """Short clips of a fixed number of frames, grey or colour."""

    Settings = VideoSettings
    formats = ("mp4", "webm", "gif", "frames", "npy")
    conversions = ("numpy", "torch")
    shows_real_items = True
    transfers_from = ("image",)
    network_settings = (
        "resolution",
        "mode",
        "frames",
        "width",
        "blocks",
        "latent",
        "motion",
        "embedding",
        "frames_judged",
    )

    def read(
        self, source: object | None, settings: VideoSettings, progress: Progress
    ) -> Dataset[Clip]:
        from gankit_video.data.sources import read

        return read(source, settings, progress)

    def read_items(self, source: object, settings: VideoSettings) -> Dataset[Clip]:
        from gankit_video.data.sources import read_items

        return read_items(source, settings)

    def fit_codec(
        self, items: Sequence[Clip], settings: VideoSettings, fitting: Fitting
    ) -> VideoCodec:
        return fit_codec(items, settings)

    def load_codec(self, state: CodecState, settings: VideoSettings) -> VideoCodec:
        return VideoCodec.from_state(state)

    def build_networks(self, codec: Codec[Clip], settings: VideoSettings) -> Networks:
        from gankit_video.networks import build_networks

        return build_networks(codec.layout, settings)

    def evaluators(
        self, codec: Codec[Clip] | None, settings: VideoSettings
    ) -> Sequence[Extractor[Clip] | Evaluator[Clip]]:
        from gankit_video.evaluation.evaluators import build_evaluators

        return build_evaluators(settings)

    def baselines(
        self, train: Sequence[Clip], settings: Any, n: int, seed: int, progress: Progress
    ) -> Mapping[str, Sequence[Clip]]:
        """Real clips whose time is wrong, ``frozen`` and ``shuffled``."""
        from gankit_video.evaluation.controls import controls

        return controls(train, n, seed)

    def write(
        self,
        samples: Iterable[Sample[Clip]],
        target: Path,
        codec: Codec[Clip],
        provenance: Provenance,
        format: str,
    ) -> Written:
        from gankit_video.output.writing import write

        return write(samples, target, provenance, format)

    def render(self, item: Clip, codec: Codec[Clip] | None) -> Rendering:
        from gankit_video.output.rendering import render

        return render(item)

    def preview(
        self, items: Sequence[Clip], codec: Codec[Clip] | None, real: Sequence[Clip] = ()
    ) -> Rendering:
        from gankit_video.output.rendering import preview

        return preview(items)

    def convert(self, items: Sequence[Clip], to: str, codec: Codec[Clip] | None) -> Any:
        from gankit_video.output.conversion import convert

        return convert(items, to)

    def attributes(self, item: Clip) -> Mapping[str, object]:
        return ({} if item.label is None else {LABEL: item.label}) | dict(item.values)

    def downstream_model(self, settings: VideoSettings) -> DownstreamModel[Clip]:
        from gankit_video.evaluation.downstream import ClipModel

        return ClipModel()
