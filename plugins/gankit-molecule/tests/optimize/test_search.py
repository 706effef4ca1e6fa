"""The search for molecules that score high, its results in the codec, and the commands."""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rdkit import Chem
from words import once

from gankit.contract import Batch, EvaluationData, Fitting, Sample
from gankit.errors import GankitError
from gankit_molecule.codec.codec import MoleculeCodec
from gankit_molecule.codec.fitting import fit as fit_codec
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.evaluation.evaluators import ObjectiveScores, build_evaluators
from gankit_molecule.networks.latent_gan import build_networks
from gankit_molecule.optimize.objective import read_objective
from gankit_molecule.optimize.pool import Pool, diverse, scaffold_of
from gankit_molecule.optimize.scorers import ByExpression
from gankit_molecule.settings import MoleculeSettings

RINGS = ("c1ccccc1", "c1ccncc1", "C1CCCCC1", "c1ccsc1", "C1CCNC1")
LINKS = ("C", "CC", "OC", "C(=O)N", "NC(=O)", "CCC")
ENDS = ("C", "CC", "O", "N", "F", "Cl", "OC", "C#N")
PARTS = (e + k + r for r, k, e in product(RINGS, LINKS, ENDS))
ALL = sorted({Chem.CanonSmiles(s) for s in PARTS if Chem.MolFromSmiles(s) is not None})
random.Random(0).shuffle(ALL)
SMILES = ALL[:140]
SMALL: dict[str, Any] = {
    "width": 64,
    "latent": 8,
    "smooth": 0.3,
    "vocabulary": 40,
    "epochs": 120,
    "cache": "none",
    "workers": 1,
    "conditions": ("logp", "mw"),
    "calls": 400,
    "elites": 24,
    "per_scaffold": 8,
    "reward": 0.5,
}


def fit(objective: str, **changed: Any) -> MoleculeCodec:
    torch.manual_seed(0)
    settings = MoleculeSettings(**{**SMALL, "objective": objective, **changed})
    return fit_codec([Molecule(s) for s in SMILES], settings, Fitting())


@pytest.fixture(scope="module")
def codec() -> MoleculeCodec:
    return fit("tpsa - logp")


def best(codec: MoleculeCodec) -> list[tuple[str, float]]:
    assert codec.elites is not None
    found = codec.elites
    return list(zip(found.smiles, found.scores, strict=True))


def test_a_search_finds_better_ones_that_are_new_and_unlike(codec: MoleculeCodec) -> None:
    assert codec.elites is not None
    found, figures = best(codec), codec.elites.figures
    trained, elites = (figures[k] for k in ("training molecules", "elites"))
    assert trained["count"] == 100
    assert elites["mean"] > trained["mean"] + trained["std"] / 2
    assert not {s for s, _ in found} & set(SMILES)
    assert len({s for s, _ in found}) == len(found) <= 24
    assert max(Counter(scaffold_of(s) for s, _ in found).values()) <= 8
    assert [score for _, score in found] == sorted((s for _, s in found), reverse=True)
    scorer = ByExpression(read_objective("tpsa - logp"))  # type: ignore[arg-type]
    assert scorer.score([s for s, _ in found]) == [score for _, score in found]


def test_real_latents_are_the_elites_with_noise(codec: MoleculeCodec) -> None:
    assert codec.elites is not None
    batch = codec.encode([Molecule(s) for s in SMILES[:40]], np.random.default_rng(0))
    quiet_codec = MoleculeCodec.load(codec.state(), replace(codec.settings, smooth=0.0))
    prepared = quiet_codec.prepare(batch)
    found = codec.elites
    assert found.c is not None
    assert prepared.c is not None
    for x, c in zip(prepared.x, prepared.c, strict=True):
        at = int((found.x - x).norm(dim=1).argmin())
        torch.testing.assert_close(found.x[at], x)
        torch.testing.assert_close(found.c[at], c)
    none = MoleculeCodec.load(codec.state(), replace(codec.settings, smooth=0.0, pull=0.0))
    assert torch.equal(none.prepare(batch).x, batch.x)
    c = codec.sample_conditions({}, range(30))
    assert c is not None
    assert all(any(torch.equal(row, r) for r in found.c) for row in c)


