"""Which identifiers a column has: from its texts to templates of new ones.

Parts that many rows share (prefixes, years, country codes, domains) are kept; all else is drawn.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from gankit_tabular.codec.check_digits import APPENDED, unwritten, valid
from gankit_tabular.codec.identifier_texts import (
    ENOUGH,
    FEW,
    HEX,
    LOWER,
    SHARED,
    digit_fields,
    grouped,
    least_number,
    shared_parts,
    text_templates,
)
from gankit_tabular.codec.templates import Field, Identifiers, Template, with_room

DOMAIN_ROWS = 5
"""An e-mail or web domain in fewer rows, or in less than half a percent, may name a person."""
DOMAINS = 20
MOST = 20_000
"""Texts from which forms are learned; all are avoided."""
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
MAC = re.compile(r"[0-9a-f]{2}([:-][0-9a-f]{2}){5}", re.IGNORECASE)
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
WEB = re.compile(r"(?:https?|ftp)://[^\s/]+(?:/\S*)?", re.IGNORECASE)


def identifiers(name: str, texts: Sequence[str]) -> Identifiers:
    """The space of new identifiers for a column.

    Args:
        texts: all of the column's, without missing ones.
    """
    some = texts[:: -(-len(texts) // MOST)]
    return Identifiers(name, templates=with_room(_templates(some), texts))


def _templates(texts: Sequence[str]) -> list[Template]:
    """Of one known kind, of several, or of none."""
    found = next((made for kind in KINDS if (made := kind(texts))), [])
    kinds = [] if found else grouped(texts, _kind_of)
    if len(kinds) < 2:
        return found or text_templates(texts)
    for kind, group in kinds:
        some = _templates(group) if kind else text_templates(group)
        for template in some:
            template.share *= len(group) / len(texts)
        found += some
    return found


def _kind_of(text: str) -> str:
    """The known kind of a single text; empty for none."""
    if EMAIL.fullmatch(text):
        return "email"
    if WEB.fullmatch(text):
        return "web"
    if UUID.fullmatch(text):
        return "uuid"
    if MAC.fullmatch(text):
        return "mac"
    try:
        return f"ipv{ipaddress.ip_address(text).version}"
    except ValueError:
        return ""


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
        template = Template(digit_fields(texts))
    else:
        template = Template([["digits", 0, least_number(texts), 10 ** len(str(high)) - 1]])
    if int(template.value(template.full - 1)) > most:
        template = Template([["digits", 0, least_number(texts), most]])
    return Identifiers(name, templates=with_room([template], texts), integer=True)


def is_known(texts: Sequence[str]) -> bool:
    """Whether texts are e-mail or network addresses, UUIDs or bank accounts: identifiers even where
    they repeat.
    """
    if all(map(EMAIL.fullmatch, texts)) or all(map(UUID.fullmatch, texts)):
        return True
    return all(valid("iban", text) for text in texts) or all(map(_is_address, texts))


def _is_address(text: str) -> bool:
    if MAC.fullmatch(text):
        return True
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# --- Known kinds --------------------------------------------------------------------------------


def _hexadecimal(texts: Sequence[str]) -> list[Template]:
    """UUIDs, MAC addresses, hashes and other keys in hexadecimal, of the same length."""
    for known in (UUID, MAC):
        if all(map(known.fullmatch, texts)):
            return _by_length(texts, exact=known is UUID)
    if (within := UUID.search(texts[0])) and len(texts) > 1:  # {…}, urn:uuid:…
        start, end = within.start(), len(texts[0]) - within.end()
        ends = (texts[0][:start], texts[0][within.end() :])
        bare = [t[start : len(t) - end] for t in texts]
        if all(map(UUID.fullmatch, bare)) and all(
            t == b.join(ends) for t, b in zip(texts, bare, strict=True)
        ):
            return [_between(template, *ends) for template in _by_length(bare)]
    prefix = _common_prefix(texts, r"[0-9a-fA-F]*")
    rest = [text[len(prefix) :] for text in texts]
    if len({*map(len, rest)}) > FEW or min(map(len, rest)) < 6:
        return []
    for digits in (r"[0-9a-f]+", r"[0-9A-F]+"):
        if all(re.fullmatch(digits, text) for text in rest):
            return _by_length(texts, prefix) if _letters_vary(rest) else []
    return []


def _letters_vary(texts: Sequence[str]) -> bool:
    """Whether most positions that vary have letters and digits: not so in C00001, C00002."""
    _, group = grouped(texts, len)[0]
    varying = [seen for column in zip(*group, strict=True) if len(seen := {*column}) > 1]
    both = sum(any(c.isdecimal() for c in v) and any(c.isalpha() for c in v) for v in varying)
    return 2 * both > len(varying)


def _between(template: Template, before: str, after: str) -> Template:
    fields = [["text", before]] * bool(before) + template.fields + [["text", after]] * bool(after)
    return Template(fields, template.form, template.share)


def _by_length(texts: Sequence[str], prefix: str = "", exact: bool = True) -> list[Template]:
    """Hexadecimal digits at each position of texts of one length."""
    made = []
    for length, group in grouped(texts, len):
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
    short = [str(ipaddress.IPv6Address(text)) for text in texts]
    upper = any(text != text.lower() for text in texts)
    form = "ipv6 upper" if upper else "ipv6"
    if any(one != text.lower() for one, text in zip(short, texts, strict=True)):
        form = ""  # in full, or of several forms
        full = [text.upper() if upper else text for text in full]
    hexadecimal = HEX.upper() if upper and not form else HEX
    parts = list(zip(*(text.split(":") for text in full), strict=True))
    fields: list[Field] = []
    for i, part in enumerate(parts):
        fields += [["text", ":"]] if i else []
        kept = shared_parts(part)
        fields.append(["one", kept] if kept else ["chars", [hexadecimal] * 4])
    return [Template(fields, form)]


def _email(texts: Sequence[str]) -> list[Template]:
    if not all(map(EMAIL.fullmatch, texts)):
        return []
    domains = Counter(text.rpartition("@")[2] for text in texts)
    tagged = 2 * sum("+" in text.partition("@")[0] for text in texts) > len(texts)
    dotted = 2 * sum("." in text.partition("@")[0] for text in texts) > len(texts)
    local: list[Field] = [["chars", [LOWER] * 8], ["digits", 2, 0, 99]]
    if dotted:
        local = [["chars", [LOWER] * 5], ["text", "."], ["chars", [LOWER] * 8]]
    local += [["text", "+"], ["chars", [LOWER] * 4]] if tagged else []
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
    ends = text_templates(paths)
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


def _accounts(texts: Sequence[str]) -> list[Template]:
    """Bank accounts, before hexadecimal ones: DE are such digits."""
    if len(texts) < SHARED or not all(valid("iban", text) for text in texts):
        return []
    return _with_form("iban", texts)


def _checked(texts: Sequence[str]) -> list[Template]:
    """Numbers with check digits: cards, articles, books, substances, vehicles."""
    if len(texts) < SHARED:
        return []
    if all(valid("vin", text) for text in texts):
        return _with_form("vin", texts)
    if all(valid("cas", text) for text in texts):
        return _with_form("cas", texts)
    if not all(sum(map(str.isdecimal, text)) >= 7 for text in texts):
        return []
    for form in APPENDED:
        if all(valid(form, text) for text in texts):
            return _with_form(form, texts)
    return []


def _with_form(form: str, texts: Sequence[str]) -> list[Template]:
    found = text_templates([unwritten(form, text) or "" for text in texts])
    for template in found:
        template.form = form
    return found


KINDS: tuple[Callable[[Sequence[str]], list[Template]], ...] = (
    _accounts, _hexadecimal, _addresses, _email, _web, _checked,
)  # fmt: skip


# --- Helpers ------------------------------------------------------------------------------------


def _common_prefix(texts: Sequence[str], payload: str) -> str:
    """What all texts begin with, up to where the part that differs may begin."""
    first, last = min(texts), max(texts)
    same = 0
    while same < min(len(first), len(last)) and first[same] == last[same]:
        same += 1
    prefix = first[:same]
    match = re.search(rf"{payload}$", prefix)
    return prefix[: match.start()] if match else prefix
