"""Conditions: computed properties and the data's numeric columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import rdkit

from gankit.contract import Condition, Conformed, Continuous, Fitting
from gankit.contract.subsets import take
from gankit.errors import GankitError, did_you_mean
from gankit.kit.cache import Cache
from gankit_molecule.data.hashes import Hashes, hashes_of, key_of, looked_up
from gankit_molecule.data.molecules import FETCH_SIZE, Molecule, in_blocks
from gankit_molecule.data.properties import PROPERTIES, Values, measure, properties_of
from gankit_molecule.timing import computed

SUGGESTION_ROWS = 1000
"""Molecules whose columns are suggested for an unknown name."""


class Measured:
    """A lookup table of computed properties, which are slow to compute.

    Args:
        names: from :data:`PROPERTIES`.
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
        cache: Cache,
        fitting: Fitting,
    ) -> tuple[Measured, str]:
        """The table of these molecules, from the cache if possible, and its key there. If the time
        runs out, the table of a random subset, which is not cached and has no key.

        Raises:
            KeyboardInterrupt: the user has stopped.
        """
        if not names:
            return cls(()), ""
        key = key_of([rdkit.__version__, *names], smiles)
        if (kept := cls.stored(names, key, cache)) is not None:
            return kept, key
        hashes, first = np.unique(hashes_of(smiles), return_index=True)
        distinct = [smiles[int(i)] for i in first]
        order, results = computed(
            properties_of, distinct, workers, "computing properties", fitting, names
        )
        values = np.array(list(results), np.float64).reshape(-1, len(names))
        rows = order[: len(values)]
        ascending = np.argsort(rows)
        found = cls(names, hashes[rows[ascending]], values[ascending])
        if len(rows) < len(distinct):
            return found, ""
        if (file := cache.path("properties", f"{key}.npz")) is not None:
            with cache.writing(file) as part, part.open("wb") as out:
                np.savez(out, hashes=found.hashes, values=found.values)
        return found, key

    @classmethod
    def stored(cls, names: Sequence[str], key: str, cache: Cache) -> Measured | None:
        """The table cached under a key, if there is one."""
        file = cache.path("properties", f"{key}.npz")
        if file is None or not file.is_file():
            return None
        try:
            with np.load(file, allow_pickle=False) as kept:
                hashes, values = kept["hashes"], kept["values"]
        except Exception:  # noqa: BLE001 - a damaged file is written again
            return None
        fits = hashes.dtype == np.int64 and values.shape == (len(hashes), len(names))
        return cls(names, hashes, values) if fits else None

    def has(self, smiles: Sequence[str]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which molecules are in the table, (N,)."""
        return looked_up(hashes_of(smiles), self.hashes)[1]

    def look(self, smiles: Sequence[str]) -> Values:
        """Their properties, (N, names); missing ones are computed."""
        at, known = looked_up(hashes_of(smiles), self.hashes)
        found = np.full((len(smiles), len(self.names)), np.nan)
        found[known] = self.values[at[known]]
        unknown = np.flatnonzero(~known)
        if len(unknown):
            found[unknown] = measure([smiles[int(i)] for i in unknown], self.names)
        return found


def values_of(items: Sequence[Molecule], names: Sequence[str], measured: Measured) -> Values:
    """The value of each condition for every molecule, (N, names); NaN where there is none.

    Raises:
        GankitError: a column of text.
    """
    found = np.full((len(items), len(names)), np.nan)
    others = [name for name in names if name not in PROPERTIES]
    for i, block in enumerate(in_blocks(items)):
        rows = slice(i * FETCH_SIZE, i * FETCH_SIZE + len(block))
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
    """The conditions, each standardised by its mean and standard deviation.

    Raises:
        GankitError: a name is neither a property nor a column, or has no number at all.
    """
    fields = []
    for name, column in zip(names, values.T, strict=True):
        known = column[np.isfinite(column)]
        if not len(known):
            columns = sorted(
                {
                    key
                    for item in take(items, range(min(SUGGESTION_ROWS, len(items))))
                    for key in item.values
                }
            )
            if name not in (*PROPERTIES, *columns):
                raise GankitError(
                    f"conditions: {name} is neither a property nor a column of the data",
                    did_you_mean(name, [*PROPERTIES, *columns]),
                )
            raise GankitError(f"conditions: {name} has no numbers", "Leave it out of conditions")
        mean, scale = float(known.mean()), float(known.std())
        fields.append(Continuous(name, mean, scale if scale > 1e-9 * max(abs(mean), 1.0) else 1.0))
    return Condition(tuple(fields)) if fields else None


def conformed(
    items: Sequence[Molecule], condition: Condition | None, strict: bool
) -> Conformed[Molecule]:
    """Another data set, of which each column that is a condition has to have numbers.

    Raises:
        GankitError: one holds text, or, if strict, is missing.
    """
    some, warnings = take(items, range(min(SUGGESTION_ROWS, len(items)))), []
    for field in condition.fields if condition else ():
        name = field.name
        values = [item.values[name] for item in some if name in item.values]
        if name in PROPERTIES:
            continue
        if any(isinstance(value, str) for value in values):
            raise _no_number(some, name)
        if not values:
            columns = sorted({key for item in some for key in item.values})
            missing = f"the data has no column {name!r}, on which the run is conditioned"
            if strict:
                raise GankitError(missing, did_you_mean(name, columns))
            warnings.append(f"{missing}: its values count as missing")
    return Conformed(items, warnings)


def standardised(
    values: Values, condition: Condition | None
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """``c``, float32 (N, conditions); the mean for missing values."""
    fields = [f for f in condition.fields if isinstance(f, Continuous)] if condition else []
    mean, scale = np.array([f.mean for f in fields]), np.array([f.scale for f in fields])
    c: np.ndarray[tuple[int, int], np.dtype[np.float32]]
    c = np.nan_to_num((values - mean) / scale, nan=0.0).astype(np.float32)
    return c


def _number(item: Molecule, name: str) -> float:
    value = item.values.get(name, np.nan)
    if isinstance(value, str):
        raise ValueError(value)  # in a column of text, numbers are texts too
    return float(value)


def _no_number(items: Sequence[Molecule], name: str) -> GankitError:
    """Names the first value that makes a column text; it may be among the held-out items."""
    texts = ((i, v) for i in items if isinstance(v := i.values.get(name), str))
    item, value = next((pair for pair in texts if not _is_number(pair[1])), (None, ""))
    return GankitError(
        f"conditions: {name} of {item.name or item.smiles} is not a number: {value!r}"
        if item
        else f"conditions: a value of {name} is not a number",
        "Fix that value, or leave the column out of conditions",
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
