"""Damaged files of every kind: a data set or one clear line, in bounded time and memory."""

from __future__ import annotations

import gzip
import random
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rdkit import Chem

from gankit.contract import Dataset
from gankit.errors import GankitError
from gankit_molecule.data import sources
from gankit_molecule.settings import MoleculeSettings

CASES = 60
"""Of each kind of file."""
SECONDS = 60.0
"""For all cases of a kind; it takes a few."""
SMILES = ["CCO", "C[C@H](N)C(=O)O", "c1ccccc1", "CC(=O)[O-].[Na+]", "[13CH3]O", "C1CC1N"]
PIECES = [
    "\0",
    '"',
    "\n",
    "$$$$",
    "M  END",
    ",",
    "|",
    "\ufeff",
    "(((((",
    "%99",
    "[",
    "*",
    ">>",
    "é",
]


def _table() -> bytes:
    return "".join(
        ["smiles,x,note\n", *(f'{s},{i},"a, {i}"\n' for i, s in enumerate(SMILES))]
    ).encode()


def _sdf(v3000: bool) -> bytes:
    blocks = (Chem.MolToMolBlock(Chem.MolFromSmiles(s), forceV3000=v3000) for s in SMILES)
    return "".join(f"{block}> <x>\n{i}\n\n$$$$\n" for i, block in enumerate(blocks)).encode()


def _parquet() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"smiles": SMILES, "x": range(6)}), sink)
    return bytes(sink.getvalue())


KINDS: dict[str, Callable[[], bytes]] = {
    "a.smi": lambda: "".join(f"{s} name {i}\n" for i, s in enumerate(SMILES)).encode(),
    "a.csv": _table,
    "a.tsv": lambda: _table().replace(b",", b"\t"),
    "a.sdf": lambda: _sdf(False),
    "b.sdf": lambda: _sdf(True),
    "a.mol": lambda: _sdf(False).split(b"$$$$")[0],
    "a.inchi": lambda: b"InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3\nInChI=1S/CH4/h1H4\n",
    "a.csv.gz": lambda: gzip.compress(_table(), mtime=0),
    "a.parquet": _parquet,
}


def _damaged(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(5):
            case 0:  # a flipped byte
                if at < len(data):
                    data[at] = rng.randrange(256)
            case 1:  # something put in
                data[at:at] = rng.choice(PIECES).encode()
            case 2:  # a part lost
                del data[at : at + rng.choice([1, 3, 40])]
            case 3:  # cut off
                del data[at:]
            case 4:  # a part repeated
                data[at:at] = data[at : at + 30] * rng.choice([1, 3, 100])
    return bytes(data)


def read(path: Path) -> Dataset[object]:
    settings = MoleculeSettings(cache="none", workers=1)
    return sources.read(path, settings, lambda *_: None)  # type: ignore[return-value]


def _said(path: Path) -> list[str]:
    """What is said of a file: its issues, or the error, which names it."""
    try:
        data = read(path)
    except GankitError as error:
        return [str(error)] if str(path) in str(error) else ["\n"]
    return [f"{issue.location}: {issue.reason}" for issue in data.issues]


@pytest.mark.parametrize("name", KINDS)
def test_damaged_files_are_read_or_refused(tmp_path: Path, name: str) -> None:
    rng, content = random.Random(name), KINDS[name]()
    began = time.monotonic()
    for case in range(CASES):
        path = tmp_path / name
        path.write_bytes(_damaged(content, rng))
        lines = _said(path)
        assert all("\n" not in line for line in lines), case
    assert time.monotonic() - began < SECONDS


@pytest.mark.parametrize("name", ["a.smi.gz", "a.csv.gz", "a.sdf.gz"])
def test_a_file_that_unpacks_to_much_takes_little_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    head = b"smiles,x\n" if "csv" in name else b""
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(head)
        for _ in range(60):
            file.write(b"C" * 1_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(GankitError, match=r"line \d: longer than|field larger"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 120_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    [
        "C" * 4_999,
        "C1" * 2_000,
        "[Na+].[Cl-]." * 400 + "CC",
        "C(" * 1_500 + "C" + ")" * 1_500,
        "CCO." * 1_000 + "CC",
        "C12C3C4C1C5C2C3C45" * 100,
        "[NH3+]CC([O-])=O." * 250 + "C",
        "InChI=1S/" + "C" * 4_000,
    ],
)
def test_no_text_takes_long(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.smi").write_text(f"{text}\nCCO\nCCN\n")
    began = time.monotonic()
    read(tmp_path / "a.smi")
    assert time.monotonic() - began < 20
