"""Options given twice or empty, those that mean nothing together, and seeds out of range."""

from __future__ import annotations

import pytest
import typer

import gankit
from gankit.cli import app
from gankit.cli._options import Command
from gankit.config.values import set_twice
from gankit.errors import GankitError

LAST = 2**63 - 1


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on points of two labels, with its data beside it."""
    folder = tmp_path_factory.mktemp("options")
    rows = [f"{i % 7},{i % 5},{'ab'[i % 2]}" for i in range(200)]
    (folder / "real.csv").write_text("x,y,label\n" + "\n".join(rows) + "\n")
    small = {"train__samples": 320, "train__batch": 32, "train__threads": 1, "hidden": 8}
    source = folder / "real.csv"
    return gankit.fit("toy", source, out=folder / "run", conditional=True, **small).path


def commands(found=app, path=()):
    for command in found.registered_commands:
        yield (*path, command.name or command.callback.__name__)
    for group in found.registered_groups:
        yield from commands(group.typer_instance, (*path, group.name))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("train --data a --data b", "--data is given twice. Give it once"),
        ("train --out a --out b", "--out is given twice"),
        ("train -p toy --plugin toy", "--plugin is given twice"),
        ("train --seed 1 --seed 1 --seed 1", "--seed is given 3 times"),
        ("train --budget 1m --budget=2m", "--budget is given twice"),
        ("train --dry-run --dry-run", "--dry-run is given twice"),
        ("train -p toy hidden=8 hidden=9", "hidden is given twice"),
        ("train -p toy optim={lr=1} optim.lr=2", "optim.lr is given twice"),
        ("train -p toy --seed 1 train.seed=2", "--seed and train.seed set the same"),
        ("train -p toy --budget 1k train.samples=9", "--budget and train.samples set the same"),
        ("train -p toy --time 1m train.time=9", "--time and train.time set the same"),
        ("train -p toy --samples 1k --budget 9k", "--budget and --samples set the same"),
        ("train -p toy/grid25 --recipe saturating", "name two recipes"),
        ("train --data=", "--data is empty. Give it a value, or leave it out"),
        ("train --out=", "--out is empty"),
        ("train --plugin=", "--plugin is empty"),
        ("generate x -n 3 -n 4", "-n is given twice"),
        ("generate x --overwrite --no-overwrite", "--overwrite is given twice"),
        ("generate x --where label=a --where label=b", "--where label is given twice"),
        ("generate x --where=", "--where is empty"),
        ("generate x -n 3 --per-class 2", "-n and --per-class both give a number of samples"),
        ("generate x --by label", "--by has no meaning without --per-class"),
        ("generate x --per-class 2 --between 1:2", "Use --between or --per-class"),
        ("generate x --json --out -", "--json and --out - both write to standard output"),
        ("augment x --data a --data b --out c", "--data is given twice"),
        ("impute x --data a", "Add --out PATH, or --dry-run"),
        ("impute x --data a --out - --json", "Use --out FILE with --json"),
        ("augment x --data= --out c", "--data is empty"),
        ("augment x --data a --out c -n 1 --target k", "--target has no meaning without --measure"),
        ("augment x --data a --out c -n 1 --test k", "--test has no meaning without --measure"),
        ("augment x --data a --out c -n 1 --repeats 3", "--repeats has no meaning without"),
        ("augment x --data a --measure --target k --format csv", "--format has no meaning without"),
        ("augment x --data a --measure --target k --overwrite", "--overwrite has no meaning"),
        ("augment x --data a --measure --target k --out -", "Use --out FILE with --measure"),
        ("augment x --data - --measure --target k", "--measure reads the data twice"),
        ("augment x --data a --json --out -", "Use --out FILE with --json"),
        ("evaluate x --data a --data b", "--data is given twice"),
        ("evaluate x --metrics=", "--metrics is empty"),
        ("plugins list --json --json", "--json is given twice"),
    ],
)
def test_refused(gankit_here, tmp_path, words, message):
    done = gankit_here(*words.split())
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_empty_argument(gankit_here):
    """It would be the current folder."""
    for words in (["generate", ""], ["evaluate", " "], ["runs", "show", ""]):
        done = gankit_here(*words)
        assert done.returncode == 2
        assert "is empty" in done.stderr


def test_every_command_refuses_them(gankit_here):
    gankit_here("--version")
    words = [*commands()]
    assert ("train",) in words
    assert ("runs", "show") in words

    def classes(found):
        for command in found.registered_commands:
            yield command.cls
        for group in found.registered_groups:
            yield from classes(group.typer_instance)

    assert {*classes(app)} == {Command}


def test_repeatable_options_may_be_repeated():
    from gankit.cli._options import check_options

    seen, there = [], typer.Typer()

    @there.command()
    def command(word: list[str] = typer.Option([]), verbose: int = typer.Option(0, count=True)):  # noqa: B008
        seen.append((word, verbose))

    check_options(there)
    there(["--word", "a", "--word", "b", "--verbose", "--verbose"], standalone_mode=False)
    assert seen == [(["a", "b"], 2)]


def test_keys_within_a_value_are_data():
    assert set_twice(['types={"a.b"="text"}', "x.y=1", "x.z=2", 'x.types={"y"=1}']) == ""
    assert set_twice(["x={y=1}", "x.y=2"]) == "x.y"
    assert set_twice(["x.y=1", "x=2"]) == "x"


@pytest.mark.parametrize(
    "words",
    [
        f"generate RUN --seed {LAST}",
        f"generate RUN --seed {LAST - 3} -n 5",
        f"generate RUN --per-class 3 --seed {LAST - 3}",
        f"generate RUN --between 1:{LAST + 1}",
        f"generate RUN -n {2**63 + 1}",
        f"augment RUN --data DATA --out more -n 5 --seed {LAST}",
        f"augment RUN --data DATA --out more -n {2**63}",
        f"evaluate RUN --seed {LAST}",
    ],
)
def test_seeds_out_of_range(gankit_here, monkeypatch, tmp_path, run, words):
    from augmenting import AugmentableToy

    monkeypatch.setattr("gankit_toy.modality.ToyModality", AugmentableToy)
    given = words.replace("RUN", str(run)).replace("DATA", str(run.parent / "real.csv"))
    done = gankit_here(*given.split())
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", [{"seed": LAST}, {"seed": -1}, {"n": 0}, {"n": 2**64}])
def test_seeds_out_of_range_in_python(run, given):
    with pytest.raises(GankitError, match=r"out of range|nothing to generate|2\^63"):
        gankit.load(run).sample(**given)


def test_the_last_seed(run):
    assert len(gankit.load(run).sample(1, seed=LAST)) == 1


# --- One per class ------------------------------------------------------------------------------


def test_samples_of_each_class(gankit_here, tmp_path, run):
    done = gankit_here("generate", run, "--per-class", 2, "--seed", 5, "--out", "each")
    assert "seeds 5 to 8, 2 per label" in done.stderr
    assert "4 generated" in done.stdout
    lines = (tmp_path / "each" / "points.csv").read_text().splitlines()
    assert [line.split(",")[2:4] for line in lines[1:]] == [
        ["a", "5"],
        ["a", "6"],
        ["b", "7"],
        ["b", "8"],
    ]
    single = gankit_here("generate", run, "-n", 1, "--seed", 7, "--where", "label=b", "--out", "-")
    assert single.stdout.splitlines()[1] == lines[3]


def test_samples_of_each_class_in_python(run, tmp_path):
    loaded = gankit.load(run)
    samples = loaded.sample(per_class=3)
    assert [s.condition["label"] for s in samples.samples] == ["a"] * 3 + ["b"] * 3
    assert [s.seed for s in samples.samples] == [*range(6)]
    record = loaded.generate(tmp_path / "each", per_class=3, by="label").record
    assert (record["per_class"], record["by"], record["seeds"]) == (3, "label", [0, 5])
    for given, message in (
        ({"n": 3, "per_class": 2}, "both give a number"),
        ({"per_class": 2, "by": "lable"}, "no classes 'lable'. Did you mean label"),
        ({"per_class": 2, "where": {"label": "a"}}, "both as a condition and per class"),
        ({"per_class": 2, "between": (1, 2)}, "one condition"),
        ({"by": "label"}, "per_class of 1 or more"),
        ({"per_class": -1}, "per_class of 1 or more"),
    ):
        with pytest.raises(GankitError, match=message):
            loaded.sample(**given)


# --- Standard output ----------------------------------------------------------------------------


def test_standard_output_has_the_rows_only(gankit_here, tmp_path, run):
    done = gankit_here("generate", run, "-n", 2, "--out", "-")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].startswith("x,y,label")
    assert len(done.stdout.splitlines()) == 3
    (statement,) = [line for line in done.stderr.splitlines() if "synthetic" in line]
    assert statement.startswith("2 generated: synthetic data by gankit")
    assert "trainedAlgorithmicData" in statement
    assert list(tmp_path.iterdir()) == []


def test_augmenting_to_standard_output(gankit_here, monkeypatch, run):
    from augmenting import AugmentableToy

    monkeypatch.setattr("gankit_toy.modality.ToyModality", AugmentableToy)
    data = run.parent / "real.csv"
    done = gankit_here("augment", run, "--data", data, "-n", 4, "--keep-all", "--out", "-")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 205
    assert "200 real and 4 generated: synthetic data by gankit" in done.stderr


def test_a_reader_that_has_enough_is_no_error(run, tmp_path):
    import subprocess
    import sys

    command = f"'{sys.executable}' -m gankit generate '{run}' -n 50000 --out - | head -n 1"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.startswith("x,y,label")
    assert "rror" not in done.stderr
    assert list(tmp_path.iterdir()) == []
