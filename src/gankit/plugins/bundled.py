"""The plugins that belong to this project, for whom they are not installed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

READS = {
    "gankit-audio": (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf"),
    "gankit-image": (
        *(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".heic"),
        *(".npz", ".npy"),
    ),
    "gankit-molecule": (".smi", ".smiles", ".inchi", ".sdf", ".mol"),
    "gankit-video": (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".wmv"),
    "gankit-tabular": (".csv", ".tsv", ".jsonl", ".parquet", ".feather", ".arrow", ".xlsx", ".db"),
    "gankit-text": (".txt", ".text"),
    "gankit-material": (".cif",),
}
"""The commonest endings that each reads."""


def would_read(names: Sequence[str], installed: Collection[str]) -> str:
    """The distribution of a plugin that is not installed and reads most of these files; or an
    empty string.

    Args:
        installed: names of plugins.
    """
    counts = {
        distribution: sum(name.lower().endswith(endings) for name in names)
        for distribution, endings in READS.items()
        if distribution.removeprefix("gankit-") not in installed
    }
    best = max(counts, key=counts.__getitem__, default="")
    return best if counts.get(best) else ""
