"""How to read a source, and what was found."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from gankit.contract import Issue
from gankit_tabular.settings import TabularSettings

FEWEST = 20
"""Fewer rows, or trees of rows, than this are refused."""


@dataclass(frozen=True)
class ReadOptions:
    """How to read a source; empty where it is to be detected."""

    delimiter: str = ""
    encoding: str = ""
    query: str = ""
    sheet: str = ""
    na_values: tuple[str, ...] = ()
    keep_default_na: bool = True
    drop: tuple[str, ...] = ()
    split: str = "train"
    """Of a folder or a workbook with several; ``all`` reads them together."""
    memory: float = math.inf
    """Bytes of a table that are kept in memory; a larger one goes to a temporary file."""

    @property
    def marks(self) -> tuple[str, ...]:
        """Texts that stand for a missing value in text files."""
        default = MISSING if self.keep_default_na else ("",)
        return tuple(dict.fromkeys((*default, *self.na_values)))


def read_options(settings: TabularSettings) -> ReadOptions:
    """How the settings say that a source is read."""
    return ReadOptions(
        settings.delimiter,
        settings.encoding,
        settings.query,
        settings.sheet,
        settings.na_values,
        settings.keep_default_na,
        settings.drop,
        settings.split,
        settings.memory * 2**30,
    )


MISSING = (
    "", "NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "NaN", "nan", "-nan", "-NaN", "NaT", "null",
    "NULL", "None", "?", "\\N",
)  # fmt: skip
"""Texts that stand for a missing value by default."""


@dataclass
class Findings:
    """What a source was taken for."""

    facts: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    dropped: set[str] = field(default_factory=set)
    """Columns that were left out because the user said so."""

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)
