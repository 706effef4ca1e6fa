"""Molecules in memory: lists, data frames, Arrow tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from rdkit import Chem

from gankit.errors import GankitError
from gankit_molecule.data.columns import Listing, Part, Rows, column_of, is_missing, listed, split
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.settings import MoleculeSettings

_GIVE = "Give a list of SMILES, a data frame or an Arrow table"


def from_memory(source: object, settings: MoleculeSettings) -> Listing:
    """The entries of an object: an Arrow table, a pandas or polars data frame, a list of mappings,
    an iterable of SMILES, :class:`Molecule` or RDKit molecules, or a pair of SMILES and values.

    Raises:
        GankitError: none of these, or no column of SMILES.
    """
    unit = "row"
    if isinstance(source, tuple) and len(source) == 2 and not isinstance(source[0], str):
        first, second = source
        if len(first) == len(second):  # SMILES and a value of each
            pairs = zip(first, second, strict=True)
            source = [{"smiles": smiles, "value": value} for smiles, value in pairs]
    if (table := _table(source)) is None:
        things = _things(source)
        unit = "item"
        table = _of_mappings(things) if all(isinstance(t, Mapping) for t in things) else None
    if table is not None:
        return listed([split(table, "the data", unit, settings)], [""])
    rows = Rows()
    for i, thing in enumerate(things):
        rows.add(i, *_one(thing))
    return listed([Part(*rows.finish(), unit)], [""])


def _table(source: Any) -> pa.Table | None:
    """The object as a table, if it is one."""
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, pa.RecordBatch):
        return pa.Table.from_batches([source])
    if not hasattr(source, "columns"):
        return None
    if hasattr(source, "to_arrow"):  # polars
        return source.to_arrow()
    if hasattr(source, "iloc"):  # pandas
        names = [str(name) for name in source.columns]
        columns = [column_of(source.iloc[:, i].tolist()) for i in range(len(names))]
        return pa.Table.from_arrays(columns, names=names)
    return None


def _things(source: Any) -> Sequence[Any]:
    if isinstance(source, (str, bytes, Mapping)) or not isinstance(source, Iterable):
        raise GankitError(f"cannot read molecules from {type(source).__name__}", _GIVE)
    if not (things := list(source)):
        raise GankitError("the data is empty", _GIVE)
    return things


def _of_mappings(rows: Sequence[Mapping[Any, Any]]) -> pa.Table:
    keys = list(dict.fromkeys(key for row in rows for key in row))
    columns = [column_of([row.get(key) for row in rows]) for key in keys]
    return pa.Table.from_arrays(columns, names=list(map(str, keys)))


def _one(thing: Any) -> tuple[str | None, str, Mapping[str, Any], str | None]:
    """Text, name, values and the reason to skip it, of an object."""
    if isinstance(thing, str):
        return thing, "", {}, None
    if isinstance(thing, Molecule):
        return thing.smiles, thing.name, thing.values, None
    if isinstance(thing, Chem.Mol):
        return Chem.MolToSmiles(thing), "", {}, None
    return None, "", {}, f"not SMILES: {'empty' if is_missing(thing) else type(thing).__name__}"
