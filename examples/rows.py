"""Rows of a table: python rows.py people.onnx 7 city=Oslo"""

import csv
import sys

from consume import fed, opened

session, about, seed, values = opened()
(indices,) = session.run(["index"], fed(about, range(seed, seed + 10), values))
columns = about["decoding"]["columns"]
rows = csv.writer(sys.stdout)
rows.writerow(column["name"] for column in columns)
for row in indices:
    rows.writerow(column["values"][i] for column, i in zip(columns, row, strict=True))
