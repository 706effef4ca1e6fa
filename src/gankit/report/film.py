"""The previews of a run as one film: a grid that grows over training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gankit.contract import Provenance
from gankit.errors import GankitError
from gankit.kit.films import check_film, write_film
from gankit.kit.pictures import MOST_FRAMES
from gankit.provenance.sealing import seal
from gankit.runs.directory import Run
from gankit.runs.provenance import now, software
from gankit.system_errors import translated

if TYPE_CHECKING:
    import PIL.Image

FPS, REST = 8, 2.0
"""Frames per second, and seconds that the last one stays longer."""
PICTURES = (".png", ".jpg")
BAR = 22
"""Pixels of the line below a frame."""


def training_film(run: Run, target: Path, *, fps: float = FPS, overwrite: bool = False) -> int:
    """Writes the previews of a run as a film, each with the samples seen until then.

    Args:
        target: ends in .gif, .webp, .apng or .mp4.

    Returns:
        The number of frames: of more than ``MOST_FRAMES`` previews, as many, evenly spread.

    Raises:
        GankitError: fewer than two previews, or previews that are no pictures; a file that exists;
            what :func:`gankit.kit.films.check_film` refuses.
    """
    check_film(target, fps)
    if not run.table:
        raise GankitError(
            f"{run.path} is a model without its run: it has no previews", "Name the run directory"
        )
    files = _previews(run)
    if target.exists() and not overwrite:
        raise GankitError(f"{target} exists already", "Choose another --out, or use --overwrite")
    if not target.parent.is_dir():
        raise GankitError(f"there is no folder {target.parent}", "Create it, or choose another")
    if len(files) > MOST_FRAMES:
        step = (len(files) - 1) / (MOST_FRAMES - 1)
        files = [files[round(i * step)] for i in range(MOST_FRAMES)]
    statement = Provenance(
        software(), run.name, now(), run.plugin.modality.source_type, way="samples during training"
    )
    text = {
        **statement.text(),
        "Title": f"{run.name}: samples during training",
        "Comment": "the same latents in every frame, not chosen",
    }
    signing = seal()
    with translated(target):
        count = write_film(_frames(files), target, fps=fps, rest=REST, text=text)
        signing.file(target, statement)
    return count


def _previews(run: Run) -> list[Path]:
    """The pictures among the previews, in order.

    Raises:
        GankitError: there are fewer than two.
    """
    folder = run.path / "previews"
    found = sorted(p for p in folder.glob("*") if p.stem.isdigit() and p.suffix != ".html")
    pictures = [p for p in found if p.suffix in PICTURES]
    if found and not pictures:
        raise GankitError(
            f"the previews of {run.path} are no pictures that a film can show, but "
            f"{found[0].suffix.removeprefix('.').upper()} files",
            f"Look at them in {folder}",
        )
    if len(pictures) < 2:
        few = f"{run.path} has {len(pictures)} preview{'' if len(pictures) == 1 else 's'}"
        raise GankitError(
            f"{few}, a film needs two", f"Train it longer: gankit train --out {run.path}"
        )
    return pictures


def _frames(files: list[Path]) -> Iterator[PIL.Image.Image]:
    """The pictures at the size of the last one, each above the number of samples seen."""
    import PIL.Image
    import PIL.ImageDraw
    from PIL import ImageFont

    with PIL.Image.open(files[-1]) as last:
        size, mode = last.size, "L" if last.mode == "L" else "RGB"
    font = ImageFont.load_default(14)
    for file in files:
        try:
            with PIL.Image.open(file) as opened:
                picture = opened.convert(mode)
        except (OSError, SyntaxError, ValueError) as error:
            raise GankitError(f"{file} cannot be read: {error}", "Delete it") from None
        if picture.size != size:
            picture = picture.resize(size)
        frame = PIL.Image.new(mode, (size[0], size[1] + BAR), 255 if mode == "L" else "white")
        frame.paste(picture)
        pen = PIL.ImageDraw.Draw(frame)
        words = f"{int(file.stem):,} samples"
        pen.text((6, size[1] + BAR // 2), words, 0 if mode == "L" else "black", font, anchor="lm")
        yield frame
