"""The audio modality: reading, codec, networks, evaluators and writing, wired together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gankit.contract import (
    Codec,
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
from gankit_audio.data.clips import Clip
from gankit_audio.settings import AudioSettings


class AudioModality(Modality[Clip]):
    """Mono and stereo clips of one rate and duration."""

    Settings = AudioSettings
    formats = ("wav", "flac", "ogg", "mp3", "wav24", "wavfloat", "flac24", "parquet")
    mixes = True
    sampling_settings = ("loop", "rounds")

    def read(
        self, source: object | None, settings: AudioSettings, progress: Progress
    ) -> Dataset[Clip]:
        from gankit_audio.data.sources import read

        return read(source, settings, progress)

    def fit_codec(
        self, items: Sequence[Clip], settings: AudioSettings, progress: Progress
    ) -> Codec[Clip]:
        from gankit_audio.codec.components import ComponentCodec
        from gankit_audio.codec.conditions import Conditions
        from gankit_audio.codec.waveform import WaveformCodec

        conditions = Conditions.of(items, settings)
        if settings.architecture == "spectrogram":
            return ComponentCodec.fit(items, conditions, settings, progress)
        return WaveformCodec.fit(items, conditions, settings)

    def load_codec(self, state: CodecState, settings: AudioSettings) -> Codec[Clip]:
        from gankit_audio.codec.components import ComponentCodec
        from gankit_audio.codec.waveform import WaveformCodec

        if settings.architecture == "spectrogram":
            return ComponentCodec.load(state, settings)
        return WaveformCodec.load(state, settings)

    def build_networks(self, layout: Layout, settings: AudioSettings) -> Networks:
        from gankit_audio.networks.networks import build_networks

        return build_networks(layout, settings)

    def evaluators(self, settings: AudioSettings) -> Sequence[Extractor[Clip] | Evaluator[Clip]]:
        from gankit_audio.evaluation.evaluators import build_evaluators

        return build_evaluators(settings)

    def write(
        self, samples: Iterable[Sample[Clip]], target: Path, provenance: Provenance, format: str
    ) -> None:
        from gankit_audio.output.writing import write

        write(samples, target, provenance, format)

    def preview(self, items: Sequence[Clip], target: Path) -> Path:
        from gankit_audio.output.preview import preview

        return preview(items, target)

    def preview_beside(self, items: Sequence[Clip], real: Sequence[Clip], target: Path) -> Path:
        from gankit_audio.output.preview import preview_beside

        return preview_beside(items, real, target)

    def values(self, item: Clip) -> Mapping[str, object]:
        return dict(item.values)

    def learner(self, settings: AudioSettings) -> DownstreamModel[Clip]:
        from gankit_audio.evaluation.downstream import KeywordClassifier

        return KeywordClassifier(settings)
