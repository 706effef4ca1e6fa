"""What may be asked for by an objective, and what a user's function may do while it scores."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit.errors import GankitError
from gankit.kit.cache import Cache
from gankit_molecule.data.properties import properties_of
from gankit_molecule.optimize.objective import (
    Expression,
    Scoring,
    objective_of,
    read_objective,
)
from gankit_molecule.optimize.scorers import ByFunction, scorer_of
from gankit_molecule.settings import MoleculeSettings

# --- Expressions --------------------------------------------------------------------------------

NUMBERS = st.floats(-9, 9).map(lambda x: repr(round(x, 3))) | st.integers(0, 9).map(str)


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "**"]), inner).map(
            lambda t: f"({t[0]}) {t[1]} ({t[2]})"
        ),
        st.tuples(st.sampled_from(["abs", "exp", "log", "-", "+"]), inner).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
        st.tuples(st.sampled_from(["min", "max"]), st.lists(inner, min_size=2, max_size=3)).map(
            lambda t: f"{t[0]}({', '.join(t[1])})"
        ),
    )


TEXTS = st.recursive(st.sampled_from(["qed", "logp", "sa"]) | NUMBERS, _larger, max_leaves=8)


@given(TEXTS, st.floats(-5, 5), st.floats(0.1, 1))
def test_expressions_are_pythons_arithmetic(text: str, logp: float, qed: float) -> None:
    text = f"{text} + 0*qed"
    found = read_objective(text)
    assert isinstance(found, Expression)
    values = {"logp": logp, "qed": qed, "sa": 3.0}
    functions: dict[str, Any] = {n: getattr(math, n) for n in ("exp", "log")}
    try:
        wanted = eval(text, {**functions, **values})
    except (ArithmeticError, ValueError, TypeError):
        return  # where Python raises, or cannot compare complex numbers, there is no number
    if isinstance(wanted, complex) or not math.isfinite(wanted):
        return
    (got,) = found.of({k: np.array([v]) for k, v in values.items()}).tolist()
    if math.isfinite(got):  # what overflowed on the way may come back finite in whole numbers
        assert got == pytest.approx(wanted, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("__import__('os').system('true')", "is not allowed in an expression"),
        ("qed.__class__", "is not allowed in an expression"),
        ("qed if 1 else sa", "is not allowed in an expression"),
        ("[qed for _ in (1,)]", "is not allowed in an expression"),
        ("eval(qed)", "no function eval"),
        ("abs(qed, key=1)", "is not allowed in an expression"),
        ("min(*(qed, 1), 1)", "is not allowed in an expression"),
        ("min(qed)", "takes two or more"),
        ("log(qed, 2)", "takes one value"),
        ("qed % 2", "is not allowed in an expression"),
        ("'qed'", "is not allowed in an expression"),
        ("True*qed", "is not allowed in an expression"),
        ("qedd", "Did you mean qed"),
        ("qed -", "not an expression"),
        ("1 + 2", "no property in it"),
        ("qed + 1" + "0" * 400, "not an expression"),
        ("(" * 400 + "qed" + ")" * 400, "not an expression"),
        ("qed" + " + qed" * 400, "longer than"),
        ("lambda x: x", "neither an expression nor"),
        ("scorer.py", "no function of that file is named"),
        ("a-b:score", "neither an expression nor"),
    ],
)
def test_other_code_is_refused(text: str, said: str) -> None:
    with pytest.raises(GankitError, match=said) as error:
        read_objective(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "where", "function"),
    [
        ("dock:score", "dock", "score"),
        ("my.package.dock:score", "my.package.dock", "score"),
        ("some where/dock.py:score_2", "some where/dock.py", "score_2"),
        ("C:\\here\\dock.py:score", "C:\\here\\dock.py", "score"),
    ],
)
def test_functions_are_found_by_module_and_by_file(text: str, where: str, function: str) -> None:
    assert read_objective(text) == Scoring(text, where, function)


def test_a_reward_needs_an_objective() -> None:
    with pytest.raises(GankitError, match="objective: none is set. Set one, such as objective=qed"):
        objective_of(MoleculeSettings(reward=0.1))
    assert objective_of(MoleculeSettings()) is None


def test_an_expression_scores_what_has_a_value() -> None:
    expression = read_objective("log(logp) - 2*qed")
    scores = scorer_of(expression, MoleculeSettings(workers=1), Cache(None)).score(["CCCCCC", "O"])
    logp, qed = properties_of("CCCCCC", ["logp", "qed"])
    assert scores == [pytest.approx(math.log(logp) - 2 * qed), "number"]


# --- Functions in a process ---------------------------------------------------------------------

CODE = """
import os, sys, time
print("loaded")

def length(smiles):
    print("scoring", len(smiles))
    os.write(1, b"from C\\n")
    with open({calls!r}, "a") as file:
        file.writelines(s + "\\n" for s in smiles)
    return [float(len(s)) for s in smiles]

def picky(smiles):
    if any("N" in s for s in smiles):
        raise ValueError("no nitrogen,\\nplease")
    return [len(s) for s in smiles]

