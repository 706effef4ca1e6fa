"""Texts for gankit. Only the hooks live here, so that listing plugins costs nothing."""

from __future__ import annotations

from collections.abc import Iterable

from gankit.contract import PluginInfo, hookimpl


@hookimpl
def gankit_modalities() -> Iterable[PluginInfo]:
    """The text modality."""
    yield PluginInfo(
        name="text",
        summary="Short texts of any language: .txt, JSONL, CSV, Parquet; conditional on labels",
        recognises="gankit_text.recognising:recognise",
        target="gankit_text.modality:TextModality",
        api=2,
        suffixes=(".txt", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet"),
        recipes="gankit_text.recipes",
        default_recipe="default",
    )
