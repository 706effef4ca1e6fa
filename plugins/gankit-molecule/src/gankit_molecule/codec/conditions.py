"""The numbers that a run is told of each molecule: computed properties and the data's columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import rdkit

from gankit.contract import Condition, Continuous, Progress
from gankit.contract.subsets import take
from gankit.errors import GankitError, did_you_mean
from gankit_molecule.data.hashes import Hashes, hashes_of, looked_up
from gankit_molecule.data.molecules import BLOCK, Molecule, in_blocks
from gankit_molecule.data.properties import PROPERTIES, Values, measure
from gankit_molecule.store import Store, key_of

SHOWN = 1000
"""Molecules whose columns are named where a name is wrong."""


class Measured:
    """Computed properties of molecules, which are slow to compute, looked up by their SMILES.

    Args:
        names: of :data:`PROPERTIES`.
        hashes: of the SMILES, sorted, int64 (N,).
        values: (N, names).
    """

    def __init__(
        self,
        names: Sequence[str],
        hashes: Hashes | None = None,
        values: Values | None = None,
    ) -> None:
        self.names = tuple(names)
        self.hashes = np.zeros(0, np.int64) if hashes is None else hashes
        self.values = np.zeros((0, len(names))) if values is None else values

    @classmethod
    def of(
        cls,
        smiles: Sequence[str],
        names: Sequence[str],
        workers: int,
        store: Store,
        progress: Progress,
    ) -> tuple[Measured, str]:
        """Of all these, from the store where they are there; and their key in it."""
        if not names:
            return cls(()), ""
        key = key_of([rdkit.__version__, *names], smiles)
        if (kept := cls.stored(names, key, store)) is not None:
            return kept, key
        hashes, first = np.unique(hashes_of(smiles), return_index=True)
        found = cls(
            names, hashes, measure([smiles[int(i)] for i in first], names, workers, progress)
        )
        if (file := store.path("properties", f"{key}.npz")) is not None:
            with store.writing(file) as aside, aside.open("wb") as out:
                np.savez(out, hashes=found.hashes, values=found.values)
        return found, key

    @classmethod
    def stored(cls, names: Sequence[str], key: str, store: Store) -> Measured | None:
        """What was kept under a key, if it still is."""
        file = store.path("properties", f"{key}.npz")
        if file is None or not file.is_file():
            return None
        try:
            with np.load(file, allow_pickle=False) as kept:
                hashes, values = kept["hashes"], kept["values"]
        except Exception:  # noqa: BLE001 - a damaged file is written again
            return None
        fits = hashes.dtype == np.int64 and values.shape == (len(hashes), len(names))
        return cls(names, hashes, values) if fits else None

    def look(self, smiles: Sequence[str]) -> Values:
        """Their properties, (N, names); those that are not known are computed."""
        at, known = looked_up(hashes_of(smiles), self.hashes)
        found = np.full((len(smiles), len(self.names)), np.nan)
        found[known] = self.values[at[known]]
        unknown = np.flatnonzero(~known)
        if len(unknown):
            found[unknown] = measure([smiles[int(i)] for i in unknown], self.names)
        return found


def values_of(items: Sequence[Molecule], names: Sequence[str], measured: Measured) -> Values:
    """Every molecule's value of each condition, (N, names); NaN where it has none.

    Raises:
        GankitError: a column of text.
    """
    found = np.full((len(items), len(names)), np.nan)
    others = [name for name in names if name not in PROPERTIES]
    for i, block in enumerate(in_blocks(items)):
        rows = slice(i * BLOCK, i * BLOCK + len(block))
        if measured.names:
            places = [names.index(name) for name in measured.names]
            found[rows, places] = measured.look([item.smiles for item in block])
        for name in others:
            try:
                found[rows, names.index(name)] = [_number(item, name) for item in block]
            except ValueError:
                raise _no_number(items, name) from None
    return found


def condition_of(
    items: Sequence[Molecule], values: Values, names: Sequence[str]
) -> Condition | None:
    """The conditions, each standardised by its mean and deviation.

    Raises:
        GankitError: a name that is neither a property nor a column, or has no number at all.
    """
    fields = []
    for name, column in zip(names, values.T, strict=True):
        known = column[np.isfinite(column)]
        if not len(known):
            columns = sorted(
                {key for item in take(items, range(min(SHOWN, len(items)))) for key in item.values}
            )
            if name not in (*PROPERTIES, *columns):
                raise GankitError(
                    f"conditions: {name} is neither a property nor a column of the data",
                    did_you_mean(name, [*PROPERTIES, *columns]),
                )
            raise GankitError(
                f"conditions: {name} is nowhere a number", "Leave it out of conditions"
            )
        mean, scale = float(known.mean()), float(known.std())
        fields.append(Continuous(name, mean, scale if scale > 1e-9 * max(abs(mean), 1.0) else 1.0))
    return Condition(tuple(fields)) if fields else None


def standardised(
    values: Values, condition: Condition | None
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """``c``, float32 (N, conditions); the mean for what is missing."""
    fields = [f for f in condition.fields if isinstance(f, Continuous)] if condition else []
    mean, scale = np.array([f.mean for f in fields]), np.array([f.scale for f in fields])
    c: np.ndarray[tuple[int, int], np.dtype[np.float32]]
    c = np.nan_to_num((values - mean) / scale, nan=0.0).astype(np.float32)
    return c


def _number(item: Molecule, name: str) -> float:
    value = item.values.get(name, np.nan)
    if isinstance(value, str):
        raise ValueError(value)  # a column of text has numbers as texts too
    return float(value)


def _no_number(items: Sequence[Molecule], name: str) -> GankitError:
    """Names the first value of a column that is why it holds text; it may have been held out."""
    texts = ((i, v) for i in items if isinstance(v := i.values.get(name), str))
    item, value = next((pair for pair in texts if not _is_number(pair[1])), (None, ""))
    return GankitError(
        f"conditions: {name} of {item.name or item.smiles} is no number: {value!r}"
        if item
        else f"conditions: a value of {name} is no number",
        "Molecules are asked for by numbers: mend it, or leave the column out of conditions",
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
