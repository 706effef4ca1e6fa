"""Checks of reading."""

from __future__ import annotations

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
