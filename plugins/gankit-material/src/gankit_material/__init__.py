"""Materials for gankit. Only the hooks live here, so that listing plugins costs nothing."""

from __future__ import annotations

from collections.abc import Iterator

from gankit.contract import PluginInfo, hookimpl


@hookimpl
def gankit_modalities() -> Iterator[PluginInfo]:
    """The material modality."""
    yield PluginInfo(
        name="material",
        summary="Inorganic materials: formulas in text and tables, CIF; conditional on properties",
        recognises="gankit_material.recognising:recognise",
        target="gankit_material.modality:MaterialModality",
        api=2,
        suffixes=(".cif", ".txt", ".csv", ".tsv", ".jsonl", ".parquet"),
        recipes="gankit_material.recipes",
    )
