"""Images for gankit. Imports nothing heavy: the modality is imported on first use."""

from __future__ import annotations

from collections.abc import Iterable

from gankit.contract import PluginInfo, hookimpl


@hookimpl
def gankit_modalities() -> Iterable[PluginInfo]:
    """The image modality."""
    yield PluginInfo(
        name="image",
        api=2,
        summary="Grey, colour and multi-band images: folders, zip, tar, Parquet, IDX, arrays",
        recognises="gankit_image.recognising:recognise",
        target="gankit_image.modality:ImageModality",
        suffixes=(
            ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".tif", ".tiff",
            ".gif", ".avif", ".heic", ".heif", ".hif", ".jp2", ".pgm", ".ppm", ".pnm", ".mpo",
            ".jxl", ".dcm", ".nii", ".nii.gz",
            ".zip", ".tar", ".tgz", ".parquet", ".npy", ".npz",
        ),
        recipes="gankit_image.recipes",
        default_recipe="mnist",
        data_recipe="small-data",
    )  # fmt: skip
