"""Written texts are read again as the same items."""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit.contract import Provenance, Sample, quiet
from gankit.errors import GankitError
from gankit_text.codec.forms import Form
from gankit_text.data.items import Text
from gankit_text.data.rows import normal
from gankit_text.data.sources import read
from gankit_text.output.formats import FORMATS, write
from gankit_text.settings import TextSettings

STATEMENT = Provenance("gankit 0", "run", "2026-01-01T00:00:00Z", "http://x/y")


def written(folder, items, format, form=None, real=False):
    form = form or Form.of(items)
    samples = [Sample(item, i, {}, real) for i, item in enumerate(items)]
    told = write(samples, folder, SimpleNamespace(form=form), STATEMENT, format)
    return folder / f"texts.{format}", told


def again(file, **settings):
    (file.parent / "provenance.json").write_text('{"generated": true}')
    settings = {"label": "label", "column": "text", **settings} if file.suffix != ".txt" else {}
    return read(file.parent, TextSettings(**settings), quiet).items


CHARACTERS = st.characters(exclude_categories=["C", "Zl", "Zp"])
LINE = st.text(CHARACTERS, min_size=1).map(normal).filter(str.strip)
LINES = st.lists(LINE, min_size=1, max_size=3).map("\n".join)


@pytest.mark.parametrize("format", [f for f in FORMATS if f != "txt"])
@given(texts=st.lists(st.tuples(LINES, LINE.map(str.strip)), min_size=1, max_size=8))
def test_tables_round_trip(format, texts):
    items = [Text(text, label) for text, label in texts]
    with tempfile.TemporaryDirectory() as folder:
        file, _ = written(Path(folder), items, format)
        found = again(file, label="auto")
    assert [item.text for item in found] == [item.text for item in items]


@given(texts=st.lists(LINES, min_size=1, max_size=8))
def test_plain_text_round_trips(texts):
    items = [Text(text) for text in texts]
    form = Form.of(items)
    with tempfile.TemporaryDirectory() as folder:
        file, _ = written(Path(folder), items, "txt")
        unit = "block" if form.lines else "line"
        (file.parent / "provenance.json").write_text('{"generated": true}')
        found = read(file.parent, TextSettings(unit=unit), quiet).items
    assert [item.text for item in found] == texts


def test_labels_numbers_and_pairs_are_kept(tmp_path):
    items = [Text(f"text number {i}", "ab"[i % 2], {"stars": float(i)}, f"Text Nummer {i}")
             for i in range(12)]  # fmt: skip
    for format in ("jsonl", "csv", "parquet"):
        file, told = written(tmp_path / format, items, format)
        assert again(file, pair="pair", conditions=("stars",)) == items
        assert told.counts == {"distinct": 12, "empty": 0}


def test_generated_rows_have_the_columns_of_the_data_and_real_ones_are_as_read(tmp_path):
    rows = [{"id": f"00{i}", "body": f"some text {i}", "kind": "ab"[i % 2]} for i in range(9)]
    data = read(rows, TextSettings(), quiet).items
    form = Form.of(data)
    assert form.columns == {"text": "body", "label": "kind"}
    samples = [Sample(data[0], 0, {}, True), Sample(Text("new", "a"), 7, {})]
    write(samples, tmp_path, SimpleNamespace(form=form), STATEMENT, "csv")
    with (tmp_path / "texts.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert first == {"id": "000", "body": "some text 0", "kind": "a", "seed": "",
                     "generated": "false"}  # fmt: skip
    assert second == {"id": "", "body": "new", "kind": "a", "seed": "7", "generated": "true"}


def test_parquet_carries_its_provenance(tmp_path):
    file, _ = written(tmp_path, [Text("one"), Text("two")], "parquet")
    stored = pq.read_schema(file).metadata
    assert any(key.startswith(b"gankit.") for key in stored)


def test_json_lines_are_plain_unicode(tmp_path):
    file, _ = written(tmp_path, [Text("夜 und Straße")], "jsonl")
    text = file.read_text(encoding="utf-8")
    assert "夜 und Straße" in text
    assert json.loads(text)["generated"] is True


def test_plain_text_refuses_what_it_cannot_hold(tmp_path):
    for items in ([Text("a", pair="b")], [Text("a\n\nb")]):
        with pytest.raises(GankitError, match=r"format=txt: .*jsonl"):
            written(tmp_path, items, "txt")
    with pytest.raises(GankitError, match="format=docx: unknown"):
        written(tmp_path, [Text("a")], "docx")


def test_repeats_and_empty_texts_are_doubted(tmp_path):
    _, told = written(tmp_path, [Text("same")] * 30 + [Text("")] * 10, "jsonl")
    assert "only 2 of 40 texts are distinct" in told.warnings[0]
    assert "10 of 40 texts are empty" in told.warnings[1]


def test_nothing_is_written_as_an_empty_table(tmp_path):
    for format in FORMATS:
        file, _ = written(tmp_path / format, [], format)
        assert file.is_file()


def test_the_form_removes_what_no_training_text_has():
    one = Form.of([Text("a b"), Text("c")])
    assert one.applied(" a\n\nb ") == "a b"
    several = Form.of([Text("a\nb"), Text("c")])
    assert several.applied("a\n \n\nb\nc") == "a\nb\nc"
    assert Form.of([Text("a\n\nb")]).applied("a\n\nb") == "a\n\nb"
    assert Form.of([Text(" a")]).applied(" b ") == " b "
    assert Form.of([Text("x")]).applied("e\u0301") == "é"
