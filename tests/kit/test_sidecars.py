"""Tables that describe files: Hugging Face's, StyleGAN's and WebDataset's."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit.errors import GankitError
from gankit.kit.file_names import Names
from gankit.kit.row_tables import is_vector, label_text
from gankit.kit.sidecars import read_sidecars

pa = pytest.importorskip("pyarrow")
import pyarrow.parquet as pq  # noqa: E402


def found(contents, files=None, **options):
    """Sidecars of a data set in memory: contents by name."""
    files = files or [n for n in contents if n.lower().endswith((".png", ".wav"))]
    names = sorted({*contents, *files})
    return read_sidecars(names, files, lambda n: contents[n], where="photos", **options)


FILES = ["a.png", "sub/b.png", "sub/ü c.png"]


def lines(*rows):
    return "\n".join(map(json.dumps, rows)).encode()


def parquet(rows):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue().to_pybytes()


ROWS = [{"file_name": name, "label": i} for i, name in enumerate(FILES)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.jsonl", lines(*ROWS)),
        ("metadata.csv", "file_name,label\na.png,0\nsub/b.png,1\nsub/ü c.png,2\n".encode()),
        ("metadata.csv", "\ufefffile;label\r\na.png;0\r\nsub/b.png;1\r\nsub/ü c.png;2".encode()),
        ("Metadata.tsv", "file\tlabel\na.png\t0\nsub/b.png\t1\nsub/ü c.png\t2\n".encode("utf-16")),
        ("metadata.parquet", parquet(ROWS)),
        ("labels.csv", "id,label\na,0\nb,1\nü c,2\n".encode()),
        ("dataset.json", json.dumps({"labels": [[n, i] for i, n in enumerate(FILES)]}).encode()),
    ],
)  # fmt: skip
def test_tables_of_all_formats(name, content):
    sidecars = found({name: content}, FILES)
    assert [label_text(sidecars.rows[file]["label"]) for file in FILES] == ["0", "1", "2"]
    assert sidecars.files == [name]
    assert not sidecars.warnings
    assert (sidecars.missing, sidecars.unlisted) == ([], 0)


@pytest.mark.parametrize(
    "name",
    ["./sub/b.png", r".\sub\b.png", r"sub\b.png", "SUB/B.PNG", "/sub/b.png", "sub/../sub/b.png",
     "sub/b", "b.png", "elsewhere/b.png", "sub%2Fb.png", "/home/me/photos/sub/b.png",
     "C:\\photos\\b.png"],
)  # fmt: skip
def test_names_that_are_spelled_in_other_ways(name):
    assert Names(FILES).find("", name) == "sub/b.png"


def test_names_with_escapes_and_accents():
    assert Names(FILES).find("", "sub/%C3%BC%20c.png") == "sub/ü c.png"
    assert Names(FILES).find("", "sub/u\u0308 c.png") == "sub/ü c.png"  # as macOS writes it
    assert Names(["100%25.png", "100%.png"]).find("", "100%25.png") == "100%25.png"
    assert Names(["x/1.png", "y/1.png"]).find("", "1.png") is None  # either may be meant
    assert Names(["x/1.png", "1.png"]).find("", "1.png") == "1.png"
    assert Names(["x/1.png", "1.png"]).find("x/", "1.png") == "x/1.png"


@given(st.lists(st.text("ab/.%\\", min_size=1, max_size=8), unique=True), st.text(max_size=12))
def test_any_name_finds_a_file_or_none(files, name):
    names = Names(files)
    assert names.find("", name) in {None, *files}
    assert all(names.find("", file) == file for file in files)


def test_tables_in_the_folders_of_splits():
    contents = {
        "train/metadata.csv": b"file_name,label\na.png,cat\n",
        "test/metadata.csv": b"file_name,label\n\xff broken",
        "train/a.png": b"",
        "test/a.png": b"",
    }
    sidecars = found(contents, chosen=["train/a.png"])
    assert sidecars.rows == {"train/a.png": {"label": "cat"}}
    above = {"metadata.csv": b"file_name,label\ntrain/a.png,cat\ntest/a.png,dog\ngone.png,cat\n"}
    sidecars = found(above, ["train/a.png", "train/b.png", "test/a.png"],
                     chosen=["train/a.png", "train/b.png"])  # fmt: skip
    assert sidecars.rows == {"train/a.png": {"label": "cat"}}
    assert sidecars.missing == ["gone.png"]
    assert sidecars.unlisted == 1
    assert sidecars.issues[0].reason == "listed in metadata.csv, but not there"


def test_a_column_of_splits():
    text = b"file_name,label,Split\na.png,x,train\nsub/b.png,y,TEST\n"
    sidecars = found({"metadata.csv": text}, FILES)
    assert list(sidecars.rows) == ["a.png"]
    assert set(sidecars.excluded) == {"sub/b.png"}
    assert sidecars.split == "train (column Split)"
    assert sidecars.left_out == {"TEST": 1}
    assert len(found({"metadata.csv": text}, FILES, split="all").rows) == 2
    assert list(found({"metadata.csv": text}, FILES, split="test").rows) == ["sub/b.png"]
    with pytest.raises(GankitError, match="no split 'val' in the column Split"):
        found({"metadata.csv": text}, FILES, split="val")


def test_stylegan_without_labels_and_with_vectors():
    nothing = found({"dataset.json": b'{"labels": null}'}, FILES)
    assert nothing.kind == "stylegan"
    assert not nothing.labelled
    assert nothing.rows == {}
    vectors = found({"dataset.json": b'{"labels": [["a.png", [0.5, 1]], ["sub/b.png", [2, -3]]]}'},
                    FILES)  # fmt: skip
    assert vectors.rows["sub/b.png"]["label"] == [2, -3]
    assert is_vector([2, -3])
    assert not any(map(is_vector, ([], [True], "a", [float("nan")])))
    assert found({"dataset.json": b'{"name": "not StyleGAN"}'}, FILES).warnings == [
        "dataset.json has no StyleGAN labels: ignored"
    ]


def test_several_tables_of_one_folder():
    contents = {
        "labels.csv": b"file_name,label\na.png,y\n",
        "metadata.csv": b"file_name,label\na.png,x\n",
        "dataset.json": b'{"labels": null}',
    }
    sidecars = found(contents, FILES)
    assert sidecars.rows == {"a.png": {"label": "x"}}
    assert sidecars.labelled
    assert "labels.csv, dataset.json: ignored, since metadata.csv describes" in sidecars.warnings[0]


def test_doubts_are_said():
    twice = found({"metadata.csv": b"file_name,label\na.png,x\n./a.png,y\na.png,x\n"}, FILES)
    assert twice.rows == {"a.png": {"label": "x"}}
    assert "lists 1 file more than once with different values" in twice.warnings[0]
    none = found({"metadata.csv": b"file_name,label\nq.png,x\n"}, FILES)
    assert "None of the 1 files listed in metadata.csv is there, such as q.png" in none.warnings[0]
    other = found({"labels.csv": b"1,2\n3,4\n"}, FILES)
    assert "labels.csv has no column with names of files" in other.warnings[0]
    assert found({"notes.csv": b"file_name\n"}, FILES) is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("metadata.jsonl", b'{"file_name": "a.png"}\n{"oops"', r'l line 2: .*\{"oops"'),
        ("metadata.jsonl", b'{"file_name": "a.png"}\n{"label": 1}', "line 2: not an object with"),
        ("metadata.csv", b"file_name,label\na.png,1\nb.png,1,2\n", "line 3: 3 cells, 2 columns"),
        ("metadata.csv", b"file_name,label\na.png,1\n,2\n", "line 3: no name of a file"),
        ("metadata.csv", b"file_name,label\nr\xe9.png,1\n", "not UTF-8 .* Save it as UTF-8"),
        ("metadata.csv", b"file_name,x,x\na.png,1,1\n", "two columns named 'x'"),
        ("metadata.parquet", b"PAR1 no", "not a readable Parquet file"),
        ("dataset.json", b'{"labels": [', "not JSON"),
        ("dataset.json", b'{"labels": 3}', "labels is not a list"),
        ("dataset.json", b'{"labels": [["a.png", 1], ["b.png"]]}', r'entry 1 of labels is \["b'),
        ("dataset.json", b'{"labels": [["a.png", [1]], ["b.png", [1, 2]]]}', "same length"),
        ("dataset.json", b'{"labels": [["a.png", NaN]]}', "entry 0 of labels"),
    ],
)  # fmt: skip
def test_damaged_tables_are_named(name, content, message):
    with pytest.raises(GankitError, match=message) as error:
        found({name: content}, FILES)
    assert str(error.value).startswith(f"photos, {name}")
    assert "\n" not in str(error.value)


def test_webdataset_companions():
    contents = {}
    for i in range(3):
        contents |= {f"{i:04}.png": b"", f"{i:04}.cls": f"{i}\n".encode()}
        contents |= {f"{i:04}.json": json.dumps({"split": "train", "n": i}).encode()}
    contents["0009.png"] = b""
    sidecars = found(contents)
    assert sidecars.kind == "webdataset"
    assert [sidecars.rows[f"{i:04}.png"]["label"] for i in range(3)] == ["0", "1", "2"]
    assert sidecars.rows["0002.png"]["n"] == 2
    assert sidecars.unlisted == 1
    assert sidecars.source == "*.cls, *.json"
    contents["0001.json"] = b"{"
    with pytest.raises(GankitError, match=r"photos, 0001\.json: not JSON"):
        found(contents)
    assert found({"a.png": b"", "b.png": b"", "c.png": b"", "a.txt": b"about this one"}) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(3, "3"), (3.0, "3"), (2.5, "2.5"), (" x ", "x"), ("", None), (None, None), (True, "True"),
     (float("nan"), None), ([1], None), ({}, None), ("a\ud800", r"a\xed\xa0\x80")],
)  # fmt: skip
def test_cells_as_names_of_classes(value, text):
    assert label_text(value) == text


TABLES = [
    ("metadata.csv", b"file_name,label\na.png,0\nsub/b.png,1\n"),
    ("metadata.jsonl", lines(*ROWS)),
    ("metadata.parquet", parquet(ROWS)),
    ("dataset.json", json.dumps({"labels": [[n, i] for i, n in enumerate(FILES)]}).encode()),
]


@pytest.mark.parametrize(("name", "content"), TABLES)
def test_mutated_tables_are_read_or_refused(name, content):
    rng, messages = random.Random(16), []
    for _ in range(150):
        data = bytearray(content)
        for _ in range(rng.randint(1, 4)):
            i = rng.randrange(len(data))
            if rng.random() < 0.3:
                del data[i : i + rng.randint(1, 8)]
            else:
                data[i : i + 1] = (
                    rng.randbytes(1) if rng.random() < 0.5 else b'"[,\n\0'[: rng.randint(1, 5)]
                )
            data = data or bytearray(b" ")
        try:
            found({name: bytes(data)}, FILES)
        except GankitError as error:
            messages.append(str(error))
    assert messages
    assert all(map(str.isprintable, messages))
