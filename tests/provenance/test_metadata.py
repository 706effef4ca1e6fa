"""Marks in the metadata of files, read as they were written."""

from __future__ import annotations

import dataclasses

from PIL.PngImagePlugin import PngInfo
from signing import STATEMENT, picture

from gankit.provenance.evidence import Evidence
from gankit.provenance.metadata import read_marks


def test_what_follows_a_text_in_a_png_is_not_read_as_part_of_it() -> None:
    """A checksum may begin with letters: of some of these names, it does."""
    for i in range(60):
        text = PngInfo()
        for key, value in dataclasses.replace(STATEMENT, run=f"run {i}").text().items():
            text.add_text(key, value)
        content = picture(pnginfo=text)
        assert read_marks(Evidence.of_bytes("a.png", content)).run == f"run {i}"
