"""A custom scoring function, for ``objective=benchmarks/molecule_scorer.py:score``.

Molecules like celecoxib (its rediscovery is a task of GuacaMol, Brown et al. 2019) whose logP is
near 3: the geometric mean of the Tanimoto similarity of their Morgan fingerprints and of a Gaussian
of the logP. Any function that maps a list of SMILES to as many numbers works, for example one that
calls a docking program.
"""

from __future__ import annotations

import math

from rdkit import Chem, DataStructs
from rdkit.Chem import Crippen, rdFingerprintGenerator

TARGET = "Cc1ccc(-c2cc(C(F)(F)F)nn2-c2ccc(S(N)(=O)=O)cc2)cc1"
LOGP, WIDTH = 3.0, 1.5

_fingerprints = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
_target = _fingerprints.GetFingerprint(Chem.MolFromSmiles(TARGET))


def score(smiles: list[str]) -> list[float]:
    """0 to 1, higher is better."""
    return [_score(Chem.MolFromSmiles(text)) for text in smiles]


def _score(mol: Chem.Mol) -> float:
    alike = DataStructs.TanimotoSimilarity(_target, _fingerprints.GetFingerprint(mol))
    off = (Crippen.MolLogP(mol) - LOGP) / WIDTH
    return math.sqrt(alike * math.exp(-off * off / 2))
