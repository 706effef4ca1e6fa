"""Sounds for gankit. Imports nothing heavy: the modality is imported on first use."""

from __future__ import annotations

from collections.abc import Iterable

from gankit.contract import PluginInfo, hookimpl


@hookimpl
def gankit_modalities() -> Iterable[PluginInfo]:
    """The audio modality."""
    yield PluginInfo(
        name="audio",
        summary="Recordings of any rate and length: folders, zip, Parquet, manifests, arrays",
        recognises="gankit_audio.recognising:recognise",
        target="gankit_audio.modality:AudioModality",
        api=2,
        suffixes=(".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".aifc"),
        recipes="gankit_audio.recipes",
        default_recipe="default",
    )
