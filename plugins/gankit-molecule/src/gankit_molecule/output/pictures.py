"""Drawings of molecules, and histograms of their properties next to the data's.

Blue bars and a black line are distinguishable with colour blindness.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rdkit import Chem

from gankit_molecule.data.molecules import Molecule
from gankit_molecule.data.properties import Values
from gankit_molecule.output.rows import COUNTS, plain

try:
    from rdkit.Chem import Draw
except ImportError:  # a server without X's libraries (libxrender1), where training goes on
    Draw = None

WIDTH, HEIGHT = 200, 146
"""Pixels of a structure."""
BOND = 22.0
"""Pixels of a bond, where the structure fits."""
MAX_LENGTH, MAX_ATOMS = 1000, 200
"""Characters of a SMILES, and atoms, above which nothing is drawn."""
GAP, LINE = 8, 15
CHART = 84
"""Pixels of a histogram's height."""
BINS = 20
PAPER, INK, FAINT, EDGE = (255, 255, 255), (40, 40, 48), (110, 110, 122), (222, 222, 228)
INVALID = (228, 228, 230)
GENERATED, REAL = (58, 134, 200), (26, 26, 26)

LABELS = {
    "logp": "logP",
    "mw": "MW",
    "qed": "QED",
    "sa": "SA",
    "atoms": "heavy atoms",
    "rings": "rings",
}
"""Properties that are shown, and their labels."""
CAPTION = ("logp", "mw", "qed", "sa")
"""Properties below each structure."""
HEADER = "<!-- END OF HEADER -->"
UNNEEDED = re.compile(
    " class='[^']*'|fill-rule:evenodd;"
    "|;stroke-linecap:butt|;stroke-linejoin:miter|;stroke-opacity:1"
)
"""Default attributes that RDKit's SVG repeats in every line: half of its size."""
DIGITS = {"logp": 1, "mw": 0, "qed": 2, "sa": 1}


@dataclass(frozen=True)
class Shown:
    """A molecule with its properties, in the order of ``LABELS``."""

    molecule: Molecule
    properties: Values

    def value(self, key: str) -> float:
        return float(self.properties[list(LABELS).index(key)])

    def text(self, key: str) -> str:
        """A property's value as text."""
        value = self.value(key)
        return "-" if math.isnan(value) else f"{value:.{DIGITS.get(key, 0)}f}"


@dataclass(frozen=True)
class Part:
    """Molecules under a title."""

    title: str
    shown: Sequence[Shown]
    real: bool = False


# --- Structures ---------------------------------------------------------------------------------


def structure(molecule: Molecule) -> Chem.Mol | None:
    """The molecule to draw; None for an invalid or too large one, or where RDKit cannot draw."""
    if Draw is None or not molecule.valid or len(molecule.smiles) > MAX_LENGTH:
        return None
    mol = Chem.MolFromSmiles(molecule.smiles)
    return mol if mol is not None and 0 < mol.GetNumAtoms() <= MAX_ATOMS else None


def reason_not_drawn(molecule: Molecule) -> str:
    """Why there is no structure."""
    if molecule.valid:
        return "too large to draw" if Draw else "not drawn: install libxrender1"
    return "not a molecule" if molecule.smiles else "empty"


def drawn(mol: Chem.Mol) -> Image.Image:
    canvas = Draw.rdMolDraw2D.MolDraw2DCairo(WIDTH, HEIGHT)
    _draw(canvas, mol)
    return Image.open(io.BytesIO(canvas.GetDrawingText())).convert("RGB")


def drawn_svg(mol: Chem.Mol, standalone: bool = False) -> str:
    """The structure as an ``<svg>`` element of flexible width, or as a file."""
    canvas = Draw.rdMolDraw2D.MolDraw2DSVG(WIDTH, HEIGHT)
    canvas.drawOptions().clearBackground = False
    _draw(canvas, mol)
    text = canvas.GetDrawingText()
    inside = UNNEEDED.sub("", text[text.index(HEADER) + len(HEADER) :]).strip()
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}"'
    if standalone:
        size = f'width="{WIDTH}" height="{HEIGHT}" style="background:#fff"'
        return f'{head} xmlns="http://www.w3.org/2000/svg" {size}>{inside}'
    return f'{head} aria-hidden="true">{inside}'


def _draw(canvas: Draw.rdMolDraw2D.MolDraw2D, mol: Chem.Mol) -> None:
    options = canvas.drawOptions()
    options.fixedBondLength = BOND
    options.bondLineWidth = 1
    options.padding = 0.05
    Draw.rdMolDraw2D.PrepareAndDrawMolecule(canvas, mol)
    canvas.FinishDrawing()


# --- The grid -----------------------------------------------------------------------------------


