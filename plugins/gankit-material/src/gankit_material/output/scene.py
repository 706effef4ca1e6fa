"""A cell as balls in the plane, the farthest first, and the lines around it."""

from __future__ import annotations

import colorsys
import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gankit_material.data.items import Cell
from gankit_material.structures.geometry import Array
from gankit_material.structures.radii import covalent_radius, period_and_group

MOST_ATOMS = 220
"""Atoms of the largest cell that is drawn."""
SMALLEST, BALL = 0.18, 0.34
"""A ball's radius: Å of any element, and covalent radii more."""
EDGE = 1e-3
"""Fractional coordinates nearer to 0 than that are on the cell's border: their image at 1 is drawn,
too."""
SYMMETRY = 0.01
"""Å within which atoms are equivalent."""
TURN, TILT = -0.32, 0.24
"""Angles in radians by which a cell is turned about the vertical, and tilted forward."""

_NONMETALS = {
    "H": "#d5d9de", "B": "#e0a899", "C": "#55595f", "N": "#4263d8", "O": "#d43d2f", "F": "#8cc152",
    "Si": "#c9a06c", "P": "#f08a24", "S": "#e2bf1d", "Cl": "#4daf50", "Se": "#cf8f00",
    "Br": "#a3572c", "I": "#8a2fa0", "As": "#b07cc6", "Te": "#b8860b", "Ge": "#8fa19a",
}  # fmt: skip


@dataclass(frozen=True)
class Ball:
    """An atom: its place and radius in Å, and the depth by which balls hide others."""

    x: float
    y: float
    radius: float
    depth: float
    element: str


@dataclass(frozen=True)
class Scene:
    """A drawn cell, y upward.

    Attributes:
        balls: the farthest first.
        lines: x, y of both ends of the cell's edges.
        box: left, bottom, right, top of all, in Å.
    """

    balls: Sequence[Ball]
    lines: Sequence[tuple[float, float, float, float]]
    box: tuple[float, float, float, float]


def scene(cell: Cell) -> Scene | None:
    """The conventional cell seen nearly along its second axis; None for one with too many atoms."""
    lattice, places, elements = _conventional(cell)
    if len(elements) > MOST_ATOMS:
        return None
    shown: list[tuple[Array, str]] = []
    for place, element in zip(places, elements, strict=True):
        place = np.where(place > 1 - EDGE, 0.0, place)
        axes = [(0, 1) if x < EDGE else (0,) for x in place]
        shown += [(place + np.array(shift), element) for shift in itertools.product(*axes)]
    view = _upright(lattice) @ _rotation()
    balls = []
    for place, element in shown:
        x, depth, y = (place - 0.5) @ view
        balls.append(Ball(x, y, SMALLEST + BALL * covalent_radius(element), depth, element))
    balls.sort(key=lambda ball: (-ball.depth, ball.x, ball.y))
    corners = {
        corner: (np.array(corner) - 0.5) @ view for corner in itertools.product((0, 1), repeat=3)
    }
    lines = []
    for one, other in itertools.combinations(sorted(corners), 2):
        if sum(a != b for a, b in zip(one, other, strict=True)) == 1:
            a, b = corners[one], corners[other]
            lines.append((float(a[0]), float(a[2]), float(b[0]), float(b[2])))
    xs = [x for ball in balls for x in (ball.x - ball.radius, ball.x + ball.radius)]
    ys = [y for ball in balls for y in (ball.y - ball.radius, ball.y + ball.radius)]
    xs += [x for a, _, b, _ in lines for x in (a, b)]
    ys += [y for _, a, _, b in lines for y in (a, b)]
    return Scene(balls, lines, (min(xs), min(ys), max(xs), max(ys)))


def _conventional(cell: Cell) -> tuple[Array, Array, list[str]]:
    """Lattice, places and elements of the conventional cell; of the cell itself where its symmetry
    is not found."""
    import spglib

    lattice, places = np.array(cell.lattice), np.array(cell.positions) % 1
    names = sorted(set(cell.species))
    numbers = [names.index(element) + 1 for element in cell.species]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = spglib.standardize_cell((lattice, places, numbers), symprec=SYMMETRY)
        except Exception:  # noqa: BLE001 - spglib raises its own kinds, by version
            found = None
    if found is None:
        return lattice, places, list(cell.species)
    lattice, places, numbers = found
    return np.array(lattice), np.array(places) % 1, [names[int(n) - 1] for n in numbers]


def _upright(lattice: Array) -> Array:
    """The same lattice with its first vector along x, and its second in the plane of x and y."""
    _, r = np.linalg.qr(lattice.T)
    signs = np.sign(np.diag(r))
    upright = (r * signs[:, None]).T
    return np.asarray(upright if np.linalg.det(upright) > 0 else upright * [1, 1, -1])


def _rotation() -> Array:
    """From x, y, z to right, into the picture, and up: a matrix for rows."""
    c, s = np.cos(TURN), np.sin(TURN)
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    c, s = np.cos(TILT), np.sin(TILT)
    tilt = np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
    return np.asarray(turn @ tilt)


@lru_cache(maxsize=256)
def colour(element: str) -> str:
    """An element's colour, as ``#rrggbb``: its own for nonmetals, by group for metals."""
    if element in _NONMETALS:
        return _NONMETALS[element]
    period, group = period_and_group(element)
    if group == 1:
        hue, light, strong = 0.74, 0.70 - 0.05 * period, 0.42
    elif group == 2:
        hue, light, strong = 0.42, 0.66 - 0.05 * period, 0.40
    elif group >= 13:
        hue, light, strong = 0.58, 0.72 - 0.04 * period, 0.10
    else:
        hue, light, strong = 0.50 + 0.016 * group, 0.62 - 0.05 * (period - 4), 0.38
    if group == 3 and period >= 6:
        hue, light, strong = 0.92, 0.62, 0.35
    red, green, blue = colorsys.hls_to_rgb(hue, light, strong)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def is_light(colour: str) -> bool:
    """Whether dark text is legible on a colour."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    seen: float = 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2
    return seen > 0.22
