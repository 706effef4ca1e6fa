"""The modality: where each part of the contract is found. Start reading here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gankit.contract import (
    Augmentable,
    Codec,
    CodecState,
    Converts,
    Dataset,
    DownstreamModel,
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
from gankit_tabular.codec.trees.frames import Tables
from gankit_tabular.codec.trees.part_settings import settings_of_parts
from gankit_tabular.codec.trees.tree_codec import TreeCodec
from gankit_tabular.data.arrow import is_text
from gankit_tabular.data.doubts import row_doubts
from gankit_tabular.data.options import FEWEST, Findings, read_options
from gankit_tabular.data.rows import Row, Rows, sample_table, table_of, take_table
from gankit_tabular.data.sources import fingerprint, read_rows
from gankit_tabular.data.strata import strata
from gankit_tabular.data.trees.items import Tree, Trees
from gankit_tabular.data.trees.reading import read_trees
from gankit_tabular.evaluation.column_scores import ColumnScores
from gankit_tabular.evaluation.downstream import Boosting
from gankit_tabular.evaluation.features import EncodedTable
from gankit_tabular.evaluation.scored import ScoredColumns
from gankit_tabular.evaluation.scores import TableScores
from gankit_tabular.evaluation.targets import check_names
from gankit_tabular.evaluation.trees.column_scores import TreeColumnScores
from gankit_tabular.evaluation.trees.downstream import EntityBoosting, tree_attributes
from gankit_tabular.evaluation.trees.entities import Entities
from gankit_tabular.evaluation.trees.scores import TreeScores
from gankit_tabular.formats.columns import column_formats, typed_table
from gankit_tabular.networks.build import row_networks, tree_networks
from gankit_tabular.output.conversion import CONVERSIONS, convert, convert_trees
from gankit_tabular.output.files import FORMATS, IMPUTED, write_imputed, write_rows
from gankit_tabular.output.preview import draw_preview
from gankit_tabular.output.row import draw_row
from gankit_tabular.output.tree import draw_tree
from gankit_tabular.output.tree_preview import draw_trees
from gankit_tabular.output.trees import write_trees
from gankit_tabular.settings import TabularSettings

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
        if settings.has_trees:
            read = read_trees(source, settings)
            assert isinstance(read.items, Trees)
            _check_trees(read.items, settings)
            return read
        licence, found = "", Findings()
        if source is None:
            rows, licence = Rows(_built_in()), "CC BY 4.0"
            rows = rows.without([name for name in settings.drop if name in rows.table.column_names])
            left_out = settings.drop
        else:
            rows, _ = read_rows(source, options=read_options(settings), findings=found)
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
            warnings=[*found.warnings, *row_doubts(rows, found.warnings)],
            strata=strata(rows, settings.target),
        )

    def read_incomplete(
        self, source: object, settings: TabularSettings, progress: Progress
    ) -> Dataset[Row]:
        if settings.has_trees:
            raise GankitError(
                "sequences and related tables cannot be filled yet",
                "Train on single rows, without sequence.entity and children",
            )
        found = Findings()
        rows, issues = read_rows(
            source, options=replace(read_options(settings), drop=()), findings=found
        )
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
        encoding = found.facts.get("encoding", "utf-8")
        if not encoding.startswith("utf-8"):
            found.warn(f"the file is in {encoding}; as CSV, the filled table is written in utf-8")
        return Dataset(
            *(rows, fingerprint(rows), about), facts=found.facts, warnings=found.warnings
        )

    def fit_codec(
        self, items: Sequence[Any], settings: TabularSettings, fitting: Fitting
    ) -> Codec[Any]:
        if settings.has_trees:
            return TreeCodec.fit(items, settings, fitting.seed)
        return TableCodec.from_rows(items, settings)

    def load_codec(self, state: CodecState, settings: TabularSettings) -> Codec[Any]:
        if "trees" in state.config:
            return TreeCodec.load(state)
        return TableCodec.load(state)

    def build_networks(self, codec: Codec[Any], settings: TabularSettings) -> Networks:
        if isinstance(codec, TreeCodec):
            return tree_networks(codec, settings)
        return row_networks(_table_codec(codec), settings)

    def evaluators(
        self, codec: Codec[Row] | None, settings: TabularSettings
    ) -> Sequence[Extractor[Row] | Evaluator[Row]]:
        if settings.has_trees:
            kinds = settings.kinds()
            of_trees = TreeColumnScores(kinds), Entities(kinds), TreeScores(settings.target, kinds)
            return of_trees  # type: ignore[return-value]
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
        samples: Iterable[Sample[Any]],
        target: Path,
        codec: Codec[Any],
        provenance: Provenance,
        format: str,
    ) -> Mapping[str, int] | None:
        if isinstance(codec, TreeCodec):
            of_trees = codec.structure, codec.schemas
            return write_trees(samples, target, *of_trees, provenance, format)
        write_rows(samples, target / f"table.{format}", _table_codec(codec).schema, provenance)
        return None

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
        drawn = draw_tree(item) if isinstance(item, Tree) else draw_row(item)
        return Rendering("image/svg+xml", drawn.encode())

    def preview(
        self, items: Sequence[Row], codec: Codec[Row] | None, real: Sequence[Row] = ()
    ) -> Rendering:
        if len(items) and isinstance(items[0], Tree):
            drawn = draw_trees(items, real)  # type: ignore[arg-type]
            return Rendering("image/svg+xml", drawn.encode())
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

    def convert(self, items: Sequence[Any], to: str, codec: Codec[Row] | None) -> Any:
        if len(items) and isinstance(items[0], Tree):
            return convert_trees(items, to)
        return convert(items, to, None if codec is None else _table_codec(codec).schema)

    def attributes(self, item: Row) -> Row:
        return tree_attributes(item) if isinstance(item, Tree) else item

    def downstream_model(self, settings: TabularSettings) -> DownstreamModel[Any]:
        kinds = settings.kinds()
        return EntityBoosting(kinds) if settings.has_trees else Boosting(kinds)


def _table_codec(codec: Codec[Row]) -> TableCodec:
    assert isinstance(codec, TableCodec), "the codec of another modality"
    return codec


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


def _check_trees(trees: Trees, settings: TabularSettings) -> None:
    """The same for trees: each setting is about the table whose columns it names."""
    if trees.structure.is_sequence:
        _check_settings(next(iter(trees.tables.values())), settings)
        return
    parts = Tables.fit(trees).parts
    tables = [trees.tables[part.name] for part in parts]
    own = settings_of_parts(settings, parts, [rows.table for rows in tables])
    for rows, some in zip(tables, own, strict=True):
        _check_settings(rows, some)


def _shape(rows: Rows, settings: TabularSettings) -> dict[str, str]:
    """Facts about the rows."""
    target = settings.target or rows.table.column_names[-1]
    default = "" if settings.target else " (the last column)"
    facts = {"target": f"{target}{default}"}
    if settings.drop:
        facts["left out"] = ", ".join(settings.drop)
    return facts


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
