"""The material modality: reading, codec, networks, evaluators and writing, wired together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gankit.contract import (
    Augmentable,
    Codec,
    CodecState,
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
from gankit_material.data.items import Material
from gankit_material.settings import MaterialSettings

if TYPE_CHECKING:
    from gankit_material.codec.codec import MaterialCodec


class MaterialModality(Modality[Material], Augmentable, HasBaselines):
    """Inorganic materials: compositions, with crystal structures where they are wanted."""

    Settings = MaterialSettings
    formats = ("csv", "parquet", "json", "cif", "cifs")
    sampling_settings = (
        "structures",
        "relax",
        "relax_steps",
        "temperature",
        "count_temperature",
        "novel",
    )
    network_settings = ("elements", "most", "units", "conditions", "label")
    shows_real_items = True

    def read(
        self, source: object | None, settings: MaterialSettings, progress: Progress
    ) -> Dataset[Material]:
        from gankit_material.data.sources import read

        return read(source, settings, progress)

    def fit_codec(
        self, items: Sequence[Material], settings: MaterialSettings, fitting: Fitting
    ) -> MaterialCodec:
        from gankit_material.codec.codec import fit

        return fit(items, settings)

    def load_codec(self, state: CodecState, settings: MaterialSettings) -> MaterialCodec:
        from gankit_material.codec.codec import MaterialCodec

        return MaterialCodec.load(state, settings)

    def build_networks(self, codec: Codec[Material], settings: MaterialSettings) -> Networks:
        from gankit_material.codec.codec import MaterialCodec
        from gankit_material.networks.build import build_networks

        assert isinstance(codec, MaterialCodec)
        return build_networks(codec, settings)

    def evaluators(
        self, codec: Codec[Material] | None, settings: MaterialSettings
    ) -> Sequence[Extractor[Material] | Evaluator[Material]]:
        from gankit_material.evaluation.evaluators import build_evaluators

        return build_evaluators(codec, settings)

    def baselines(
        self,
        train: Sequence[Material],
        settings: MaterialSettings,
        n: int,
        seed: int,
        progress: Progress,
    ) -> Mapping[str, Sequence[Material]]:
        from gankit_material.evaluation.baselines import baselines

        return baselines(train, settings, n, seed)

    def write(
        self,
        samples: Iterable[Sample[Material]],
        target: Path,
        codec: Codec[Material],
        provenance: Provenance,
        format: str,
    ) -> Written:
        from gankit_material.output.formats import write

        return write(samples, target, provenance, format)

    def render(self, item: Material, codec: Codec[Material] | None) -> Rendering:
        from gankit_material.output.drawing import render

        return render(item)

    def preview(
        self,
        items: Sequence[Material],
        codec: Codec[Material] | None,
        real: Sequence[Material] = (),
    ) -> Rendering:
        from gankit_material.output.preview import preview

        return preview(items, real)

    def attributes(self, item: Material) -> Mapping[str, object]:
        return {**item.values, **({"label": item.label} if item.label is not None else {})}

    def downstream_model(self, settings: MaterialSettings) -> DownstreamModel[Material]:
        from gankit_material.evaluation.downstream import CompositionModel

        return CompositionModel()
