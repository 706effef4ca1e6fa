"""What was read, in words."""

from __future__ import annotations

from gankit.contract import Dataset, Issue
from gankit.workflows.data import Split
from gankit.workflows.reading import by_reason, reading


def split(**said):
    return Split(Dataset([1, 2, 3, 4], "f", "4 numbers", **said), [1, 2, 3], [4])


def test_everything_that_was_read_is_there():
    found = reading(
        split(
            facts={"labels": "2 classes"},
            table=[{"class": "a", "items": "3"}],
            warnings=["one column is full of semicolons"],
            issues=[Issue("a.png", "no picture")],
        )
    )
    assert found.as_dict() == {
        "description": "4 numbers",
        "train_items": 3,
        "heldout_items": 1,
        "shadow_items": 0,
        "facts": {"labels": "2 classes"},
        "table": [{"class": "a", "items": "3"}],
        "skipped": [{"reason": "no picture", "count": 1, "example": "a.png"}],
        "warnings": ["one column is full of semicolons"],
    }


def test_what_was_skipped_is_counted_by_reason_the_most_frequent_first():
    issues = [Issue("a", "empty"), Issue("b", "torn"), Issue("c", "torn")]
    found = by_reason(issues)
    assert [(s.reason, s.count, s.example) for s in found] == [("torn", 2, "b"), ("empty", 1, "a")]


def test_a_private_run_shows_no_single_items():
    table, issues = [{"column": "name", "examples": "Ann"}], [Issue("line 7, Ann", "no number")]
    found = reading(split(table=table, issues=issues), private=True)
    assert "Ann" not in str(found.as_dict())
    assert [(s.reason, s.count) for s in found.skipped] == [("no number", 1)]
