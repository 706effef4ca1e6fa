"""The screen that says what was read."""

from __future__ import annotations

import io
import json
import re

import pytest
from rich.console import Console
from rich.text import Text

from gankit.contract import Dataset, Issue
from gankit.engine.settings import TrainSettings
from gankit.runs.provenance import RECORD
from gankit.screen.reading import SHOWN_ROWS, show_reading, show_resumed
from gankit.screen.training import Display
from gankit.workflows.data import Split
from gankit.workflows.reading import reading


def shown(width=100, show=show_reading, private=False, **said):
    console = Console(file=io.StringIO(), width=width, soft_wrap=True, highlight=False)
    dataset = Dataset([1, 2, 3], "f", "3 numbers", **said)
    show(reading(Split(dataset, [1, 2], [3]), private), console)
    return console.file.getvalue()


def test_the_screen(capsys):
    text = shown(
        facts={"format": "CSV, comma"},
        table=[{"column": "age", "type": "number"}, {"column": "[job]", "type": "category"}],
        warnings=["[odd] bytes in 3 cells: set encoding="],
        issues=[Issue("a.csv, line 3", "too short"), Issue("a.csv, line 9", "too short")],
    )
    for line in (
        "data:           3 numbers",
        "format:         CSV, comma",
        "items:          2 to train on, 1 held out",
        "skipped:        2, e.g. a.csv, line 3: too short",
    ):
        assert line in text.splitlines(), text
    assert "warning: [odd] bytes in 3 cells: set encoding=" in capsys.readouterr().err
    assert "[job]" in text


def test_rows_that_are_too_many_are_counted():
    text = shown(table=[{"column": f"c{i}"} for i in range(SHOWN_ROWS + 5)])
    assert "… and 5 more" in text
    assert f"c{SHOWN_ROWS}" not in text


def test_reasons_that_are_too_many_are_counted():
    text = shown(issues=[Issue(f"line {i}", f"reason {i}") for i in range(20)])
    assert "12 more, for other reasons" in text


def test_rows_with_different_keys():
    text = shown(table=[{"a": "1"}, {"a": "2", "b": "3"}])
    assert "b" in text
    assert "3" in text


@pytest.mark.parametrize("width", [1, 10, 40])
def test_a_narrow_terminal_loses_no_sentence(width):
    table = [{f"key {i}": f"value {i}" for i in range(9)}]
    text = shown(width, table=table, facts={"labels": "10 classes, from dataset.json"})
    assert "10 classes, from dataset.json" in text


def test_a_resumed_run_has_one_line():
    text = shown(show=show_resumed, facts={"format": "CSV"}, table=[{"a": "b"}])
    assert text == "data: 3 numbers; 2 to train on, 1 held out\n"


def test_a_private_run_shows_no_single_items():
    text = shown(private=True, table=[{"examples": "Ann"}], issues=[Issue("Ann's", "too short")])
    assert "Ann" not in text
    assert "skipped:        1, too short" in text


@pytest.mark.parametrize(("given", "there"), [({}, True), ({"resumed": True}, False)])
def test_while_training(capsys, given, there):
    dataset = Dataset([1, 2, 3], "f", "3 numbers", facts={"format": "CSV"})
    display = Display(TrainSettings(10), **given)
    display.read(Split(dataset, [1, 2], [3]))
    assert display.data.train_items == 2
    assert ("CSV" in capsys.readouterr().err) is there


@pytest.mark.parametrize(("given", "there"), [({}, True), ({"resumed": True}, False)])
def test_columns_are_shown_once_too(capsys, tmp_path, given, there):
    about = {"data": {"described": [{"column": "age", "kind": "number"}]}}
    (tmp_path / RECORD).write_text(json.dumps(about))
    Display(TrainSettings(10), **given).started(tmp_path, {})
    text = capsys.readouterr().err
    assert ("age" in text) is there
    assert "training in" in text


def test_a_dry_run_begins_with_a_summary(gankit_here, tmp_path):
    rows = [f"{i % 50},{'ab'[i % 2]}" for i in range(60)]
    (tmp_path / "people.csv").write_text("age,member\n" + "\n".join(rows) + "\n")
    words = ("train", "people.csv", "--dry-run", "hidden=8", "train.batch=8")
    done = gankit_here(*words)
    assert done.returncode == 0, done.stderr
    order = ["data:", "plugin:", "recipe:", "device:", "time:", "memory:", "column "]
    places = [done.stdout.index(text) for text in order]
    assert places == sorted(places), done.stdout
    assert "tabular (people.csv is a table)" in done.stdout
    assert done.stdout.count("60 rows") == 1
    assert "[train]" not in done.stdout
    assert "[train]" in gankit_here(*words, "--verbose").stdout


def test_the_steps_of_a_dry_run_fit_its_time(gankit_here):
    done = gankit_here("train", "--plugin", "toy", "--dry-run", "--budget", "60s")
    time = next(line for line in done.stdout.splitlines() if line.startswith("time:"))
    assert time.startswith("time:           about 1 min 0 s (")
    assert int(re.search(r"\(([\d,]+) steps", time)[1].replace(",", "")) < 1_000_000


def test_a_terminal_shows_a_line_per_row_and_wraps_facts():
    console = Console(file=io.StringIO(), width=60, force_terminal=True, soft_wrap=True)
    dataset = Dataset(
        [1, 2, 3], "f", "3 numbers",
        facts={"conditions": "a column, another one, a third one, and then a fourth one"},
        table=[{"column": "email", "values": "like aaa@aaa.aaa, " * 5}],
    )  # fmt: skip
    show_reading(reading(Split(dataset, [1, 2], [3]), False), console)
    lines = Text.from_ansi(console.file.getvalue()).plain.splitlines()
    assert "conditions:     a column, another one, a third one, and" in lines
    assert "                then a fourth one" in lines
    assert lines[-1].startswith("email")
    assert lines[-1].endswith("…")
    assert len(lines[-1]) <= 60
