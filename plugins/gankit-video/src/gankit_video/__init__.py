"""Video for gankit. Imports nothing heavy: the modality is imported on first use."""

from __future__ import annotations

from collections.abc import Iterable

from gankit.contract import PluginInfo, hookimpl


@hookimpl
def gankit_modalities() -> Iterable[PluginInfo]:
    """The video modality."""
    yield PluginInfo(
        name="video",
        api=2,
        summary="Short clips of video: films (MP4, WebM, GIF …), folders of frames, arrays",
        recognises="gankit_video.recognising:recognise",
        target="gankit_video.modality:VideoModality",
        suffixes=(
            ".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".ts", ".wmv", ".flv",
            ".3gp", ".ogv", ".y4m", ".gif", ".npy", ".zip", ".tar", ".tgz",
        ),
        recipes="gankit_video.recipes",
        default_recipe="default",
        data_recipe="default",
    )  # fmt: skip
