"""Table files: CSV, JSON, Parquet, Feather and Excel, compressed or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet

from gankit.contract import Issue
from gankit.errors import GankitError
from gankit.kit.folders import printable
from gankit.kit.own_output import RECORD, doubt, is_generated_file, is_record
from gankit.kit.splits import take_split
from gankit.kit.tables import refuse_duplicate_columns
from gankit.kit.trees import Folder, usable
from gankit_tabular.data.excel import read_excel
from gankit_tabular.data.options import Findings, ReadOptions
from gankit_tabular.data.records import json_parts
from gankit_tabular.data.text import text_parts

TEXT = (".csv", ".tsv", ".tab", ".txt")
SUFFIXES = (*TEXT, ".jsonl", ".ndjson", ".json", ".parquet", ".feather", ".arrow", ".xlsx", ".xlsm")
READS = "Supported: .csv .tsv .txt .jsonl .json .parquet .feather .arrow .xlsx, compressed or not"
COMPRESSED = (".gz", ".zst", ".bz2")
OTHER = {
    ".xls": "an old Excel workbook", ".xlsb": "a binary Excel workbook",
    ".ods": "an OpenDocument spreadsheet", ".sav": "an SPSS file", ".dta": "a Stata file",
    ".sas7bdat": "a SAS file", ".rds": "an R file", ".orc": "an ORC file", ".avro": "an Avro file",
    ".zip": "a zip archive", ".7z": "an archive", ".xz": "an xz file", ".pkl": "a pickle",
    ".h5": "an HDF5 file",
}  # fmt: skip
"""Kinds of files that people bring and that are not read."""
NOTES = (".txt", ".json")
BATCH = 2**16
"""Rows of binary files that are read together."""


def table_files(path: Path, findings: Findings, split: str = "train") -> list[Path]:
    """The file itself, or the table files of one split below a folder.

    What gankit wrote below it is left out, and so are .txt and .json files beside other tables,
    which are mostly notes and records.

    Args:
        split: the one that is used, or ``all``.

    Raises:
        GankitError: there is no such path or split, no table below it, or it is a run.
    """
    if not path.exists():
        raise GankitError(f"no such file or folder: {path}", "Check the path")
    if not path.is_dir():
        if is_generated_file(path):
            findings.warn(doubt(path))
        elif (path.parent / RECORD).is_file():
            findings.warn(doubt(path.parent))  # once for all tables in it
        return [path]
    endings = [s + c for s in SUFFIXES for c in ("", *COMPRESSED)]
    found = usable(Folder(path), endings)
    for warning in found.warnings:
        findings.warn(warning)
    findings.issues += [issue for issue in found.issues if not is_record(issue.location)]
    names = [
        name
        for name in found.names
        if name.lower().endswith(tuple(endings))
        and not is_record(name)
        and not name.rpartition("/")[2].startswith("~$")
    ]
    odd = [name for name in names if not (path / name).is_file()]  # broken links, pipes
    findings.issues += [Issue(printable(name), "no regular file: left out") for name in odd]
    names = [name for name in names if name not in odd]
    tables = [name for name in names if _suffix(Path(name)) not in NOTES] or names
    if passed := len(names) - len(tables):
        findings.facts["files left out"] = f"{passed:,}: .txt and .json files beside tables"
    if not tables:
        raise GankitError(f"{path} contains no table", READS)
    chosen = take_split(tables, split, where=path, by_file_name=True)
    if chosen.fact:
        findings.facts["split"] = chosen.fact
    for warning in chosen.warnings:
        findings.warn(warning)
    return [path / name for name in sorted(chosen.names)]


def file_parts(
    files: Sequence[Path], options: ReadOptions, findings: Findings
) -> Iterator[pa.Table]:
    """The table of some files, part by part.

    Raises:
        GankitError: a file is not a table, or is damaged.
    """
    texts = [file for file in files if _suffix(file) in TEXT]
    if texts:
        yield from _guarded(texts[0], text_parts(texts, options, findings))
    for file in files:
        if file not in texts:
            yield from _guarded(file, _parts(file, options, findings))
    if len(files) > 1:
        findings.facts["files"] = f"{len(files):,}"


def _guarded(file: Path, parts: Iterator[pa.Table | pa.RecordBatch]) -> Iterator[pa.Table]:
    """Parts of a file, whose damage is an error that names it."""
    try:
        for part in parts:
            refuse_duplicate_columns(part.schema.names, str(file))
            yield part if isinstance(part, pa.Table) else pa.Table.from_batches([part])
    except MemoryError:  # Arrow's is an ArrowException too; the file is not at fault
        raise
    except (pa.ArrowException, OSError, LookupError, ValueError, EOFError) as error:
        line = " ".join(str(error).split())
        raise GankitError(f"cannot read {file}: {line[:300]}", "Check the file") from None


def _parts(
    file: Path, options: ReadOptions, findings: Findings
) -> Iterator[pa.Table | pa.RecordBatch]:
    suffix = _suffix(file)
    if suffix in (".jsonl", ".ndjson", ".json"):
        yield from json_parts(file, findings)
    elif suffix == ".parquet":
        findings.facts.setdefault("format", "Parquet")
        yield from _parquet(file)
    elif suffix in (".xlsx", ".xlsm"):
        yield read_excel(file, options, findings)
    elif suffix in (".feather", ".arrow"):
        findings.facts.setdefault("format", "Feather")
        yield from _arrow(file)
    elif suffix in OTHER or file.suffix.lower() in OTHER:
        kind = OTHER.get(suffix) or OTHER[file.suffix.lower()]
        raise GankitError(
            f"{file} is {kind}, which is not supported", "Save it as .xlsx, .csv or .parquet"
        )
    else:
        raise GankitError(f"{file} is not a supported table", READS)


def _suffix(file: Path) -> str:
    """The suffix of the format, without that of compression."""
    compressed = file.suffix.lower() in COMPRESSED
    return (Path(file.stem).suffix if compressed else file.suffix).lower()


def _parquet(file: Path) -> Iterator[pa.RecordBatch]:
    with pyarrow.parquet.ParquetFile(file) as opened:
        if not opened.metadata.num_rows:
            yield pa.RecordBatch.from_pylist([], opened.schema_arrow)
        yield from map(_valid, opened.iter_batches(BATCH))


def _arrow(file: Path) -> Iterator[pa.RecordBatch | pa.Table]:
    try:
        reader = pa.ipc.open_file(file)
    except pa.ArrowInvalid:  # the first version of Feather
        yield _valid(pyarrow.feather.read_table(file))
        return
    if not reader.num_record_batches:
        yield reader.schema.empty_table()
    for i in range(reader.num_record_batches):
        yield _valid(reader.get_batch(i))


def _valid(part: Any) -> Any:
    """Checks all offsets and texts: Arrow trusts those of a file, and crashes on damaged ones."""
    part.validate(full=True)
    return part
