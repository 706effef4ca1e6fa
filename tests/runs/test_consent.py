"""What a run states of the people in its data, from the first question to generated files."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pytest
from PIL import Image

from gankit import config as configuration
from gankit.cli import _consent
from gankit.errors import GankitError
from gankit.runs.consent import RESTATED, Consent
from gankit.runs.directory import Run, read_record
from gankit.screen.meter import Meter
from gankit.workflows.train import train

WHY = 'the labels have the word "face"'


@pytest.fixture
def run(vectors, monkeypatch, tmp_path):
    """Trains for some samples; the data seem to be of people."""
    read = vectors.modality.read

    def of_people(source, settings, progress):
        found = read(source, settings, progress)
        found.people = WHY
        return found

    monkeypatch.setattr(vectors.modality, "read", of_people)

    def go(*words, samples=32, **named):
        fixed = ["train.batch=16", "train.threads=1", "log.verdict=0", f"train.samples={samples}"]
        config = configuration.resolve(
            vectors.info, vectors.modality.Settings, overrides=[*fixed, *words]
        )
        train(vectors, config, tmp_path / "run", device="cpu", **named)
        log = (tmp_path / "run" / "log.txt").read_text().splitlines()
        return Run(tmp_path / "run"), [line for line in log if "warning: " in line]

    return go


def stated(run):
    """What its files state: settings, record, model."""
    return [run.table["data"]["consent"], run.record.get("consent"), run.model.get("consent")]


def test_what_is_missing_is_asked_for_once(run):
    asked = []

    def ask(people):
        asked.append(people)
        return " release\x1bforms\n"

    found, warnings = run(ask_consent=ask)
    assert stated(found) == ["release forms"] * 3
    assert (asked, warnings, found.model["people"]) == ([WHY], [], WHY)
    again, _ = run("data.consent=release forms", samples=64, ask_consent=ask)
    assert asked == [WHY]
    assert again.samples_trained == 64


@pytest.mark.parametrize("ask", [None, lambda people: ""])
def test_where_nobody_answers_there_is_a_warning(run, ask):
    found, (warning,) = run(ask_consent=ask)
    assert stated(found) == ["", "not stated", "not stated"]
    assert WHY in warning
    assert "--consent" in warning
    assert "data.people=no" in warning


@pytest.mark.parametrize("samples", [32, 64])
def test_it_may_change_when_the_run_is_resumed(run, samples):
    run("data.consent=first")
    found, warnings = run("data.consent=second", samples=samples)
    assert stated(found) == ["second"] * 3
    assert found.record["consent_before"] == ["first"]
    assert "second" in (found.model_folder / "README.md").read_text()
    assert [line.partition("warning: ")[2] for line in warnings] == [RESTATED] * (samples > 32)
    assert read_record(found.path)["status"] == "done"


def test_the_user_knows_better(run, vectors):
    found, warnings = run("data.people=no")
    assert stated(found) == ["", None, None]
    assert warnings == []
    config = found.table["data"]
    assert (config["people"], Consent.of(_config(vectors, "data.people=yes"), "").people) == (
        "no",
        "data.people=yes",
    )


def _config(vectors, *words):
    return configuration.resolve(vectors.info, vectors.modality.Settings, overrides=words)


@pytest.mark.parametrize(
    ("text", "message"),
    [(" \t\x07", "the consent is empty"), ("x" * 501, "501 characters, more than 500")],
)
def test_texts_that_are_refused(vectors, text, message):
    with pytest.raises(GankitError, match=message):
        _config(vectors, f"data.consent={json.dumps(text)}")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_question(monkeypatch, capsys):
    monkeypatch.setattr(_consent.err, "_force_terminal", True)
    monkeypatch.setattr(sys, "stdin", Terminal(f"{'x' * 501}\nforms\n"))
    ask = _consent.prompt_for_consent(Meter())
    assert ask(WHY) == "forms"
    shown = capsys.readouterr().err
    assert f"The data may be of people: {WHY}." in shown
    assert "more than 500" in shown
    assert ask(WHY) == ""  # the end of the input


def test_no_question_without_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("forms\n"))
    assert _consent.prompt_for_consent(Meter()) is None


def test_from_pictures_of_faces_to_generated_ones(gankit_, tmp_path):
    rng = np.random.default_rng(0)
    for i in range(40):
        folder = tmp_path / "pictures" / ("face" if i % 2 else "cat")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    words = ["train", "pictures", "--samples", "16", "train.batch=16", "--out", "run"]
    words += ["--recipe", "dcgan", "resolution=8"]
    done = gankit_(*words, cwd=tmp_path)
    assert "no consent is stated" in done.stderr
    gankit_("train", "--out", "run", "--consent", "my own face", cwd=tmp_path)
    gankit_("generate", "run", "-n", "1", "--out", "made", cwd=tmp_path)
    record = json.loads((tmp_path / "made" / "provenance.json").read_text())
    assert (record["people"], record["consent"]) == (WHY, "my own face")
    shown = gankit_("runs", "show", "run", cwd=tmp_path).stdout
    assert "consent:        my own face" in shown
    done = gankit_(
        "train", "--out", "run", "--consent", "a", "data.consent=b", cwd=tmp_path, code=2
    )
    assert "--consent and data.consent set the same" in done.stderr


def test_what_was_never_stated_is_not_said_to_be_replaced(run):
    run("data.people=yes")
    found, warnings = run("data.consent=forms", samples=64)
    assert stated(found) == ["forms"] * 3
    assert not any(RESTATED in line for line in warnings)
