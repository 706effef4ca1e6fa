"""Structures for SDF: coordinates in two or three dimensions, and data fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor, rdDistGeom, rdForceFieldHelpers

from gankit.contract import Provenance, Sample
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.data.parallel import mapped
from gankit_molecule.output.rows import Columns, Row, plain, text_of

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
        rows: list[Row] = []
        for i, (sample, row) in enumerate(block, number):
            if sample.item.valid:
                called = str(row["name"] or f"real-{i:06d}")
                comment = "" if sample.real else provenance.text()["Source"]
                wanted.append((sample.item.smiles, called, comment, sample.seed))
                rows.append(row)
        number += len(block)
        drawn = mapped(mol_block, wanted, 0, "placing atoms", lambda *_: None, three_d)
        for row, (text, coordinates) in zip(rows, drawn, strict=True):
            if text:
                own = [(column, text_of(row.get(column))) for column in order if column != "name"]
                if three_d:
                    own.append(("coordinates", coordinates))
                if row["generated"]:
                    own += [(f"gankit.{k}", v) for k, v in provenance.text().items()]
                yield text + _fields(own) + "$$$$\n"


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
    except Exception:  # noqa: BLE001 - RDKit raises what it likes; flat coordinates remain
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
