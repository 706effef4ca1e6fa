"""Finds files by names that are spelled in other ways, as tables made elsewhere list them."""

from __future__ import annotations

import posixpath
import unicodedata
import urllib.parse
from collections.abc import Sequence


class Names:
    """The files of a data set, found by names that are spelled in other ways."""

    def __init__(self, files: Sequence[str]) -> None:
        self._files = files
        self._exact = set(files)
        self._loose: dict[str, str | None] | None = None

    def find(self, folder: str, name: str) -> str | None:
        """The file that a table in ``folder`` calls ``name``; None where there is none, or more
        than one that may be meant."""
        for place in (folder + name, name):
            if place in self._exact:
                return place
        for text in dict.fromkeys((name, urllib.parse.unquote(name))):
            plain = text.replace("\\", "/").removeprefix("file://").lstrip("/")
            for place in (folder + plain, plain):
                place = posixpath.normpath(place)
                if place in self._exact:
                    return place
        loose = self._loose_names()
        for text in dict.fromkeys((name, urllib.parse.unquote(name))):
            plain = posixpath.normpath(text.replace("\\", "/").lstrip("/"))
            parts = plain.split("/")
            for place in (posixpath.normpath(folder + plain), plain):
                if found := loose.get(_folded(place)):
                    return found
            for start in range(1, len(parts)):
                if found := loose.get(_folded("/".join(parts[start:]))):
                    return found
        return None

    def _loose_names(self) -> dict[str, str | None]:
        """Files by their whole place, the last part of it, and both without the ending; None for
        what several files share."""
        if self._loose is None:
            loose: dict[str, str | None] = {}
            for file in self._files:
                place = _folded(file)
                stem = place.rpartition(".")[0]
                base, base_stem = place.rpartition("/")[2], stem.rpartition("/")[2]
                for key in {place, stem, base, base_stem} - {""}:
                    loose[key] = None if key in loose else file
            for file in self._files:  # a whole place is meant before another file's part
                loose[_folded(file)] = file
            self._loose = loose
        return self._loose


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
