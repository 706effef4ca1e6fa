"""Files, folders, tables and objects as data sets of texts."""

from __future__ import annotations

import gzip
import json
import unicodedata

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gankit.contract import quiet
from gankit.errors import GankitError
from gankit_text.data.items import Text
from gankit_text.data.sources import read, read_items
from gankit_text.settings import TextSettings

LINES = [f"the {a} {b} sleeps" for a in ("old", "new", "red", "big") for b in ("cat", "dog", "fox")]
ROWS = [{"review": line, "mood": "up" if i % 2 else "down", "stars": i} for i, line in
        enumerate(LINES)]  # fmt: skip


def texts(source, **settings):
    return read(source, TextSettings(**settings), quiet)


def refused(source, **settings):
    with pytest.raises(GankitError) as error:
        texts(source, **settings)
    assert "\n" not in error.value.message
    return f"{error.value.message} [{error.value.hint}]"


def test_the_built_in_texts_are_definitions_in_six_kinds():
    found = texts(None)
    assert len(found.items) == 5_500
    kinds = {"act", "animal", "artifact", "food", "person", "plant"}
    assert {item.label for item in found.items} == kinds
    assert "WordNet" in found.licence
    assert texts(None, label="none").strata is None


@pytest.mark.parametrize("pack", [lambda b: b, gzip.compress])
def test_plain_text(tmp_path, pack):
    file = tmp_path / ("a.txt" if pack(b"") == b"" else "a.txt.gz")
    file.write_bytes(pack("\n".join(LINES).encode()))
    found = texts(str(file))
    assert [item.text for item in found.items] == LINES
    assert found.facts["unit"] == "line (one text each line)"
    assert found.strata is None


def written(tmp_path, ending):
    file = tmp_path / f"reviews{ending}"
    if ending == ".parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), file)
    elif ending == ".jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    else:
        mark = {".csv": ",", ".tsv": "\t"}[ending]
        lines = [mark.join(ROWS[0])] + [mark.join(map(str, row.values())) for row in ROWS]
        file.write_text("\n".join(lines))
    return file


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_tables(tmp_path, ending):
    found = texts(written(tmp_path, ending), label="mood", conditions=("stars",))
    assert [item.text for item in found.items] == LINES
    assert [item.label for item in found.items] == [row["mood"] for row in ROWS]
    assert [dict(item.values) for item in found.items] == [{"stars": i} for i in range(12)]
    assert found.facts["text"] == "column 'review'"
    assert found.facts["labels"] == "column 'mood', 2 classes"


def test_the_fingerprint_is_of_the_content(tmp_path):
    first = texts(written(tmp_path, ".csv"), label="mood")
    assert texts(written(tmp_path, ".parquet"), label="mood").fingerprint == first.fingerprint
    assert texts(written(tmp_path, ".csv"), label="none").fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"column": "revew"}, "column=revew: the data has no such column"),
        ({"label": "tone"}, "label=tone: the data has no such column"),
        ({"pair": "french"}, "pair=french: the data has no such column"),
        ({"conditions": ("size",)}, "conditions=size: the data has no such column"),
        ({"label": "stars"}, "each of the 12 classes of the data has one text"),
    ],
)
def test_unknown_columns_are_named(settings, message):
    assert message in refused(ROWS, **settings)


def test_a_label_with_too_many_classes_is_not_taken_by_itself():
    rows = [{"text": line, "label": line} for line in LINES]
    found = texts(rows)
    assert found.strata is None
    assert "too many to be classes" in found.facts["labels"]


def test_in_memory(tmp_path):
    pandas = pytest.importorskip("pandas")
    for source in (LINES, tuple(LINES), iter(LINES), [Text(line) for line in LINES],
                   pandas.DataFrame({"text": LINES}), pa.table({"text": LINES})):  # fmt: skip
        assert [item.text for item in texts(source).items] == LINES
    labelled = texts((LINES, ["a", "b"] * 6))
    assert labelled.strata == ["a", "b"] * 6
    assert "item 3 is no text but int: 7" in refused([*LINES[:3], 7])
    assert "cannot read texts from int" in refused(7)
    assert "2 texts and 1 labels" in refused((LINES[:2], ["a"]))


def test_pairs():
    rows = [{"en": line, "de": line.upper()} for line in LINES]
    found = texts(rows, column="en", pair="de")
    assert found.items[0].pair == LINES[0].upper()
    rows[3]["de"] = ""
    assert "no text in the column 'de'" in texts(rows, column="en", pair="de").issues[0].reason
    assert "item 3: no text in" in refused(rows, column="en", pair="de", strict=True)


