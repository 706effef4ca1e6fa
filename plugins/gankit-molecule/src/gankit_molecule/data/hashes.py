"""Hashes of SMILES: 8 bytes per molecule for lookups, and keys of the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

Hashes = np.ndarray[Any, np.dtype[np.int64]]


def hashes_of(smiles: Sequence[str]) -> Hashes:
    """One hash per SMILES, int64 (N,)."""
    digests = (hashlib.blake2b(s.encode(), digest_size=8).digest() for s in smiles)
    return np.frombuffer(b"".join(digests), "<i8").astype(np.int64)


def looked_up(
    wanted: Hashes, known: Hashes
) -> tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.bool_]]]:
    """The position of each in ``known``, which is sorted, and whether it is there: (N,) each."""
    at = np.searchsorted(known, wanted)
    found = at < len(known)
    found[found] = known[at[found]] == wanted[found]
    return at, found


def key_of(decides: object, smiles: Iterable[str], more: bytes = b"") -> str:
    """The cache's key for a result computed from these molecules, in this order.

    Args:
        decides: settings and versions that the result depends on; their text is hashed.
    """
    digest = hashlib.sha256(f"{decides}\n".encode())
    for text in smiles:
        digest.update(text.encode() + b"\n")
    digest.update(more)
    return digest.hexdigest()[:32]
