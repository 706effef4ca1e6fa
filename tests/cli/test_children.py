"""``--child``: further sources of data."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest

from gankit.cli._children import with_children
from gankit.config import parse_overrides
from gankit.errors import GankitError


@dataclass(frozen=True)
class Several:
    children: tuple[str, ...] = ()


@dataclass(frozen=True)
class One:
    on: str = ""


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("shop/a.csv", "shop/b.csv", "other/c.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()


def children(*given: object, known: type = Several) -> object:
    return parse_overrides(with_children(*given, known, "toy")).get("children")  # type: ignore[arg-type]


def test_each_source_has_its_own_word(files):
    words = ["x=1", "on=a_id", "on=b_id=id"]
    found = children(words, ["shop/b.csv", "other/c.csv"], "shop/a.csv")
    assert found == ["b.csv on a_id", f"..{os.sep}other{os.sep}c.csv on b_id=id"]
    assert with_children(words, ["shop/b.csv", "c"], None, Several)[0] == "x=1"


@pytest.mark.parametrize("data", ["shop/a.csv", "shop", "-", None, "sqlite://shop/a.csv"])
def test_a_source_that_is_no_path_stays_as_it_is(files, data):
    assert children(["on=k"], ["select * from b"], data) == ["select * from b on k"]
    assert children(["on=k"], ["b.csv"], data) == ["b.csv on k"]  # beside the data


def test_paths_are_as_seen_from_the_data(files, tmp_path):
    for data in ("shop/a.csv", "shop", str(tmp_path / "shop" / "a.csv")):
        assert children(["on=k"], ["shop/b.csv"], data) == ["b.csv on k"]
    assert children(["on=k"], [str(tmp_path / "shop" / "b.csv")], "shop/a.csv") == ["b.csv on k"]


@pytest.mark.parametrize(
    ("words", "given", "message"),
    [
        ([], ["b"], "--child b has no on=: what it belongs to is not known"),
        (["on=k"], ["b", "c"], "--child c has no on=: what it belongs to is not known"),
        (["on="], ["b"], "--child b has no on=: what it belongs to is not known"),
        (["on=k", "on=l"], ["b"], "on=l belongs to no --child: there are 1"),
        (["on=k"], [], "on=k has no meaning without --child"),
        (["on=k", "children=[]"], ["b"], "--child and children set the same"),
    ],
)
def test_what_does_not_match_is_refused(words, given, message):
    with pytest.raises(GankitError) as refused:
        with_children(words, given, None, Several)
    assert refused.value.message == message


def test_plugins_that_read_one_source_refuse_others():
    with pytest.raises(GankitError, match="plugin toy reads one source of data, without --child"):
        with_children(["on=k"], ["b"], None, One, "toy")
    assert with_children(["on=k"], [], None, One) == ["on=k"]  # a setting of its own
