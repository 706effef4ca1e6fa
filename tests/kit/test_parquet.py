"""Names of classes in Parquet files."""

from __future__ import annotations

import json

import pytest

from gankit.kit.parquet import class_name, class_names

HUGGING_FACE = {
    b"huggingface": json.dumps(
        {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
    ).encode()
}


def test_class_names_of_hugging_face():
    assert class_names(HUGGING_FACE, "label") == ["cat", "dog"]
    assert class_names(HUGGING_FACE, "breed") == ()


def test_class_names_of_a_plain_schema_are_about_the_label():
    assert class_names({b"classes": b"cat,dog"}, "label") == ["cat", "dog"]
    assert class_names({b"classes": b"cat,dog"}, "breed", is_label=False) == ()


@pytest.mark.parametrize("metadata", [None, {}, {b"huggingface": b"{"}, {b"huggingface": b"[]"}])
def test_no_class_names(metadata):
    assert class_names(metadata, "label") == ()


@pytest.mark.parametrize(
    ("value", "name"),
    [(0, "cat"), (1, "dog"), (2, 2), (-1, None), ("cat", "cat"), (True, True), (None, None)],
)
def test_the_name_that_an_integer_stands_for(value, name):
    assert class_name(value, ["cat", "dog"]) == name
    assert class_name(value, ()) == value
