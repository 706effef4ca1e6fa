"""The molecule modality: reading, codec, networks, evaluators and writing, wired together."""

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
from gankit_molecule.data.molecules import Molecule, smiles_of
from gankit_molecule.settings import MoleculeSettings


class MoleculeModality(Modality[Molecule]):
    """Small molecules, as SMILES."""

    Settings = MoleculeSettings
    formats = ("smi", "csv", "parquet", "sdf", "sdf3d")
    mixes = True
    sampling_settings = ("raw", "temperature", "scaffold", "novel")

    def read(
        self, source: object | None, settings: MoleculeSettings, progress: Progress
    ) -> Dataset[Molecule]:
        from gankit_molecule.data.sources import read

        return read(source, settings, progress)

    def fit_codec(
        self, items: Sequence[Molecule], settings: MoleculeSettings, progress: Progress
    ) -> Codec[Molecule]:
        from gankit_molecule.codec.fitting import fit

        return fit(items, settings, progress)

    def load_codec(self, state: CodecState, settings: MoleculeSettings) -> Codec[Molecule]:
        from gankit_molecule.codec.codec import MoleculeCodec

        return MoleculeCodec.load(state, settings)

    def build_networks(self, layout: Layout, settings: MoleculeSettings) -> Networks:
        from gankit_molecule.networks.latent_gan import build_networks

        return build_networks(layout, settings)

    def evaluators(
        self, settings: MoleculeSettings
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
        provenance: Provenance,
        format: str,
    ) -> Mapping[str, int]:
        from gankit_molecule.output.formats import write

        return write(samples, target, provenance, format)

    def preview(self, items: Sequence[Molecule], target: Path) -> Path:
        return self.preview_beside(items, (), target)

    def preview_beside(
        self, items: Sequence[Molecule], real: Sequence[Molecule], target: Path
    ) -> Path:
        from gankit_molecule.output.preview import preview

        picture, page = preview(items, real)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.with_name(f"{target.name}.html").write_text(page, encoding="utf-8")
        file = target.with_name(f"{target.name}.png")
        file.write_bytes(picture)
        return file

    def values(self, item: Molecule) -> Mapping[str, object]:
        return dict(item.values)

    def learner(self, settings: MoleculeSettings) -> DownstreamModel[Molecule]:
        from gankit_molecule.evaluation.downstream import FingerprintModel

        return FingerprintModel(settings)
