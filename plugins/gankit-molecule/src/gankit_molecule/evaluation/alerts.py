"""Undesired substructures: MOSES' filters, PAINS, BRENK."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from rdkit import Chem, rdBase
from rdkit.Chem import FilterCatalog

from gankit_molecule.data.standardise import parsed

ALLOWED = frozenset({"C", "N", "S", "O", "F", "Cl", "Br", "H"})
MAX_RING_SIZE = 7


class Alerts(NamedTuple):
    """The alerts of one molecule."""

    passes: bool
    """MOSES' filters, see :func:`alerts_of`."""
    pains: bool
    """Any of the pan-assay interference patterns of Baell & Holloway 2010."""
    brenk: bool
    """Any of the unwanted groups of Brenk et al. 2008."""


@cache
def _catalog(name: str) -> Any:
    params = FilterCatalog.FilterCatalogParams()
    params.AddCatalog(getattr(FilterCatalog.FilterCatalogParams.FilterCatalogs, name))
    return FilterCatalog.FilterCatalog(params)


@cache
def medicinal_chemistry_filters() -> tuple[Chem.Mol, ...]:
    """MOSES' 22 patterns; some contain hydrogens, which a molecule needs explicitly."""
    text = (resources.files("gankit_molecule.evaluation") / "moses_mcf.txt").read_text("utf-8")
    lines = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return tuple(Chem.MolFromSmarts(smarts) for _, smarts in lines)


def alerts_of(smiles: str) -> Alerts | None:
    """The alerts of one molecule; None for an invalid SMILES.

    A molecule passes MOSES' filters (Polykovskiy et al. 2020, section 3) if it has no medicinal
    chemistry alert, no PAINS, no ring of eight or more atoms, no charge, and only the elements C,
    N, S, O, F, Cl, Br and H. The PAINS are RDKit's; they differ from MOSES' copy for about one in a
    hundred molecules with PAINS.
    """
    with rdBase.BlockLogs():
        mol = parsed(smiles)
        if mol is None:
            return None
        pains = bool(_catalog("PAINS").HasMatch(mol))
        return Alerts(
            not pains and _plain(mol) and not _has_alert(mol),
            pains,
            bool(_catalog("BRENK").HasMatch(mol)),
        )


def _plain(mol: Chem.Mol) -> bool:
    atoms = mol.GetAtoms()
    return all(a.GetFormalCharge() == 0 and a.GetSymbol() in ALLOWED for a in atoms) and all(
        len(ring) <= MAX_RING_SIZE for ring in mol.GetRingInfo().AtomRings()
    )


def _has_alert(mol: Chem.Mol) -> bool:
    full = Chem.AddHs(mol)
    return any(full.HasSubstructMatch(pattern) for pattern in medicinal_chemistry_filters())
