"""2-D point clouds for gankit. Imports nothing heavy: the modality is imported on first use."""

from __future__ import annotations

from collections.abc import Iterator

from gankit.contract import PluginInfo, hookimpl


@hookimpl
def gankit_modalities() -> Iterator[PluginInfo]:
    yield PluginInfo(
        name="toy",
        summary="2-D point clouds: mixtures of Gaussians, a spiral, or your own CSV of points",
        recognises="gankit_toy.recognising:recognise",
        target="gankit_toy.modality:ToyModality",
        api=2,
        suffixes=(".csv", ".npy"),
        recipes="gankit_toy.recipes",
        default_recipe="grid25",
    )
