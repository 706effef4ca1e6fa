"""Files of generated rows, which are marked as synthetic."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from gankit.contract import Provenance, Sample
from gankit.kit.tables import TableWriter
from gankit_tabular.data.rows import Row
from gankit_tabular.data.sources import SEED, SYNTHETIC

FORMATS = ("csv", "parquet", "feather")
"""Output formats; the first one is the default."""
GROUP = 10_000
"""Rows that are written together."""


def write_rows(
    samples: Iterable[Sample[Row]],
    file: Path,
    schema: pa.Schema,
    provenance: Provenance,
) -> None:
    """Writes rows as they come, with two columns that mark generated ones and give their seeds.

    Args:
        file: its suffix is one of ``FORMATS``.
        schema: of the rows.
    """
    marked = schema.append(pa.field(SEED, pa.int64())).append(pa.field(SYNTHETIC, pa.bool_()))
    marked = marked.with_metadata(provenance.text())
    with TableWriter(file, marked, GROUP) as writer:
        for sample in samples:
            seed = None if sample.real else sample.seed
            writer.write({**sample.item, SEED: seed, SYNTHETIC: not sample.real})
