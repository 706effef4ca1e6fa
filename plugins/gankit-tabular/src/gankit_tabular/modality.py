"""The modality: where each part of the contract is found. Start reading here."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet

from gankit.contract import (
    CodecState,
    Dataset,
    Evaluator,
    Extractor,
    Issue,
    Layout,
    Modality,
    Networks,
    Progress,
    Provenance,
    Sample,
)
from gankit.contract.subsets import take
from gankit.errors import GankitError, did_you_mean, without_password
from gankit_tabular.codec import ordinals
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.constraints import rules
from gankit_tabular.codec.number_formats import number_formats, read_columns
from gankit_tabular.data.rows import Row, Rows, refuse_twins, table_of
from gankit_tabular.data.sources import fingerprint, read_rows
from gankit_tabular.evaluation.downstream import Boosting
from gankit_tabular.evaluation.evaluators import Encoded, TableScores
from gankit_tabular.networks import Discriminator, Generator
from gankit_tabular.output.preview import write_preview

FEWEST = 20
"""Fewer rows than this are no data set."""
LEARNT_FROM = 500_000
"""Rows from which columns are learnt, drawn evenly from a table of more."""
CHUNK = 10_000
"""Rows that are written at a time."""
SHOWN_BESIDE = 5_000
"""Training rows that a preview is drawn from."""


@dataclass(frozen=True)
class TabularSettings:
    """Settings of the tabular plugin."""

    target: str = ""
    """The column that a model would predict; the last one when empty. For scores alone."""
    groups: tuple[str, ...] = ()
    """Columns that tell groups of people apart, e.g. ``["sex", "race"]``. For scores alone."""
    numbers: tuple[str, ...] = ()
    """Columns to take for numbers, whatever they look like."""
    categories: tuple[str, ...] = ()
    """Columns to take for categories."""
    identifiers: tuple[str, ...] = ()
    """Columns that name a row: they are made up, never learnt."""
    drop: tuple[str, ...] = ()
    """Columns to leave out."""
    ordinals: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Categories with an order, least first: ``ordinals={size=["S","M","L"]}``; with an empty list
    in the order in which the values sort."""
    constraints: tuple[str, ...] = ()
    """Rules that every generated row honours: ``"a <= b"``, ``"total = price + tax"``,
    ``"together: country, city"``, ``"unique: id"``."""
    encoding: str = "utf-8"
    """Of a text file; what does not decode becomes a question mark in a box."""
    query: str = ""
    """What to ask of a database: ``query='select * from people'``."""
    delimiter: str = ""
    """Between the values of a line; a comma when empty, a tab in a .tsv file."""
    memory: float = 1.0
    """Gigabytes of a table that are kept in memory; a larger one goes to a temporary file."""
    bins: int = 8
    """Quantile bins of a number with many values."""
    hidden: int = 256
    """Units in a hidden layer, of both networks."""
    layers: int = 2
    """Hidden layers, of both networks."""
    latent: int = 128
    """Dimensions of the latent z, beside the noise of the draws."""
    temperature: float = 0.2
    """Of the softmax over a column's codes while training."""
    pack: int = 1
    """Rows that the discriminator judges together; above 1 it sees whether they are too alike."""

    def __post_init__(self) -> None:
        for name in ("bins", "hidden", "layers", "latent", "pack"):
            if getattr(self, name) < 1:
                raise GankitError(f"{name}={getattr(self, name)}: too small", "Use 1 or more")
        if not self.memory >= 0:
            raise GankitError(f"memory={self.memory}: too small", "Use 1, or 0 for a file always")
        if not self.temperature > 0:
            raise GankitError(f"temperature={self.temperature}: too small", "Use 0.2, say")

    def kinds(self) -> dict[str, str]:
        """What the user says of columns, by name."""
        said = (("number", self.numbers), ("category", self.categories))
        named = {name: kind for kind, names in said for name in names}
        named |= dict.fromkeys(self.ordinals, "category")
        return named | dict.fromkeys(self.identifiers, "identifier")


