"""A look at data: names, and the beginnings of tables."""

from __future__ import annotations

import gzip
import tarfile
import zipfile

import pytest

from gankit.contract import Look
from gankit.errors import GankitError
from gankit.kit import looking
from gankit.kit.looking import look, share, table_head


def test_folders_and_archives_have_the_same_names(tmp_path):
    root = tmp_path / "root"
    for name in ("a/1.png", "a/b/2.png", "3.png", ".hidden/4.png", "__MACOSX/5.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as packed:
        for file in sorted(root.rglob("*")):
            packed.write(file, file.relative_to(root))
    with tarfile.open(tmp_path / "all.tar.gz", "w:gz") as tar:
        tar.add(root, ".")
    for path, kind in ((root, "folder"), ("all.zip", "archive"), ("all.tar.gz", "archive")):
        seen = look(tmp_path / path)
        assert seen.kind == kind
        assert sorted(seen.names) == ["3.png", "a/1.png", "a/b/2.png"]
        assert seen.complete


def test_a_link_to_the_folder_itself_ends(tmp_path):
    (tmp_path / "1.png").touch()
    (tmp_path / "again").symlink_to(tmp_path)
    assert look(tmp_path).names == ["1.png"]


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_a_damaged_archive_is_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(GankitError, match=rf"{name}: not a readable archive"):
        look(tmp_path / name)


def test_tables_and_texts_beside_items_do_not_count():
    names = ["1.png", "2.png", "labels.csv", "readme.md", "3.wav"]
    assert share(Look("a", "folder", names), ".png") == (2, 2 / 3)
    assert share(Look("a", "folder", ["a.csv", "b.csv"]), ".csv") == (2, 1.0)
    assert share(Look("a", "folder"), ".png") == (0, 0.0)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"name;age\nAda;36\nBob;41\n"),
        ("a.tsv", b"name\tage\nAda\t36\nBob\t41"),
        ("a.csv", "name,age\r\nAda,36\r\nBob,41\r\n".encode("utf-16")),
        ("a.csv.gz", gzip.compress(b"name,age\nAda,36\nBob,41\n", mtime=0)),
        ("a.jsonl", b'{"name": "Ada", "age": 36}\n{"name": "Bob", "age": 41}\n'),
    ],
)
def test_the_head_of_a_table(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    head = table_head(look(tmp_path / name))
    assert list(head.columns) == ["name", "age"]
    assert head.cells("age") == ["36", "41"]
    assert head.like("AGE", "age") == ["age"]
    assert head.count == 2


def test_rows_of_a_long_table_are_estimated(tmp_path, monkeypatch):
    monkeypatch.setattr(looking, "HEAD", 1000)
    (tmp_path / "a.csv").write_text("n\n" + "123456789\n" * 5000)
    head = table_head(look(tmp_path / "a.csv"))
    assert head.count == pytest.approx(5000, rel=0.02)
    assert len(head.rows) <= 100


@pytest.mark.parametrize("content", [b"", b"\0\1\2", b"[1, 2]\n", b"{broken\n"])
def test_what_is_no_table_has_no_head(tmp_path, content):
    for name in ("a.jsonl", "a.parquet", "a.csv.gz", "a.csv"):
        (tmp_path / name).write_bytes(content)
        head = table_head(look(tmp_path / name))
        assert head is None or name == "a.csv" or not head.rows
    assert table_head(Look("a.png", "file", ["a.png"])) is None


def test_of_a_folder_the_first_table_counts_by_its_share(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.png").touch()
    head = table_head(look(tmp_path))
    assert head.share == 0.5
    assert head.count is None
