"""Which data are texts, at a glance."""

from __future__ import annotations

from gankit.contract import Look, Recognised

NAMES = ("text", "texts", "sentence", "sentences", "review", "content", "document", "message",
         "tweet", "headline", "title", "body", "quote", "poem", "lyrics", "utterance", "question", "answer",
         "comment", "description", "summary", "verse")  # fmt: skip
"""Usual names of a column of texts, in the order in which they are tried."""
WORDS = 3
"""Words of a text, on average, from which on a column is one of texts."""


def recognise(look: Look) -> Recognised | None:
    """Files and folders of plain text, and tables that are little else than texts and labels."""
    return None
