"""The scores of MOSES (Polykovskiy et al. 2020, section 4), as functions of sets of molecules.

Written from the paper's definitions. Where text and the published numbers differ, the numbers
decide: see :func:`internal_diversity`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem.rdmolops import FragmentOnBRICSBonds
from rdkit.Chem.Scaffolds import MurckoScaffold

from gankit_molecule.data.standardise import TOKEN, parsed
from gankit_molecule.evaluation.fingerprints import (
    Bits,
    mean_power,
    nearest_similarity,
    packed_fingerprint,
)

Values = np.ndarray[Any, np.dtype[np.float64]]

MIN_RINGS = 2
"""Of a scaffold: benzene alone is no scaffold in MOSES."""
MAX_UNIT = 8
"""Tokens of a repeated unit."""


@dataclass(frozen=True)
class Description:
    """The descriptors of one molecule that the scores need."""

    bits: Bits
    """Packed Morgan fingerprint."""
    fragments: tuple[str, ...]
    """By the BRICS rules."""
    scaffold: str
    """By Bemis and Murcko; empty below ``MIN_RINGS``."""
    repeat: int
    """See :func:`longest_repeat`."""


def describe(smiles: str) -> Description | None:
    """A molecule's description; None for an invalid SMILES."""
    with rdBase.BlockLogs():
        mol = parsed(smiles)
        if mol is None:
            return None
        return Description(
            packed_fingerprint(mol), fragments(mol), scaffold(mol), longest_repeat(smiles)
        )


def fragments(mol: Chem.Mol) -> tuple[str, ...]:
    """Canonical SMILES of the fragments by the BRICS rules (Degen et al. 2008)."""
    try:
        return tuple(Chem.MolToSmiles(FragmentOnBRICSBonds(mol)).split("."))
    except (ValueError, RuntimeError):
        return ()


def scaffold(mol: Chem.Mol) -> str:
    """Canonical SMILES of a molecule's rings and their linkers (Bemis & Murcko 1996); empty for
    fewer than ``MIN_RINGS`` rings."""
    try:
        core = MurckoScaffold.GetScaffoldForMol(mol)
    except (ValueError, RuntimeError):
        return ""
    if core.GetRingInfo().NumRings() < MIN_RINGS:
        return ""
    return str(Chem.MolToSmiles(core))


def longest_repeat(smiles: str) -> int:
    """Tokens of the longest stretch that repeats a unit of at most ``MAX_UNIT`` tokens at least
    three times: 8 in ``CCCCCCCC``, 15 in ``C1CC1C1CC1C1CC1``; 0 where there is none."""
    tokens = TOKEN.findall(smiles)
    longest = 0
    for unit in range(1, min(MAX_UNIT, len(tokens) // 3) + 1):
        run = 0  # tokens that equal the one a unit before them, up to here
        for one, other in zip(tokens, tokens[unit:], strict=False):
            run = run + 1 if one == other else 0
            if run >= 2 * unit and run + unit > longest:
                longest = run + unit
    return longest


# --- Of sets ------------------------------------------------------------------------------------


def uniqueness(smiles: Sequence[str], k: int | None = None) -> float:
    """Share of distinct ones among the first ``k`` canonical SMILES of valid molecules; among all
    by default."""
    first = smiles[:k]
    return len(set(first)) / len(first)


def novelty(smiles: Iterable[str], known: Set[str]) -> float:
    """Share of the distinct canonical SMILES that are not known."""
    distinct = set(smiles)
    return len(distinct - known) / len(distinct)


def internal_diversity(bits: Bits, power: int = 1) -> float:
    """``1 - mean over x of (mean over y of T(x, y)^p)^(1/p)`` of fingerprints ``(N, BITS / 8)``.

    In the paper the root is of the mean over all pairs; in the published numbers, and here, it is
    of each molecule's mean. At p = 1 they are the same.
    """
    return float(1 - (mean_power(bits, power) ** (1 / power)).mean())


def neighbour_similarity(bits: Bits, reference: Bits) -> float:
    """SNN: the mean Tanimoto similarity to the nearest molecule of the reference."""
    return float(nearest_similarity(bits, reference).mean())


def counted(groups: Iterable[Iterable[str]]) -> Counter[str]:
    """Counts of fragments or scaffolds in a set; empty ones do not count."""
    counts = Counter(name for group in groups for name in group)
    counts.pop("", None)
    return counts


def cosine(a: Mapping[str, int], b: Mapping[str, int]) -> float:
    """Frag and Scaf: the cosine of two counts, 0 to 1; NaN where either is empty."""
    if not a or not b:
        return float("nan")
    product = sum(count * b.get(name, 0) for name, count in a.items())
    squares = [sum(count * count for count in counts.values()) for counts in (a, b)]
    return float(product / np.sqrt(float(squares[0]) * float(squares[1])))


def wasserstein(a: Values, b: Values) -> float:
    """The 1-Wasserstein distance of two sets of numbers: the area between their distribution
    functions, in the numbers' unit."""
    a, b = np.sort(a), np.sort(b)
    places = np.sort(np.concatenate([a, b]))
    below = [np.searchsorted(x, places[:-1], side="right") / len(x) for x in (a, b)]
    return float((np.abs(below[0] - below[1]) * np.diff(places)).sum())
