"""The conformance kit for the generator of tokens, with sentences of a few words."""

from __future__ import annotations

from itertools import product
from typing import ClassVar

from gankit.testing import ModalityTests

SENTENCES = [
    f"the {who} {does} {what}"
    for who, does, what in product(("cat", "dog", "man"), ("sees", "likes", "paints", "wants"),
                                   ("a house", "the sea", "bread", "it", "two stars"))
]  # fmt: skip


class TestDirect(ModalityTests):
    plugin = "text"
    settings: ClassVar = {
        "model": "direct", "width": 16, "units": 16, "vocabulary": 30, "language_model": False,
        "cache": "none",
    }  # fmt: skip
    data = SENTENCES
