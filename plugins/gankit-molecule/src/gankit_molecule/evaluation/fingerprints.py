"""Morgan fingerprints, packed, and Tanimoto similarities between many of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

from gankit_molecule.data.standardise import parsed

if TYPE_CHECKING:
    from torch import Tensor

Bits = np.ndarray[Any, np.dtype[np.uint8]]
"""Packed fingerprints, ``(N, BITS / 8)``."""
Values = np.ndarray[Any, np.dtype[np.float64]]

RADIUS, BITS = 2, 1024
"""As in MOSES (Polykovskiy et al. 2020)."""
BLOCK_SIZE = 4096
"""Fingerprints on each side that are compared at once: 64 MB of similarities."""


@cache
def _generator() -> Any:
    return rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)


def packed_fingerprint(mol: Chem.Mol) -> Bits:
    """The packed bits ``(BITS / 8,)`` of one molecule."""
    packed: Bits = np.packbits(_generator().GetFingerprintAsNumPy(mol))
    return packed


def fingerprint_of(smiles: str) -> Bits | None:
    """The packed bits of a SMILES; None for an invalid one."""
    mol = parsed(smiles)
    return None if mol is None else packed_fingerprint(mol)


def unpacked(bits: Bits) -> Bits:
    """Packed fingerprints as zeros and ones, ``(N, BITS)``."""
    ones: Bits = np.unpackbits(bits, axis=-1)
    return ones


def nearest_similarity(queries: Bits, stock: Bits) -> Values:
    """The Tanimoto similarity ``(N,)`` of each query to the nearest of a non-empty stock."""
    found = np.zeros(len(queries))
    for rows, similar in _similarities(queries, stock):
        found[rows] = np.maximum(found[rows], similar.amax(1).cpu().numpy())
    return found


def mean_power(bits: Bits, power: int) -> Values:
    """The mean power of the similarities of each to all, itself included, ``(N,)``."""
    found = np.zeros(len(bits))
    for rows, similar in _similarities(bits, bits):
        found[rows] += similar.pow(power).double().sum(1).cpu().numpy()
    return found / len(bits)


def _similarities(queries: Bits, stock: Bits) -> Iterator[tuple[slice, Tensor]]:
    """Blocks of Tanimoto similarities, each with the queries that are its rows.

    Counts of common bits are matrix products, exact in float32.
    """
    import torch  # here: processes that only compute descriptions need no torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    for start in range(0, len(queries), BLOCK_SIZE):
        rows = slice(start, min(start + BLOCK_SIZE, len(queries)))
        a = _floats(queries[rows], device)
        for begin in range(0, len(stock), BLOCK_SIZE):
            b = _floats(stock[begin : begin + BLOCK_SIZE], device)
            common = a @ b.T
            either = (a.sum(1)[:, None] + b.sum(1)).sub_(common)
            yield rows, common.div_(either).nan_to_num_(1.0)  # two without bits are equal


def _floats(bits: Bits, device: str) -> Tensor:
    import torch

    return torch.from_numpy(unpacked(bits)).to(device).float()
