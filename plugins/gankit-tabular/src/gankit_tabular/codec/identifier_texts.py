"""Templates of identifiers of no known kind: by runs of digits and letters, or by characters.

Parts that many rows share (prefixes, years, country codes) are kept; all else is drawn.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from gankit_tabular.codec.columns import RARE
from gankit_tabular.codec.identifier_dates import dates_in, leading_date
from gankit_tabular.codec.identifiers import pattern
from gankit_tabular.codec.templates import Field, Template

SHARED = 20
"""A part is kept if its different values have so many rows each, on average."""
OFTEN = 3
"""A part's value in fewer rows is not kept."""
FEW = 12
"""More different forms than this are described by length and characters alone."""
ENOUGH = 50
"""Texts from which a position's characters are learned."""
LONGEST = 120
"""Characters of a text that are described."""
LOWER, UPPER, DIGITS = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
HEX = "0123456789abcdef"


def text_templates(texts: Sequence[str]) -> list[Template]:
    """Templates of texts of no known kind: by runs of digits and letters, or by characters."""
    counts = Counter(run for text in texts for run in {*_split(text)})
    frequent = {run for run, n in counts.items() if n >= min(RARE, len(texts))}
    by_length, by_run = grouped(texts, _runs_with_lengths), grouped(texts, _runs)
    if len(by_run) == 1 and _grow(texts):
        by_length = by_run
    lengths, separators = grouped(texts, len), grouped(texts, _separators)
    for groups in (by_length, by_run):
        if len(groups) > 1 and groups is by_run and len(lengths) == len(separators) == 1:
            break  # letters and digits in any order, of one length
        if len(groups) <= FEW:
            return [Template(_by_runs(g, len(texts), frequent), share=len(g) / len(texts))
                    for _, g in groups]  # fmt: skip
    if len(lengths) <= FEW and max(map(len, texts)) <= LONGEST and not _is_prose(texts):
        return [Template(_by_characters(g), share=len(g) / len(texts)) for _, g in lengths]
    some = Counter(pattern(text) for text in texts[:1000])
    return [Template(_by_pattern(p), share=count) for p, count in some.most_common(50)]


def _grow(texts: Sequence[str]) -> bool:
    """Whether runs of digits have as many digits as their numbers, and are no phone numbers."""
    return not any(text.startswith("+") or re.search(r"(?<![0-9])0[0-9]", text) for text in texts)


def _separators(text: str) -> str:
    return re.sub(r"[0-9A-Za-z]", "a", text)


def _runs(text: str) -> tuple[str, ...]:
    """Its runs of digits (9), letters (a) and other characters."""
    return tuple("9" if r[0] in DIGITS else "a" if r[0] in LOWER + UPPER else r
                 for r in _split(text))  # fmt: skip


def _runs_with_lengths(text: str) -> tuple[str, ...]:
    return tuple("9" * len(r) if r[0] in DIGITS else "a" * len(r) if r[0] in LOWER + UPPER else r
                 for r in _split(text))  # fmt: skip


def _split(text: str) -> list[str]:
    return re.findall(r"[0-9]+|[A-Za-z]+|[^0-9A-Za-z]+", text)


def _by_runs(group: Sequence[str], total: int, frequent: Collection[str]) -> list[Field]:
    """Fields of texts with the same runs.

    Args:
        total: texts of the column.
        frequent: runs of so many of them that they name nobody.
    """
    fields: list[Field] = []
    columns = list(zip(*map(_split, group), strict=True))
    octets = _are_octets(columns)
    dates = {} if octets else dates_in(columns)
    within = {i + k for i, (n, _) in dates.items() for k in range(1, n)}
    for i, column in enumerate(columns):
        if i in dates:
            fields.append(dates[i][1])
        if i in dates or i in within:
            continue
        first = column[0]
        last = i == len(columns) - 1
        alone = len(set(column)) == 1
        many = len(group) >= min(SHARED, total)
        if alone and (many if first[0] in DIGITS else first in frequent or not _has_word(first)):
            fields.append(["text", first])
        elif first[0] in DIGITS and (dated := _dated(column)):
            fields += dated
        elif (kept := shared_parts(column)) and not (last and first[0] in DIGITS and len(kept) > 9):
            fields.append(["one", kept])
        elif first[0] in DIGITS:
            fields += digit_fields(column, 255 if octets else None)
        else:
            fields += _letters(column)
    return fields


def _are_octets(columns: Sequence[Sequence[str]]) -> bool:
    """Whether runs are those of IPv4 addresses."""
    if len(columns) < 7 or any(set(c) != {"."} for c in columns[1:7:2]):
        return False
    return all(c.isdecimal() and int(c) <= 255 for part in columns[0:7:2] for c in part)


def _dated(column: Sequence[str]) -> list[Field]:
    """Fields of a run of digits with a date in it; none if there is none."""
    numbers = {*map(int, column)}
    counted = len(numbers) > 0.9 * len(column) and _is_dense(numbers)
    if len({*map(len, column)}) > 1 or not (found := leading_date(column, counted)):
        return []
    start, end, date = found
    before = digit_fields([c[:start] for c in column]) if start else []
    return [*before, date, *(digit_fields([c[end:] for c in column]) if column[0][end:] else [])]


