"""What was read, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from gankit.contract import Issue
from gankit_material.data.items import Material
from gankit_material.data.materials import Reader
from gankit_material.settings import MaterialSettings

AUTO = 4
"""Columns that are conditions by default, at most."""


def conditions_of(items: Sequence[Material], settings: MaterialSettings) -> list[str]:
    """The names of the numbers to condition on."""
    if settings.conditions != ("auto",):
        return [name for name in settings.conditions if name != "auto"]
    names = dict.fromkeys(name for item in items[:1000] for name in item.values)
    found = []
    for name in names:
        cells = [item.values.get(name) for item in items]
        known = [cell for cell in cells if cell is not None]
        # An identifier or a count is rarely what formulas should follow.
        if len(known) == len(cells) and len({*known}) > 10 and any(v % 1 for v in known):
            found.append(name)
    return found[:AUTO]


def facts_of(reader: Reader, items: Sequence[Material]) -> dict[str, str]:
    """What was changed, by count."""
    facts, counted = {}, reader.counted
    if counted["exact"]:
        facts["fractions"] = f"{counted['exact']:,} formulas scaled to integers, exactly"
    if counted["rounded"]:
        facts["rounded"] = f"{counted['rounded']:,} formulas, to integers up to most"
    if counted["isotopes"]:
        many = "1 formula" if counted["isotopes"] == 1 else f"{counted['isotopes']:,} formulas"
        facts["isotopes"] = f"D and T read as hydrogen in {many}"
    if reader.repeated:
        kept = reader.settings.lowest
        how = f"the one with the lowest {kept} kept" if kept else "the first kept"
        facts["same formula"] = f"{reader.repeated:,} of the skipped entries; {how}"
    counts = Counter(len(item.counts) for item in items)
    facts["elements"] = ", ".join(f"{counts[n]:,} of {n}" for n in sorted(counts))
    if any(item.cell for item in items):
        facts["structures"] = f"{sum(item.cell is not None for item in items):,} with a cell"
    return facts


def rows_of(
    items: Sequence[Material], settings: MaterialSettings, others: Mapping[str, tuple[int, int]]
) -> list[dict[str, str]]:
    """A row for the formula and for each other column.

    Args:
        others: columns of other values than numbers: how many there are, and how many are numbers.
    """
    chosen, n = conditions_of(items, settings), len(items)
    elements = {element for item in items for element in item.counts}
    rows = [_row("formula", f"{len(elements)} elements", n, n, items[0].formula, "")]
    for name in dict.fromkeys(name for item in items for name in item.values):
        known = [item.values[name] for item in items if name in item.values]
        shown = f"{min(known):g} to {max(known):g}"
        use = "condition" if name in chosen else "not used"
        rows.append(_row(name, "number", len(known), n, shown, use))
    if settings.label:
        classes = Counter(item.label for item in items if item.label is not None)
        shown = ", ".join(label for label, _ in classes.most_common(3))[:60]
        kind = f"{len(classes):,} classes"
        rows.append(_row(settings.label, kind, classes.total(), n, shown, "condition"))
    for name, (cells, numbers) in others.items():
        kind = f"{numbers:,} of {cells:,} are numbers" if numbers else "text"
        rows.append(_row(name, kind, cells, n, "", "not used"))
    return rows


def _row(name: str, kind: str, known: int, n: int, shown: str, use: str) -> dict[str, str]:
    share = "all" if known == n else f"{known:,}"
    return {"column": name, "type": kind, "known": share, "values": shown, "use": use}


def describe(items: Sequence[Material], issues: Sequence[Issue], name: str) -> str:
    """One line: how many of what, and what was skipped."""
    parts = [f"{len(items):,} materials of {name}"]
    if issues:
        parts.append(f"skipped {len(issues):,} entries")
    if names := list(dict.fromkeys(name for item in items[:1000] for name in item.values)):
        more = ", …" if len(names) > 8 else ""
        parts.append(f"with {', '.join(names[:8])}{more}")
    return "; ".join(parts)
