"""Folders as data sets: what lies there, splits, classes, order, fingerprints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit.contract import Issue
from gankit.errors import GankitError
from gankit.kit.folders import (
    class_folder,
    encodable,
    files_below,
    find_root,
    fingerprint,
    folder_name,
    natural_key,
    no_such_path,
    parent,
    printable,
    skip,
)


def test_files_are_found_sorted_and_without_hidden_ones(tmp_path):
    for name in ("b/2", "b/1", "a/c/3", "top", ".git/config", "b/.DS_Store", "__MACOSX/1",
                 "b/Thumbs.db", "b/@eaDir/1/thumb.png"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list(files_below(tmp_path)) == ["top", "a/c/3", "b/1", "b/2"]


def test_a_link_to_a_folder_above_is_not_followed_endlessly(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1").touch()
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert list(files_below(tmp_path)) == ["a/1"]


def test_a_linked_folder_is_entered(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cats").symlink_to(tmp_path / "elsewhere")
    assert list(files_below(tmp_path / "data")) == ["cats/1"]


@pytest.mark.parametrize(
    ("names", "root", "note"),
    [
        ([], "", ""),
        (["1", "2"], "", ""),
        (["cats/1", "dogs/2"], "", ""),
        (["cats/1", "2"], "", ""),
        (["data/cats/1", "data/dogs/2"], "data/", ""),
        (["only/1", "only/2"], "", ""),  # may be a class
        (["train/cats/1", "test/cats/2"], "train/", " (its part train)"),
        (["x/Training/a/1", "x/VAL/a/2"], "x/Training/", " (its part x/Training)"),
        (["train/1"], "train/", " (its part train)"),
        (["train/1", "cats/2"], "", ""),
        (["test/1", "val/2"], "", ""),
        (["train/x/a/1", "train/x/b/1", "test/x/a/1"], "train/x/", " (its part train)"),
    ],
)
def test_where_the_data_begins(names, root, note):
    assert find_root(names) == (root, note)


def test_names():
    assert parent("a/b/c.txt") == "a/b/"
    assert parent("c.txt") == ""
    assert class_folder("a/b/c.txt") == "a"
    assert class_folder("a/b/c.txt", "a/") == "b"
    assert class_folder("a/c.txt", "a/") is None


@given(st.lists(st.text(alphabet="ab019 ", max_size=6)))
def test_natural_order_is_a_total_order(words):
    once = sorted(set(words), key=natural_key)
    backwards = once[::-1]
    assert sorted(backwards, key=natural_key) == once
    digits = [w for w in once if w.isdecimal()]
    assert [int(w) for w in digits] == sorted(map(int, digits))


def test_natural_order():
    assert sorted(["C10", "C4", "10", "9", "b"], key=natural_key) == ["9", "10", "C4", "C10", "b"]


def test_a_fingerprint_depends_on_the_lines_and_not_on_their_order():
    assert fingerprint(["a", "b"]) == fingerprint(["b", "a"])
    assert fingerprint(["a", "b"]) != fingerprint(["a", "c"])
    assert fingerprint(["\udcff"])  # a file name that is not UTF-8
    assert fingerprint(["\ud800"]) != fingerprint(["\ud801"])


def test_names_that_are_not_utf8_can_be_shown_and_written():
    assert encodable("caf\udce9") == r"caf\xe9"
    assert encodable("a\ud800") == r"a\xed\xa0\x80"
    assert encodable("é\n") == "é\n"
    assert printable("é a\n\x0e\udce9") == r"é a\n\x0e\xe9"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("cat", "cat"),
        ("dög 10", "dög 10"),
        ("a/../b", "a_.._b"),
        ("..", "_"),
        ("", "_"),
        ("CON:", "CON_"),
        ("x" * 99, "x" * 80),
    ],
)
def test_a_label_becomes_a_folder_name(label, name):
    assert folder_name(label) == name


def test_the_folder_of_a_label_is_not_a_file_next_to_it():
    assert folder_name("Metadata.jsonl", taken=("metadata.jsonl",)) == "_Metadata.jsonl"


def test_a_missing_path_is_an_error_with_the_nearest_names(tmp_path):
    (tmp_path / "photos").mkdir()
    assert "Did you mean photos?" in str(no_such_path(tmp_path / "photo"))
    assert "no folder" in str(no_such_path(tmp_path / "gone" / "photo"))


def test_strict_data_skips_nothing():
    issue = Issue("a/1", "damaged")
    assert skip(issue, "photos", strict=False) is issue
    with pytest.raises(GankitError, match=r"photos, a/1: damaged\. Fix or remove it"):
        skip(issue, "photos", strict=True)
