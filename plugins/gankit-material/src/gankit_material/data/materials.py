"""Entries to materials: what can be used, what is the same, and what was skipped."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gankit.contract import Issue
from gankit.errors import GankitError, did_you_mean
from gankit.kit.row_tables import label_text
from gankit.kit.tables import MISSING
from gankit_material.data.formulas import Formula, FormulaError, parse
from gankit_material.data.items import Cell, Material
from gankit_material.data.tables import Entry
from gankit_material.settings import MaterialSettings

OWN = ("seed", "generated")
"""Columns with which gankit marks what it wrote."""


class Reader:
    """Gathers materials.

    Args:
        generated: whether gankit wrote them: equal ones are then kept.
    """

    def __init__(self, settings: MaterialSettings, generated: bool) -> None:
        self.settings, self.generated = settings, generated
        self.counted: Counter[str] = Counter()
        """How many were changed, by what was changed."""
        self.unusable: list[Issue] = []
        """Entries that are no formulas, or such that the settings exclude."""
        self.total = 0
        self.others: dict[str, tuple[int, int]] = {}
        """Columns that are neither the formula nor numbers: their cells with a value, and those of
        them with a number."""
        self._formula: set[str] | None = None
        self._repeats: list[Issue] = []
        self._found: dict[str, Material | Issue] = {}
        self._formulas: dict[str, dict[str, int] | str] = {}
        self._read: list[tuple[str, Material, Mapping[str, Any]]] = []

    def add(self, entry: Entry) -> None:
        """Adds a row."""
        self.total += 1
        counts = self._counts(entry.text)
        if isinstance(counts, str):
            self.unusable.append(Issue(entry.location, counts))
            return
        row, cell = entry.row, None
        same = {name for name, value in row.items() if str(value).strip() == entry.text}
        self._formula = same if self._formula is None else self._formula & same
        if isinstance(structure := row.get("structure"), dict):
            cell = cell_of(structure)
        if self.generated:  # what was requested stands for what would be measured
            row = {name.removeprefix("requested_"): value for name, value in row.items()}
        material = Material(counts, cell=cell, notes={"row": entry.row})
        self._read.append((entry.location, material, row))

    def add_materials(self, materials: Iterable[Material], issues: Sequence[Issue]) -> None:
        """Adds crystal structures that were read, and those that could not be."""
        self.unusable += issues
        self.total += len(issues)
        for material in materials:
            self.total += 1
            where = str(material.notes.get("file", material.formula))
            if reason := self._too_large(dict(material.counts)):
                self.unusable.append(Issue(where, reason))
            else:
                row = {**dict(material.notes.get("row", {})), **material.values}  # type: ignore[call-overload]
                self._read.append((where, material, row))

    def finish(self) -> tuple[list[Material], list[Issue]]:
        """All materials, and what was skipped.

        Raises:
            GankitError: the settings name a column that there is not.
        """
        numbers = self._numbers()
        kept: dict[object, int] = {}
        items: list[Material] = []
        settings, merge = self.settings, self.settings.same == "first" and not self.generated
        for place, (location, material, row) in enumerate(self._read):
            values = {
                name: value for name in numbers if (value := number_of(row.get(name))) is not None
            }
            label = label_text(row.get(settings.label)) if settings.label else material.label
            item = Material(material.counts, values, label, material.cell, dict(material.notes))
            # Structures of one formula are different materials.
            key = (item.formula, item.cell) if merge else place
            earlier = kept.get(key)
            if earlier is None:
                kept[key] = len(items)
                items.append(item)
                continue
            self._repeats.append(
                Issue(location, f"the formula of an earlier entry ({item.formula})")
            )
            low = settings.lowest
            if low and item.values.get(low, math.inf) < items[earlier].values.get(low, math.inf):
                items[earlier] = item
        self.repeated = len(self._repeats)
        return self._complete(items), [*self.unusable, *_alike(self._repeats)]

    def _complete(self, items: list[Material]) -> list[Material]:
        """Without those that lack what is conditioned on, where the settings name it."""
        named = [name for name in self.settings.conditions if name != "auto"]
        whole = []
        for item in items:
            lacks = [name for name in named if name not in item.values]
            if self.settings.label and item.label is None:
                lacks.append(self.settings.label)
            if lacks and not self.generated:
                self.unusable.append(Issue(item.formula, f"no value in the column {lacks[0]!r}"))
            else:
                whole.append(item)
        return whole

    def _numbers(self) -> list[str]:
        """Columns all of whose cells are numbers, or empty."""
        columns = dict.fromkeys(key for _, _, row in self._read for key in row)
        named = [n for n in self.settings.conditions if n != "auto"]
        wanted = [*named, *filter(None, [self.settings.lowest, self.settings.label])]
        if not self.generated:
            for name in wanted:
                if name not in columns and self._read:
                    raise GankitError(
                        f"there is no column {name!r} in the data",
                        did_you_mean(name, list(columns)),
                    )
        found = []
        for name in columns:
            if name in OWN:
                continue
            cells = [cell for _, _, row in self._read if not is_missing(cell := row.get(name))]
            if cells and all(number_of(cell) is not None for cell in cells):
                found.append(name)
            elif name in (*named, self.settings.lowest) and not self.generated:
                odd = next((c for c in cells if number_of(c) is None), "")
                raise GankitError(
                    f"column {name!r} is not a column of numbers: {str(odd)[:40]!r}",
                    f"Fix these cells, or set label={name} to condition on its classes",
                )
            elif cells and name != self.settings.label and name not in (self._formula or ()):
                number = sum(number_of(cell) is not None for cell in cells)
                self.others[name] = (len(cells), number)
        return found

    # --- One formula --------------------------------------------------------------------------

    def _counts(self, text: str) -> dict[str, int] | str:
        """The reduced counts, or why the entry cannot be used."""
        known = self._formulas.get(text)
        if known is not None and not isinstance(known, str):
            return known
        if known is None:
            try:
                known = self._usable(parse(text))
            except FormulaError as error:
                known = f"{text.strip()[:40]!r}: {error}" if text.strip() else str(error)
            if isinstance(known, str) or len(self._formulas) < 1_000_000:
                self._formulas[text] = known
        return known

    def _usable(self, formula: Formula) -> dict[str, int] | str:
        settings = self.settings
        if formula.isotopes:
            if settings.isotopes == "skip":
                return "deuterium or tritium (isotopes=merge reads them as hydrogen)"
            self.counted["isotopes"] += 1
        counts = formula.reduced()
        if formula.fractional:
            if max(counts.values()) <= settings.most:
                self.counted["exact"] += 1
            elif settings.fractions == "round":
                counts = formula.rounded(settings.most)
                self.counted["rounded"] += 1
            else:
                return (
                    f"fractional amounts that need integers above most={settings.most} "
                    "(fractions=round approximates them)"
                )
        return self._too_large(counts) or counts

    def _too_large(self, counts: Mapping[str, int]) -> str:
        """Why a formula does not fit the settings; empty where it does."""
        settings = self.settings
        if len(counts) > settings.elements:
            return f"more than elements={settings.elements} elements"
        if max(counts.values()) > settings.most:
            return f"a count above most={settings.most}"
        return ""

    def warnings(self) -> list[str]:
        """Doubts about what was read."""
        found = []
        if len(self.unusable) > 0.2 * self.total:
            reason, count = Counter(issue.reason for issue in self.unusable).most_common(1)[0]
            found.append(
                f"{len(self.unusable):,} of {self.total:,} entries were skipped, most often "
                f"({count:,}) for this: {reason}"
            )
        if rounded := self.counted["rounded"]:
            found.append(
                f"{rounded:,} formulas with fractional amounts are approximated by integers up to "
                f"most={self.settings.most}"
            )
        return found


def _alike(repeats: Sequence[Issue]) -> list[Issue]:
    """Repeats under one reason, so that they are counted together."""
    return [Issue(issue.location, "the formula of an earlier entry") for issue in repeats]


def cell_of(structure: Mapping[str, Any]) -> Cell | None:
    """The cell of what pymatgen's ``Structure.as_dict`` gives; None where it is another thing."""
    try:
        lattice = [[float(x) for x in row] for row in structure["lattice"]["matrix"]]
        sites = structure["sites"]
        species = tuple(str(site["species"][0]["element"]) for site in sites)
        positions = [[float(x) for x in site["abc"]] for site in sites]
        a, b, c = ((x, y, z) for x, y, z in lattice)
        return Cell((a, b, c), species, tuple((x, y, z) for x, y, z in positions))
    except (KeyError, IndexError, TypeError, ValueError):
        return None


def is_missing(cell: object) -> bool:
    """Whether a cell of a column other than formulas is a missing value."""
    if isinstance(cell, float):
        return math.isnan(cell)
    return cell is None or (isinstance(cell, str) and cell.strip() in MISSING)


def number_of(cell: object) -> float | None:
    """A cell as a finite number, or None."""
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        return None
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
