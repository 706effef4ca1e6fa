"""Computed properties of molecules, for conditions and comparisons."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from rdkit import Chem, RDConfig, rdBase
from rdkit.Chem import QED, Crippen, Descriptors, Lipinski, rdMolDescriptors

from gankit.contract import Progress, quiet
from gankit_molecule.data.parallel import mapped

Values = np.ndarray[Any, np.dtype[np.float64]]


@cache
def _sascorer() -> ModuleType:
    """RDKit ships Ertl & Schuffenhauer's score outside its package."""
    file = Path(RDConfig.RDContribDir) / "SA_Score" / "sascorer.py"
    spec = importlib.util.spec_from_file_location("gankit_molecule._sascorer", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def synthetic_accessibility(mol: Chem.Mol) -> float:
    """1 (easy) to 10 (hard to make); Ertl & Schuffenhauer 2009."""
    return float(_sascorer().calculateScore(mol))


PROPERTIES: dict[str, Callable[[Chem.Mol], float]] = {
    "logp": Crippen.MolLogP,  # octanol-water partition, Wildman & Crippen 1999
    "mw": Descriptors.MolWt,  # molecular weight, Da
    "qed": QED.qed,  # drug-likeness, 0 to 1, Bickerton et al. 2012
    "sa": synthetic_accessibility,
    "tpsa": rdMolDescriptors.CalcTPSA,  # polar surface, Å²
    "hbd": Lipinski.NumHDonors,  # donors of hydrogen bonds
    "hba": Lipinski.NumHAcceptors,  # acceptors of hydrogen bonds
    "rings": rdMolDescriptors.CalcNumRings,
    "rotatable": rdMolDescriptors.CalcNumRotatableBonds,
    "fsp3": rdMolDescriptors.CalcFractionCSP3,  # share of carbons that are sp3
    "atoms": Chem.Mol.GetNumHeavyAtoms,
}
"""The function of each property, by name."""


def properties_of(smiles: str, names: Sequence[str]) -> list[float]:
    """The properties of one molecule; NaN for each that cannot be computed."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        found = []
        for name in names:
            try:
                found.append(math.nan if mol is None else float(PROPERTIES[name](mol)))
            except Exception:  # noqa: BLE001 - RDKit may raise anything
                found.append(math.nan)
        return found


def measure(
    smiles: Sequence[str],
    names: Sequence[str],
    workers: int = 0,
    progress: Progress = quiet,
) -> Values:
    """Properties ``(N, len(names))``, by name of :data:`PROPERTIES`, in several processes."""
    rows = list(mapped(properties_of, smiles, workers, "computing properties", progress, names))
    return np.array(rows, np.float64).reshape(len(smiles), len(names))
