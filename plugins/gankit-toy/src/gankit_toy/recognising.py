"""Which data are 2-D points, at a glance. Tables of any columns are more often meant."""

from __future__ import annotations

from gankit.contract import Look, Recognised
from gankit.kit.looking import table_head


def recognise(look: Look) -> Recognised | None:
    """A CSV file with the columns x and y, and perhaps label."""
    head = table_head(look) if look.kind == "file" and look.ending(".csv") else None
    if head is None or {c.strip().lower() for c in head.columns} - {"label"} != {"x", "y"}:
        return None
    return Recognised(0.3, "2-D points", "its columns are x and y", head.count)
