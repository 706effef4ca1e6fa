"""Categories with an order: the networks see ranks, and ranges can be asked for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch

from gankit.errors import GankitError
from gankit_tabular.codec import ordinals
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.networks import Discriminator, ranks

ORDER = ["Preschool", "1st-4th", "10th", "HS-grad", "Masters", "Doctorate"]


@pytest.fixture(scope="module")
def codec():
    rng = np.random.default_rng(0)
    level = [ORDER[i] for i in rng.choice(5, 400, p=[0.1, 0.2, 0.3, 0.3, 0.1])]
    level[3] = None
    table = pa.table({"level": level, "grade": rng.integers(1, 6, 400), "sex": ["f", "m"] * 200})
    said = {"level": ORDER, "grade": []}
    return TableCodec.fit(table.to_pylist(), table.schema, 8, {}, (), said)


def test_codes_stand_in_their_order(codec):
    level, grade, sex = codec.columns
    assert level.atoms == ORDER
    assert grade.atoms == [1, 2, 3, 4, 5]
    assert (level.ordered, grade.ordered, sex.ordered) == (True, True, False)
    assert level.frequency[5] == 0


def test_d_sees_the_rank(codec):
    rank, _ = ranks(codec.columns, codec.blocks, codec.width)
    level = rank[:6]
    assert (level.diff() > 0).all()
    mass = torch.tensor(codec.columns[0].frequency[:6])
    assert abs(float((level * mass).sum())) < 0.02
    assert (rank[-2:] == 0).all()
    assert Discriminator(codec.columns, codec.blocks, 8, 1).numeric == [0, 1]


@pytest.mark.parametrize(
    ("asked", "values"),
    [
        ("10th..Masters", {"10th", "HS-grad", "Masters"}),
        ("..1st-4th", {"Preschool", "1st-4th"}),
        ("Masters..", {"Masters"}),
        ("10th|Masters", {"10th", "Masters"}),
        ("HS-grad", {"HS-grad"}),
    ],
)
def test_ranges_are_asked(codec, asked, values):
    c = codec.sample_conditions({"level": asked}, range(500))
    told = {ORDER[i] for i in c[:, :6].argmax(1).tolist()}
    assert told == values
    rows = [{"level": None, "grade": 1, "sex": "f"}] * 50
    assert {r["level"] for r in codec.settle(rows, {"level": asked}, range(50))} <= values


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("Masters..10th", "10th comes after|Masters comes after 10th"),
        ("10th..Master", "Did you mean Masters"),
        ("Doctorate", "no value of the data lies there"),
        ("PhD", "no such value"),
    ],
)
def test_what_cannot_be_asked(codec, asked, said):
    with pytest.raises(GankitError, match=said):
        codec.sample_conditions({"level": asked}, [0])


def test_numbers_within_texts_sort_by_size():
    words = ["10th", "1st-4th", "9th", "Preschool"]
    assert sorted(words, key=ordinals.natural) == ["1st-4th", "9th", "10th", "Preschool"]


def test_a_value_without_a_place_is_named():
    table = pa.table({"level": ["10th", None, "12th", "12th"]})
    with pytest.raises(GankitError, match=r"no place for '12th', which row 3 has"):
        ordinals.check({"level": ORDER}, table)