def test_the_reward_has_a_gradient_and_survives_being_stored(codec: MoleculeCodec) -> None:
    again = MoleculeCodec.load(codec.state(), codec.settings)
    assert again.state().config == codec.state().config
    for k, v in codec.state().tensors.items():
        assert torch.equal(v, again.state().tensors[k]), k
    batch = codec.prepare(codec.encode([Molecule(s) for s in SMILES[:8]], np.random.default_rng(0)))
    x = batch.x.requires_grad_()
    terms = [build_networks(c, c.settings).generator_terms for c in (codec, again)]
    rewards = [t["reward"](x, batch.c) for t in terms]
    assert torch.equal(*rewards)
    (slope,) = torch.autograd.grad(rewards[0], x)
    assert slope.abs().sum() > 0
    assert build_networks(codec, replace(codec.settings, reward=0.0)).generator_terms == {}


def test_the_density_ratio_is_against_the_elites(codec: MoleculeCodec) -> None:
    assert codec.elites is not None
    elites = {tuple(row) for row in codec.elites.x.tolist()}
    real = codec.density_ratio_input(Batch(torch.full((50, 8), 9.0), torch.zeros(50, 2)))
    assert {tuple(row) for row in real.x.tolist()} <= elites
    assert real.c is not None
    assert not (real.c == 0).all()


def test_without_an_objective_there_are_no_elites() -> None:
    codec = fit("", epochs=1, reward=0.0)
    assert "optimised" not in codec.state().config
    assert build_networks(codec, codec.settings).generator_terms == {}


def test_results_are_described(codec: MoleculeCodec) -> None:
    lines = {line["property"]: line for line in codec.describe()}
    assert {"logp", "mw", "objective, training molecules", "objective, new molecules"} <= {*lines}
    assert len({tuple(line) for line in codec.describe()}) == 1


def test_no_scaffold_comes_too_often() -> None:
    assert diverse([3, 1, 0, 2], ["a", "a", "b", "a"], 3, 2) == [3, 1, 2]
    pool = Pool(list("abcd"), [], [], [4.0, 1.0, 3.0, 2.0], list("xyyy"), known=1)
    assert pool.best(2, 1)[0] == 2


