"""``penalty.gamma`` sets R1 and R2 both; ``loss.r1`` and ``loss.r2`` one each, as in older runs."""

from __future__ import annotations

from gankit.config.values import Table, merge
from gankit.errors import GankitError

OWN = ("r1", "r2")


def layered(below: Table, layer: Table) -> Table:
    """One layer of settings over another, whose weights of R1 and R2 it replaces.

    Raises:
        GankitError: the layer gives all three.
    """
    gamma, own = _has_gamma(layer), _own(layer)
    if gamma and len(own) == len(OWN):
        raise GankitError(
            "penalty.gamma, loss.r1 and loss.r2 set the same",
            "Use penalty.gamma, or loss.r1 and loss.r2",
        )
    if gamma:
        below = _without(below, "loss", OWN)
    found = merge(below, layer)
    if own and len(_own(found)) == len(OWN):
        found = _without(found, "penalty", ("gamma",))
    return settled(found)


def settled(table: Table) -> Table:
    """Settings whose ``penalty.gamma`` is none where R1 and R2 both have weights of their own."""
    if len(_own(table)) < len(OWN):
        return table
    return {**table, "penalty": {**table.get("penalty", {}), "gamma": None}}


def _has_gamma(table: Table) -> bool:
    return isinstance(table.get("penalty"), dict) and "gamma" in table["penalty"]


def _own(table: Table) -> list[str]:
    loss = table.get("loss")
    return [key for key in OWN if key in loss] if isinstance(loss, dict) else []


def _without(table: Table, section: str, keys: tuple[str, ...]) -> Table:
    kept = {k: v for k, v in table.get(section, {}).items() if k not in keys}
    return {**table, section: kept}
