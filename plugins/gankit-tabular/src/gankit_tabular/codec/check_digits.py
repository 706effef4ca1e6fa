"""Check digits, and other parts of an identifier that follow from the rest."""

from __future__ import annotations

import ipaddress
import re

APPENDED = ("luhn", "ean", "mod11", "cas")
"""Forms that end in one check digit."""
VIN = re.compile(r"[A-HJ-NPR-Z0-9]{8}[0-9X][A-HJ-NPR-Z0-9]{8}")
VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 9, 8, 7, 6, 5, 4, 3, 2)
VIN_VALUES = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", map(int, "12345678123457923456789" "0123456789"),
        strict=True)
)  # fmt: skip


def written(form: str, bare: str) -> str:
    """The text of a template's fields, with what follows from them."""
    if form in APPENDED:
        return bare + check_digit(form, bare)
    if form == "vin":
        return f"{bare[:8]}{check_digit(form, bare)}{bare[8:]}"
    if form == "iban":
        country, _, rest = bare.partition("\0")
        compact = (rest + country).replace(" ", "") + "00"
        return f"{country}{98 - _letters_as_number(compact) % 97:02d}{rest}"
    if form.startswith("ipv6"):
        text = str(ipaddress.ip_address(bare))
        return text.upper() if form == "ipv6 upper" else text
    return bare


def unwritten(form: str, text: str) -> str | None:
    """The inverse of :func:`written`; None for a text that is not of this form."""
    if form in APPENDED:
        return text[:-1] if valid(form, text) else None
    if form == "vin":
        return text[:8] + text[9:] if valid(form, text) else None
    if form == "iban":
        return f"{text[:2]}\0{text[4:]}" if valid(form, text) else None
    if form.startswith("ipv6"):
        try:
            return ipaddress.IPv6Address(text).exploded
        except ValueError:
            return None
    return text


def valid(form: str, text: str) -> bool:
    """Whether a text's check digits are right."""
    if form == "iban":
        compact = text.replace(" ", "")
        known = re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}", compact)
        return known is not None and _letters_as_number(compact[4:] + compact[:4]) % 97 == 1
    if form == "vin":
        return bool(VIN.fullmatch(text)) and check_digit(form, text[:8] + text[9:]) == text[8]
    if form == "cas" and not re.fullmatch(r"[0-9]{2,7}-[0-9]{2}-[0-9]", text):
        return False
    return text != "" and check_digit(form, text[:-1]) == text[-1]


def check_digit(form: str, bare: str) -> str:
    """What follows from the other digits of a text: ``luhn`` for cards, ``ean`` for EAN, UPC and
    ISBN-13, ``mod11`` for ISBN-10 and ISSN, ``cas`` for substances, ``vin`` for vehicles; an X is
    ten.
    """
    if form == "vin":
        total = sum(w * VIN_VALUES[c] for w, c in zip(VIN_WEIGHTS, bare, strict=True))
        return "X" if total % 11 == 10 else str(total % 11)
    digits = [int(c) for c in reversed(bare) if c.isascii() and c.isdecimal()]
    if form == "mod11":
        total = -sum(d * i for i, d in enumerate(digits, 2)) % 11
        return "X" if total == 10 else str(total)
    if form == "cas":
        return str(sum(d * i for i, d in enumerate(digits, 1)) % 10)
    if form == "ean":
        total = sum(d * (3 if i % 2 == 0 else 1) for i, d in enumerate(digits))
    else:
        total = sum(sum(divmod(2 * d, 10)) if i % 2 == 0 else d for i, d in enumerate(digits))
    return str(-total % 10)


def _letters_as_number(text: str) -> int:
    return int("".join(str(int(c, 36)) for c in text))
