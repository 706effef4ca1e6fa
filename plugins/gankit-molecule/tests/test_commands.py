"""Molecules through the doors that people use."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rdkit import Chem
from words import once

SMALL = ["width=64", "latent=8", "smooth=0.3", "vocabulary=40", "epochs=200", "workers=1",
         "train.samples=640", "train.batch=32", "train.threads=1", "log.preview_count=4",
         "resampling.candidates=1"]  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, gankit_: Any) -> tuple[Path, Any]:
    """A table of a hundred molecules, one line of it damaged, and a run on it."""
    home = tmp_path_factory.mktemp("molecules")
    parts = [(e, k, r) for e in "CNOF" for k in ("C", "OC", "CC", "C(=O)N") for r in range(1, 7)]
    lines = [f"{end}{link}{'C' * n}c1ccccc1,{n}" for end, link, n in parts]
    (home / "data.csv").write_text("\n".join(["smiles,length", *lines, "C1CC,4"]) + "\n")
    words = ["--plugin", "molecule", "--data", home / "data.csv", "--out", home / "run"]
    return home, gankit_(*once("train", *words, f"cache={home / 'cache'}", *SMALL))


def test_a_damaged_line_is_named(trained: tuple[Path, Any]) -> None:
    home, done = trained
    assert "data.csv, line 98" in done.stderr + (home / "run" / "log.txt").read_text()


def test_molecules_by_property_are_valid_and_marked(
    trained: tuple[Path, Any], gankit_: Any
) -> None:
    home, _ = trained
    out = home / "greasy"
    words = ["--where", "logp=2..3", "--format", "csv", "--out", out]
    gankit_("generate", home / "run", "-n", 9, *words)
    with (out / "data.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert 0 < len(rows) <= 9  # seeds that gave no valid molecule are left out
    assert all(Chem.MolFromSmiles(row["smiles"]) is not None for row in rows)
    assert all(
        2 <= float(row["requested_logp"]) <= 3 and row["generated"] == "true" for row in rows
    )
    assert json.loads((out / "provenance.json").read_text())["plugin"] == "molecule"


def by_seed(file: Path) -> dict[int, str]:
    """The SMILES of a file by the seed in their names, as ``generated-000000-3``."""
    lines = [line.split() for line in file.read_text().splitlines()[2:]]
    return {int(name.rpartition("-")[2]): smiles for smiles, name in lines}


def test_the_same_seed_gives_the_same_molecule(trained: tuple[Path, Any], gankit_: Any) -> None:
    home, _ = trained
    gankit_("generate", home / "run", "-n", 5, "--out", home / "five")
    gankit_("generate", home / "run", "-n", 2, "--seed", 3, "--out", home / "two")
    five, two = (by_seed(home / name / "molecules.smi") for name in ("five", "two"))
    assert two
    assert two == {seed: smiles for seed, smiles in five.items() if seed >= 3}


def test_scores_are_shown_with_baselines(trained: tuple[Path, Any], gankit_: Any) -> None:
    home, _ = trained
    words = ["-n", 10, "--metrics", "basics,moses,fcd", "--json"]
    alone, again = (
        {s["name"]: s["baselines"] for s in json.loads(done.stdout)["scores"]}
        for done in (
            gankit_("evaluate", home / "run", *words),
            gankit_("evaluate", home / "run", "rnn=true", *words),
        )
    )
    for name in ("fcd", "validity"):
        assert set(alone[name]) == {"gaussian", "reconstruction"}
        assert set(again[name]) == {"gaussian", "reconstruction", "rnn"}
    assert again["validity/raw"]["gaussian"] == alone["validity/raw"]["gaussian"]
    assert again["unique"]["reconstruction"] == alone["unique"]["reconstruction"]


def test_evaluation_takes_the_settings_of_generation(
    trained: tuple[Path, Any], gankit_: Any
) -> None:
    home, _ = trained
    wild = ["raw=true", "temperature=5"]
    done = gankit_("evaluate", home / "run", *wild, "-n", 20, "--metrics", "basics", "--json")
    scores = {s["name"]: s for s in json.loads(done.stdout)["scores"]}
    assert scores["validity"]["value"] == scores["validity/raw"]["value"] < 1


def test_unreadable_molecules_of_a_folder_are_counted(
    trained: tuple[Path, Any], gankit_: Any
) -> None:
    home, _ = trained
    out = home / "raw"
    gankit_("generate", home / "run", "-n", 3, "--out", out)
    (out / "molecules.smi").write_text("CCO a\nCCN b\nC1CC c\n")
    words = ["--data", home / "data.csv", "--metrics", "moses"]
    done = gankit_("evaluate", out, *words)
    assert "skipped 1 generated that cannot be read" in done.stderr
    assert "line 3 ('C1CC'): not SMILES: a ring is not closed" in done.stderr


def test_a_column_without_a_condition_is_no_target(trained: tuple[Path, Any], gankit_: Any) -> None:
    home, _ = trained
    words = ["--data", home / "data.csv", "-n", 5, "--measure", "--target", "length"]
    done = gankit_("augment", home / "run", *words, "--out", home / "none", code=2)
    assert "generated items have no 'length'" in done.stderr
    assert not (home / "none").exists()


def test_so_they_do_of_a_model_that_was_copied(trained: tuple[Path, Any], gankit_: Any) -> None:
    home, _ = trained
    shutil.copytree(home / "run" / "model", home / "copied")
    words = ["--data", home / "data.csv", "-n", 10, "--metrics", "moses", "--json"]
    scores = json.loads(gankit_("evaluate", home / "copied", *words).stdout)["scores"]
    assert all(set(s["baselines"]) == {"gaussian", "reconstruction"} for s in scores)


def test_a_trained_codec_is_not_passed_off_as_private(tmp_path: Path, gankit_: Any) -> None:
    pytest.importorskip("dp_accounting")
    words = ["--plugin", "molecule", "limit=150", "cache=none", *SMALL, "epochs=1"]
    sound = ["privacy.epsilon=8", "loss.objective=nonsaturating", "train.batch=64"]
    done = gankit_(*once("train", *words, *sound), "--out", tmp_path / "run", code=2)
    assert "this codec: it is a model of its own" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--where", "qed=high"], "neither a number nor a range"),
        (["--where", "solubility=1"], "not conditioned on 'solubility'"),
        (["--format", "mol2"], "mol2"),
        (["smooth=1"], "smooth"),
        (["scaffold=C1CC"], "scaffold=C1CC: not the SMILES"),
        (["scaffold=c1ccsc1"], "have no S, so it cannot be written"),
    ],
)
def test_impossible_requests_are_errors(
    trained: tuple[Path, Any], words: list[str], message: str, gankit_: Any
) -> None:
    home, _ = trained
    done = gankit_("generate", home / "run", *words, "--out", home / "never", code=2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (home / "never").exists()


def test_augmented_data_can_be_read_again(trained: tuple[Path, Any], gankit_: Any) -> None:
    home, _ = trained
    words = ["--data", home / "data.csv", "-n", 5, "--where", "logp=2..4", "--out", home / "more"]
    gankit_("augment", home / "run", *words)
    words = ["--plugin", "molecule", "--data", home / "more", "--dry-run", *SMALL, "cache=none"]
    assert "molecules" in gankit_("train", *words).stdout