def picture(
    title: str, subtitle: str, parts: Sequence[Part], across: int, charts: Image.Image | None
) -> Image.Image:
    """A title, histograms if there are any, and grids of molecules."""
    step = HEIGHT + 2 * LINE + GAP + 4
    heights = [3 * GAP + LINE + -(-len(part.shown) // across) * step for part in parts]
    head = 58 + (charts.height if charts else 0)
    page = Image.new("RGB", (width(across), head + sum(heights) + GAP), PAPER)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    pen.text((GAP, GAP + 2), title, INK, ImageFont.load_default(19))
    pen.text((GAP, 35), subtitle, FAINT, font)
    if charts:
        page.paste(charts, (0, 58))
    top = head
    for part, height in zip(parts, heights, strict=True):
        pen.text((GAP, top + GAP), part.title, INK, ImageFont.load_default(14))
        for i, shown in enumerate(part.shown):
            x = GAP + i % across * (WIDTH + GAP)
            y = top + 3 * GAP + LINE + i // across * step
            _cell(page, pen, x, y, shown)
        top += height
    return page


def width(across: int) -> int:
    """Pixels of a row of structures."""
    return across * (WIDTH + GAP) + GAP


def _cell(page: Image.Image, pen: ImageDraw.ImageDraw, x: int, y: int, shown: Shown) -> None:
    font, small = ImageFont.load_default(12), ImageFont.load_default(11)
    mol = structure(shown.molecule)
    if mol is None:
        pen.rectangle((x, y, x + WIDTH - 1, y + HEIGHT - 1), INVALID)
        for i, line in enumerate(_wrapped(plain(shown.molecule.smiles), pen, small, WIDTH - 16, 7)):
            pen.text((x + 8, y + 8 + i * LINE), line, INK, small)
        pen.text((x + 8, y + HEIGHT - LINE - 6), reason_not_drawn(shown.molecule), FAINT, font)
    else:
        page.paste(drawn(mol), (x, y))
    pen.rectangle((x, y, x + WIDTH - 1, y + HEIGHT - 1), outline=EDGE)
    if np.isfinite(shown.properties).any():
        for i, keys in enumerate((CAPTION[:2], CAPTION[2:])):
            for j, key in enumerate(keys):
                place = (x + 6 + j * WIDTH // 2, y + HEIGHT + 1 + i * LINE)
                pen.text(place, LABELS[key], FAINT, font)
                pen.text((place[0] + 36, place[1]), shown.text(key), INK, font)


def _wrapped(
    text: str,
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    wide: int,
    most: int,
) -> list[str]:
    """Lines that fit; SMILES have no spaces."""
    lines, line = [], ""
    for c in text[: most * wide]:
        if pen.textlength(line + c, font) > wide:
            lines.append(line)
            line = ""
            if len(lines) == most:
                return [*lines[:-1], lines[-1][:-2] + "…"]
        line += c
    return [*lines, line]


# --- Histograms ---------------------------------------------------------------------------------


def histograms(generated: Values, real: Values, across: int) -> Image.Image:
    """The distributions of each property, (N, len(LABELS)), of generated and real molecules."""
    page = Image.new("RGB", (width(across), LINE + CHART + 3 * LINE), PAPER)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    x = GAP
    pen.rectangle((x, 3, x + 12, 12), GENERATED)
    pen.text((x + 18, 0), "generated", INK, font)
    pen.line((x + 92, 8, x + 108, 8), REAL, 2)
    pen.text((x + 114, 0), f"data, {len(real)} molecules", INK, font)
    each = (width(across) - GAP) / len(LABELS)
    for i, key in enumerate(LABELS):
        left = round(GAP + i * each)
        _chart(pen, left, LINE + 6, round(each) - 2 * GAP, key, generated[:, i], real[:, i])
    return page


def _chart(
    pen: ImageDraw.ImageDraw,
    left: int,
    top: int,
    wide: int,
    key: str,
    generated: Values,
    real: Values,
) -> None:
    font, small = ImageFont.load_default(12), ImageFont.load_default(11)
    pen.text((left, top), LABELS[key], INK, font)
    made, true = generated[np.isfinite(generated)], real[np.isfinite(real)]
    digits = DIGITS.get(key, 1)
    means = [f"{np.mean(v):.{digits}f}" if len(v) else "-" for v in (made, true)]
    text = f"mean {means[0]}, data {means[1]}"
    pen.text((left + wide - pen.textlength(text, small), top + 1), text, FAINT, small)
    edges = bins(made, true, key in COUNTS)
    shares = [_shares(values, edges) for values in (made, true)]
    tallest = max(share.max() for share in shares) or 1.0
    base = top + LINE + 6 + CHART
    at = [left + wide * i / (len(edges) - 1) for i in range(len(edges))]
    for i, share in enumerate(shares[0]):
        if share:
            pen.rectangle((at[i], base - CHART * share / tallest, at[i + 1] - 1, base), GENERATED)
    pen.line((left, base, left + wide, base), EDGE)
    if len(true):
        steps = [(at[0], float(base))]
        for i, share in enumerate(shares[1]):
            height = base - CHART * float(share) / tallest
            steps += [(at[i], height), (at[i + 1], height)]
        pen.line([*steps, (at[-1], float(base))], REAL, 1)
    ends = [f"{end:.{0 if key in COUNTS else DIGITS[key]}f}" for end in _ends(edges, key)]
    pen.text((left, base + 3), ends[0], FAINT, small)
    pen.text((left + wide - pen.textlength(ends[1], small), base + 3), ends[1], FAINT, small)


def bins(generated: Values, real: Values, whole: bool) -> Values:
    """Edges of bins for 98 % of both; values outside are counted in the outer bins."""
    some = [values for values in (generated, real) if len(values)]
    low = min((float(np.quantile(values, 0.01)) for values in some), default=0.0)
    high = max((float(np.quantile(values, 0.99)) for values in some), default=1.0)
    if whole:
        low, high = math.floor(low), math.ceil(high)
        step = max(-(-(high - low + 1) // BINS), 1)
        return np.asarray(np.arange(low, high + step + 1, step), np.float64) - 0.5
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, BINS + 1)


def _ends(edges: Values, key: str) -> tuple[float, float]:
    """The labels of the scale: for integers, those in the first and last bin."""
    inside = 0.5 if key in COUNTS else 0.0
    return float(edges[0]) + inside, float(edges[-1]) - inside


def _shares(values: Values, edges: Values) -> Values:
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return counts / max(len(values), 1)
