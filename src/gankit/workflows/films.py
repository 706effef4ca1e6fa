"""Films of generated items, and the pictures that they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from gankit.contract import Codec, Modality, Progress, Provenance, Sample, quiet
from gankit.errors import GankitError
from gankit.kit.films import check_film, write_film
from gankit.kit.sheets import picture
from gankit.plugins.registry import installed
from gankit.runs.directory import Run
from gankit.runs.output import write_generated
from gankit.runs.targets import Target, expanded, refuse_existing
from gankit.system_errors import translated
from gankit.workflows.generate import (
    MEMORY_HINT,
    Generated,
    Sampling,
    counted,
    sampling_record,
)

FPS = 12.0
"""Frames per second by default."""


def film_target(path: str | Path, fps: float = FPS) -> Target:
    """Where a film goes.

    Raises:
        GankitError: the ending is no film's, or it cannot be written here: see
            :func:`gankit.kit.films.check_film`.
    """
    file = check_film(expanded(path), fps)
    return Target(file, file.suffix.lower().removeprefix("."), single_file=True)


@translated(memory=MEMORY_HINT)
def film(
    run: Run,
    sampling: Sampling,
    path: str | Path,
    *,
    fps: float = FPS,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress = quiet,
) -> Generated:
    """Generates a film, a frame a sample, with its provenance record beside it.

    Args:
        sampling: with a walk: samples of consecutive seeds would be no film.
        path: ends in ``.gif``, ``.webp``, ``.apng`` or ``.mp4``.
        fps: frames per second.

    Raises:
        GankitError: for whatever the user can fix, such as items that are no pictures.
    """
    target = film_target(path, fps)
    refuse_existing(target, overwrite)
    if sampling.walk is None:
        raise GankitError(
            "a film needs a way through latent space",
            "Add --between 3:17, or --along 1:-3..3",
        )
    if sampling.n < 2:
        raise GankitError(f"n={sampling.n}: a film needs two frames or more", "Use a larger n")
    sampling.check()
    sampler = sampling.sampler(run, device)

    def write(samples: Iterable[Sample[Any]], folder: Path, provenance: Provenance) -> None:
        frames = frames_of(samples, run.plugin.modality, sampler.codec)
        write_film(frames, folder / target.path.name, fps=fps, text=provenance.text())

    record = write_generated(
        *(run.plugin, counted(sampling.draw(sampler), sampling.n, progress), target),
        codec=sampler.codec,
        run=run.model["run"],
        record={**sampling_record(run, sampler, sampling), "fps": fps},
        plugins=installed(),
        progress=progress,
        overwrite=overwrite,
        between=sampling.pair,
        way=sampling.in_words(),
        write=write,
    )
    return Generated(target.path, record)


def frames_of(
    samples: Iterable[Sample[Any]], modality: Modality[Any], codec: Codec[Any]
) -> Iterator[Any]:
    """Samples as Pillow pictures.

    Raises:
        GankitError: the modality's items are no bitmap pictures.
    """
    for sample in samples:
        yield picture(modality.render(sample.item, codec))
