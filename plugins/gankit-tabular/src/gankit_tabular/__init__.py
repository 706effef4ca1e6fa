"""Tables for gankit. Imports nothing heavy: the modality is imported on first use."""

from __future__ import annotations

from collections.abc import Iterator

from gankit.contract import PluginInfo, hookimpl


@hookimpl
def gankit_modalities() -> Iterator[PluginInfo]:
    yield PluginInfo(
        name="tabular",
        summary="Tables: CSV, JSON lines, Parquet, Feather, data frames; conditional on any column",
        recognises="gankit_tabular.recognising:recognise",
        target="gankit_tabular.modality:TabularModality",
        api=2,
        suffixes=(
            ".csv",
            ".tsv",
            ".jsonl",
            ".ndjson",
            ".parquet",
            ".feather",
            ".arrow",
            ".xlsx",
            ".xlsm",
            ".gz",
            ".zst",
        ),
        recipes="gankit_tabular.recipes",
    )
