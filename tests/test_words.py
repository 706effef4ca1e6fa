"""What people read is plain, current English with the field's terms."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

REPLACEMENTS = {
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\bforetells?\b": "predict",
    r"\bfor ever\b": "forever, or reproducible",
    r"\boff manifold\b": "outlier",
    r"\blearnt\b": "learned",
    r"\bfound out\b": "detected",
    r"\bpassed over\b": "skipped, or ignored",
    r"\bwritten again\b.*\binvalid\b": "resampled",
    r"says? of itself": "metadata",
    r"\bwhat it is worth\b": "benchmark downstream performance",
}
"""Phrases to avoid, as regular expressions, with what to write instead."""

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
CODE = [*(ROOT / "src").rglob("*.py"), *ROOT.glob("plugins/*/src/**/*.py")]
OLD_NAMES = {"migrate-a-plugin.md"}
"""Pages that quote former names."""


@functools.cache
def texts(file: Path) -> tuple[str, ...]:
    """A page's lines, or the strings of a module."""
    content = file.read_text(encoding="utf-8")
    if file.suffix != ".py":
        return tuple(content.splitlines())
    nodes = ast.walk(ast.parse(content))
    values = (n.value for n in nodes if isinstance(n, ast.Constant))
    return tuple(value for value in values if isinstance(value, str))


@pytest.mark.parametrize("phrase", REPLACEMENTS)
def test_phrases_have_plain_replacements(phrase: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}: {line.strip()[:90]!r}"
        for file in [*PAGES, *CODE]
        if not {"adr", "_build", "generated"} & set(file.parts) and file.name not in OLD_NAMES
        for line in texts(file)
        if re.search(phrase, line, re.IGNORECASE)
    ]
    assert not found, f"write {REPLACEMENTS[phrase]!r}: " + "\n".join(found)