class TabularModality(Modality[Row]):
    """Tables of numbers, categories, instants and missing values."""

    Settings = TabularSettings
    formats = ("csv", "parquet", "feather")
    source_type = "http://c2pa.org/digitalsourcetype/trainedAlgorithmicData"

    mixes = True

    _codec: TableCodec | None = None
    """The latest codec: features and networks are made for its columns."""

    def read(
        self, source: object | None, settings: TabularSettings, progress: Progress
    ) -> Dataset[Row]:
        licence, issues = "", list[Issue]()
        if source is None:
            rows, licence = Rows(_built_in()), "CC BY 4.0"
        else:
            rows, issues = read_rows(
                source,
                settings.delimiter,
                settings.encoding,
                settings.query,
                settings.memory * 2**30,
            )
        names = rows.table.column_names
        refuse_twins(names, "the table")
        for name in (*settings.kinds(), *settings.drop, *settings.groups, settings.target):
            if name and name not in names:
                raise GankitError(f"the table has no column {name!r}", did_you_mean(name, names))
        rows = rows.without(settings.drop)
        if len(rows) < FEWEST:
            where = without_password(str(source)) if isinstance(source, str | Path) else "the table"
            why = "".join(f"; {p.location}: {p.reason}" for p in issues[:1])
            raise GankitError(
                f"{where} has {len(rows)} usable rows{why}", f"Give at least {FEWEST}"
            )
        _check_what_is_said(rows, settings)
        kept = "" if rows.spool is None else ", kept in a temporary file"
        return Dataset(
            rows,
            fingerprint(rows),
            f"{len(rows):,} rows, {rows.table.num_columns} columns{kept}",
            licence,
            issues,
        )

    def fit_codec(
        self, items: Sequence[Row], settings: TabularSettings, progress: Progress
    ) -> TableCodec:
        schema = _schema(items)
        self._codec = TableCodec.fit(
            _learnt_from(items),
            schema,
            settings.bins,
            settings.kinds(),
            settings.constraints,
            settings.ordinals,
        )
        return self._codec

    def load_codec(self, state: CodecState, settings: TabularSettings) -> TableCodec:
        self._codec = TableCodec.load(state)
        return self._codec

    def build_networks(self, layout: Layout, settings: TabularSettings) -> Networks:
        codec = self._codec
        assert codec is not None, "a codec is made or loaded before networks are built"
        shape, told = (settings.hidden, settings.layers), sum(t.codes for t in codec.told)
        return Networks(
            Generator(codec.blocks, settings.latent, *shape, settings.temperature, told),
            Discriminator(codec.columns, codec.blocks, *shape, told, settings.pack),
            settings.latent + codec.width,
            batch_dependent=settings.pack > 1,
        )

    def evaluators(self, settings: TabularSettings) -> Sequence[Extractor[Row] | Evaluator[Row]]:
        return Encoded(self._codec), TableScores(settings.target, settings.groups)

    def write(
        self, samples: Iterable[Sample[Row]], target: Path, provenance: Provenance, format: str
    ) -> None:
        stream = iter(samples)
        writer: Any = None
        while some := list(itertools.islice(stream, CHUNK)):
            table = self._marked(some, provenance)
            writer = writer or _writer(target / f"table.{format}", table.schema, format)
            writer.write_table(table)
        if writer:
            writer.close()

    def values(self, item: Row) -> Row:
        return item

    def learner(self, settings: TabularSettings) -> Boosting:
        return Boosting()

    def preview(self, items: Sequence[Row], target: Path) -> Path:
        return write_preview(self._table(items), None, target.with_suffix(".svg"))

    def preview_beside(self, items: Sequence[Row], real: Sequence[Row], target: Path) -> Path:
        spread = np.arange(0, len(real), -(-len(real) // SHOWN_BESIDE) or 1)
        some = table_of(real, spread)
        return write_preview(self._table(items), some, target.with_suffix(".svg"))

    def _table(self, items: Sequence[Row]) -> pa.Table:
        schema = self._codec.schema if self._codec else None
        return pa.Table.from_pylist([dict(item) for item in items], schema=schema)

    def _marked(self, samples: Sequence[Sample[Row]], provenance: Provenance) -> pa.Table:
        """The rows with columns that say that they are generated, and from which seed."""
        table = self._table([s.item for s in samples])
        seeds = pa.array([None if s.real else s.seed for s in samples], pa.int64())
        table = table.append_column("_seed", seeds)
        table = table.append_column("_synthetic", pa.array([not s.real for s in samples]))
        about = {k.encode(): v.encode() for k, v in provenance.text().items()}
        return table.replace_schema_metadata(about)


def _learnt_from(items: Sequence[Row]) -> Any:
    """At most LEARNT_FROM rows, drawn evenly, in their order."""
    n = len(items)
    return take(
        items, np.sort(np.random.default_rng(0).choice(n, min(n, LEARNT_FROM), replace=False))
    )


def _check_what_is_said(rows: Rows, settings: TabularSettings) -> None:
    """Whether the rows are what settings say of them; of a table larger than memory, some rows.

    Raises:
        GankitError: they are not.
    """
    ordinals.check(settings.ordinals, rows.table)
    if not (settings.constraints or settings.numbers):
        return
    whole = rows.spool is None
    table = rows.table if whole else _learnt_from(rows).table
    formats = number_formats(table, settings.kinds())
    values = pa.table(read_columns(table, formats))
    for name in settings.numbers:
        if pa.types.is_string(t := values.schema.field(name).type) or pa.types.is_large_string(t):
            raise GankitError(
                f"numbers: {name} holds texts that are no numbers, such as "
                f"{table.column(name).drop_null()[0].as_py()!r}",
                "Leave it out of numbers",
            )
    types = {f.name: f.type for f in values.schema}
    rules.check(rules.parse(settings.constraints, types), values, whole=whole)


def _schema(items: Sequence[Row]) -> pa.Schema:
    """The columns of rows that come from one table, as far as a few of them tell."""
    inner = items
    while not isinstance(inner, Rows) and hasattr(inner, "items"):
        inner = inner.items  # a part of a sequence of rows
    if isinstance(inner, Rows):
        return inner.table.schema.remove_metadata()
    return pa.Table.from_pylist([dict(items[i]) for i in range(len(items))]).schema


def _writer(file: Path, schema: pa.Schema, format: str) -> Any:
    if format == "parquet":
        return pyarrow.parquet.ParquetWriter(file, schema)
    if format == "feather":
        return pa.ipc.new_file(str(file), schema)
    return pyarrow.csv.CSVWriter(str(file), schema)


def _built_in() -> pa.Table:
    """Wolberg's 569 breast biopsies, real measurements that come with scikit-learn."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    columns = {
        name.replace(" ", "_"): data.data[:, i] for i, name in enumerate(data.feature_names[:10])
    }
    columns["diagnosis"] = [str(data.target_names[t]) for t in data.target]
    return pa.table(columns)
