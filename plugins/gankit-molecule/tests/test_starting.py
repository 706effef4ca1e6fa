"""``gankit train DATA``, for molecules of every kind."""

from __future__ import annotations

import bz2
import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rdkit import Chem

from gankit.kit.looking import Head
from gankit_molecule.recognising import column_of_molecules

QUICK = ["--dry-run", "width=16", "latent=4", "units=16", "epochs=1", "workers=1", "vocabulary=0",
         "train.samples=64", "train.batch=32", "train.threads=1", "resampling.candidates=1",
         "cache=none"]  # fmt: skip
SMILES = [f"{end}{'C' * n}c1ccccc1" for end in "CNOF" for n in range(1, 16)]


def started(gankit_here, data):
    done = gankit_here("train", data, *QUICK)
    assert done.returncode == 0, done.stderr
    assert "plugin:         molecule (" in done.stdout
    assert "60 molecules" in done.stdout
    return done.stdout


@pytest.mark.parametrize(
    "ending",
    [
        *(".smi", ".smiles", ".ism", ".cxsmiles", ".txt", ".inchi", ".sdf", ".csv", ".tsv"),
        *(".parquet", ".smi.gz", ".smi.bz2"),
    ],
)
def test_files(gankit_here, tmp_path, ending):
    file, lines = tmp_path / f"all{ending}", "\n".join(SMILES)
    molecules = [Chem.MolFromSmiles(smiles) for smiles in SMILES]
    if ending == ".inchi":
        file.write_text("\n".join(map(Chem.MolToInchi, molecules)))
    elif ending == ".sdf":
        with Chem.SDWriter(str(file)) as writer:
            for molecule in molecules:
                writer.write(molecule)
    elif ending in (".csv", ".tsv"):
        mark = "," if ending == ".csv" else "\t"
        rows = [f"{i}{mark}{smiles}" for i, smiles in enumerate(SMILES)]
        file.write_text("\n".join([f"id{mark}SMILES", *rows]))
    elif ending == ".parquet":
        pq.write_table(pa.table({"canonical_smiles": SMILES}), file)
    elif ending == ".smi.gz":
        file.write_bytes(gzip.compress(lines.encode()))
    elif ending == ".smi.bz2":
        file.write_bytes(bz2.compress(lines.encode()))
    else:
        file.write_text(lines)
    said = started(gankit_here, file.name)
    if ending == ".csv":
        assert "column 'SMILES' holds molecules; --plugin tabular treats it as a table" in said


@pytest.mark.parametrize(
    ("column", "cells", "there"),
    [
        ("smiles", ["CCO", "CCN", "CCC"], True),
        ("smiles", ["broad", "shy", "rare"], False),
        ("drug", ["CC(=O)Oc1ccccc1C(=O)O", "CN1CCC[C@H]1c1cccnc1", "c1ccc2ccccc2c1"], True),
        ("answer", ["NO", "NO", "ON"], False),
        ("name", ["Susan", "Robin", "Bo"], False),
        ("code", ["C1", "C2", "N3"], False),
        ("customer", ["C100000", "C100001", "C100023"], False),
        ("customer", ["C1001001", "C1221331", "C1313222"], False),
        ("drug", ["C1CC1.[Na+]", "C%10CCC%10Cl", "BrC12CC1CC2"], True),
        ("number", ["12", "13", "14"], False),
    ],
)
def test_columns(column, cells, there):
    head = Head(["n", column], [["1", cell] for cell in cells], 3)
    assert column_of_molecules(head) == (column if there else None)
