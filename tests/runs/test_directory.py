"""Run directories: opening them, their metrics, and their numbers."""

from __future__ import annotations

import json

import pytest

from gankit.contract import Categorical, Condition, Continuous, Layout
from gankit.errors import GankitError
from gankit.runs.directory import METRICS, Run, find_runs, next_run, read_metrics
from gankit.runs.model import layout_from_json, layout_to_json

LINES = [{"samples": 64, "d_loss": 0.5}, {"samples": 128, "d_loss": 0.25}]


def write_metrics(folder, text):
    (folder / METRICS).write_text(text)


def as_lines(values):
    return "".join(json.dumps(line) + "\n" for line in values)


def test_metrics_are_read_line_by_line(tmp_path):
    assert read_metrics(tmp_path) == []
    write_metrics(tmp_path, "")
    assert read_metrics(tmp_path) == []
    write_metrics(tmp_path, as_lines(LINES))
    assert read_metrics(tmp_path) == LINES


@pytest.mark.parametrize(
    "torn",
    ['{"samples": 19', '{"d_loss": 0.1}', "[192]", "192", '{"samples": null}', "\0\0\0", " "],
)
def test_a_torn_last_line_is_dropped(tmp_path, torn):
    write_metrics(tmp_path, as_lines(LINES) + torn)
    assert read_metrics(tmp_path) == LINES
    write_metrics(tmp_path, torn)
    assert read_metrics(tmp_path) == []


def test_bytes_that_are_no_text_are_a_torn_line(tmp_path):
    (tmp_path / METRICS).write_bytes(as_lines(LINES).encode() + b"\xff\xfe{")
    assert read_metrics(tmp_path) == LINES


def test_another_damaged_line_is_named(tmp_path):
    write_metrics(tmp_path, as_lines(LINES[:1]) + "{]\n" + as_lines(LINES[1:]))
    with pytest.raises(GankitError, match=r"metrics.jsonl, line 2: not a line of metrics"):
        read_metrics(tmp_path)


def test_runs_are_numbered(tmp_path):
    folder = tmp_path / "runs"
    assert next_run(folder, "toy-ring8") == folder / "toy-ring8-001"
    for name in ("toy-ring8-001", "toy-ring8-041", "toy-ring8-more", "toy-ring80-099"):
        (folder / name).mkdir(parents=True)
    assert next_run(folder, "toy-ring8") == folder / "toy-ring8-042"
    assert next_run(folder, "toy-(x)") == folder / "toy-(x)-001"


def test_runs_are_found_by_their_configuration(tmp_path):
    assert find_runs(tmp_path / "none") == []
    for name in ("b", "a", "other"):
        (tmp_path / name).mkdir()
    for name in ("b", "a"):
        (tmp_path / name / "run.toml").write_text("")
    assert find_runs(tmp_path) == [tmp_path / "a", tmp_path / "b"]


def test_a_folder_that_is_not_a_run(tmp_path):
    with pytest.raises(GankitError, match="is not a run: it has no run.toml"):
        Run(tmp_path)
    with pytest.raises(GankitError, match="no run at"):
        Run(tmp_path / "none")


def test_a_layout_survives_json():
    fields = Categorical("label", ("a", "b"), optional=True), Continuous("size", 1.5, 0.5)
    for layout in (Layout((3, 4)), Layout((2,), Condition(fields))):
        assert layout_from_json(json.loads(json.dumps(layout_to_json(layout)))) == layout
