"""What a text that is no SMILES looks like, worded alike for all that look alike."""

from __future__ import annotations

import re

_INCHI_KEY = re.compile(r"[A-Z]{14}-[A-Z]{10}-[A-Z]")
_CAS = re.compile(r"\d{2,7}-\d\d-\d")
_NUMBER = re.compile(r"[-+]?[\d.,]+(?:[eE][-+]?\d+)?%?")
_PEPTIDE = re.compile(r"[ACDEFGHIKLMNPQRSTVWY]{5,}\*?")
_FORMULA = re.compile(r"(?:[A-Z][a-z]?\d*){2,}")
_SMARTS = re.compile(r"\[[^\]]*(?:#\d|\$\(|[;,!&]|[XDRvx]\d)|~|\$\(")
_SELFIES = re.compile(r"(?:\[[^\[\]\s]+\]|\.)+")
_SELFIES_ONLY = re.compile(r"\[(?:[=#/\\-]?(?:Ring|Branch)\d|[=#]\w+)\]|\[(?:C|N|O|F|S)\]")


def is_selfies(text: str) -> bool:
    """Whether it is SELFIES. RDKit reads some of them as atoms without hydrogen."""
    return (
        text.startswith("[")
        and bool(_SELFIES.fullmatch(text))
        and len(text) > 6
        and (text.count("[") > 1 and bool(_SELFIES_ONLY.search(text)))
    )


def is_smarts(text: str) -> bool:
    """Whether it is a pattern. RDKit reads some of them as SMILES, with atoms without hydrogen."""
    return bool(_SMARTS.search(text))


def looks_like(text: str) -> str:
    """A reason to skip a text that RDKit cannot parse."""
    if not text or text.isspace():
        return "not SMILES: empty"
    if text.startswith(("InChI=", "1S/")):
        return "an InChI that RDKit cannot read"
    for pattern, what in _WHOLE:
        if pattern.fullmatch(text):
            return f"not SMILES: looks like {what}"
    if text.startswith(">"):
        return "not SMILES: looks like a line of a FASTA file; write peptides as SMILES"
    if text.count(">") == 2 and not text.startswith("<"):
        return "not SMILES: looks like a reaction; give its molecules in lines of their own"
    if text.startswith("{") or "{" in text:
        return "not SMILES: looks like a polymer in BigSMILES"
    if is_smarts(text):
        return "not SMILES: looks like a SMARTS pattern"
    if not text.isascii() or not text.isprintable():
        return "not SMILES: it has characters that SMILES do not have"
    if is_name(text):
        return "not SMILES: looks like a name"
    if " " in text:
        return "not SMILES: it has spaces"
    if text.count("(") != text.count(")"):
        return "not SMILES: a parenthesis is not closed, or not opened"
    if text.count("[") != text.count("]"):
        return "not SMILES: a bracket is not closed, or not opened"
    if _FORMULA.fullmatch(text) and any(c.isdigit() for c in text) and text[0].isupper():
        return _ring_or_formula(text)
    if _has_open_ring(text):
        return "not SMILES: a ring is not closed"
    return "not SMILES: RDKit cannot parse it"


_WHOLE = (
    (_INCHI_KEY, "an InChIKey, which is a hash and does not hold the molecule"),
    (_CAS, "a CAS number"),
    (_NUMBER, "a number"),
    (_PEPTIDE, "a sequence of amino acids; write peptides as SMILES"),
)


def is_name(text: str) -> bool:
    """Whether three letters follow each other that are no atoms, such as ``asp``."""
    bare = re.sub(r"\[[^\]]*\]|Cl|Br", "", text)
    return any(re.search(r"[^BCNOPSFIbcnops]", run) for run in re.findall(r"[A-Za-z]{3,}", bare))


def _ring_or_formula(text: str) -> str:
    """C6H12O6 is a formula, C1CC a ring that is not closed."""
    if re.search(r"H\d|H(?![a-z])", text) or re.search(r"\d\d", text):
        return "not SMILES: looks like a molecular formula"
    return "not SMILES: a ring is not closed"


def _has_open_ring(text: str) -> bool:
    bare = re.sub(r"\[[^\]]*\]", "", text)
    labels = re.findall(r"%\d\d|\d", bare)
    return any(labels.count(label) % 2 for label in set(labels))
