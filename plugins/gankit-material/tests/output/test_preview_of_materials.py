"""Pictures of materials."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import numpy as np
import PIL.Image
import pytest

from gankit_material.data.elements import ELEMENTS
from gankit_material.data.items import Cell, Material
from gankit_material.output.drawing import render
from gankit_material.output.periodic import colour_of, heat_map, place, shares
from gankit_material.output.preview import preview
from gankit_material.output.scene import MOST_ATOMS, colour, scene
from gankit_material.structures.assignment import assigned

SALT = assigned(Material({"Na": 1, "Cl": 1}), 0)
PLAIN = Material({"K": 3, "Na": 7, "O": 1})


def test_render_is_an_svg_with_formula_and_atoms() -> None:
    found = render(SALT)
    assert found.media_type == "image/svg+xml"
    root = ElementTree.fromstring(found.content)
    texts = "".join("".join(element.itertext()) for element in root.iter())
    assert "Na" in texts
    assert "Halite" in texts
    # Sodium and chloride of the conventional cell, with their images on its border, and a legend.
    circles = [e for e in root.iter() if e.tag.endswith("circle")]
    assert len(circles) == 27 + 2


def test_render_without_a_cell_has_shares_of_the_atoms() -> None:
    texts = [t for e in ElementTree.fromstring(render(PLAIN).content).iter() for t in e.itertext()]
    assert "64%" in texts


def test_scene_is_ordered_by_depth_and_within_its_box() -> None:
    assert SALT.cell is not None
    drawn = scene(SALT.cell)
    assert drawn is not None
    depths = [ball.depth for ball in drawn.balls]
    assert depths == sorted(depths, reverse=True)
    left, bottom, right, top = drawn.box
    assert all(left <= b.x <= right and bottom <= b.y <= top for b in drawn.balls)
    assert len(drawn.lines) == 12


def test_large_cell_is_not_drawn() -> None:
    n = MOST_ATOMS + 1
    rows = ((30.0, 0.0, 0.0), (0.0, 31.0, 0.0), (0.0, 0.0, 32.0))
    places = np.random.default_rng(0).random((n, 3))
    cell = Cell(rows, ("Na",) * n, tuple(tuple(map(float, p)) for p in places))  # type: ignore[misc]
    assert scene(cell) is None
    assert render(Material({"Na": 1}, cell=cell)).content.startswith(b"<svg")


@pytest.mark.parametrize("real", [[], [PLAIN, SALT] * 10])
def test_preview_is_a_marked_picture_and_a_page(real: list[Material]) -> None:
    found = preview([SALT, PLAIN, SALT], real)
    picture = PIL.Image.open(io.BytesIO(found.content))
    assert picture.format == "PNG"
    assert "trainedAlgorithmicMedia" in picture.text["DigitalSourceType"]  # type: ignore[attr-defined]
    assert "<code>NaCl</code>" in found.page
    assert "2 different formulas" in found.page


def test_preview_of_nothing() -> None:
    assert preview([]).content.startswith(b"\x89PNG")


def test_every_element_has_a_place_of_its_own() -> None:
    assert len({place(element) for element in ELEMENTS}) == len(ELEMENTS)
    assert [place(e) for e in ("H", "He", "C", "Fe", "La", "Hf", "U")] == [
        (0, 0), (0, 17), (1, 13), (3, 7), (7, 2), (5, 3), (8, 5),
    ]  # fmt: skip


def test_heat_map_is_darker_for_more() -> None:
    found = shares([SALT, SALT, PLAIN])
    assert found == pytest.approx({"Na": 1.0, "Cl": 2 / 3, "K": 1 / 3, "O": 1 / 3})
    dark, light = colour_of(1.0, 1.0), colour_of(0.01, 1.0)
    assert sum(dark) < sum(light) < sum(colour_of(0.0, 1.0))
    assert heat_map(found, "Generated", 1.0).mode == "RGB"


def test_every_element_has_a_colour() -> None:
    assert all(len(colour(e)) == 7 and colour(e).startswith("#") for e in ELEMENTS)
