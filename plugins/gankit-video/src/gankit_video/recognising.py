"""Which data are video, at a glance."""

from __future__ import annotations

from pathlib import Path

from gankit.contract import Look, Recognised
from gankit.kit.looking import share

ENDINGS = (
    *(".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".wmv"),
    *(".flv", ".3gp", ".ogv", ".y4m"),
)
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
UNSURE = 0.5
"""For what is more often something else: GIF files and folders of pictures are images unless
``--plugin video`` says otherwise."""


def recognise(look: Look) -> Recognised | None:
    """Films, and arrays of five axes. Folders of frames and GIF files are named as a second
    reading beside images."""
    films, part = share(look, *ENDINGS)
    if films and look.kind == "file":
        return Recognised(0.9, "video", f"{look.name} is a film", 1)
    if films:
        return Recognised(part, "video", f"{films:,} films", films)
    if look.kind == "file" and look.ending(".npy"):
        return _array(look)
    if gifs := look.ending(".gif"):
        return Recognised(UNSURE, "video", f"{len(gifs):,} GIF files may be films", len(gifs))
    return _frames(look)


def _array(look: Look) -> Recognised | None:
    """An array of five axes: four are images."""
    from gankit_image.recognising import npy_shape

    shape = npy_shape(Path(look.source))
    if len(shape) != 5:
        return None
    size = "×".join(map(str, shape))
    return Recognised(0.95, "video", f"{look.name} is an array of {size}", shape[0])


def _frames(look: Look) -> Recognised | None:
    """Folders whose files are numbered pictures: frames, or images of a class."""
    folders: dict[str, int] = {}
    for name in look.ending(*PICTURES):
        folder, slash, file = name.rpartition("/")
        stem = file.rpartition(".")[0]
        if slash and stem and stem[-1].isdecimal():
            folders[folder] = folders.get(folder, 0) + 1
    if len(folders) < 2:
        return None
    reason = f"{len(folders):,} folders of numbered pictures may be frames"
    return Recognised(UNSURE - 0.1, "video", reason, len(folders))
