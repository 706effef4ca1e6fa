"""The modality: where each part of the contract is found. Start reading here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from gankit.contract import (
    Augmentable,
    Codec,
    CodecState,
    Dataset,
    Evaluator,
    Extractor,
    Fitting,
    Issue,
    Modality,
    Networks,
    Progress,
    Provenance,
    Rendering,
    Sample,
)
from gankit.errors import GankitError, did_you_mean, without_password
from gankit.kit.tables import refuse_duplicate_columns
from gankit_tabular.codec.codec import FIT_ROWS, TableCodec
from gankit_tabular.codec.constraints.rules import parse_rules
from gankit_tabular.codec.constraints.validation import check_rows
from gankit_tabular.codec.number_formats import number_formats, read_columns
from gankit_tabular.codec.ordinals import check_ordinals
from gankit_tabular.data.arrow import is_text
from gankit_tabular.data.rows import Row, Rows, sample_table, take_table
from gankit_tabular.data.sources import fingerprint, read_rows
from gankit_tabular.evaluation.downstream import Boosting
from gankit_tabular.evaluation.features import EncodedTable
from gankit_tabular.evaluation.scores import TableScores
from gankit_tabular.evaluation.targets import check_names
from gankit_tabular.networks import Discriminator, Generator
from gankit_tabular.output.files import FORMATS, write_rows
from gankit_tabular.output.preview import draw_preview
from gankit_tabular.output.row import draw_row
from gankit_tabular.settings import TabularSettings

FEWEST = 20
"""Fewer rows than this are refused."""
PREVIEW_ROWS = 5_000
"""Evenly spaced training rows that a preview shows."""


class TabularModality(Modality[Row], Augmentable):
    """Tables of numbers, categories, dates and times, and missing values."""

    Settings = TabularSettings
    formats = FORMATS
    source_type = "http://c2pa.org/digitalsourcetype/trainedAlgorithmicData"

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
        refuse_duplicate_columns(names, "the table")
        for name in (*settings.kinds(), *settings.drop, *settings.groups, settings.target):
            if name and name not in names:
                raise GankitError(f"the table has no column {name!r}", did_you_mean(name, names))
        rows = rows.without(settings.drop)
        if len(rows) < FEWEST:
            where = without_password(str(source)) if isinstance(source, str | Path) else "the table"
            usable = "1 usable row" if len(rows) == 1 else f"{len(rows)} usable rows"
            why = "".join(f"; {p.location}: {p.reason}" for p in issues[:1])
            raise GankitError(f"{where} has {usable}{why}", f"At least {FEWEST} are needed")
        _check_settings(rows, settings)
        kept = "" if rows.spool is None else ", kept in a temporary file"
        return Dataset(
            rows,
            fingerprint(rows),
            f"{len(rows):,} rows, {rows.table.num_columns} columns{kept}",
            licence,
            issues,
        )

    def fit_codec(
        self, items: Sequence[Row], settings: TabularSettings, fitting: Fitting
    ) -> TableCodec:
        return TableCodec.from_rows(items, settings)

    def load_codec(self, state: CodecState, settings: TabularSettings) -> TableCodec:
        return TableCodec.load(state)

    def build_networks(self, codec: Codec[Row], settings: TabularSettings) -> Networks:
        own = _table_codec(codec)
        shape, cond_dim = (settings.hidden, settings.layers), own.conditions.width
        return Networks(
            Generator(own.blocks, cond_dim, settings.latent, *shape, settings.temperature),
            Discriminator(own.columns, own.blocks, cond_dim, *shape, settings.pack),
            settings.latent + own.width,
            batch_dependent=settings.pack > 1,
        )

    def evaluators(
        self, codec: Codec[Row] | None, settings: TabularSettings
    ) -> Sequence[Extractor[Row] | Evaluator[Row]]:
        own = None if codec is None else _table_codec(codec)
        scores = TableScores(settings.target, settings.groups)
        if own is not None:
            check_names(own.schema.names, settings.target, settings.groups)
            scores.columns = own.columns
        return EncodedTable(own, settings), scores

    def write(
        self,
        samples: Iterable[Sample[Row]],
        target: Path,
        codec: Codec[Row],
        provenance: Provenance,
        format: str,
    ) -> None:
        write_rows(samples, target / f"table.{format}", _table_codec(codec).schema, provenance)

    def render(self, item: Row, codec: Codec[Row] | None) -> Rendering:
        return Rendering("image/svg+xml", draw_row(item).encode())

    def preview(
        self, items: Sequence[Row], codec: Codec[Row] | None, real: Sequence[Row] = ()
    ) -> Rendering:
        schema = None if codec is None else _table_codec(codec).schema
        generated = pa.Table.from_pylist([dict(item) for item in items], schema=schema)
        spread = np.arange(0, len(real), -(-len(real) // PREVIEW_ROWS) or 1)
        shown = take_table(real, spread) if len(real) else None
        return Rendering("image/svg+xml", draw_preview(generated, shown).encode())

    def attributes(self, item: Row) -> Row:
        return item

    def downstream_model(self, settings: TabularSettings) -> Boosting:
        return Boosting()


def _table_codec(codec: Codec[Row]) -> TableCodec:
    assert isinstance(codec, TableCodec), "the codec of another modality"
    return codec


def _check_settings(rows: Rows, settings: TabularSettings) -> None:
    """Checks settings against the rows, or a sample of a table larger than memory.

    Raises:
        GankitError: the rows do not follow them.
    """
    check_ordinals(settings.ordinals, rows.table)
    if not (settings.constraints or settings.numbers):
        return
    complete = rows.spool is None
    table = rows.table if complete else sample_table(rows, FIT_ROWS, np.random.default_rng(0))
    formats = number_formats(table, settings.kinds())
    values = pa.table(read_columns(table, formats))
    for name in settings.numbers:
        if is_text(values.schema.field(name).type):
            raise GankitError(
                f"numbers: {name} contains texts that are not numbers, such as "
                f"{table.column(name).drop_null()[0].as_py()!r}",
                "Leave it out of numbers",
            )
    types = {f.name: f.type for f in values.schema}
    check_rows(parse_rules(settings.constraints, types), values, complete=complete)


def _built_in() -> pa.Table:
    """Wolberg's 569 breast biopsies, real measurements that come with scikit-learn."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    columns = {
        name.replace(" ", "_"): data.data[:, i] for i, name in enumerate(data.feature_names[:10])
    }
    columns["diagnosis"] = [str(data.target_names[t]) for t in data.target]
    return pa.table(columns)
