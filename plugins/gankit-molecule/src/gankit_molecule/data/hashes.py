"""Molecules known by 8 bytes each: hashes of their SMILES, sorted, to look others up among them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

Hashes = np.ndarray[Any, np.dtype[np.int64]]


def hashes_of(smiles: Sequence[str]) -> Hashes:
    """One hash a SMILES, int64 (N,)."""
    digests = (hashlib.blake2b(s.encode(), digest_size=8).digest() for s in smiles)
    return np.frombuffer(b"".join(digests), "<i8").astype(np.int64)


def looked_up(
    wanted: Hashes, known: Hashes
) -> tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.bool_]]]:
    """Where each stands among ``known``, which is sorted, and whether it does at all: (N,) each."""
    at = np.searchsorted(known, wanted)
    found = at < len(known)
    found[found] = known[at[found]] == wanted[found]
    return at, found
