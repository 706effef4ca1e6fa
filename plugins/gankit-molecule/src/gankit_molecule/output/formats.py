"""Writing generated molecules: SMILES, tables with computed properties, and structures."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gankit.contract import Provenance, Sample, Written
from gankit.errors import GankitError, did_you_mean
from gankit.kit.files import set_aside
from gankit_molecule.data.hashes import Hashes, hashes_of, looked_up
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.data.properties import PROPERTIES
from gankit_molecule.output.rows import (
    BLOCK_SIZE,
    COUNTS,
    Columns,
    Row,
    Value,
    name,
    plain,
    smiles_as_read,
    text_of,
)
from gankit_molecule.output.structures import records
from gankit_molecule.quality import Counts

Samples = Iterable[Sample[Molecule]]

SMI_HEADER = "SMILES Name"


def write(
    samples: Samples,
    target: Path,
    provenance: Provenance,
    format: str = "smi",
    known: Hashes | None = None,
    raw: bool = False,
) -> Written:
    """Writes molecules below ``target`` as they come.

    - ``smi``: ``molecules.smi``: a comment, which readers skip, the header ``SMILES Name`` that
      RDKit's ``SmilesMolSupplier`` expects and its ``SmilesWriter`` writes, then SMILES, a space,
      and a name with the seed, marked as generated.
    - ``csv``: ``data.csv``: SMILES, name, the data's columns, computed properties, conditions as
      ``requested_…``, seed, tries and ``generated``.
    - ``parquet``: ``data.parquet``: the same, with provenance in the schema's metadata.
    - ``sdf``: ``molecules.sdf``: flat structures with the same values as data fields.
    - ``sdf3d``: ``molecules.sdf``: conformers with hydrogens, by ETKDGv3 from the sample's seed and
      relaxed with MMFF94; the field ``coordinates`` says where that failed. A conformer is one
      stereoisomer even where the SMILES, in the field ``smiles``, does not specify which.

    Real molecules of an augmented data set leave as they were read: their own text, with salts and
    stereochemistry, and their columns cell for cell, in their order and under their names; a mol
    block as it is. Generated ones have a value there only if they were conditioned on it, by the
    user or with a training molecule's value.

    Seeds whose molecule is invalid after all tries are left out, with a warning. With ``raw`` the
    decoder's text is written, with tries 0 and no properties; in ``smi`` its name says so, and in
    SDF it is skipped.

    Args:
        known: sorted hashes of the training molecules.
        raw: whether invalid molecules are written, too.

    Returns:
        The number of generated molecules that are valid, of distinct ones among them, and of those
        that are not in the training data; and warnings where these are few.

    Raises:
        GankitError: no such format, or no generated molecule is valid.
    """
    if format not in FORMATS:
        raise GankitError(f"format={format}: unknown", did_you_mean(format, list(FORMATS)))
    target.mkdir(parents=True, exist_ok=True)
    passed = Passed(samples, raw)
    FORMATS[format](passed, target, provenance)
    counts = passed.counts(known)
    left_out = [] if raw else counts.left_out()
    warnings = [*left_out, *counts.doubts(), *_lost(passed.columns, format)]
    return Written(counts.named(), warnings)


def _lost(columns: Sequence[str], format: str) -> list[str]:
    """A warning of columns of real molecules that a format has no place for."""
    if format != "smi" or not columns:
        return []
    named = ", ".join(columns[:6]) + (", …" if len(columns) > 6 else "")
    return [f"smi has no place for the data's columns, which are left out ({named}): use csv"]


class Passed:
    """Passes samples on, and counts the generated ones.

    Args:
        raw: whether to pass invalid ones on.
    """

    def __init__(self, samples: Samples, raw: bool) -> None:
        self.samples, self.raw, self.total, self.valid = samples, raw, 0, 0
        self.seen: set[int] = set()
        """Hashes of SMILES, of which there may be millions."""
        self.columns: list[str] = []
        """Of the first real molecule, beside its SMILES and name."""

    def __iter__(self) -> Iterator[Sample[Molecule]]:
        for sample in self.samples:
            self.total += not sample.real
            read = sample.item.read if sample.real and not self.columns else None
            if read is not None:
                self.columns = [c for c in read.cells if c not in (read.column, read.title)]
            if sample.item.valid and not sample.real:
                self.valid += 1
                self.seen.add(int(hashes_of([sample.item.smiles])[0]))
            if sample.real or sample.item.valid or self.raw:
                yield sample
        if self.total and not self.valid and not self.raw:
            raise GankitError(
                f"none of {self.total:,} generated molecules is valid",
                "Train longer or on more molecules, lower temperature, loosen scaffold or novel, "
                "or see what the decoder writes: raw=true",
            )

    def counts(self, known: Hashes | None) -> Counts:
        """What has been passed on."""
        new = None
        if known is not None:
            found = looked_up(np.fromiter(self.seen, np.int64, len(self.seen)), known)[1]
            new = len(self.seen) - int(found.sum())
        return Counts(self.total, self.valid, len(self.seen), new)


# --- SMILES and SDF -----------------------------------------------------------------------------


def _write_smi(samples: Samples, target: Path, provenance: Provenance) -> None:
    about = "; ".join(f"{key}: {text}" for key, text in provenance.text().items())
    with _text(target / "molecules.smi") as file:
        file.write(f"# {plain(about)}\n{SMI_HEADER}\n")
        for i, sample in enumerate(samples):
            smiles, read = sample.item.smiles, sample.item.read if sample.real else None
            if read is not None:
                smiles = plain(smiles_as_read(read, smiles))
            elif not sample.item.valid:
                smiles = _visible(smiles)
            file.write(f"{smiles} {plain(name(sample, i)) or f'real-{i:06d}'}\n")


def _visible(text: str) -> str:
    """Invalid text as one word that no reader skips."""
    word = plain(text).replace(" ", "_")
    return f"?{word}" if not word or word.startswith("#") else word


def _write_sdf(samples: Samples, target: Path, provenance: Provenance) -> None:
    _write_records(samples, target, provenance, three_d=False)


def _write_sdf3d(samples: Samples, target: Path, provenance: Provenance) -> None:
    _write_records(samples, target, provenance, three_d=True)


def _write_records(samples: Samples, target: Path, provenance: Provenance, three_d: bool) -> None:
    with _text(target / "molecules.sdf") as file:
        file.writelines(records(samples, provenance, three_d))


# --- Tables -------------------------------------------------------------------------------------


def _write_csv(samples: Samples, target: Path, provenance: Provenance) -> None:
    file, columns = target / "data.csv", Columns()
    header: list[str] = []
    for rows in _blocks_and_nothing(columns, samples):
        if columns.names() != header:
            header = columns.names()
            _widen_csv(file, header)
        with _text(file, "a") as out:
            lines = csv.DictWriter(out, header, lineterminator="\n")
            lines.writerows({key: text_of(value) for key, value in row.items()} for row in rows)


def _widen_csv(file: Path, header: Sequence[str]) -> None:
    """Rewrites a file with these columns, among them those that it has."""
    with set_aside(file) as before, _text(file) as out:
        lines = csv.DictWriter(out, header, restval="", lineterminator="\n")
        lines.writeheader()
        if before is not None:
            limit = csv.field_size_limit(2**31 - 1)
            try:
                with before.open(encoding="utf-8", newline="") as old:
                    lines.writerows(csv.DictReader(old))
            finally:
                csv.field_size_limit(limit)


def _write_parquet(samples: Samples, target: Path, provenance: Provenance) -> None:
    import pyarrow.parquet as pq

    file, columns = target / "data.parquet", Columns(raw=False)
    about = {f"gankit.{key}": text for key, text in provenance.text().items()}
    writer: Any = None
    try:
        for rows in _blocks_and_nothing(columns, samples):
            schema = _schema(columns, about)
            if writer is None or writer.schema != schema:
                if writer is not None:
                    writer.close()
                with set_aside(file) as before:
                    writer = pq.ParquetWriter(file, schema)
                    if before is not None:
                        for batch in pq.ParquetFile(before).iter_batches(BLOCK_SIZE):
                            writer.write_table(_table(batch.to_pylist(), columns, schema))
            if rows:
                writer.write_table(_table(rows, columns, schema), BLOCK_SIZE)
    finally:
        if writer is not None:
            writer.close()


def _schema(columns: Columns, about: Mapping[str, str]) -> Any:
    import pyarrow as pa

    kinds = dict.fromkeys(columns.names(), pa.string())
    kinds |= dict.fromkeys(columns.numbers(), pa.float64())
    kinds |= dict.fromkeys(map(columns.named, PROPERTIES), pa.float64())
    kinds |= dict.fromkeys(map(columns.named, (*COUNTS, "tries")), pa.int32())
    kinds |= {"seed": pa.uint64(), "generated": pa.bool_()}
    kinds |= {name: _plain_type(found) for name, found in columns.types.items()}
    return pa.schema(list(kinds.items()), about)


def _plain_type(found: Any) -> Any:
    import pyarrow as pa

    return found.value_type if pa.types.is_dictionary(found) else found


def _table(rows: Sequence[Mapping[str, Value]], columns: Columns, schema: Any) -> Any:
    """Rows as a table; a number in a column of text becomes text."""
    import pyarrow as pa

    converted: list[dict[str, Value]] = []
    texts = [f.name for f in schema if pa.types.is_string(f.type) and f.name not in columns.types]
    floats = [f.name for f in schema if pa.types.is_float64(f.type)]
    for row in rows:
        row = dict(row)
        for key in texts:
            if (value := row.get(key)) is not None:
                row[key] = text_of(value)
        for key in floats:
            if (value := row.get(key)) is not None:
                row[key] = float(value)
        converted.append(row)
    return pa.Table.from_pylist(_marks(converted), schema)


def _marks(rows: list[dict[str, Value]]) -> list[dict[str, Value]]:
    """Rows whose marks, where the data had them as text, have their types."""
    for row in rows:
        if isinstance(row.get("generated"), str):
            row["generated"] = row["generated"].strip().lower() in ("true", "1")
        if isinstance(row.get("seed"), str):
            row["seed"] = int(row["seed"]) if row["seed"].isdigit() else None
    return rows


# --- Files --------------------------------------------------------------------------------------


def _blocks_and_nothing(columns: Columns, samples: Samples) -> Iterator[list[Row]]:
    """No rows, so that a file is created without samples, too; then blocks of rows."""
    yield []
    for block in columns.blocks(samples):
        yield [row for _, row in block]


def _text(file: Path, mode: str = "w") -> Any:
    # A decoder's text, or a data set's columns, may be invalid Unicode.
    return file.open(mode, encoding="utf-8", errors="backslashreplace", newline="")


FORMATS: dict[str, Callable[[Samples, Path, Provenance], None]] = {
    "smi": _write_smi,
    "csv": _write_csv,
    "parquet": _write_parquet,
    "sdf": _write_sdf,
    "sdf3d": _write_sdf3d,
}
"""The writer of each format; the first is the default."""
