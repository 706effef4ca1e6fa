"""The modality: where each part of the contract is found. Start reading here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit.contract import (
    Augmentable,
    Codec,
    CodecState,
    Converts,
    Dataset,
    Evaluator,
    Extractor,
    Fitting,
    Imputes,
    Modality,
    Networks,
    Progress,
    Provenance,
    Rendering,
    Sample,
)
from gankit.errors import GankitError, did_you_mean, without_password
from gankit.kit.files import package_file
from gankit_tabular.codec.codec import FIT_ROWS, TableCodec
from gankit_tabular.codec.constraints.rules import parse_rules
from gankit_tabular.codec.constraints.validation import check_rows
from gankit_tabular.codec.ordinals import check_ordinals
from gankit_tabular.data.arrow import is_text
from gankit_tabular.data.doubts import doubts
from gankit_tabular.data.options import Findings, ReadOptions
from gankit_tabular.data.rows import Row, Rows, sample_table, table_of, take_table
from gankit_tabular.data.sources import fingerprint, read_rows
from gankit_tabular.evaluation.column_scores import ColumnScores
from gankit_tabular.evaluation.downstream import Boosting
from gankit_tabular.evaluation.features import EncodedTable
from gankit_tabular.evaluation.scored import ScoredColumns
from gankit_tabular.evaluation.scores import TableScores
from gankit_tabular.evaluation.targets import check_names
from gankit_tabular.formats.columns import column_formats, typed_table
from gankit_tabular.networks.cascade import Cascade
from gankit_tabular.networks.critic import Critic
from gankit_tabular.networks.one_shot import Discriminator, Generator
from gankit_tabular.output.conversion import CONVERSIONS, convert
from gankit_tabular.output.files import FORMATS, IMPUTED, write_imputed, write_rows
from gankit_tabular.output.preview import draw_preview
from gankit_tabular.output.row import draw_row
from gankit_tabular.settings import TabularSettings

FEWEST = 20
"""Fewer rows than this are refused."""
MOST_UNITS, FEWEST_UNITS = 40_000, 16
"""Hidden units of the cascade in all, in tables of very many columns, and for a digit."""
DOUBT_ROWS = 100_000
"""Rows in which doubtful columns are looked for."""
MOST_CLASSES = 50
"""A target with at most so many values is held out class by class."""
PREVIEW_ROWS = 5_000
"""Evenly spaced training rows that a preview shows."""


class TabularModality(Modality[Row], Augmentable, Converts, Imputes):
    """Tables of numbers, categories, dates and times, and missing values."""

    Settings = TabularSettings
    formats = FORMATS
    conversions = CONVERSIONS
    network_settings = ("generator", "digit_units", "bins", "hidden", "layers", "latent", "pack")
    source_type = "http://c2pa.org/digitalsourcetype/trainedAlgorithmicData"

    def read(
        self, source: object | None, settings: TabularSettings, progress: Progress
    ) -> Dataset[Row]:
        licence, found = "", Findings()
        if source is None:
            rows, licence = Rows(_built_in()), "CC BY 4.0"
            rows = rows.without([name for name in settings.drop if name in rows.table.column_names])
            left_out = settings.drop
        else:
            options = _options(settings, settings.drop)
            rows, _ = read_rows(source, options=options, findings=found)
            left_out = tuple(found.dropped)
        names = rows.table.column_names
        known = [*names, *left_out]
        for name in (*settings.kinds(), *settings.drop, *settings.groups, settings.target):
            if name and name not in (known if name in settings.drop else names):
                raise GankitError(f"the table has no column {name!r}", did_you_mean(name, known))
        if not names:
            why = "Drop fewer of them" if left_out else "Give one with columns and rows"
            raise GankitError("the table has no columns", why)
        if len(rows) < FEWEST:
            where = without_password(str(source)) if isinstance(source, str | Path) else "the table"
            usable = "1 usable row" if len(rows) == 1 else f"{len(rows)} usable rows"
            why = "".join(f"; {p.location}: {p.reason}" for p in found.issues[:1])
            raise GankitError(f"{where} has {usable}{why}", f"At least {FEWEST} are needed")
        _check_settings(rows, settings)
        found.facts |= _shape(rows, settings)
        kept = "" if rows.spool is None else ", kept in a temporary file"
        return Dataset(
            rows,
            fingerprint(rows),
            f"{len(rows):,} rows, {rows.table.num_columns} columns{kept}",
            licence,
            found.issues,
            found.facts,
            warnings=[*found.warnings, *_doubts(rows, found.warnings)],
            strata=_strata(rows, settings.target),
        )

    def read_incomplete(
        self, source: object, settings: TabularSettings, progress: Progress
    ) -> Dataset[Row]:
        found = Findings()
        rows, issues = read_rows(source, options=_options(settings), findings=found)
        if issues:
            first, more = issues[0], len(issues) - 1
            others = f", and {more:,} more" if more else ""
            raise GankitError(
                f"{first.location}: {first.reason}{others}",
                "Fix that first: every row has to be in the filled table",
            )
        if not len(rows):
            raise GankitError("the table has no rows", "Give one with rows to fill")
        if IMPUTED in rows.table.column_names:
            raise GankitError(
                f"the table has a column {IMPUTED!r} already", "Rename or remove it first"
            )
        about = f"{len(rows):,} rows, {rows.table.num_columns} columns"
        return Dataset(
            *(rows, fingerprint(rows), about), facts=found.facts, warnings=found.warnings
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
        seen, packed = (own.columns, own.blocks, cond_dim, *shape, settings.pack), settings.pack > 1
        if settings.generator == "cascade":
            blocks = own.blocks, own.condition_blocks
            units = min(settings.digit_units, max(MOST_UNITS // len(own.blocks), FEWEST_UNITS))
            cascade = Cascade(own.columns, *blocks, units, own.relations.after())
            return Networks(
                *(cascade, Critic(*seen), cascade.digits),
                batch_dependent=packed,
                likelihood=cascade.nll,
                part_likelihood=cascade.part_nll,
            )
        generator = Generator(own.blocks, cond_dim, settings.latent, *shape, settings.temperature)
        latents = settings.latent + own.width
        return Networks(generator, Discriminator(*seen), latents, batch_dependent=packed)

    def evaluators(
        self, codec: Codec[Row] | None, settings: TabularSettings
    ) -> Sequence[Extractor[Row] | Evaluator[Row]]:
        own = None if codec is None else _table_codec(codec)
        if own is not None:
            check_names(own.schema.names, settings.target, settings.groups)
        kinds = settings.kinds()
        return (
            ColumnScores(own, kinds),
            EncodedTable(own, settings),
            TableScores(settings.target, settings.groups, own, kinds),
        )

    def write(
        self,
        samples: Iterable[Sample[Row]],
        target: Path,
        codec: Codec[Row],
        provenance: Provenance,
        format: str,
    ) -> None:
        write_rows(samples, target / f"table.{format}", _table_codec(codec).schema, provenance)

    def write_imputed(
        self,
        samples: Iterable[Sample[Row]],
        target: Path,
        codec: Codec[Row],
        provenance: Provenance,
        format: str,
        mark: bool,
    ) -> None:
        write_imputed(samples, target / f"table.{format}", provenance, mark)

    def render(self, item: Row, codec: Codec[Row] | None) -> Rendering:
        return Rendering("image/svg+xml", draw_row(item).encode())

    def preview(
        self, items: Sequence[Row], codec: Codec[Row] | None, real: Sequence[Row] = ()
    ) -> Rendering:
        own = None if codec is None else _table_codec(codec)
        schema = None if own is None else own.schema
        generated = table_of(items, schema)
        spread = np.arange(0, len(real), -(-len(real) // PREVIEW_ROWS) or 1)
        shown = take_table(real, spread) if len(real) else None
        columns = ScoredColumns.of(generated if shown is None else shown, own)
        typed = None if shown is None else columns.table(shown)
        left_out = len(columns.schema) - len(columns.names)
        drawn = draw_preview(columns.table(generated), typed, left_out)
        return Rendering("image/svg+xml", drawn.encode())

    def convert(self, items: Sequence[Row], to: str, codec: Codec[Row] | None) -> Any:
        return convert(items, to, None if codec is None else _table_codec(codec).schema)

    def attributes(self, item: Row) -> Row:
        return item

    def downstream_model(self, settings: TabularSettings) -> Boosting:
        return Boosting(settings.kinds())


def _table_codec(codec: Codec[Row]) -> TableCodec:
    assert isinstance(codec, TableCodec), "the codec of another modality"
    return codec


def _options(settings: TabularSettings, drop: Sequence[str] = ()) -> ReadOptions:
    """How a source is read.

    Args:
        drop: columns to leave out.
    """
    return ReadOptions(
        settings.delimiter,
        settings.encoding,
        settings.query,
        settings.sheet,
        settings.na_values,
        settings.keep_default_na,
        tuple(drop),
        settings.split,
        settings.memory * 2**30,
    )


def _check_settings(rows: Rows, settings: TabularSettings) -> None:
    """Checks settings against the rows, or a sample of a table larger than memory.

    Raises:
        GankitError: the rows do not follow them.
    """
    check_ordinals(settings.ordinals, rows.table)
    if not (settings.constraints or settings.numbers or settings.identifiers):
        return
    complete = rows.spool is None
    table = rows.table if complete else sample_table(rows, FIT_ROWS, np.random.default_rng(0))
    values = typed_table(table, column_formats(table, settings.kinds()))
    for name in settings.numbers:
        if is_text(values.schema.field(name).type):
            texts = table.column(name).drop_null()
            shown = f", such as {texts[0].as_py()!r}" if len(texts) else ""
            raise GankitError(
                f"numbers: {name} contains texts that are not numbers{shown}",
                "Leave it out of numbers",
            )
    for name in settings.identifiers:
        t = table.schema.field(name).type
        if not (is_text(t) or pa.types.is_integer(t)):
            raise GankitError(
                f"identifiers: {name} has values of type {t}; only texts and integers can be "
                "identifiers",
                "Leave it out of identifiers",
            )
    types = {f.name: f.type for f in values.schema}
    check_rows(parse_rules(settings.constraints, types), values, complete=complete)


def _shape(rows: Rows, settings: TabularSettings) -> dict[str, str]:
    """Facts about the rows."""
    target = settings.target or rows.table.column_names[-1]
    default = "" if settings.target else " (the last column)"
    facts = {"target": f"{target}{default}"}
    if settings.drop:
        facts["left out"] = ", ".join(settings.drop)
    return facts


def _doubts(rows: Rows, warnings: Sequence[str]) -> list[str]:
    """What may have been read wrongly, but for columns of which the reader has warned."""
    table = rows.table.slice(0, DOUBT_ROWS)
    found = doubts(table, column_formats(table, {}))
    return [
        text
        for name, text in found.items()
        if not any(w.startswith(f"column {name!r} has") for w in warnings)
    ]


def _strata(rows: Rows, target: str) -> list[object] | None:
    """The target's classes, if there are few."""
    column = rows.table.column(target or rows.table.column_names[-1])
    if not (is_text(column.type) or pa.types.is_boolean(column.type)):
        return None
    coded = pc.dictionary_encode(column.combine_chunks() if rows.spool is None else column)
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    if not 2 <= len(coded.dictionary) <= MOST_CLASSES:
        return None
    return list(coded.indices.to_pylist())


BIOPSIES = (
    "mean_radius", "mean_texture", "mean_perimeter", "mean_area", "mean_smoothness",
    "mean_compactness", "mean_concavity", "mean_concave_points", "mean_symmetry",
    "mean_fractal_dimension",
)  # fmt: skip
"""The first ten columns of the built-in table, in order."""


def _built_in() -> pa.Table:
    """Wolberg's 569 breast biopsies, real measurements that come with scikit-learn."""
    file = package_file("sklearn", "datasets", "data", "breast_cancer.csv")
    values = np.loadtxt(file, delimiter=",", skiprows=1)
    columns: dict[str, object] = {name: values[:, i] for i, name in enumerate(BIOPSIES)}
    columns["diagnosis"] = np.array(["malignant", "benign"])[values[:, -1].astype(int)]
    return pa.table(columns)
