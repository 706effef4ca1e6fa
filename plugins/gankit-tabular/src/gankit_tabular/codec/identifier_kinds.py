"""Which identifiers a column has: from its texts to templates of new ones.

Parts that many rows share (prefixes, years, country codes, domains) are kept; all else is drawn.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from gankit_tabular.codec.identifiers import pattern
from gankit_tabular.codec.templates import Field, Identifiers, Template, unwritten, valid, with_room

SHARED = 20
"""A part is kept if its different values have so many rows each, on average."""
OFTEN = 3
"""A part's value in fewer rows is not kept."""
FEW = 12
"""More different forms than this are described by length and characters alone."""
ENOUGH = 50
"""Texts from which a position's characters are learned."""
DOMAIN_ROWS = 5
"""An e-mail or web domain in fewer rows, or in less than half a percent, may name a person."""
DOMAINS = 20
MOST = 20_000
"""Texts from which forms are learned; all are avoided."""
LONGEST = 120
"""Characters of a text that are described."""
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
MAC = re.compile(r"[0-9a-f]{2}([:-][0-9a-f]{2}){5}", re.IGNORECASE)
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
WEB = re.compile(r"(?:https?|ftp)://[^\s/]+(?:/\S*)?", re.IGNORECASE)
LOWER, UPPER, DIGITS = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
HEX = "0123456789abcdef"


