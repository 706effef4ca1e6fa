"""Writes the built-in data from matminer's copy of the transport database of Ricci et al. 2017.

    python tools/transport.py transport_database.csv src/gankit_material/data/transport.csv.gz

The table is in matminer's wheel (``utils/data_files/mp_transport/transport_database.tar.xz``); the
data was published on Dryad (doi 10.5061/dryad.gn001), whose files are CC0. A tenth of a megabyte
is kept: formulas of at most five elements and counts up to 20, each once, chosen by a hash.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import sys
from pathlib import Path

from gankit_material.data.formulas import FormulaError, parse
from gankit_material.data.items import formula_of

COUNT = 8_000


def main(source: str, target: str) -> None:
    """Chooses and writes."""
    found: dict[str, float] = {}
    with Path(source).open(newline="") as file:
        for row in csv.DictReader(file):
            try:
                counts = parse(row["pretty_formula"]).reduced()
                seebeck = float(row["S_p"])
            except (FormulaError, ValueError):
                continue
            if len(counts) <= 5 and max(counts.values()) <= 20:
                found.setdefault(formula_of(counts), seebeck)
    chosen = sorted(found, key=lambda text: hashlib.sha256(text.encode()).digest())[:COUNT]
    lines = [f"{text},{found[text]:.1f}\n" for text in sorted(chosen)]
    content = "".join(["formula,seebeck\n", *lines]).encode()
    Path(target).write_bytes(gzip.compress(content, 9, mtime=0))
    print(f"{len(chosen)} of {len(found)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
