"""Checks of reading."""

from __future__ import annotations

from typing import Any

import torch

from gankit.contract import (
    quiet,
)
from gankit.errors import GankitError
from gankit.testing.checks.base import expect
from gankit.testing.subject import CheckFailed, Subject


def read(s: Subject) -> None:
    """Reading gives items, and the same fingerprint each time."""
    again = s.modality.read(s.source, s.settings, quiet)
    expect(
        len(s.dataset.items) > 0, "read found no items", "Raise GankitError where there are none"
    )
    expect(s.dataset.fingerprint, "the fingerprint is empty", "Hash the data")
    same = s.dataset.fingerprint == again.fingerprint
    expect(same, "two readings differ in fingerprint", "Hash content only: no times, no addresses")
    expect(len(again.items) == len(s.dataset.items), "two readings differ in length", "Sort files")
    first, other = (s.encode([found.items[0]]).x for found in (s.dataset, again))
    same = torch.allclose(first.double(), other.double(), rtol=0, atol=0, equal_nan=True)
    expect(same, "two readings differ in their first item", "Read in a fixed order")


def reading(s: Subject) -> None:
    """What read says of the data is well-formed: facts, details, warnings, classes."""
    found: Any = s.dataset
    fix = 'Use short names and a line each: {"labels": "10 classes, from dataset.json"}'
    for name, text in found.facts.items():
        lines = isinstance(name, str) and isinstance(text, str) and name.strip() and text.strip()
        what = f"the fact {name!r} is {text!r}"
        expect(lines and "\n" not in f"{name}{text}", what, fix)
    keys = [list(row) for row in found.table]
    fix = "Give all rows of Dataset.table the same few keys"
    expect(all(k == keys[0] for k in keys), "rows of the table differ in their keys", fix)
    cells = [cell for row in found.table for pair in row.items() for cell in pair]
    odd = [cell for cell in cells if not isinstance(cell, str)]
    expect(not odd, f"the table has {odd[:1]}, which is not text", "Use texts in Dataset.table")
    fix = "Write one sentence per warning, with what to do"
    is_list = not isinstance(found.warnings, str)
    expect(is_list, "warnings is one text", fix)
    for warning in found.warnings:
        is_line = isinstance(warning, str) and bool(warning.strip()) and "\n" not in warning
        expect(is_line, f"the warning {warning!r} is not one line", fix)
    if found.strata is not None:
        n, items = len(found.strata), len(found.items)
        fix = "Give Dataset.strata a class, or None, for each item"
        expect(n == items, f"{n} strata for {items} items", fix)
    one_line = isinstance(found.people, str) and "\n" not in found.people
    fix = 'Give Dataset.people one clause: the labels have the word "person"'
    expect(one_line, f"people is {found.people!r}", fix)


def read_refuses(s: Subject) -> None:
    """A path without usable data raises GankitError with its name."""
    empty = s.folder / "empty-folder"
    empty.mkdir(exist_ok=True)
    junk = [s.folder / f"junk{suffix}" for suffix in s.info.suffixes]
    for file in junk:
        file.write_bytes(b"\0junk\xff")
    for path in (s.folder / "not-there", empty, *junk):
        fix = f"Raise GankitError(message, hint) that names {path.name}"
        try:
            s.modality.read(str(path), s.settings, quiet)
        except GankitError as error:
            expect(path.name in str(error), f"the message does not name it: {error}", fix)
        except Exception as error:  # noqa: BLE001 - any other is wrong
            raise CheckFailed(f"{path.name} raises {type(error).__name__}: {error}", fix) from None
        else:
            raise CheckFailed(f"read accepts {path.name}, which holds no data", fix)
