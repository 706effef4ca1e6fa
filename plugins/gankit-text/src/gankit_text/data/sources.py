"""Reading: files and objects become a data set of texts, or an error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gankit.contract import Dataset, Issue, Progress
from gankit.errors import GankitError
from gankit.kit.folders import fingerprint, printable
from gankit_text.data.files import Found, from_source
from gankit_text.data.items import Text
from gankit_text.data.summary import description, facts_of, table_of, warnings_of
from gankit_text.settings import TextSettings

CHARACTERS = 32
"""Characters that no token has more of, on average."""
FEWEST = 8
"""Fewest texts of a data set."""


@dataclass(frozen=True)
class Kept:
    """Items that are used, and those that are not."""

    items: list[Text]
    issues: list[Issue]
    too_long: int = 0
    longest: int = 0
    """Tokens of the longest one that was left out."""
    facts: dict[str, str] = field(default_factory=dict)


def read(source: object | None, settings: TextSettings, progress: Progress) -> Dataset[Text]:
    """The texts of a path or of an object in memory; None is the built-in definitions.

    Paths: a file of text or a table, compressed or not; a folder or an archive of such. In memory:
    see :func:`gankit_text.data.memory.rows_of`.

    Raises:
        GankitError: nothing usable there, or fewer than ``FEWEST`` texts; with ``settings.strict``,
            one entry that cannot be used.
    """
    found = from_source(source, settings, progress)
    kept = _short_enough(found, settings)
    if settings.strict and kept.issues:
        first = kept.issues[0]
        raise GankitError(
            f"{found.where}, {first.location}: {first.reason}",
            "Fix or remove it, or set strict=false to skip such entries",
        )
    items = _drawn(kept.items, settings.limit)
    if len(items) < (1 if found.generated else FEWEST):
        raise _too_few(found, kept, len(items), settings)
    labels = [item.label for item in items]
    doubts = [] if found.generated else warnings_of(items, kept.too_long, kept.longest, settings)
    return Dataset(
        items,
        fingerprint=fingerprint(map(_line, items)),
        description=description(items, found.name, len(kept.items)),
        licence=found.licence,
        issues=[*found.notes, *kept.issues],
        facts={**found.facts, **facts_of(items, kept.too_long, settings.max_tokens)},
        table=table_of(labels),
        warnings=[*found.warnings, *doubts],
        strata=labels if any(label is not None for label in labels) else None,
    )


def read_items(source: object, settings: TextSettings) -> Dataset[Text]:
    """Single items, in their order, whatever their length.

    Raises:
        GankitError: nothing usable there, or an entry that cannot be used.
    """
    found = from_source(source, settings, lambda what, done, total: None)
    if found.issues:
        raise GankitError(f"{found.where}, {found.issues[0].location}: {found.issues[0].reason}")
    if not found.items:
        raise GankitError(f"{found.where}: no text there", "Give a text file or a list of texts")
    return Dataset(found.items, fingerprint=fingerprint(map(_line, found.items)))


def _line(item: Text) -> str:
    return json.dumps([item.text, item.label, dict(item.values), item.pair], ensure_ascii=False)


def _short_enough(found: Found, settings: TextSettings) -> Kept:
    """The items of no more than ``max_tokens`` tokens, by the tokens of all items together."""
    issues = list(found.issues)
    if found.generated or not found.items:
        return Kept(found.items, issues)
    from gankit_text.codec.sequences import lengths_of, tokenizer_for

    # A book in one line is too long by its characters: it need not teach the tokenizer.
    characters = np.array([len(item.text) + len(item.pair or "") for item in found.items])
    lengths = -(-characters // CHARACTERS)
    short = [i for i in range(len(characters)) if lengths[i] <= settings.max_tokens]
    if short:
        items = [found.items[i] for i in short]
        lengths[short] = lengths_of(items, tokenizer_for(items, settings))
    long = np.flatnonzero(lengths > settings.max_tokens)
    for i in long.tolist():
        reason = f"longer than max_tokens={settings.max_tokens}"
        issues.append(Issue(printable(found.places[i]), reason))
    items = [item for item, length in zip(found.items, lengths, strict=True)
             if length <= settings.max_tokens]  # fmt: skip
    return Kept(items, issues, len(long), int(lengths[long].max(initial=0)))


def _drawn(items: list[Text], limit: int) -> list[Text]:
    """Items in their order, drawn at random where there are more than ``limit``."""
    if not limit or len(items) <= limit:
        return items
    chosen = np.random.default_rng(0).permutation(len(items))[:limit]
    return [items[i] for i in sorted(chosen.tolist())]


def _too_few(found: Found, kept: Kept, count: int, settings: TextSettings) -> GankitError:
    hint = f"At least {FEWEST} are needed"
    many = f"{count:,} usable text{'' if count == 1 else 's'}"
    if kept.too_long and kept.too_long >= len(kept.issues) / 2:
        unit = "" if found.unit in ("", "line") else ", or unit=line for items of one line"
        return GankitError(
            f"{found.where}: {many}; {kept.too_long:,} longer than max_tokens="
            f"{settings.max_tokens}, the longest of at least {kept.longest:,} tokens",
            f"Set max_tokens={min(kept.longest, 4096)} for longer items (slower){unit}. {hint}",
        )
    why = f"; the first problem: {_first(kept.issues)}" if kept.issues else ""
    if not count and not kept.issues:
        return GankitError(f"{found.where}: no text there", hint)
    return GankitError(f"{found.where}: only {many}{why}", hint)


def _first(issues: Sequence[Issue]) -> str:
    return f"{issues[0].location}: {issues[0].reason}"