def identifiers(name: str, texts: Sequence[str]) -> Identifiers:
    """The space of new identifiers for a column.

    Args:
        texts: all of the column's, without missing ones.
    """
    some = texts[:: -(-len(texts) // MOST)]
    found = next((made for kind in KINDS if (made := kind(some))), []) or _texts(some)
    return Identifiers(name, templates=with_room(found, texts))


def integers(name: str, values: Sequence[int], most: int) -> Identifiers:
    """The space of new integers for a column of keys: those after the last, if the data counts up;
    else of as many digits.

    Args:
        most: the greatest integer of the column's type.
    """
    low, high = min(values), max(values)
    if low < 0 or 2 * len(set(values)) > high - low:
        after = Template([["digits", 0, min(high + 1, most), most]], counts=True)
        return Identifiers(name, templates=[after], integer=True)
    texts = [*map(str, values)]
    if len({*map(len, texts)}) == 1:
        template = Template(_digits(texts))
    else:
        template = Template([["digits", 0, _least(texts), 10 ** len(str(high)) - 1]])
    if int(template.value(template.full - 1)) > most:
        template = Template([["digits", 0, _least(texts), most]])
    return Identifiers(name, templates=with_room([template], texts), integer=True)


# --- Known kinds --------------------------------------------------------------------------------


def _hexadecimal(texts: Sequence[str]) -> list[Template]:
    """UUIDs, MAC addresses, hashes and other keys in hexadecimal, of the same length."""
    for known in (UUID, MAC):
        if all(map(known.fullmatch, texts)):
            return _by_length(texts, exact=known is UUID)
    prefix = _common_prefix(texts, r"[0-9a-fA-F]*")
    rest = [text[len(prefix) :] for text in texts]
    if len({*map(len, rest)}) > FEW or min(map(len, rest)) < 6:
        return []
    for digits in (r"[0-9a-f]+", r"[0-9A-F]+"):
        if all(re.fullmatch(digits, text) for text in rest):
            mixed = sum(not text.isdecimal() and not text.isalpha() for text in rest)
            return _by_length(texts, prefix) if 2 * mixed > len(rest) else []
    return []


def _by_length(texts: Sequence[str], prefix: str = "", exact: bool = True) -> list[Template]:
    """Hexadecimal digits at each position of texts of one length."""
    made = []
    for length, group in _grouped(texts, len):
        upper = any(c in "ABCDEF" for text in group for c in text[len(prefix) :])
        fields: list[Field] = [["text", prefix]] if prefix else []
        for i in range(len(prefix), length):
            seen = sorted({text[i] for text in group})
            if seen[0] not in HEX + HEX.upper():
                fields.append(["text", seen[0]])
                continue
            some = len(seen) <= (4 if exact else 8) and len(group) >= ENOUGH  # version, variant
            fields.append(["chars", ["".join(seen) if some else HEX.upper() if upper else HEX]])
        made.append(Template(fields, share=len(group) / len(texts)))
    return made


def _addresses(texts: Sequence[str]) -> list[Template]:
    """IPv6 addresses; those of IPv4 are numbers between points."""
    try:
        full = [ipaddress.IPv6Address(text).exploded for text in texts]
    except ValueError:
        return []
    if any(str(ipaddress.IPv6Address(text)) != text.lower() for text in texts):
        return []
    parts = list(zip(*(text.split(":") for text in full), strict=True))
    fields: list[Field] = []
    for i, part in enumerate(parts):
        fields += [["text", ":"]] if i else []
        kept = _shared(part)
        fields.append(["one", kept] if kept else ["chars", [HEX] * 4])
    return [Template(fields, "ipv6")]


def _email(texts: Sequence[str]) -> list[Template]:
    if not all(map(EMAIL.fullmatch, texts)):
        return []
    domains = Counter(text.rpartition("@")[2] for text in texts)
    dotted = 2 * sum("." in text.partition("@")[0] for text in texts) > len(texts)
    local: list[Field] = [["chars", [LOWER] * 8], ["digits", 2, 0, 99]]
    if dotted:
        local = [["chars", [LOWER] * 5], ["text", "."], ["chars", [LOWER] * 8]]
    kept = _shared_domains(domains, ("example.com", "example.org"))
    return [Template([*local, ["text", f"@{d}"]], share=share) for d, share in kept]


def _web(texts: Sequence[str]) -> list[Template]:
    if not all(map(WEB.fullmatch, texts)):
        return []
    split = [urlsplit(text) for text in texts]
    hosts = Counter(f"{parts.scheme}://{parts.netloc}" for parts in split)
    kept = _shared_domains(hosts, (f"{split[0].scheme}://www.example.com",))
    paths = [text[len(f"{parts.scheme}://{parts.netloc}") :] for text, parts in
             zip(texts, split, strict=True)]  # fmt: skip
    ends = _texts(paths)
    return [
        Template([["text", host], *end.fields], share=share * end.share)
        for host, share in kept
        for end in ends
    ]


def _shared_domains(counts: Counter[str], others: Sequence[str]) -> list[tuple[str, float]]:
    """Domains that many rows share, and examples for all others, with their shares."""
    total = sum(counts.values())
    least = max(DOMAIN_ROWS, total / 200)
    kept = [(d, n / total) for d, n in counts.most_common(DOMAINS) if n >= least]
    rest = 1 - sum(share for _, share in kept)
    if rest > 1e-9:
        kept += [(d, rest / len(others)) for d in others]
    return kept


def _checked(texts: Sequence[str]) -> list[Template]:
    """Numbers with check digits: cards and the like, articles, bank accounts."""
    if len(texts) < SHARED:
        return []
    if all(valid("iban", text) for text in texts):
        bare = [unwritten("iban", text) or "" for text in texts]
        return [_with_form(t, "iban") for t in _texts(bare)]
    if not all(sum(map(str.isdecimal, text)) >= 8 for text in texts):
        return []
    for form in ("luhn", "ean"):
        if all(valid(form, text) for text in texts):
            return [_with_form(t, form) for t in _texts([text[:-1] for text in texts])]
    return []


def _with_form(template: Template, form: str) -> Template:
    template.form = form
    return template


KINDS: tuple[Callable[[Sequence[str]], list[Template]], ...] = (
    _hexadecimal, _addresses, _email, _web, _checked,
)  # fmt: skip


# --- Any texts ----------------------------------------------------------------------------------


def _texts(texts: Sequence[str]) -> list[Template]:
    """Templates of texts of no known kind: by runs of digits and letters, or by characters."""
    by_length, by_run = _grouped(texts, _runs_with_lengths), _grouped(texts, _runs)
    if len(by_run) == 1 and _grow(texts):
        by_length = by_run
    for groups in (by_length, by_run):
        if len(groups) <= FEW:
            return [Template(_by_runs(g, len(texts)), share=len(g) / len(texts))
                    for _, g in groups]  # fmt: skip
    lengths = _grouped(texts, len)
    if len(lengths) <= FEW and max(map(len, texts)) <= LONGEST and not _is_prose(texts):
        return [Template(_by_characters(g), share=len(g) / len(texts)) for _, g in lengths]
    some = Counter(pattern(text) for text in texts[:1000])
    return [Template(_by_pattern(p), share=count) for p, count in some.most_common(50)]


def _grow(texts: Sequence[str]) -> bool:
    """Whether runs of digits have as many digits as their numbers, and are no phone numbers."""
    return not any(text.startswith("+") or re.search(r"(?<![0-9])0[0-9]", text) for text in texts)


def _runs(text: str) -> tuple[str, ...]:
    """Its runs of digits (9), letters (a) and other characters."""
    return tuple("9" if r[0] in DIGITS else "a" if r[0] in LOWER + UPPER else r
                 for r in _split(text))  # fmt: skip


def _runs_with_lengths(text: str) -> tuple[str, ...]:
    return tuple("9" * len(r) if r[0] in DIGITS else "a" * len(r) if r[0] in LOWER + UPPER else r
                 for r in _split(text))  # fmt: skip


def _split(text: str) -> list[str]:
    return re.findall(r"[0-9]+|[A-Za-z]+|[^0-9A-Za-z]+", text)


def _by_runs(group: Sequence[str], total: int) -> list[Field]:
    """Fields of texts with the same runs.

    Args:
        total: texts of the column.
    """
    fields: list[Field] = []
    columns = list(zip(*map(_split, group), strict=True))
    octets = _are_octets(columns)
    for i, column in enumerate(columns):
        first = column[0]
        last = i == len(columns) - 1
        alone = len(set(column)) == 1
        if alone and (first[0] not in DIGITS or len(group) >= min(SHARED, total)):
            fields.append(["text", first])
        elif (kept := _shared(column)) and not (last and first[0] in DIGITS and len(kept) > 9):
            fields.append(["one", kept])
        elif first[0] in DIGITS:
            fields += _digits(column, 255 if octets else None)
        else:
            fields += _letters(column)
    return fields


def _are_octets(columns: Sequence[Sequence[str]]) -> bool:
    """Whether runs are those of IPv4 addresses."""
    if len(columns) < 7 or any(set(c) != {"."} for c in columns[1:7:2]):
        return False
    return all(c.isdecimal() and int(c) <= 255 for part in columns[0:7:2] for c in part)


def _digits(column: Sequence[str], most: int | None = None) -> list[Field]:
    """Fields of a run of digits: leading ones that many rows share, then any."""
    widths = {*map(len, column)}
    numbers = [*map(int, column)]
    distinct = len(set(numbers))
    counted = distinct > 0.9 * len(column) and 2 * distinct > max(numbers) - min(numbers)
    if most is not None or len(widths) > 1:
        digits = max(widths) + 2 * counted
        if any(len(c) > 1 and c[0] == "0" for c in column):
            return [["digits", max(widths), 0, 10 ** max(widths) - 1]]
        return [["digits", 0, _least(column), most or 10**digits - 1]]
    width = widths.pop()
    if not counted:
        for lead in (4, 3, 2, 1):
            kept = _shared([c[:lead] for c in column]) if width - lead >= 2 else []
            if kept and 2 * len(kept) < 10**lead:
                return [["one", kept], *_digits([c[lead:] for c in column])]
        starts = sorted({c[0] for c in column})
        if len(column) >= ENOUGH and len(starts) < 10 and width > 1:
            return [["one", starts], ["chars", [DIGITS] * (width - 1)]]
    first = 0 if any(c[0] == "0" for c in column) else 10 ** (width - 1)
    return [["digits", width, first, 10**width - 1]]


def _least(column: Sequence[str]) -> int:
    """The least number of as many digits as the shortest one."""
    return int(min(10 ** (min(map(len, column)) - 1), min(map(int, column))))


def _letters(column: Sequence[str]) -> list[Field]:
    """Letters at each position, in the column's case."""
    lengths = {*map(len, column)}
    usual = sorted(map(len, column))[len(column) // 2] if len(lengths) > 1 else lengths.pop()
    alphabets = []
    for i in range(usual):
        seen = {c[i] for c in column if len(c) > i}
        alphabets.append((LOWER if seen & {*LOWER} else "") + (UPPER if seen & {*UPPER} else ""))
    return [["chars", alphabets]]


def _by_characters(group: Sequence[str]) -> list[Field]:
    """Fields of texts of one length: the characters that occur, by position."""
    known = {c for text in group for c in text}
    fields: list[Field] = []
    for i in range(len(group[0])):
        seen = {text[i] for text in group}
        if len(seen) == 1:
            fields.append(["text", *seen])
            continue
        alphabet = {c for kind in (DIGITS, LOWER, UPPER) if seen & {*kind} for c in kind}
        if len(group) >= 4 * ENOUGH:  # without letters that the code avoids, such as O and I
            alphabet &= known
        fields.append(["chars", ["".join(sorted(alphabet | seen))]])
    return fields


def _by_pattern(text: str) -> list[Field]:
    alphabets = {"9": DIGITS, "a": LOWER, "A": UPPER}
    return [["chars", [alphabets[c]]] if c in alphabets else ["text", c] for c in text]


def _is_prose(texts: Sequence[str]) -> bool:
    return sum(text.count(" ") >= 3 for text in texts) > len(texts) / 2


# --- Helpers ------------------------------------------------------------------------------------


Key = TypeVar("Key")


def _grouped(texts: Sequence[str], key: Callable[[str], Key]) -> list[tuple[Key, list[str]]]:
    """The texts by key, the most frequent first."""
    groups: dict[Key, list[str]] = {}
    for text in texts:
        groups.setdefault(key(text), []).append(text)
    return sorted(groups.items(), key=lambda pair: -len(pair[1]))


def _shared(column: Sequence[str]) -> list[str]:
    """The values of a part that many rows share; none if they do not."""
    counts = Counter(column)
    if SHARED * len(counts) > len(column):
        return []
    return sorted(value for value, n in counts.items() if n >= OFTEN)


def _common_prefix(texts: Sequence[str], payload: str) -> str:
    """What all texts begin with, up to where the part that differs may begin."""
    first, last = min(texts), max(texts)
    same = 0
    while same < min(len(first), len(last)) and first[same] == last[same]:
        same += 1
    prefix = first[:same]
    match = re.search(rf"{payload}$", prefix)
    return prefix[: match.start()] if match else prefix
