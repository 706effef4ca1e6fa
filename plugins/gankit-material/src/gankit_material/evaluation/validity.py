"""Charge and electronegativity balance: SMACT's validity (Davies et al. 2019), computed faster.

The rule is SMACT's, with its list of oxidation states (ICSD 2024, three reports or more): a
formula is balanced where oxidation states exist that add up to 0, one for each element, such that
every cation is less electronegative than every anion. Elements and alloys, formulas of metals only,
are valid without it; they are counted apart.

SMACT tries all combinations of states. Here, the reachable sums of charges are bits of an integer:
for each border between cations and anions, the sums of both sides are compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Literal

from gankit_material.data.items import Material

Verdict = Literal["element", "alloy", "balanced", "unbalanced"]


@dataclass(frozen=True)
class Table:
    """SMACT's data on elements."""

    states: Mapping[str, tuple[int, ...]]
    electronegativity: Mapping[str, float]
    metals: frozenset[str]


@lru_cache(1)
def smact_table() -> Table:
    """Read once; importing SMACT takes about a second."""
    import smact
    from smact.utils.oxidation import ICSD24OxStatesFilter

    reported = ICSD24OxStatesFilter().filter(consensus=3, include_zero=False)
    states = {
        str(symbol): tuple(map(int, str(listed).split()))
        for symbol, listed in zip(reported["element"], reported["oxidation_state"], strict=True)
    }
    known = {}
    for symbol in states:
        value = smact.Element(symbol).pauling_eneg
        if value is not None:
            known[symbol] = float(value)
    metals = frozenset(smact.metals)
    return Table(states, known, metals)


def smact_version() -> str:
    """For fingerprints."""
    return f"smact-{version('smact')}"


def verdict(material: Material) -> Verdict:
    """What a composition is; cached."""
    return _verdict(tuple(sorted(material.counts.items())))


def is_valid(material: Material) -> bool:
    """SMACT's validity with its defaults: balanced, an alloy, or an element."""
    return verdict(material) != "unbalanced"


@lru_cache(500_000)
def _verdict(counts: tuple[tuple[str, int], ...]) -> Verdict:
    if len(counts) < 2:
        return "element"
    table = smact_table()
    if all(symbol in table.metals for symbol, _ in counts):
        return "alloy"
    if any(s not in table.states or s not in table.electronegativity for s, _ in counts):
        return "unbalanced"
    ordered = sorted(counts, key=lambda pair: table.electronegativity[pair[0]])
    places = [table.electronegativity[symbol] for symbol, _ in ordered]
    for border in range(1, len(ordered)):
        if places[border - 1] == places[border]:
            continue  # equally electronegative elements are on one side
        cations = _sums(ordered[:border], 1, table)
        if cations and cations & _sums(ordered[border:], -1, table):
            return "balanced"
    return "unbalanced"


def _sums(counts: list[tuple[str, int]], sign: int, table: Table) -> int:
    """The sums of charges of this sign that elements can have together, as bits; 0 where one has no
    such state."""
    reached = 1
    for symbol, n in counts:
        after = 0
        for state in table.states[symbol]:
            if state * sign > 0:
                after |= reached << (state * sign * n)
        reached = after
    return reached
