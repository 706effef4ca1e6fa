"""The conformance kit, with sentences of a few words."""

from __future__ import annotations

import tempfile
from itertools import product
from typing import ClassVar

from gankit.testing import ModalityTests

WHO = ("the cat", "a dog", "the old man", "my sister", "one bird", "the judge")
DOES = ("sees", "likes", "paints", "forgets", "follows")
WHAT = ("a red house", "the sea", "some bread", "the long road", "two stars")
SENTENCES = [
    {"text": f"{who} {does} {what}", "label": who.split()[-1], "words": len(what.split())}
    for who, does, what in product(WHO, DOES, WHAT)
]
CACHE = tempfile.TemporaryDirectory()
"""Each codec is trained once, and read in the runs that follow."""
SMALL = {"width": 32, "latent": 16, "smooth": 0.1, "vocabulary": 40, "epochs": 110.0,
         "cache": CACHE.name}  # fmt: skip


class TestLatent(ModalityTests):
    plugin = "text"
    settings: ClassVar = {**SMALL, "conditions": ["words"]}
    data = SENTENCES


class TestUnconditional(ModalityTests):
    plugin = "text"
    settings: ClassVar = {**SMALL, "tokens": "chars", "epochs": 30.0, "codec": "exact"}
    data: ClassVar = [row["text"] for row in SENTENCES]
