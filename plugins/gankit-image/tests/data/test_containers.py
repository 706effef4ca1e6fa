"""Images in Parquet files and zip archives."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from image_files import labels, noise, png, read

from gankit.errors import GankitError
from gankit.kit import archives
from gankit_image.data import containers


def table(count: int = 8, start: int = 0, **columns: Any) -> pa.Table:
    files = [png(noise(8, 8, 3, seed=start + i)) for i in range(count)]
    image = [{"bytes": data, "path": f"{i}.png"} for i, data in enumerate(files)]
    return pa.table({"image": image, **columns})


def test_parquet_class_names_from_both_kinds_of_metadata(tmp_path: Path) -> None:
    values = [0, 1] * 4
    plain = table(label=values).replace_schema_metadata({"classes": "cat,dog"})
    feature = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    info = json.dumps({"info": {"features": feature}})
    hugging = table(label=values).replace_schema_metadata({"huggingface": info})
    for name, content in (("plain", plain), ("hugging", hugging)):
        pq.write_table(content, tmp_path / f"{name}.parquet")
        assert labels(read(tmp_path / f"{name}.parquet")) == ["cat", "dog"] * 4


def test_parquet_with_other_columns_without_class_names_and_with_plain_binary(
    tmp_path: Path,
) -> None:
    path = tmp_path / "data.parquet"
    pictures = [png(noise(8, 8, seed=i)) for i in range(8)]
    pq.write_table(pa.table({"scan": pictures, "grade": list("aabbaabb")}), path)
    source = read(path, image_key="scan", label_key="grade")
    assert labels(source) == list("aabbaabb")
    assert (source.items[5].pixels[..., 0] == noise(8, 8, seed=5)).all()
    pq.write_table(table(label=[3, -1] * 4).replace_schema_metadata({"classes": "a,b"}), path)
    assert labels(read(path)) == [None] * 8  # -1 is Hugging Face's "not labelled"
    pq.write_table(table().rename_columns(["img"]), path)
    assert labels(read(path)) == [None] * 8


def test_a_folder_of_parquet_files_and_its_train_part(tmp_path: Path) -> None:
    for i in range(2):
        pq.write_table(table(8, 8 * i, label=["a"] * 8), tmp_path / f"part-{i}.parquet")
    assert len(read(tmp_path).items) == 16
    pq.write_table(table(9, label=["b"] * 9), tmp_path / "train-00000-of-00001.parquet")
    assert len(read(tmp_path).items) == 9


def test_parquet_rows_without_bytes_are_named(tmp_path: Path) -> None:
    content = table(9).to_pylist()
    content[3]["image"]["bytes"] = None
    content += [{"image": {"bytes": b"no image", "path": None}}]
    pq.write_table(pa.Table.from_pylist(content), tmp_path / "a.parquet")
    issues = {p.location: p.reason for p in read(tmp_path / "a.parquet").issues}
    assert issues["row 3"].startswith("no image bytes in this row, and its file cannot be read")
    assert "not an image" in issues["row 9"]


def test_parquet_errors(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(pa.table({"left": [b"x"], "right": [b"y"]}), path)
    with pytest.raises(GankitError, match=r"no column 'image'; it has left \(binary\), right"):
        read(path)
    pq.write_table(pa.table({"image": [1, 2]}), path)
    with pytest.raises(GankitError, match="holds int64, not image files"):
        read(path)
    pq.write_table(table(), path)
    with pytest.raises(GankitError, match="no column 'klass'"):
        read(path, label_key="klass")
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(GankitError, match="not a readable Parquet file"):
        read(path)


def pack(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


GOOD = {f"{i}.png": png(noise(8, 8, 3, seed=i)) for i in range(8)}


def test_a_zip_bomb_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MAX_MEMBER", 10_000)
    path = pack(tmp_path / "a.zip", {**GOOD, "bomb.png": bytes(20_000)})
    (issue,) = read(path).issues
    assert issue.location == "bomb.png"
    assert "unpacks to more than 10,000 bytes" in issue.reason
    monkeypatch.setattr(archives, "MAX_ARCHIVE", 20_000)
    with pytest.raises(GankitError, match="refused, it would unpack to"):
        read(path)
    monkeypatch.undo()
    monkeypatch.setattr(archives, "MAX_MEMBERS", 5)
    with pytest.raises(GankitError, match="refused, it would unpack to"):
        read(path)


def test_a_member_that_states_a_false_size_is_skipped(tmp_path: Path) -> None:
    bomb = bytes(200_000)
    path = pack(tmp_path / "a.zip", {**GOOD, "bomb.png": bomb})
    data = path.read_bytes().replace(struct.pack("<I", len(bomb)), struct.pack("<I", 100))
    path.write_bytes(data)
    source = read(path)
    assert len(source.items) == 8
    assert [p.location for p in source.issues] == ["bomb.png"]


def test_names_that_lead_out_of_an_archive_write_nothing(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    path = pack(tmp_path / "inner" / "a.zip", {**GOOD, "../../evil.png": GOOD["0.png"]})
    before = sorted(tmp_path.rglob("*"))
    read(path)
    assert sorted(tmp_path.rglob("*")) == before


def test_archive_errors(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK but not really")
    with pytest.raises(GankitError, match="not a readable zip archive"):
        read(path)
    pack(path, {"a.txt": b"text"})
    with pytest.raises(GankitError, match=r"no images found in .*a\.zip"):
        read(path)
    pack(path, GOOD)
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF  # inside the first member
    path.write_bytes(data)
    with pytest.raises(GankitError, match=r"7 of 8 images.*0\.png: .*damaged"):
        read(path)
    with pytest.raises(GankitError, match=r"a\.zip, 0\.png"):
        read(path, strict=True)
