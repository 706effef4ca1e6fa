"""The text by which a user states what consent covers the people in the data."""

from __future__ import annotations

from gankit.errors import GankitError

LONGEST = 500
"""Characters. What is longer belongs in a document, which the text can name."""
EXAMPLE = '--consent "signed release forms, 2026-03, for research"'


def cleaned(text: str) -> str:
    """The text on one line, without control characters.

    Raises:
        GankitError: it is empty, or too long.
    """
    found = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if not found:
        raise GankitError("the consent is empty", f"State it, e.g. {EXAMPLE}, or leave it out")
    if len(found) > LONGEST:
        raise GankitError(
            f"the consent has {len(found):,} characters, more than {LONGEST}",
            "Summarise it, and name the document that has all of it",
        )
    return found
