"""Ordered categories: the networks see ranks, and ranges can be requested."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch

from gankit.errors import GankitError
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.ordinals import check_ordinals, natural
from gankit_tabular.networks.one_shot import Discriminator, ranks

ORDER = ["Preschool", "1st-4th", "10th", "HS-grad", "Masters", "Doctorate"]


@pytest.fixture(scope="module")
def codec():
    rng = np.random.default_rng(0)
    level = [ORDER[i] for i in rng.choice(5, 400, p=[0.1, 0.2, 0.3, 0.3, 0.1])]
    level[3] = None
    table = pa.table({"level": level, "grade": rng.integers(1, 6, 400), "sex": ["f", "m"] * 200})
    return TableCodec.fit(table, ordinals={"level": ORDER, "grade": []})


def test_codes_follow_the_order(codec):
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
    assert Discriminator(codec.columns, codec.blocks, codec.width, 8, 1).numeric == [0, 1]


@pytest.mark.parametrize(
    ("requested", "values"),
    [
        ("10th..Masters", {"10th", "HS-grad", "Masters"}),
        ("..1st-4th", {"Preschool", "1st-4th"}),
        ("Masters..", {"Masters"}),
        ("10th|Masters", {"10th", "Masters"}),
        ("HS-grad", {"HS-grad"}),
    ],
)
def test_ranges(codec, requested, values):
    c = codec.sample_conditions({"level": requested}, range(500))
    assert {ORDER[i] for i in c[:, :6].argmax(1).tolist()} == values
    missing = codec.encode([{"level": None, "grade": 1, "sex": "f"}] * 50, None)
    rows = codec.decode(codec.prepare(missing), range(50), {"level": requested})
    assert {row["level"] for row in rows} <= values


@pytest.mark.parametrize(
    ("requested", "message"),
    [
        ("Masters..10th", "10th comes after|Masters comes after 10th"),
        ("10th..Master", "Did you mean Masters"),
        ("Doctorate", "the data has no such value"),
        ("PhD", "no such value"),
    ],
)
def test_invalid_requests(codec, requested, message):
    with pytest.raises(GankitError, match=message):
        codec.sample_conditions({"level": requested}, [0])


def test_numbers_within_texts_sort_by_size():
    words = ["10th", "1st-4th", "9th", "Preschool"]
    assert sorted(words, key=natural) == ["1st-4th", "9th", "10th", "Preschool"]


def test_a_value_that_the_order_lacks():
    table = pa.table({"level": ["10th", None, "12th", "12th"]})
    with pytest.raises(GankitError, match=r"lacks '12th', the value in row 3"):
        check_ordinals({"level": ORDER}, table)