SCORER = """
from rdkit import Chem

def score(smiles):
    with open("calls.txt", "a") as file:
        file.writelines(s + "\\n" for s in smiles)
    if any(s.count("N") > 2 for s in smiles):
        raise ValueError("too much nitrogen")
    return [Chem.MolFromSmiles(s).GetNumHeavyAtoms() for s in smiles]

def broken(smiles):
    raise RuntimeError("no licence")
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mine.py").write_text(SCORER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_an_interrupted_search_scores_nothing_twice(here: Path) -> None:
    changed: dict[str, Any] = {"cache": str(here / "cache"), "epochs": 30, "calls": 160}

    def interrupt(what: str, done: int, total: int) -> None:
        if what.startswith("searching (round") and done > 100:
            raise KeyboardInterrupt

    settings = MoleculeSettings(**{**SMALL, "objective": "mine.py:score", **changed})
    with pytest.raises(KeyboardInterrupt):
        fit_codec([Molecule(s) for s in SMILES], settings, Fitting(interrupt))
    before = (here / "calls.txt").read_text().split()
    assert len(before) > 90
    whole = fit("mine.py:score", **changed)
    calls = (here / "calls.txt").read_text().split()
    assert calls[: len(before)] == before
    assert not set(before) & set(calls[len(before) :])
    again = fit("mine.py:score", **changed)
    assert (here / "calls.txt").read_text().split() == calls
    assert best(again) == best(whole)
    for k, v in whole.state().tensors.items():
        assert torch.equal(v, again.state().tensors[k]), k


def test_a_scorer_that_never_scores_is_named_before_anything_slow(here: Path) -> None:
    with pytest.raises(GankitError, match="none of the first .* RuntimeError: no licence"):
        fit("mine.py:broken", scorer_batch=4, epochs=10_000)


def test_objectives_are_compared_with_real_molecules() -> None:
    settings = MoleculeSettings(**{**SMALL, "objective": "mw"})
    (evaluator,) = [e for e in build_evaluators(settings) if isinstance(e, ObjectiveScores)]
    made = [Sample(Molecule("C" * n), n, {}) for n in (3, 4, 5)]
    data = EvaluationData(made, [Molecule("CC")] * 3, [Molecule("CCC")] * 3)
    scores = evaluator.evaluate(data, np.random.default_rng(0))
    assert scores["objective/mean"] == pytest.approx(58.12, abs=0.01)
    assert scores["objective/mean_real"] == pytest.approx(44.10, abs=0.01)
    assert scores["objective/mean_train"] == pytest.approx(30.07, abs=0.01)
    other = build_evaluators(replace(settings, objective="mine.py:score"))
    assert not [e for e in other if isinstance(e, ObjectiveScores)]  # a run's code is not executed


# --- Commands -----------------------------------------------------------------------------------

TINY = ["width=48", "latent=8", "smooth=0.3", "vocabulary=40", "epochs=60", "workers=1",
        "calls=240", "elites=40", "train.samples=640", "train.batch=32", "train.threads=1",
        "log.preview_count=4", "log.every=64"]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("optimize")
    (home / "mine.py").write_text(SCORER)
    (home / "data.csv").write_text("\n".join(["smiles", *SMILES]) + "\n")
    return home


@pytest.mark.slow
def test_a_run_that_optimises(home: Path, gankit_: Any) -> None:
    words = ["train", "--plugin", "molecule/optimize", "--data", "data.csv", "--out", "run"]
    tiny = [*TINY, "cache=none", "objective=tpsa - logp"]
    done = gankit_(*once(*words, *tiny, "--samples=320"), cwd=home)
    assert "reward" in done.stderr
    gankit_("train", "--out", "run", "train.samples=640", cwd=home)  # goes on, without a search
    lines = [json.loads(line) for line in (home / "run" / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["samples"] == 640
    assert all("reward" in line for line in lines)
    found = json.loads((home / "run" / "provenance.json").read_text())["data"]["described"]
    assert any(line["property"] == "objective, new molecules" for line in found)
    gankit_("generate", "run", "-n", 8, "--format", "csv", "--out", "made", cwd=home)
    with (home / "made" / "data.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["tries"] != "0"]
    assert rows
    for row in rows:
        score = float(row["tpsa"]) - float(row["logp"])
        assert float(row["objective"]) == pytest.approx(score, abs=1e-3)
    done = gankit_("evaluate", "run", "-n", 40, "--metrics", "objective,basics", "--json", cwd=home)
    scores = {s["name"]: s for s in json.loads(done.stdout)["scores"]}
    assert {"objective/mean", "objective/median", "objective/top_100", "unique"} <= {*scores}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "objective: none is set. Set one, such as objective=qed"),
        (["objective=qedd"], "Did you mean qed"),
        (["objective=mine.py:scor"], "mine.py has no function scor"),
        (["objective=mine.py:broken"], "RuntimeError: no licence"),
    ],
)
def test_impossible_objectives_are_errors(
    home: Path, words: list[str], message: str, gankit_: Any
) -> None:
    start = ["train", "--plugin", "molecule/optimize", "--data", "data.csv", "cache=none"]
    done = gankit_(*start, *TINY, *words, "--out", "never", cwd=home, code=2)
    assert message in " ".join(done.stderr.split())
    assert not (home / "never").exists()
