"""Words that people try: synonyms work, and others are answered with the right word."""

from __future__ import annotations

import json

import pytest
import typer.main

from gankit.cli import app
from gankit.cli._aliases import COMMANDS, COMMANDS_ANSWERED, words_of
from gankit.cli._options import check_options
from gankit.config.aliases import ALIASES, canonical, canonical_words
from gankit.config.schema import describe
from gankit.engine.settings import EngineSettings
from gankit.errors import GankitError


@pytest.fixture(scope="module")
def group():
    check_options(app)
    return typer.main.get_command(app)


def translated(group, line):
    name, *args = line.split()
    command = group.commands[name]
    context = command.context_class(command, info_name=name)
    return " ".join(words_of(command, context).translated(args))


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("train --resume /", "--out /"),
        ("train --output runs/a", "--out runs/a"),
        ("train -o runs/a", "--out runs/a"),
        ("train --dataset=people.csv", "--data people.csv"),
        ("train --input people.csv", "--data people.csv"),
        ("train --model image", "--plugin image"),
        ("train --modality image", "--plugin image"),
        ("train --gpu -p toy", "--device cuda -p toy"),
        ("train --cuda 1", "--device cuda:1"),
        ("train --gpu=1", "--device cuda:1"),
        ("train --cpu people.csv", "--device cpu people.csv"),
        ("train --batch-size 32 --lr 1e-4", "train.batch=32 optim.lr=1e-4"),
        ("train --learning-rate=1e-4", "optim.lr=1e-4"),
        ("train --random-state 3", "--seed 3"),
        ("train --num-epochs 3", "--epochs 3"),
        ("train --epochs 3 --time 10m", "--epochs 3 --time 10m"),
        ("generate run --num-samples 9", "run -n 9"),
        ("generate run --n-samples=9", "run -n 9"),
        ("generate run --count 9", "run -n 9"),
        ("generate run --samples 9", "run -n 9"),
        ("generate run -n9", "run -n9"),
        ("generate --run runs/a", "runs/a"),
        ("generate --model runs/a -o x", "runs/a --out x"),
        ("generate run --force -n 3", "run --overwrite -n 3"),
        ("generate run --seed -5", "run --seed -5"),
        ("generate run -- --num-samples", "run -- --num-samples"),
        ("generate run --where --count", "run --where --count"),  # a value
        ("generate run x=-1", "run x=-1"),
        (
            "evaluate run --dataset real.csv --metric frechet",
            "run --data real.csv --metrics frechet",
        ),
        ("augment run --input a.csv --output b.csv --count 5", "run --data a.csv --out b.csv -n 5"),
        ("impute run --input a.csv --imputations 5", "run --data a.csv -m 5"),
    ],
)
def test_synonyms_of_options(group, line, meant):
    assert translated(group, line) == meant


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("train --resume", "--resume needs a run. Use gankit train --out RUN"),
        ("train --steps 100", "counted in samples: --samples N"),
        ("train --num-samples 100", "gankit generate RUN -n N generates"),
        ("train --resolution 32", "without dashes: resolution=32"),
        ("train --hidden-size 32", "without dashes: hidden_size=VALUE"),
        ("train --sample 6M", "no option --sample. Did you mean --samples"),
        ("generate run --label 7", "Use --where label=VALUE"),
        ("generate run --sed 7", "Did you mean --seed"),
        ("generate run --epochs 7", "no option --epochs. See --help"),
        ("evaluate run -x", "no option -x. See --help"),
    ],
)
def test_answers_to_options(group, line, answer):
    with pytest.raises(GankitError) as error:
        translated(group, line)
    assert answer in str(error.value)
    assert "--help; settings" not in str(error.value) or line.startswith("train")


def test_synonyms_name_what_is_there(group):
    assert set(COMMANDS.values()) <= set(group.commands)
    assert not (set(COMMANDS) | set(COMMANDS_ANSWERED)) & set(group.commands)
    keys = {setting.key for setting in describe(EngineSettings)}
    assert {meant for meant in ALIASES.values() if "." in meant} <= keys


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["list"], "no command 'list'. Use gankit runs list, gankit plugins list"),
        (["test"], "Use gankit evaluate RUN for a run"),
        (["trian"], "gankit has no command 'trian'. Did you mean train?"),
        (["runs", "lst"], "gankit runs has no command 'lst'. Did you mean list?"),
        (["sample"], "Missing argument 'run'"),
        (["fit"], "no plugin given"),
        (["eval", "nowhere"], "no such path"),
        (["synthesize", "nowhere"], "no run at nowhere"),
        (["train", "--resume", "nowhere"], "no run at nowhere"),
    ],
)
def test_commands(gankit_here, tmp_path, words, message):
    done = gankit_here(*words)
    assert done.returncode == 2
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "own", "meant"),
    [
        ("lr", (), "optim.lr"),
        ("learning_rate", (), "optim.lr"),
        ("batch_size", (), "train.batch"),
        ("batch", (), "train.batch"),
        ("seed", (), "train.seed"),
        ("lr", ("lr",), "lr"),
        ("image_size", ("resolution",), "resolution"),
        ("image_size", (), "image_size"),
        ("hidden", ("hidden",), "hidden"),
    ],
)
def test_settings(key, own, meant):
    assert canonical(key, own) == meant
    assert canonical_words([f"{key}=1=2"], own) == [f"{meant}=1=2"]


def test_settings_by_other_names(gankit_here):
    words = ["hidden=8", "count=500", "lr=1e-3", "batch_size=32", "epochs=2", "seed=3"]
    done = gankit_here("train", "-p", "toy", *words, "--dry-run", "--json")
    found = json.loads(done.stdout)["config"]
    assert found["optim"]["lr"] == 1e-3
    assert (found["train"]["batch"], found["train"]["seed"]) == (32, 3)
    assert found["train"]["epochs"] == 2
    done = gankit_here("train", "-p", "toy", "lr=1e-3", "optim.lr=1e-3", "--dry-run")
    assert "optim.lr is given twice" in done.stderr
    done = gankit_here("train", "-p", "toy", "time=10", "--dry-run")
    assert "time=10: 10 what? Use time=10s, 10m or 10h" in done.stderr
