"""JSON files that are not an array of records."""

from __future__ import annotations

import json

import pytest

from gankit.errors import GankitError
from gankit_tabular.modality import TabularModality, TabularSettings

ROWS = [{"a": i, "y": "xy"[i % 2]} for i in range(30)]
COLUMNS = {"a": list(range(30)), "y": ["xy"[i % 2] for i in range(30)]}
SPLIT = {"columns": ["a", "y"], "index": list(range(30)), "data": [list(r.values()) for r in ROWS]}


def read(tmp_path, content):
    file = tmp_path / "t.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return TabularModality().read(file, TabularSettings(), lambda *_: None)


@pytest.mark.parametrize(
    "content",
    [ROWS, "".join(json.dumps(row) + "\n" for row in ROWS), {"data": ROWS}, COLUMNS, SPLIT],
)
def test_shapes_of_tables(tmp_path, content):
    assert list(read(tmp_path, content).items) == ROWS


def test_what_is_beside_the_records_is_said(tmp_path):
    found = read(tmp_path, {"version": 1, "results": ROWS})
    assert len(found.items) == 30
    assert any("'version'" in w for w in found.warnings)


@pytest.mark.parametrize("content", [{"a": 1}, {"a": [1, 2], "b": [1]}, {"a": ROWS, "b": ROWS}, {}])
def test_other_objects(tmp_path, content):
    with pytest.raises(GankitError, match="one object"):
        read(tmp_path, content)
