"""The audio modality: where each part of the contract is implemented."""

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
    Modality,
    Networks,
    Progress,
    Provenance,
    Rendering,
    Sample,
    Watermarks,
    WatermarkSearch,
)
from gankit_audio.data.clips import Clip
from gankit_audio.settings import AudioSettings


class AudioModality(Modality[Clip], Augmentable, Converts, Watermarks):
    """Mono and stereo clips of one rate and duration."""

    Settings = AudioSettings
    formats = ("wav", "flac", "ogg", "mp3", "wav24", "wavfloat", "flac24", "parquet")
    conversions = ("numpy",)
    sampling_settings = ("loop", "rounds")
    shows_real_items = True
    network_settings = (
        "rate",
        "duration",
        "channels",
        "architecture",
        "mels",
        "frames",
        "code",
        "width",
        "latent",
        "postprocess",
    )

    def read(
        self, source: object | None, settings: AudioSettings, progress: Progress
    ) -> Dataset[Clip]:
        from gankit_audio.data.sources import read

        return read(source, settings, progress)

    def fit_codec(
        self, items: Sequence[Clip], settings: AudioSettings, fitting: Fitting
    ) -> Codec[Clip]:
        from gankit_audio.codec.components import ComponentCodec
        from gankit_audio.codec.conditions import Conditions
        from gankit_audio.codec.waveform import WaveformCodec

        conditions = Conditions.of(items, settings)
        if settings.architecture == "spectrogram":
            return ComponentCodec.fit(items, conditions, settings, fitting.progress)
        return WaveformCodec.fit(items, conditions, settings)

    def load_codec(self, state: CodecState, settings: AudioSettings) -> Codec[Clip]:
        from gankit_audio.codec.components import ComponentCodec
        from gankit_audio.codec.waveform import WaveformCodec

        if settings.architecture == "spectrogram":
            return ComponentCodec.load(state, settings)
        return WaveformCodec.load(state, settings)

    def build_networks(self, codec: Codec[Clip], settings: AudioSettings) -> Networks:
        from gankit_audio.codec.base import ClipCodec
        from gankit_audio.networks.build import build_networks

        assert isinstance(codec, ClipCodec)
        return build_networks(codec, settings)

    def evaluators(
        self, codec: Codec[Clip] | None, settings: AudioSettings
    ) -> Sequence[Extractor[Clip] | Evaluator[Clip]]:
        from gankit_audio.evaluation.evaluators import build_evaluators

        return build_evaluators(settings)

    def write(
        self,
        samples: Iterable[Sample[Clip]],
        target: Path,
        codec: Codec[Clip],
        provenance: Provenance,
        format: str,
    ) -> None:
        from gankit_audio.output.writing import write

        write(samples, target, provenance, format)

    def render(self, item: Clip, codec: Codec[Clip] | None) -> Rendering:
        from gankit_audio.output.rendering import render

        return render(item)

    def preview(
        self, items: Sequence[Clip], codec: Codec[Clip] | None, real: Sequence[Clip] = ()
    ) -> Rendering:
        from gankit_audio.output.rendering import preview

        return preview(items, real)

    def convert(self, items: Sequence[Clip], to: str, codec: Codec[Clip] | None) -> Any:
        from gankit_audio.output.conversion import convert

        return convert(items)

    def watermark(self, item: Clip, key: bytes) -> Clip:
        from gankit_audio.output.watermark import mark

        return mark(item, key)

    def find_watermark(self, content: bytes, key: bytes) -> WatermarkSearch | None:
        from gankit_audio.output.watermark import search

        return search(content, key)

    def attributes(self, item: Clip) -> Mapping[str, object]:
        return dict(item.values)

    def downstream_model(self, settings: AudioSettings) -> DownstreamModel[Clip]:
        from gankit_audio.evaluation.downstream import KeywordClassifier

        return KeywordClassifier(settings)
