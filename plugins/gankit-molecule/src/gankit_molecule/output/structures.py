"""Structures for SDF: coordinates in two or three dimensions, and data fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor, rdDistGeom, rdForceFieldHelpers

from gankit.contract import Provenance, Sample
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.data.parallel import mapped
from gankit_molecule.output.rows import Columns, Row, name, plain, text_of

ATTEMPTS = 30
"""At embedding: first from RDKit's start, then as many from random coordinates."""
MAX_STEPS = 1000
"""Of the force field."""
LINE_LENGTH = 80
"""Characters of a line in a mol block's header."""

Wanted = tuple[str, str, str, int]
"""SMILES, name, comment and seed."""


def records(
    samples: Iterable[Sample[Molecule]], provenance: Provenance, three_d: bool
) -> Iterator[str]:
    """Each molecule's entry in an SDF; invalid molecules are skipped.

    Args:
        three_d: coordinates in three dimensions, with hydrogens.
    """
    columns, number = Columns(), 0
    for block in columns.blocks(samples):
        order = columns.names()
        wanted: list[Wanted] = []
        kept: list[tuple[Sample[Molecule], Row, bool]] = []
        for i, (sample, row) in enumerate(block, number):
            if sample.item.valid:
                own = _has_block(sample)
                kept.append((sample, row, own))
                if not own:
                    called = name(sample, i) or f"real-{i:06d}"
                    comment = "" if sample.real else provenance.text()["Source"]
                    smiles = _drawable(sample)
                    wanted.append((smiles, called, comment, sample.seed))
        number += len(block)
        drawn = mapped(mol_block, wanted, 0, "placing atoms", lambda *_: None, three_d)
        for sample, row, own in kept:
            text, coordinates = (_block(sample), "as read") if own else next(drawn)
            if text:
                fields = _raw_fields(sample) if own else ""
                there = set(sample.item.read.cells) if own and sample.item.read else set()
                marks = [
                    (column, text_of(row.get(column)))
                    for column in order
                    if column != "name" and column not in there
                ]
                if three_d:
                    marks.append(("coordinates", coordinates))
                if not sample.real:
                    marks += [(f"gankit.{k}", v) for k, v in provenance.text().items()]
                yield text + fields + _fields(marks) + "$$$$\n"
        for _ in drawn:
            pass


def _has_block(sample: Sample[Molecule]) -> bool:
    read = sample.item.read
    return sample.real and read is not None and "M  END" in read.text


def _block(sample: Sample[Molecule]) -> str:
    """A real molecule's mol block as it was read."""
    read = sample.item.read
    assert read is not None
    return read.text if read.text.endswith("\n") else f"{read.text}\n"


def _drawable(sample: Sample[Molecule]) -> str:
    """The SMILES to draw: a real molecule's own, with its salts, where RDKit can parse it."""
    read = sample.item.read if sample.real else None
    if read is None or "|" in read.text or Chem.MolFromSmiles(read.text) is None:
        return sample.item.smiles
    return read.text


def _raw_fields(sample: Sample[Molecule]) -> str:
    """A real molecule's data fields as they were read."""
    read = sample.item.read
    assert read is not None
    return "".join(
        f">  <{key}>\n{value}\n\n" for key, value in read.cells.items() if value is not None
    )


def mol_block(wanted: Wanted, three_d: bool) -> tuple[str, str]:
    """A molecule as MDL mol block, and how its coordinates were computed; empty where RDKit cannot
    parse it.
    """
    smiles, called, comment, seed = wanted
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        if mol is None:
            return "", ""
        placed, how = _embedded(mol, seed) if three_d else (None, "")
        if placed is None:
            rdDepictor.Compute2DCoords(mol)
            placed, how = mol, "2-D: could not be embedded" if three_d else "2-D"
        placed.SetProp("_Name", _line(called))
        placed.SetProp("MolFileComments", _line(comment))
        return Chem.MolToMolBlock(placed), how


def _embedded(mol: Chem.Mol, seed: int) -> tuple[Chem.Mol | None, str]:
    """A conformer by ETKDGv3 (Wang et al. 2020), relaxed with MMFF94 where that knows the atoms."""
    try:
        full = Chem.AddHs(mol)
        how = rdDistGeom.ETKDGv3()
        how.randomSeed = seed % (2**31 - 1)
        how.maxIterations = ATTEMPTS
        for how.useRandomCoords in (False, True):
            if rdDistGeom.EmbedMolecule(full, how) == 0:
                break
        else:
            return None, ""
    except Exception:  # noqa: BLE001 - RDKit may raise anything; flat coordinates remain
        return None, ""
    try:
        if not rdForceFieldHelpers.MMFFHasAllMoleculeParams(full):
            return full, "3-D: ETKDGv3; MMFF94 lacks parameters"
        left = rdForceFieldHelpers.MMFFOptimizeMolecule(full, maxIters=MAX_STEPS)
        return full, f"3-D: ETKDGv3, MMFF94{', not converged' if left else ''}"
    except Exception:  # noqa: BLE001 - as above
        return full, "3-D: ETKDGv3; MMFF94 failed"


def _fields(named: Sequence[tuple[str, str]]) -> str:
    """Data fields; those without a value are omitted."""
    parts = []
    for key, value in named:
        if text := _safe(value):
            parts.append(f">  <{_safe(key).translate({60: '(', 62: ')'})}>\n{text}\n\n")
    return "".join(parts)


def _line(text: str) -> str:
    return _safe(text)[:LINE_LENGTH]


def _safe(text: str) -> str:
    """One line that neither ends an entry nor starts a field."""
    text = plain(text)
    return f"_{text}" if text.startswith(("$$$$", ">")) else text