def test_rows_without_a_text_a_label_or_a_number_are_listed():
    rows = [dict(row) for row in ROWS]
    rows[0]["review"], rows[1]["mood"], rows[2]["stars"] = " ", None, "many"
    found = texts(rows, label="mood", conditions=("stars",))
    assert len(found.items) == 9
    assert [(i.location, i.reason.partition(";")[0]) for i in found.issues] == [
        ("item 0", "an empty text"),
        ("item 1", "no class in the column 'mood'"),
        ("item 2", "no number in the column 'stars'"),
    ]


def test_folders_of_files_are_classes(tmp_path):
    for i, line in enumerate(LINES):
        folder = tmp_path / "data" / ("sea" if i % 3 else "land")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i}.txt").write_text(line + "\n")
    (tmp_path / "data" / "sea" / "photo.png").write_bytes(b"\x89PNG")
    found = texts(tmp_path / "data")
    assert sorted({item.label for item in found.items}) == ["land", "sea"]
    assert found.facts["unit"] == "file (12 short files)"
    assert found.facts["other files"] == "1 .png: not read"
    (tmp_path / "data" / "sea" / "1.txt").write_bytes(b"\xe9t\xe9")
    assert texts(tmp_path / "data").issues[0].location == "sea/1.txt"


def test_splits_of_a_folder(tmp_path):
    for part, some in (("train", LINES), ("test", LINES[:2])):
        (tmp_path / f"{part}.txt").write_text("\n".join(some))
        (tmp_path / f"{part}.jsonl").write_text(
            "".join(json.dumps({"text": t}) + "\n" for t in some)
        )
    found = texts(tmp_path)
    assert len(found.items) == 12
    assert "test (1 file) left out" in found.facts["split"]
    assert len(texts(tmp_path, split="all").items) == 14


def test_long_texts_are_left_out_and_said():
    found = texts([*LINES, "word " * 400])
    assert len(found.items) == 12
    assert found.issues[0].reason == "longer than max_tokens=64"
    assert "1 of more than 64 tokens left out" in found.facts["too long"]
    assert len(texts([*LINES, "word " * 400], max_tokens=1_000).items) == 13


def test_a_book_as_one_item_is_a_line(tmp_path):
    file = tmp_path / "book.txt"
    file.write_text("All day it rained in the hills, and nobody came. " * 20_000)
    said = refused(file)
    assert "0 usable texts; 1 longer than max_tokens=64, the longest of" in said
    assert "max_tokens" in said


def test_repeated_texts_are_kept_and_said():
    found = texts(LINES + LINES[:6])
    assert len(found.items) == 18
    assert found.facts["repeated"] == "6 texts are equal to an earlier one, and kept"
    assert "repeat an earlier one" in found.warnings[0]


def test_rare_classes_are_doubted():
    rows = [{"text": line, "label": "a" if i else "b"} for i, line in enumerate(LINES)]
    assert "1 of 2 classes have fewer than 8 texts" in texts(rows).warnings[0]


def test_text_is_normalized_and_nothing_else():
    odd = unicodedata.normalize("NFD", "  Café —  naïve ")
    found = texts([odd, *LINES], unit="line")
    assert found.items[0].text == "  Café —  naïve "


@pytest.mark.parametrize(
    "script", ["これは短い文です", "هذا نص قصير", "यह छोटा पाठ है", "🦊🐻 и ещё"]
)
def test_any_script(script):
    found = texts([f"{script} {i}" for i in range(12)])
    assert found.items[3].text == f"{script} 3"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "an empty file"),
        ("a.txt", b"one line", "only 1 usable text"),
        ("a.csv", b"text\n", "no rows there"),
        ("a.csv", b"n,m\n1,2\n3,4\n", "0 usable texts"),
        ("a.txt.gz", b"\x1f\x8bnothing", "damaged or cut off"),
        ("a.parquet", b"PAR1 no", "not a readable Parquet file"),
        ("a.jsonl", b'{"text": "a"}\n{"text":', "line 2: not a JSON object"),
        ("a.docx", b"PK", "no texts can be read from .docx files"),
        ("a.txt", b"\x00\x01\x02" * 99, "not a text file"),
    ],
)
def test_bad_files_are_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    said = refused(tmp_path / name)
    if name == "a.csv" and b"n,m" in content:
        assert "text" in said
    else:
        assert message in said
    assert name in said


def test_other_places(tmp_path):
    assert "no such file or folder" in refused(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "no files of text" in refused(tmp_path / "empty")
    assert "no rows there" in refused([])


def test_limit_draws_the_same_texts_each_time():
    found = texts(LINES, limit=8)
    assert len(found.items) == 8
    assert found.items == texts(LINES, limit=8).items
    assert "drawn of 12" in found.description


def test_single_items_are_read_whatever_their_length():
    assert len(read_items(["word " * 400], TextSettings()).items) == 1
    with pytest.raises(GankitError, match="an empty text"):
        read_items([" "], TextSettings())
