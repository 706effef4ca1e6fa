"""Plain arrays for gankit. Imports nothing heavy: the modality is imported on first use."""

from __future__ import annotations

from collections.abc import Iterator

from gankit.contract import PluginInfo, hookimpl


@hookimpl
def gankit_modalities() -> Iterator[PluginInfo]:
    yield PluginInfo(
        name="tensor",
        summary="Plain arrays and tensors of any shape, with labels or numbers as conditions",
        target="gankit_tensor.modality:TensorModality",
        api=2,
        suffixes=(".npy", ".npz", ".pt"),
        recipes="gankit_tensor.recipes",
    )
