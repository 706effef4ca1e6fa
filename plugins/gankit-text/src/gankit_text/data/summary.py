"""What was read, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from gankit_text.data.items import Text
from gankit_text.settings import TextSettings

MOST_CLASSES_SHOWN = 20
MANY_REPEATED = 0.1
"""The share of repeated texts that is doubted."""
RARE = 8
"""Texts of a class below which a generator cannot learn it."""
MANY_LONG = 0.1
"""The share of texts that are left out as too long that is doubted."""


def description(items: Sequence[Text], name: str, before: int) -> str:
    """One line: count, source, classes."""
    parts = [f"{len(items):,} texts of {name}"]
    if before > len(items):
        parts[0] += f", drawn of {before:,}"
    if labels := {item.label for item in items} - {None}:
        parts.append(f"{len(labels):,} classes" if len(labels) > 1 else "1 class")
    if items and items[0].pair is not None:
        parts.append("in pairs")
    return ", ".join(parts)


def facts_of(items: Sequence[Text], too_long: int, most: int) -> dict[str, str]:
    """What the texts are like, and what was left out."""
    words = sorted(len(item.text.split()) for item in items)
    lines = sum("\n" in item.text for item in items)
    facts = {"words": f"{words[0]} to {words[-1]} a text, {words[len(words) // 2]} in the middle"}
    if lines:
        facts["several lines"] = f"{lines:,} of {len(items):,} texts"
    facts["normalization"] = "Unicode NFC; nothing else is altered"
    if repeated := len(items) - len({(item.text, item.pair) for item in items}):
        facts["repeated"] = f"{repeated:,} texts are equal to an earlier one, and kept"
    if too_long:
        facts["too long"] = f"{too_long:,} of more than {most} tokens left out (max_tokens)"
    return facts


def table_of(labels: Sequence[str | None]) -> list[Mapping[str, str]]:
    """The classes with counts, the most frequent first."""
    counts = Counter(label for label in labels if label is not None)
    rows: list[Mapping[str, str]] = [
        {"label": name, "texts": f"{n:,}"} for name, n in counts.most_common(MOST_CLASSES_SHOWN)
    ]
    if (more := len(counts) - len(rows)) > 0:
        rest = counts.total() - sum(n for _, n in counts.most_common(MOST_CLASSES_SHOWN))
        rows.append({"label": f"{more:,} more", "texts": f"{rest:,}"})
    return rows


def warnings_of(
    items: Sequence[Text], too_long: int, longest: int, settings: TextSettings
) -> list[str]:
    """Doubts, with what to do."""
    found = []
    if too_long > MANY_LONG * (too_long + len(items)):
        found.append(
            f"{too_long:,} of {too_long + len(items):,} texts are longer than "
            f"max_tokens={settings.max_tokens} and left out, the longest of at "
            f"least {longest:,} tokens: set max_tokens higher (slower), or unit=line"
        )
    repeated = len(items) - len({(item.text, item.pair) for item in items})
    if repeated > MANY_REPEATED * len(items):
        found.append(
            f"{repeated:,} of {len(items):,} texts repeat an earlier one: the generator will "
            "repeat them too; remove duplicates if that is not meant"
        )
    counts = Counter(item.label for item in items if item.label is not None)
    if rare := [n for n in counts.values() if n < RARE]:
        found.append(
            f"{len(rare):,} of {len(counts):,} classes have fewer than {RARE} texts: too few to "
            "learn; add texts, merge classes, or set label=none"
        )
    return found
