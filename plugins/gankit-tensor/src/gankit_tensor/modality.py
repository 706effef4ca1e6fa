"""The modality: where to find each part of the contract. Start reading here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gankit.contract import (
    Codec,
    CodecState,
    Converts,
    Dataset,
    Evaluator,
    Extractor,
    Fitting,
    Modality,
    Networks,
    Progress,
    Provenance,
    Rendering,
    Sample,
)
from gankit_tensor.codec import TensorCodec
from gankit_tensor.evaluators import Marginals, Values
from gankit_tensor.item import Item, stacked
from gankit_tensor.networks import build_networks
from gankit_tensor.output import preview, render, write
from gankit_tensor.settings import TensorSettings
from gankit_tensor.sources import read


class TensorModality(Modality[Item], Converts):
    """Arrays of one shape."""

    Settings = TensorSettings
    formats = ("npz",)
    conversions = ("numpy",)
    network_settings = ("latent", "hidden", "layers")
    source_type = "http://c2pa.org/digitalsourcetype/trainedAlgorithmicData"

    def read(
        self, source: object | None, settings: TensorSettings, progress: Progress
    ) -> Dataset[Item]:
        return read(source, settings)

    def fit_codec(
        self, items: Sequence[Item], settings: TensorSettings, fitting: Fitting
    ) -> TensorCodec:
        return TensorCodec.fit(items, settings.standardise)

    def load_codec(self, state: CodecState, settings: TensorSettings) -> TensorCodec:
        return TensorCodec.load(state)

    def build_networks(self, codec: Codec[Item], settings: TensorSettings) -> Networks:
        return build_networks(codec.layout, settings)

    def evaluators(
        self, codec: Codec[Item] | None, settings: TensorSettings
    ) -> Sequence[Extractor[Item] | Evaluator[Item]]:
        return Values(), Marginals()

    def write(
        self,
        samples: Iterable[Sample[Item]],
        target: Path,
        codec: Codec[Item],
        provenance: Provenance,
        format: str,
    ) -> None:
        write(samples, target, provenance)

    def render(self, item: Item, codec: Codec[Item] | None) -> Rendering:
        return render(item)

    def preview(
        self, items: Sequence[Item], codec: Codec[Item] | None, real: Sequence[Item] = ()
    ) -> Rendering:
        return preview(items, real, self.source_type)

    def convert(self, items: Sequence[Item], to: str, codec: Codec[Item] | None) -> Any:
        return stacked(items)
