"""Files of generated sequences, and of tables that refer to each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import groupby, islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from gankit.contract import Provenance, Sample
from gankit_tabular.data.trees.items import Structure, Tree, Trees, as_trees
from gankit_tabular.output.files import marked, open_writer

TOGETHER = 1024
"""Trees that are written together."""


def write_trees(
    samples: Iterable[Sample[Tree]],
    target: Path,
    structure: Structure,
    schemas: Mapping[str, pa.Schema],
    provenance: Provenance,
    format: str,
) -> dict[str, int]:
    """Writes a file for each table, as the trees come; of sequences that is one file, with the rows
    of each entity together.

    Args:
        target: a folder.
        schemas: of each table, with the dialect of CSV files as metadata.

    Returns:
        The rows of each table; of sequences, ``rows``.
    """
    counts = dict.fromkeys(structure.names, 0)
    with ExitStack() as opened:
        writers = {
            name: opened.enter_context(
                open_writer(target / f"{name}.{format}", schemas[name], provenance)
            )
            for name in counts
        }
        for trees, seeds in _groups(samples):
            for name, writer in writers.items():
                rows = trees.tables[name]
                each = seeds.take(pa.array(np.repeat(np.arange(len(trees)), trees.counts(name))))
                writer.write_table(marked(rows, each, schemas[name]))
                counts[name] += len(rows)
    return {"rows": sum(counts.values())} if structure.is_sequence else counts


def _groups(samples: Iterable[Sample[Tree]]) -> Iterator[tuple[Trees, pa.Array]]:
    """Trees with their seeds, which real ones lack: some of one source at a time."""
    for _, run in groupby(samples, lambda s: (id(s.item.trees), s.real)):
        while part := list(islice(run, TOGETHER)):
            seeds = pa.array([None if s.real else s.seed for s in part], pa.int64())
            yield as_trees([s.item for s in part]), seeds
