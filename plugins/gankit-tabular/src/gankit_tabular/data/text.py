"""CSV and other delimited text files, as typed columns that write back exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from gankit.contract import Doubt, Issue
from gankit.errors import GankitError
from gankit.kit.tables import refuse_duplicate_columns
from gankit_tabular.data.cells import ColumnTypes, Style
from gankit_tabular.data.dialect import NAMES, SAMPLE, Dialect, Head, parse_delimiter, read_head
from gankit_tabular.data.encodings import AsUtf8, Collapsed, found_encoding, open_bytes
from gankit_tabular.data.options import Findings, ReadOptions
from gankit_tabular.formats.columns import cells_metadata

TEXT_BLOCK = 2**26
"""Bytes of a text file that are read together."""


def text_parts(
    files: Sequence[Path], options: ReadOptions, findings: Findings
) -> Iterator[pa.Table]:
    """The table of some text files, part by part.

    Lines with too few or too many values are skipped and reported. All files share the types of
    their columns. Several blocks are first read through once, to find these types.

    Raises:
        GankitError: a file is not text, has two columns of one name, or no columns.
    """
    opened = [_TextFile(file, options, findings) for file in files]
    types: dict[str, ColumnTypes] = {}
    blocks = _blocks(opened)
    first = next(blocks, None)
    second = next(blocks, None)
    only = second is None

    def add(block: pa.Table) -> None:
        for name, column in zip(block.column_names, block.columns, strict=True):
            known = types.setdefault(name, ColumnTypes(options.marks))
            known.add(column.combine_chunks(), last=only)

    if first is not None:
        add(first)
    if second is not None:
        add(second)
        del first, second
        for block in blocks:
            add(block)
        for one in opened:
            one.threads = one.threads and not one.issues
            one.issues.clear()
        again = _blocks(opened)
    else:
        again = iter([] if first is None else [first])
    commas = any(known.commas for known in types.values())
    for known in types.values():  # 1.234 beside 0,5 is a thousand
        points = known.possible and known.possible[0].type == pa.float64()
        known.is_text = bool(commas and known.grouped and points)
    schema_info = _describe(opened, types, options, findings)
    found = False
    for block in again:
        found = True
        yield _typed(block, types, schema_info)
    for one in opened:
        findings.issues += one.issues
    if not found:
        names = opened[0].head.columns
        yield pa.table({name: pa.nulls(0, pa.string()) for name in names})


def _blocks(files: Sequence[_TextFile]) -> Iterator[pa.Table]:
    for file in files:
        yield from file.blocks()


def _typed(block: pa.Table, types: dict[str, ColumnTypes], info: dict[bytes, bytes]) -> pa.Table:
    fields, columns = [], []
    for name, column in zip(block.column_names, block.columns, strict=True):
        known = types[name]
        values = known.convert(column.combine_chunks())
        marks = [m for m in known.used if len(known.used) > 1]
        text = pa.types.is_string(values.type)
        about = None
        if text:
            marks = list(known.used) if known.is_text else marks
            about = cells_metadata(marks, commas=known.is_text)
        fields.append(pa.field(name, values.type, metadata=about))
        columns.append(values)
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=info))


def _describe(
    files: Sequence[_TextFile],
    types: dict[str, ColumnTypes],
    options: ReadOptions,
    findings: Findings,
) -> dict[bytes, bytes]:
    """Adds facts and doubts to the findings; returns the metadata of the schema."""
    head = files[0].head
    facts, dialect = findings.facts, head.dialect
    between = NAMES.get(dialect.delimiter, repr(dialect.delimiter))
    if head.runs:
        between = "runs of blanks"
    if dialect.blank:
        between += ", followed by a blank"
    how = "as set" if options.delimiter else "detected"
    facts["format"] = f"delimited text; delimiter: {between} ({how})"
    facts["encoding"] = ", ".join(dict.fromkeys(f.encoding for f in files))
    used = {m: sum(m in t.used for t in types.values()) for t in types.values() for m in t.used}
    if used:
        shown = (f"{m or 'empty cells'} ({_columns(n)})" for m, n in used.items())
        facts["missing values"] = ", ".join(shown)
    for file in files:
        for doubt in file.doubts:
            findings.warn(doubt if len(files) == 1 else _in_file(file.path.name, doubt))
    styles = {}
    for name, known in types.items():
        _, style = known.found
        if style != Style():
            styles[name] = style
    whole = Dialect(**{**vars(dialect), "styles": styles})
    return whole.metadata()


def _in_file(name: str, doubt: str) -> Doubt:
    return Doubt(f"{name}: {doubt}", f"{name}: {getattr(doubt, 'stored', doubt)}")


def _columns(n: int) -> str:
    return "1 column" if n == 1 else f"{n:,} columns"


class _TextFile:
    """One text file, of which the start has been read."""

    def __init__(self, path: Path, options: ReadOptions, findings: Findings) -> None:
        self.path = path
        self.issues: list[Issue] = []
        self.threads = True
        self._encoding = found_encoding(path, options.encoding)
        self.encoding = self._encoding.name
        self.doubts = [self._encoding.doubt] if self._encoding.doubt else []
        self._runs = False
        usual = "\t" if ".tsv" in path.suffixes or ".tab" in path.suffixes else ","
        with self._stream() as stream:
            text = stream.read(SAMPLE).decode("utf-8", "replace").lstrip("\ufeff")
        try:
            bom = self.encoding == "utf-8-sig"
            self.head: Head = read_head(text, parse_delimiter(options.delimiter), usual, bom)
        except GankitError as error:
            raise GankitError(f"cannot read {path}: {error.message}", error.hint) from None
        self.doubts += self.head.doubts
        self._runs = self.head.runs
        hint = "Rename one, or add a line of column names if there is none"
        refuse_duplicate_columns(list(self.head.columns), str(path), hint)
        self._warned = False

    def _stream(self) -> Any:
        stream = open_bytes(self.path)
        if not self._encoding.valid:
            stream = AsUtf8(stream, self.encoding)
        return Collapsed(stream) if self._runs else stream

    def blocks(self) -> Iterator[pa.Table]:
        """The file's cells as texts, block by block."""
        if self.threads:
            before = len(self.issues)
            blocks = self._parse(threads=True)
            first = next(blocks, None)
            if first is None:
                return
            second = next(blocks, None)
            if second is None and len(self.issues) == before:
                yield first
                return
            if len(self.issues) == before:
                yield first
                assert second is not None
                yield second
                yield from blocks
                return
            del self.issues[before:]
            self.threads = False
        yield from self._parse(threads=False)

    def _parse(self, *, threads: bool) -> Iterator[pa.Table]:
        head = self.head

        def skip(row: Any) -> str:
            line = f", line {row.number}" if row.number else ""
            where, n = f"{self.path.name}{line}", row.actual_columns
            values = "1 value" if n == 1 else f"{n} values"
            self.issues.append(Issue(where, f"it has {values}, not {row.expected_columns}"))
            return "skip"

        options = pyarrow.csv.ReadOptions(
            use_threads=threads, block_size=TEXT_BLOCK, column_names=list(head.columns),
            skip_rows=head.lines,
        )  # fmt: skip
        parse = pyarrow.csv.ParseOptions(
            delimiter=head.dialect.delimiter,
            quote_char=head.dialect.quoting.quote,
            escape_char=head.dialect.quoting.escape or False,
            newlines_in_values=head.newlines,
            invalid_row_handler=skip,
        )
        convert = pyarrow.csv.ConvertOptions(
            column_types={name: pa.string() for name in head.columns},
            null_values=[],
            strings_can_be_null=False,
            quoted_strings_can_be_null=False,
            check_utf8=True,
        )
        with self._stream() as stream:
            try:
                reader = pyarrow.csv.open_csv(stream, options, parse, convert)
            except pa.ArrowInvalid as error:
                if any(words in str(error) for words in ("Empty CSV", "Could not skip")):
                    return
                raise
            for batch in reader:
                table = pa.Table.from_batches([batch])
                if head.left_out:
                    table = table.drop_columns(list(head.left_out))
                if head.dialect.blank:
                    table = _trimmed(table)
                if len(table):
                    yield table
        stream = stream.source if isinstance(stream, Collapsed) else stream
        if isinstance(stream, AsUtf8) and stream.replaced and not self._warned:
            self._warned = True
            self.doubts.append(
                f"{stream.replaced:,} bytes or characters cannot be decoded as {self.encoding} and "
                "are read as \ufffd. Set the right encoding, such as encoding=cp1252"
            )


def _trimmed(table: pa.Table) -> pa.Table:
    """Without the blank after each delimiter."""
    columns = [
        c if i == 0 else pc.replace_substring_regex(c, "^ ", "")
        for i, c in enumerate(table.columns)
    ]
    return pa.Table.from_arrays(columns, schema=table.schema)
