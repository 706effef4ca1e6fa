"""Writing materials: tables, JSON and CIF."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from gankit.contract import Provenance, Sample, Written
from gankit.errors import GankitError, did_you_mean
from gankit_material.data.items import Material
from gankit_material.evaluation.validity import verdict
from gankit_material.output.rows import Rows, ordered
from gankit_material.output.structures import cif_block, plain, structure_dict
from gankit_material.output.tables import write_csv, write_parquet

Samples = Iterable[Sample[Material]]

FEW = 10
"""Materials below which shares say little."""
FEW_DIFFERENT, FEW_BALANCED = 0.5, 0.5
"""Shares below which there is a warning."""


def write(samples: Samples, target: Path, provenance: Provenance, format: str = "csv") -> Written:
    """Writes materials below ``target`` as they come.

    - ``csv``, ``parquet``: ``data.csv``, ``data.parquet``: a row each: formula, what was requested
      (``requested_…``), what was found (prototype, energy), seed and ``generated``.
    - ``json``: ``materials.json``: provenance, and the same rows with ``composition`` and, where
      there is one, ``structure``, which pymatgen's ``Structure.from_dict`` reads.
    - ``cif``: ``materials.cif``: a block each; ``cifs``: a file each. Structures are assigned to
      generated materials that were generated without; those that no prototype suits have a block
      with the formula only, and are counted in a warning.

    Real materials of an augmented data set leave as they were read: their row cell for cell, their
    CIF to the letter.

    Returns:
        The numbers of generated materials that are different, and whose charges balance or that
        are alloys or elements; of those with a structure, where structures were assigned.

    Raises:
        GankitError: no such format.
    """
    if format not in FORMATS:
        raise GankitError(f"format={format}: unknown", did_you_mean(format, list(FORMATS)))
    target.mkdir(parents=True, exist_ok=True)
    passed = _Passed(samples, format in ("cif", "cifs"))
    FORMATS[format](passed, target, provenance)
    return Written(passed.counts(), passed.warnings())


class _Passed:
    """Passes samples on, and counts the generated ones.

    Args:
        cells: whether structures are needed.
    """

    def __init__(self, samples: Samples, cells: bool) -> None:
        self._samples, self._cells = samples, cells
        self.total = self.valid = self.structures = self.without = self.sought = 0
        self.seen: set[int] = set()

    def __iter__(self) -> Iterator[Sample[Material]]:
        for sample in self._samples:
            if not sample.real:
                sample = self._with_cell(sample)
                item = sample.item
                self.total += 1
                self.valid += verdict(item) != "unbalanced"
                self.structures += item.cell is not None
                self.sought += "prototype" in item.notes
                self.seen.add(hash(item.formula))
            self.without += sample.item.cell is None
            yield sample

    def _with_cell(self, sample: Sample[Material]) -> Sample[Material]:
        if not self._cells or sample.item.cell is not None or "prototype" in sample.item.notes:
            return sample
        from gankit_material.structures.assignment import assigned

        return replace(sample, item=assigned(sample.item, sample.seed))

    def counts(self) -> dict[str, int]:
        found = {"different": len(self.seen), "valid": self.valid}
        return found | ({"with structure": self.structures} if self.sought else {})

    def warnings(self) -> list[str]:
        found = []
        if self._cells and self.without:
            found.append(
                f"{self.without:,} materials have no structure, since no prototype suits them: "
                "their blocks have the formula only, which other programs cannot read"
            )
        if self.total >= FEW and self.valid < FEW_BALANCED * self.total:
            found.append(
                f"{self.total - self.valid:,} of {self.total:,} formulas have charges that do not "
                "balance: train longer, or lower temperature"
            )
        if self.total >= FEW and len(self.seen) < FEW_DIFFERENT * self.total:
            found.append(
                f"only {len(self.seen):,} different formulas among {self.total:,}: raise "
                "temperature, or train on more materials"
            )
        return found


def _write_json(samples: Samples, target: Path, provenance: Provenance) -> None:
    made = Rows()
    with (target / "materials.json").open("w", encoding="utf-8") as file:
        head = json.dumps(provenance.text(), ensure_ascii=False)
        file.write(f'{{"provenance": {head},\n"materials": [')
        for i, sample in enumerate(samples):
            row = made.row(sample)
            one = {key: plain(row[key]) for key in ordered(row)}
            one["composition"] = dict(sample.item.counts)
            if sample.item.cell is not None:
                one["structure"] = structure_dict(sample.item.cell)
            file.write(",\n" if i else "\n")
            file.write(json.dumps(one, ensure_ascii=False, allow_nan=False))
        file.write("\n]}\n")


def _write_cif(samples: Samples, target: Path, provenance: Provenance) -> None:
    with (target / "materials.cif").open("w", encoding="utf-8", newline="") as file:
        for i, sample in enumerate(samples):
            file.write("\n" if i else "")
            file.write(cif_block(sample, i, provenance))


def _write_cifs(samples: Samples, target: Path, provenance: Provenance) -> None:
    for i, sample in enumerate(samples):
        end = "-real" if sample.real else f"-{sample.seed}"
        file = target / f"{i:06d}-{sample.item.formula}{end}.cif"
        text = cif_block(sample, i, provenance)
        file.write_text(text, encoding="utf-8", newline="")


FORMATS: dict[str, Callable[[Samples, Path, Provenance], None]] = {
    "csv": write_csv,
    "parquet": write_parquet,
    "json": _write_json,
    "cif": _write_cif,
    "cifs": _write_cifs,
}
"""The writer of each format; the first is the default."""