def _is_dense(numbers: set[int]) -> bool:
    return 2 * len(numbers) > max(numbers) - min(numbers)


def digit_fields(column: Sequence[str], most: int | None = None) -> list[Field]:
    """Fields of a run of digits: leading ones that many rows share, then any."""
    widths = {*map(len, column)}
    numbers = {*map(int, column)}
    counted = len(numbers) > 0.9 * len(column) and _is_dense(numbers)
    if most is not None or len(widths) > 1:
        digits = max(widths) + 2 * counted
        if any(len(c) > 1 and c[0] == "0" for c in column):
            return [["digits", max(widths), 0, 10 ** max(widths) - 1]]
        if not counted and len(column) >= ENOUGH:  # degrees, house numbers: within their range
            most = most or max(numbers)
        return [["digits", 0, least_number(column), most or 10**digits - 1]]
    width = widths.pop()
    if not counted:
        for lead in (4, 3, 2, 1):
            kept = shared_parts([c[:lead] for c in column]) if width - lead >= 2 else []
            if kept and 2 * len(kept) < 10**lead:
                return [["one", kept], *digit_fields([c[lead:] for c in column])]
        starts = sorted({c[0] for c in column})
        if len(column) >= ENOUGH and len(starts) < 10 and width > 1:
            return [["one", starts], ["chars", [DIGITS] * (width - 1)]]
    first = 0 if any(c[0] == "0" for c in column) else 10 ** (width - 1)
    first = max(first, int(0 not in numbers and len(column) >= ENOUGH))
    return [["digits", width, first, 10**width - 1]]


def least_number(column: Sequence[str]) -> int:
    """The least number of as many digits as the shortest one."""
    return int(min(10 ** (min(map(len, column)) - 1), min(map(int, column))))


def _letters(column: Sequence[str]) -> list[Field]:
    """Letters at each position, in the column's case."""
    lengths = {*map(len, column)}
    usual = sorted(map(len, column))[len(column) // 2] if len(lengths) > 1 else lengths.pop()
    alphabets = []
    for i in range(usual):
        seen = {c[i] for c in column if len(c) > i}
        if len(column) >= SHARED * len(seen):  # all that may occur here
            alphabets.append("".join(sorted(seen)))
            continue
        alphabets.append("".join(sorted(_alphabet(seen))))
    return [["chars", alphabets]]


def _by_characters(group: Sequence[str]) -> list[Field]:
    """Fields of texts of one length: the characters that occur, by position."""
    positions = [Counter(column) for column in zip(*group, strict=True)]
    known = {c for seen in positions if len(seen) > 1 for c in seen}
    fields: list[Field] = []
    for counts in positions:
        seen = {*counts}
        if len(seen) == 1 and (len(group) >= RARE or not _has_word(*seen)):
            fields.append(["text", *seen])
            continue
        if len(group) >= SHARED * len(seen):  # all that may occur here
            fields.append(["chars", ["".join(sorted(seen))]])
            continue
        alphabet = _alphabet(seen)
        if len(group) >= 4 * ENOUGH:  # without letters that the code avoids, such as O and I
            alphabet &= known
        fields.append(["chars", ["".join(sorted(alphabet | (seen if len(seen) > 1 else set())))]])
    return fields


def _by_pattern(text: str) -> list[Field]:
    alphabets = {"9": DIGITS, "a": LOWER, "A": UPPER}
    return [["chars", [alphabets[c]]] if c in alphabets else ["text", c] for c in text]


def _is_prose(texts: Sequence[str]) -> bool:
    return sum(text.count(" ") >= 3 for text in texts) > len(texts) / 2


def _has_word(text: str) -> bool:
    return any(c.isalnum() for c in text)


def _alphabet(seen: Collection[str]) -> set[str]:
    """The kinds of characters that were seen, and signs among them; letters that have no case, as
    Chinese ones, become small ones.
    """
    kinds = ((DIGITS, str.isdigit), (UPPER, str.isupper), (LOWER, str.isalpha))
    found = set[str]()
    for c in seen:
        found |= next(({*kind} for kind, is_kind in kinds if is_kind(c)), {c})
    return found


# --- Helpers ------------------------------------------------------------------------------------


Key = TypeVar("Key")


def grouped(texts: Sequence[str], key: Callable[[str], Key]) -> list[tuple[Key, list[str]]]:
    """The texts by key, the most frequent first."""
    groups: dict[Key, list[str]] = {}
    for text in texts:
        groups.setdefault(key(text), []).append(text)
    return sorted(groups.items(), key=lambda pair: -len(pair[1]))


def shared_parts(column: Sequence[str]) -> list[str]:
    """The values of a part that many rows share; none if they do not."""
    counts = Counter(column)
    if SHARED * len(counts) > len(column):
        return []
    return sorted(value for value, n in counts.items() if n >= OFTEN)
