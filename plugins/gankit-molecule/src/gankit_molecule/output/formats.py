"""Writing what was generated: SMILES, tables with computed properties, and structures."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gankit.contract import Provenance, Sample
from gankit.errors import GankitError, did_you_mean
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.data.properties import PROPERTIES
from gankit_molecule.output.rows import BLOCK, COUNTS, Columns, Row, Value, name, plain, said
from gankit_molecule.output.structures import records

Samples = Iterable[Sample[Molecule]]


def write(
    samples: Samples, target: Path, provenance: Provenance, format: str = "smi"
) -> dict[str, int]:
    """Writes molecules below ``target`` as they come.

    - ``smi``: ``molecules.smi``: SMILES, a tab, and a name that says whether it was generated, and
      from which seed. The first line is a comment, which RDKit and Open Babel pass over.
    - ``csv``: ``data.csv``: SMILES, name, the data's columns, computed properties, ``asked_…`` for
      what was asked, seed, tries and ``generated``.
    - ``parquet``: ``data.parquet``: the same; the schema's metadata say who made it.
    - ``sdf``: ``molecules.sdf``: flat structures with the same as data fields.
    - ``sdf3d``: ``molecules.sdf``: conformers with hydrogens, by ETKDGv3 from the sample's seed and
      relaxed with MMFF94; the field ``coordinates`` says where that could not be done. A conformer
      is one stereoisomer even where the SMILES, in the field ``smiles``, leaves open which.

    Real molecules of an augmented data set keep their columns. Generated ones have a value there
    only if they were made for it: asked for, or told to the generator as some training molecule's.

    What is no molecule (``Molecule.valid``) is written as the text that it is, with tries 0 and no
    properties; as SMILES also with a name that says so, and SDF leaves it out.

    Returns:
        How many generated ones are valid molecules, and how many of those differ.

    Raises:
        GankitError: no such format.
    """
    if format not in FORMATS:
        raise GankitError(f"format={format}: unknown", did_you_mean(format, list(FORMATS)))
    target.mkdir(parents=True, exist_ok=True)
    counts = Counts(samples)
    FORMATS[format](counts, target, provenance)
    return {"valid": counts.valid, "different": len(counts.seen)}


class Counts:
    """Passes samples on, and counts among the generated ones."""

    def __init__(self, samples: Samples) -> None:
        self.samples, self.valid = samples, 0
        self.seen: set[int] = set()
        """Hashes of SMILES, for there may be millions."""

    def __iter__(self) -> Iterator[Sample[Molecule]]:
        for sample in self.samples:
            if sample.item.valid and not sample.real:
                self.valid += 1
                self.seen.add(hash(sample.item.smiles))
            yield sample


# --- SMILES and SDF -----------------------------------------------------------------------------


def _write_smi(samples: Samples, target: Path, provenance: Provenance) -> None:
    about = "; ".join(f"{key}: {text}" for key, text in provenance.text().items())
    with _text(target / "molecules.smi") as file:
        file.write(f"# {plain(about)}\n")
        for i, sample in enumerate(samples):
            smiles, called = sample.item.smiles, plain(name(sample, i)) or f"real-{i:06d}"
            if not sample.item.valid:
                smiles = _visible(smiles)
            file.write(f"{smiles}\t{called}\n")


def _visible(text: str) -> str:
    """What is no SMILES as one word that no reader passes over."""
    word = plain(text).replace(" ", "_")
    return f"?{word}" if not word or word.startswith("#") else word


def _write_sdf(samples: Samples, target: Path, provenance: Provenance) -> None:
    _write_records(samples, target, provenance, space=False)


def _write_sdf3d(samples: Samples, target: Path, provenance: Provenance) -> None:
    _write_records(samples, target, provenance, space=True)


def _write_records(samples: Samples, target: Path, provenance: Provenance, space: bool) -> None:
    with _text(target / "molecules.sdf") as file:
        file.writelines(records(samples, provenance, space))


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
            lines.writerows({key: said(value) for key, value in row.items()} for row in rows)


def _widen_csv(file: Path, header: Sequence[str]) -> None:
    """Gives a file these columns, of which it has some already, or none and no rows."""
    with _replaced(file) as before, _text(file) as out:
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

    file, columns = target / "data.parquet", Columns()
    about = {f"gankit.{key}": text for key, text in provenance.text().items()}
    writer: Any = None
    try:
        for rows in _blocks_and_nothing(columns, samples):
            schema = _schema(columns, about)
            if writer is None or writer.schema != schema:
                if writer is not None:
                    writer.close()
                with _replaced(file) as before:
                    writer = pq.ParquetWriter(file, schema)
                    if before is not None:
                        for batch in pq.ParquetFile(before).iter_batches(BLOCK):
                            writer.write_table(_table(batch.to_pylist(), columns, schema))
            if rows:
                writer.write_table(_table(rows, columns, schema), BLOCK)
    finally:
        if writer is not None:
            writer.close()


def _schema(columns: Columns, about: Mapping[str, str]) -> Any:
    import pyarrow as pa

    kinds = dict.fromkeys(columns.names(), pa.string())
    kinds |= dict.fromkeys((*PROPERTIES, *columns.numbers()), pa.float64())
    kinds |= dict.fromkeys((*COUNTS, "tries"), pa.int32())
    kinds |= {"seed": pa.uint64(), "generated": pa.bool_()}
    return pa.schema(list(kinds.items()), about)


def _table(rows: Sequence[Mapping[str, Value]], columns: Columns, schema: Any) -> Any:
    """Rows as a table; a number in a column of texts becomes one."""
    import pyarrow as pa

    fitting: list[dict[str, Value]] = []
    for row in rows:
        mended = {
            key: text if (text := row.get(key)) is None else said(text) for key in columns.texts
        }
        fitting.append({**row, **mended})
    return pa.Table.from_pylist(fitting, schema)


# --- Files --------------------------------------------------------------------------------------


def _blocks_and_nothing(columns: Columns, samples: Samples) -> Iterator[list[Row]]:
    """No rows, so that a file is begun whether or not there are samples; then blocks of rows."""
    yield []
    for block in columns.blocks(samples):
        yield [row for _, row in block]


def _text(file: Path, mode: str = "w") -> Any:
    # What a decoder wrote, or a data set's columns, may be no proper Unicode.
    return file.open(mode, encoding="utf-8", errors="backslashreplace", newline="")


@contextmanager
def _replaced(file: Path) -> Iterator[Path | None]:
    """Where a file's contents are while it is written anew; None if it is not there."""
    if not file.exists():
        yield None
        return
    before = file.with_name(f".{file.name}.before")
    file.replace(before)
    try:
        yield before
    finally:
        before.unlink()


FORMATS: dict[str, Callable[[Samples, Path, Provenance], None]] = {
    "smi": _write_smi,
    "csv": _write_csv,
    "parquet": _write_parquet,
    "sdf": _write_sdf,
    "sdf3d": _write_sdf3d,
}
"""What can be written; the first is the default."""
