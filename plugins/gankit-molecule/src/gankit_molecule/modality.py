"""The molecule modality: reading, codec, networks, evaluators and writing, wired together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from gankit_molecule.data.molecules import Molecule, smiles_of
from gankit_molecule.settings import MoleculeSettings

if TYPE_CHECKING:
    from gankit_molecule.codec.codec import MoleculeCodec


class MoleculeModality(Modality[Molecule], Augmentable, Converts, HasBaselines):
    """Small molecules, as SMILES."""

    Settings = MoleculeSettings
    formats = ("smi", "csv", "parquet", "sdf", "sdf3d")
    conversions = ("numpy", "dataframe")
    sampling_settings = ("raw", "temperature", "scaffold", "novel")
    shows_real_items = True
    network_settings = ("conditions", "notation", "vocabulary", "latent", "width", "units")

    def read(
        self, source: object | None, settings: MoleculeSettings, progress: Progress
    ) -> Dataset[Molecule]:
        from gankit_molecule.data.sources import read

        return read(source, settings, progress)

    def fit_codec(
        self, items: Sequence[Molecule], settings: MoleculeSettings, fitting: Fitting
    ) -> MoleculeCodec:
        from gankit_molecule.codec.fitting import fit

        return fit(items, settings, fitting)

    def load_codec(self, state: CodecState, settings: MoleculeSettings) -> MoleculeCodec:
        from gankit_molecule.codec.codec import MoleculeCodec

        return MoleculeCodec.load(state, settings)

    def build_networks(self, codec: Codec[Molecule], settings: MoleculeSettings) -> Networks:
        from gankit_molecule.codec.codec import MoleculeCodec
        from gankit_molecule.networks.latent_gan import build_networks

        assert isinstance(codec, MoleculeCodec)
        return build_networks(codec, settings)

    def evaluators(
        self, codec: Codec[Molecule] | None, settings: MoleculeSettings
    ) -> Sequence[Extractor[Molecule] | Evaluator[Molecule]]:
        from gankit_molecule.evaluation.evaluators import build_evaluators

        return build_evaluators(settings)

    def baselines(
        self,
        train: Sequence[Molecule],
        settings: MoleculeSettings,
        n: int,
        seed: int,
        progress: Progress,
    ) -> Mapping[str, Sequence[Molecule]]:
        if not settings.rnn:
            return {}
        from gankit_molecule.evaluation.rnn import CharacterRNN

        rnn = CharacterRNN(smiles_of(train), settings, progress)
        return {"rnn": rnn.sample(n, seed, progress)}

    def write(
        self,
        samples: Iterable[Sample[Molecule]],
        target: Path,
        codec: Codec[Molecule],
        provenance: Provenance,
        format: str,
    ) -> Written:
        from gankit_molecule.codec.codec import MoleculeCodec
        from gankit_molecule.output.formats import write

        known = codec.known if isinstance(codec, MoleculeCodec) else None
        hashes = None if known is None else known.numpy()
        raw = isinstance(codec, MoleculeCodec) and codec.settings.raw
        return write(samples, target, provenance, format, hashes, raw)

    def render(self, item: Molecule, codec: Codec[Molecule] | None) -> Rendering:
        from gankit_molecule.output.preview import render

        return render(item)

    def preview(
        self,
        items: Sequence[Molecule],
        codec: Codec[Molecule] | None,
        real: Sequence[Molecule] = (),
    ) -> Rendering:
        from gankit_molecule.output.preview import preview

        return preview(items, real)

    def convert(self, items: Sequence[Molecule], to: str, codec: Codec[Molecule] | None) -> Any:
        from gankit_molecule.output.conversion import convert

        return convert(items, to)

    def attributes(self, item: Molecule) -> Mapping[str, object]:
        return dict(item.values)

    def downstream_model(self, settings: MoleculeSettings) -> DownstreamModel[Molecule]:
        from gankit_molecule.evaluation.downstream import FingerprintModel

        return FingerprintModel(settings)