def odd(smiles):
    values = {{"C": float("nan"), "CC": None, "CCC": float("inf"), "CCCC": "high", "CCCCC": 1}}
    return [values[s] for s in smiles]

def slow(smiles):
    time.sleep(60 if "N" in "".join(smiles) else 0)
    return [1.0] * len(smiles)

def dies(smiles):
    if any("N" in s for s in smiles):
        os._exit(3)
    return [1.0] * len(smiles)

def short(smiles):
    return [1.0]

def one(smiles):
    return 1.0

def exits(smiles):
    sys.exit("enough")
"""


@pytest.fixture
def scorer(tmp_path: Path) -> Any:
    file = tmp_path / "mine.py"
    file.write_text(CODE.format(calls=str(tmp_path / "calls.txt")))
    made = []

    def make(name: str, seconds: float = 60, batch: int = 3) -> ByFunction:
        place = read_objective(f"{file}:{name}")
        assert isinstance(place, Scoring)
        made.append(ByFunction(place, seconds, batch, Cache(tmp_path / "kept")))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_what_a_function_prints_disturbs_nothing(scorer: Any, capfd: Any) -> None:
    assert scorer("length").score(["C", "CC", "CCC", "CCCC"]) == [1, 2, 3, 4]
    said = capfd.readouterr()
    assert said.out == ""
    assert "loaded" in said.err
    assert "from C" in said.err


def test_scores_are_kept_and_not_asked_again(scorer: Any, tmp_path: Path) -> None:
    smiles = ["C", "CC", "C", "CCC"]
    assert scorer("length").score(smiles) == [1, 2, 1, 3]
    again = scorer("length")
    assert again.score([*smiles, "CCCC"]) == [1, 2, 1, 3, 4]
    assert (tmp_path / "calls.txt").read_text().split() == ["C", "CC", "CCC", "CCCC"]
    (kept,) = (tmp_path / "kept" / "scores").iterdir()
    kept.write_text(kept.read_text() + '["CCCCC", 5')  # a line that was cut off
    assert scorer("length").score(["CCCCC"]) == [5]
    file = tmp_path / "mine.py"
    file.write_text(file.read_text() + "\n# changed\n")
    assert scorer("length").score(["C"]) == [1]
    assert (tmp_path / "calls.txt").read_text().split()[-1] == "C"


def test_molecules_at_which_it_raises_are_told_apart(scorer: Any) -> None:
    one = scorer("picky")
    assert one.score(["C", "N", "CC", "CN"]) == [1, "raised", 2, "raised"]
    assert "ValueError: no nitrogen, please" in one.why


def test_what_is_no_finite_number_is_told_apart(scorer: Any) -> None:
    found = scorer("odd", batch=9).score(["C", "CC", "CCC", "CCCC", "CCCCC"])
    assert found == ["number"] * 4 + [1]


def test_one_that_hangs_is_ended_and_begun_anew(scorer: Any) -> None:
    started = time.monotonic()
    one = scorer("slow", seconds=3, batch=2)
    assert one.score(["C", "N", "CC", "CCC"]) == ["time", "time", 1, 1]
    assert time.monotonic() - started < 30
    assert scorer("slow", seconds=3, batch=2).score(["C"]) == [1]  # it is given another chance


def test_one_that_always_hangs_is_an_error(scorer: Any) -> None:
    one = scorer("slow", seconds=2, batch=1)
    with pytest.raises(GankitError, match="slow ran out of time, 2 s, 3 times in a row"):
        one.score(["N", "CN", "CCN"])


def test_molecules_that_end_the_process_are_told_apart(scorer: Any) -> None:
    assert scorer("dies").score(["C", "N", "CC"]) == [1, "died", 1]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("short", "short returned 1 scores for 2 molecules"),
        ("one", "one returned float, not a list of numbers"),
        ("missing", "AttributeError: .*mine.py has no function missing"),
    ],
)
def test_a_function_that_does_not_keep_to_it_is_named(scorer: Any, name: str, said: str) -> None:
    with pytest.raises(GankitError, match=said):
        scorer(name).score(["C", "CC"])


def test_ending_python_is_as_raising(scorer: Any) -> None:
    assert scorer("exits").score(["C"]) == ["raised"]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nowhere.py:score", "FileNotFoundError: no file nowhere.py"),
        ("no_such_package.dock:score", "ModuleNotFoundError: No module named 'no_such_package'"),
    ],
)
def test_what_cannot_be_loaded_is_named(place: str, said: str) -> None:
    found = read_objective(place)
    assert isinstance(found, Scoring)
    with pytest.raises(GankitError, match=said):
        ByFunction(found, 60, 4, Cache(None)).score(["C"])


def test_a_module_of_the_working_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dock_here.py").write_text("def score(smiles):\n    return [7] * len(smiles)\n")
    monkeypatch.chdir(tmp_path)
    found = read_objective("dock_here:score")
    assert isinstance(found, Scoring)
    one = ByFunction(found, 60, 4, Cache(None))
    try:
        assert one.score(["C", "CC"]) == [7, 7]
    finally:
        one.close()
