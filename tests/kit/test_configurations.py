"""Configurations of a Hugging Face repository: one is used, and the others are said."""

from __future__ import annotations

import pytest

from gankit.kit.configurations import take_configuration


def test_default_is_used_and_the_others_are_said():
    names = [f"{c}/{s}-0.parquet" for c in ("default", "small") for s in ("train", "test")]
    found = take_configuration([f"repo/{name}" for name in names])
    assert found.names == ["repo/default/train-0.parquet", "repo/default/test-0.parquet"]
    assert found.fact == "configuration default; small (2 files) left out"


def test_without_a_default_all_are_read_with_a_warning():
    names = ["en/train/0.parquet", "en/test/0.parquet", "fr/train/0.parquet"]
    found = take_configuration(names)
    assert (found.names, found.fact) == (names, "")
    assert found.warnings[0].startswith("Several configurations are read together: en, fr")


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["0.parquet"],
        ["train/0.parquet", "test/0.parquet"],
        ["default/train/0.parquet", "default/test/0.parquet"],
        ["a/0.parquet", "b/0.parquet"],
        ["train-0.parquet", "x/train-1.parquet"],
    ],
)
def test_other_layouts_have_none(names):
    found = take_configuration(names)
    assert (found.names, found.fact, found.warnings) == (names, "", ())
