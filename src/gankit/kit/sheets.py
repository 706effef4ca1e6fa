"""Sheets: a table of items to look at, as a page and, where items are pictures, as one picture."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from gankit.contract import Rendering
from gankit.errors import GankitError
from gankit.kit.pictures import data_uri, page, png

if TYPE_CHECKING:
    import PIL.Image

RASTER = ("image/png", "image/jpeg", "image/webp", "image/gif")
"""Media types that Pillow opens."""
TILE = 96
"""Smaller pictures are enlarged by a whole factor, up to about this many dots."""
GAP, LINE = 4, 18
"""Dots between pictures, and of a line of text."""
_STYLE = (
    "body{font:14px sans-serif;margin:2em}table{border-collapse:collapse}"
    "th{font-weight:normal;color:#444;padding:4px 8px;text-align:left;vertical-align:middle}"
    "td{padding:2px}img{display:block;min-width:96px;image-rendering:pixelated}"
    "pre{margin:0;max-width:20em;white-space:pre-wrap}"
)


@dataclass
class Sheet:
    """Rows of items under columns; a None stays empty."""

    title: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Rendering | None]]]

    def write(self, folder: Path, name: str, text: Mapping[str, str]) -> list[Path]:
        """Writes ``NAME.html``, and ``NAME.png`` where all items are pictures and there is Pillow.

        Args:
            text: metadata, such as ``provenance.text()``.
        """
        files = [folder / f"{name}.html"]
        files[0].write_text(
            page(self.title, self._table(), text, style=_STYLE), encoding="utf-8", newline="\n"
        )
        if (picture := self._picture()) is not None:
            files.append(folder / f"{name}.png")
            files[1].write_bytes(png(picture, text))
        return files

    def _table(self) -> str:
        head = "".join(f"<th>{escape(column)}</th>" for column in ("", *self.columns))
        rows = "".join(
            f"<tr><th>{escape(label)}</th>"
            + "".join(f"<td>{_shown(cell) if cell else ''}</td>" for cell in cells)
            + "</tr>"
            for label, cells in self.rows
        )
        return f"<h1>{escape(self.title)}</h1><table><tr>{head}</tr>{rows}</table>"

    def _picture(self) -> PIL.Image.Image | None:
        cells = [cell for _, row in self.rows for cell in row if cell]
        if not cells or not all(is_raster(cell) for cell in cells):
            return None
        try:
            import PIL.Image
            from PIL.ImageDraw import Draw
        except ImportError:
            return None
        grid = [[picture(cell) if cell else None for cell in row] for _, row in self.rows]
        tiles = [tile for row in grid for tile in row if tile is not None]
        width, height = (max(tile.size[i] for tile in tiles) for i in (0, 1))
        factor = max(1, TILE // max(width, height))
        width, height = width * factor, height * factor
        sheet = PIL.Image.new("RGB", (1, 1), "white")
        left = max((int(Draw(sheet).textlength(label)) for label, _ in self.rows), default=0) + 8
        sheet = sheet.resize(
            (
                left + (width + GAP) * max(len(row) for row in grid),
                LINE + (height + GAP) * len(grid),
            )
        )
        draw = Draw(sheet)
        for x, column in enumerate(self.columns):
            draw.text((left + x * (width + GAP), 2), column, "black")
        for y, ((label, _), row) in enumerate(zip(self.rows, grid, strict=True)):
            top = LINE + y * (height + GAP)
            draw.text((2, top + (height - LINE) // 2), label, "black")
            for x, tile in enumerate(row):
                if tile is not None:
                    large = tile.resize(
                        (tile.width * factor, tile.height * factor), PIL.Image.Resampling.NEAREST
                    ).convert("RGBA")
                    sheet.paste(large, (left + x * (width + GAP), top), large)
        return sheet


def is_raster(rendering: Rendering) -> bool:
    """Whether a rendering is a bitmap picture."""
    return rendering.media_type in RASTER


def picture(rendering: Rendering) -> PIL.Image.Image:
    """A rendering as a Pillow picture.

    Raises:
        GankitError: it is no bitmap picture, or one that moves, or there is no Pillow.
    """
    if not is_raster(rendering):
        raise GankitError(
            f"items of this run are shown as {rendering.media_type}, not as bitmap pictures",
            "Leave out the film, and look at the items themselves",
        )
    try:
        import PIL.Image
    except ImportError:
        raise GankitError("films need the package pillow", "pip install pillow") from None
    with PIL.Image.open(io.BytesIO(rendering.content)) as opened:
        if getattr(opened, "n_frames", 1) > 1:
            raise GankitError(
                "items of this run move by themselves, and a film holds one picture of each",
                "Leave out the film, and look at the items themselves",
            )
        opened.load()
        return opened


def _shown(cell: Rendering) -> str:
    address = data_uri(cell.media_type, cell.content)
    if cell.media_type.startswith("image/"):
        return f'<img src="{address}" alt="">'
    if cell.media_type.startswith("audio/"):
        return f'<audio controls src="{address}"></audio>'
    text = cell.content.decode("utf-8", "replace")
    return text if cell.media_type == "text/html" else f"<pre>{escape(text)}</pre>"


def stacked(above: Sequence[PIL.Image.Image], below: Sequence[PIL.Image.Image]) -> PIL.Image.Image:
    """Two rows of pictures, as one."""
    import PIL.Image

    width, height = (max(p.size[i] for p in (*above, *below)) for i in (0, 1))
    gap = max(1, height // 16)
    size = ((width + gap) * len(above) - gap, 2 * height + gap)
    frame = PIL.Image.new("RGB", size, "white")
    for y, row in enumerate((above, below)):
        for x, one in enumerate(row):
            frame.paste(one.convert("RGB"), (x * (width + gap), y * (height + gap)))
    return frame
