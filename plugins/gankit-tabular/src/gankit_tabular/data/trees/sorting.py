"""Rows in another order, also of tables larger than memory."""

from __future__ import annotations

import numpy as np

from gankit_tabular.data.arrow import Ints
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.spool import Spool, disk_errors

CHUNK = 2**18
"""Rows that are in memory together."""


def reordered(rows: Rows, order: Ints) -> Rows:
    """The rows with these numbers: of a table in a file, in another file.

    Raises:
        GankitError: the disk is full.
    """
    if len(order) == len(rows) and bool((order == np.arange(len(rows))).all()):
        return rows
    if rows.spool is None:
        return rows.__getitems__(order)
    with disk_errors():
        spool = Spool(rows.table.schema)
        for start in range(0, len(order), CHUNK):
            spool.write(rows.__getitems__(order[start : start + CHUNK]).table)
        return Rows(spool.finish(), spool)
