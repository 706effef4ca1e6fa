"""The items of a folder: of one split, with what tables say, without gankit's own output."""

from __future__ import annotations

from pathlib import Path

import pytest

from gankit.errors import GankitError
from gankit.kit.discovery import count_endings, discover
from gankit.kit.trees import Folder


def fill(root: Path, files: dict[str, str]) -> Folder:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return Folder(root)


def test_everything_together(tmp_path):
    tree = fill(
        tmp_path,
        {
            "train/a.png": "", "train/b.png": "", "train/metadata.csv":
            "file_name,label,split\na.png,x,train\nb.png,y,val\ngone.png,x,train\n",
            "test/c.png": "", "runs/1/run.toml": '[run]\nplugin = "image"\n',
            "runs/1/p.png": "", "a.heic": "", "b.HEIC": "", "README": "", "notes.txt": "",
        },
    )  # fmt: skip
    found = discover(tree, [".png"])
    assert found.names == ["train/a.png"]
    assert found.folders == [None]
    assert found.sidecars is not None
    assert found.sidecars.rows["train/a.png"]["label"] == "x"
    assert found.note == " (its part train)"
    assert found.facts == {
        "split": "train and train (column split); test (1 file), val (1 file) left out",
        "other files": "2 .heic, 1 without an ending, 1 .txt: not read",
    }
    assert {i.location for i in found.issues} == {"runs/1/p.png", "train/gone.png"}


def test_a_split_of_folders_or_of_a_column(tmp_path):
    tree = fill(tmp_path / "folders", {"train/a.png": "", "test/b.png": ""})
    assert discover(tree, [".png"], split="test").names == ["test/b.png"]
    with pytest.raises(GankitError, match="no split 'validation'"):
        discover(tree, [".png"], split="validation")
    table = "file_name,label,split\na.png,x,train\nb.png,y,test\n"
    tree = fill(tmp_path / "column", {"a.png": "", "b.png": "", "metadata.csv": table})
    assert discover(tree, [".png"], split="test").names == ["b.png"]
    with pytest.raises(GankitError, match="no split 'val' in the column split"):
        discover(tree, [".png"], split="val")


def test_endings_are_counted():
    names = [f"{i}.{end}" for end in "aabcdefgh" for i in range(2)] + [".hidden"]
    assert count_endings(names).startswith("4 .a, 2 .b")
    assert count_endings(names).endswith("5 of other kinds")
    assert count_endings([]) == ""
