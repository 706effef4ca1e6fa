"""The text modality: reading, codec, networks, evaluators and writing, wired together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

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
    Rendering,
    Sample,
    Written,
)
from gankit_text.data.items import Text
from gankit_text.settings import TextSettings

if TYPE_CHECKING:
    from typing import Any


class TextModality(Modality[Text], Augmentable, Converts, HasBaselines):
    """Short texts of any language."""

    Settings = TextSettings
    formats = ("jsonl", "txt", "csv", "parquet")
    conversions = ("numpy", "dataframe")
    sampling_settings = ("temperature",)
    network_settings = ("model", "tokens", "vocabulary", "codec", "latent", "width", "units")
    shows_real_items = True
    hub_task = "text-generation"

    def read(
        self, source: object | None, settings: TextSettings, progress: Progress
    ) -> Dataset[Text]:
        from gankit_text.data.sources import read

        return read(source, settings, progress)

    def read_items(self, source: object, settings: TextSettings) -> Dataset[Text]:
        from gankit_text.data.sources import read_items

        return read_items(source, settings)

    def fit_codec(
        self, items: Sequence[Text], settings: TextSettings, fitting: Fitting
    ) -> Codec[Text]:
        if settings.model == "direct":
            from gankit_text.codec.direct import fit as fit_direct

            return fit_direct(items, settings, fitting)
        from gankit_text.codec.fitting import fit

        return fit(items, settings, fitting)

    def load_codec(self, state: CodecState, settings: TextSettings) -> Codec[Text]:
        if settings.model == "direct":
            from gankit_text.codec.direct import DirectCodec

            return DirectCodec.load(state, settings)
        from gankit_text.codec.codec import TextCodec

        return TextCodec.load(state, settings)

    def build_networks(self, codec: Codec[Text], settings: TextSettings) -> Networks:
        if settings.model == "direct":
            from gankit_text.codec.direct import DirectCodec
            from gankit_text.networks.direct import build_networks as build_direct

            assert isinstance(codec, DirectCodec)
            return build_direct(codec, settings)
        from gankit_text.networks.latent_gan import build_networks

        return build_networks(codec, settings)

    def evaluators(
        self, codec: Codec[Text] | None, settings: TextSettings
    ) -> Sequence[Extractor[Text] | Evaluator[Text]]:
        from gankit_text.evaluation.evaluators import evaluators

        return evaluators(codec, settings)

    def baselines(
        self,
        train: Sequence[Text],
        settings: TextSettings,
        n: int,
        seed: int,
        progress: Progress,
    ) -> Mapping[str, Sequence[Text]]:
        from gankit_text.evaluation.baselines import baselines

        return baselines(train, settings, n, seed, progress)

    def write(
        self,
        samples: Iterable[Sample[Text]],
        target: Path,
        codec: Codec[Text],
        provenance: Provenance,
        format: str,
    ) -> Written:
        from gankit_text.output.formats import write

        return write(samples, target, codec, provenance, format)

    def render(self, item: Text, codec: Codec[Text] | None) -> Rendering:
        from gankit_text.output.preview import render

        return render(item)

    def preview(
        self, items: Sequence[Text], codec: Codec[Text] | None, real: Sequence[Text] = ()
    ) -> Rendering:
        from gankit_text.output.preview import preview

        return preview(items, real)

    def convert(self, items: Sequence[Text], to: str, codec: Codec[Text] | None) -> Any:
        from gankit_text.output.conversion import convert

        return convert(items, to)

    def attributes(self, item: Text) -> Mapping[str, object]:
        label = {} if item.label is None else {"label": item.label}
        return {**label, **item.values}

    def downstream_model(self, settings: TextSettings) -> DownstreamModel[Text] | None:
        from gankit_text.evaluation.downstream import downstream_model

        return downstream_model(settings)
