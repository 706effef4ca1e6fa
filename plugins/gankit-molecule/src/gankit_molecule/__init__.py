"""Molecules for gankit. Only the hooks live here, so that listing plugins costs nothing."""

from __future__ import annotations

from collections.abc import Iterable

from gankit.contract import PluginInfo, hookimpl


@hookimpl
def gankit_modalities() -> Iterable[PluginInfo]:
    """The molecule modality."""
    yield PluginInfo(
        name="molecule",
        summary="Molecules as SMILES: .smi, CSV, Parquet, SDF and lists; conditional on properties",
        recognises="gankit_molecule.recognising:recognise",
        target="gankit_molecule.modality:MoleculeModality",
        api=2,
        suffixes=(".smi", ".smiles", ".inchi", ".txt", ".sdf", ".mol", ".csv", ".tsv", ".parquet"),
        recipes="gankit_molecule.recipes",
        default_recipe="default",
    )
