"""``gankit provenance``: what it prints, and its exit codes."""

from __future__ import annotations

import json
import os

import pytest
from words import once

import gankit


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("provenance") / "run"
    small = {"train__samples": 320, "train__batch": 32, "train__threads": 1, "hidden": 8}
    return gankit.fit("toy", out=folder, count=400, **small).path


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user without a key, whose outputs are signed."""
    monkeypatch.setenv("GANKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GANKIT_SIGN", "on")
    return tmp_path / "home"


def test_an_output_is_signed_inspected_and_verified(gankit_here, run, home, tmp_path, caplog):
    gankit_here(*once("generate", run, "-n", 20, "--out", "points.csv"))
    assert "outputs are signed with a new key" in caplog.text
    assert "self-signed: other programs show the signer as unknown" in caplog.text
    shown = gankit_here("provenance", "inspect", "points.csv").stdout
    assert "metadata:            found: a column '_synthetic' marks rows" in shown
    assert "content credentials: none found: .csv files are not looked into for them" in shown
    assert "signed by gankit user, self-signed: your own key" in shown
    done = gankit_here("provenance", "verify", "points.csv", "--require-known")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        "Nothing was changed since it was written",
    )
    table = tmp_path / "points.csv"
    table.write_text(table.read_text().replace("1", "2", 1))
    for command in ("inspect", "verify"):
        done = gankit_here("provenance", command, "points.csv")
        assert done.returncode == 2
        assert "CHANGED" in done.stdout
    told = json.loads(gankit_here("provenance", "verify", "points.csv", "--json").stdout)
    assert (told["verdict"], told["signed"]) == ("changed", False)


def test_the_key_is_made_once_and_replaced_on_request(gankit_here, home):
    made = gankit_here(*once("provenance", "init-key", "--name", "Example Press"))
    assert "names:       Example Press" in made.stdout
    again = gankit_here("provenance", "init-key")
    assert again.returncode == 2
    assert "key.pem exists already. Use it, or replace it: --force" in again.stderr
    assert "the former key is kept" in gankit_here("provenance", "init-key", "--force").stderr
    odd = gankit_here("provenance", "init-key", "--force", "--name", "a\nb")
    assert odd.returncode == 2
    long = gankit_here("provenance", "init-key", "--force", "--name", "a" * 300)
    assert long.returncode == 2
    assert f"--name '{'a' * 64}…': not a name. Use 1 to 64 printable" in long.stderr


def test_what_has_no_marks_is_not_called_real(gankit_here, home, tmp_path):
    (tmp_path / "notes.txt").write_text("notes")
    shown = gankit_here("provenance", "inspect", "notes.txt")
    assert shown.returncode == 0
    assert "Nothing says that it is generated. It may be all the same" in shown.stdout
    assert gankit_here("provenance", "verify", "notes.txt").returncode == 2
    assert not home.exists()


def test_a_stranger_is_unknown_until_trusted(gankit_here, run, home, tmp_path, monkeypatch):
    gankit_here(*once("generate", run, "-n", 20, "--out", "points"))
    certificate = home / "signing" / "certificate.pem"
    monkeypatch.setenv("GANKIT_HOME", str(tmp_path / "another"))
    done = gankit_here("provenance", "verify", "points")
    assert (done.returncode, "self-signed: unknown" in done.stdout) == (0, True)
    refused = gankit_here("provenance", "verify", "points", "--require-known")
    assert refused.returncode == 2
    assert "not signed by anybody known" in refused.stderr
    trusted = ("verify", "points", "--require-known", "--trust", certificate)
    assert gankit_here("provenance", *trusted).returncode == 0


def test_a_key_that_cannot_sign_stops_before_anything_is_generated(
    gankit_here, run, home, tmp_path, monkeypatch
):
    monkeypatch.setenv("GANKIT_SIGNING_KEY", "none.pem")
    monkeypatch.setenv("GANKIT_SIGNING_CERT", "none.pem")
    done = gankit_here(*once("generate", run, "-n", 20, "--out", "points.csv"))
    assert done.returncode == 2
    assert "none.pem cannot be read" in done.stderr
    assert not (tmp_path / "points.csv").exists()


def test_without_a_place_for_a_key_output_is_not_signed(
    gankit_here, run, home, tmp_path, monkeypatch, caplog
):
    monkeypatch.setenv("GANKIT_HOME", os.devnull)
    done = gankit_here(*once("generate", run, "-n", 20, "--out", "points.csv"))
    assert done.returncode == 0
    assert "not signed: no signing key can be stored in" in caplog.text
    shown = gankit_here("provenance", "inspect", "points.csv")
    assert "not signed, so that anybody could have written it" in shown.stdout
    said = "Consistent with its record, which is not signed: anybody could have written both"
    assert (shown.returncode, shown.stdout.splitlines()[-1]) == (0, said)
    for more in ([], ["--require-known"]):
        checked = gankit_here("provenance", "verify", "points.csv", *more)
        assert (checked.returncode, checked.stdout.splitlines()[-1]) == (2, said)
    told = json.loads(gankit_here("provenance", "verify", "points.csv", "--json").stdout)
    assert (told["verdict"], told["signed"]) == ("unsigned", False)


def test_an_archive_is_opened_by_verify(gankit_here, run, home):
    gankit_here(*once("generate", run, "-n", 20, "--out", "points.zip"))
    shown = gankit_here("provenance", "inspect", "points.zip").stdout
    assert shown.endswith("The files in it: gankit provenance verify points.zip\n")
    assert gankit_here("provenance", "verify", "points.zip").returncode == 0


def test_parts_are_signed_once_all_are_there(gankit_here, run, home):
    words = once("generate", run, "-n", 20, "--out", "points", "--parts", 2)
    gankit_here(*words, "--shard", "1/2")
    done = gankit_here("provenance", "verify", "points")
    assert (done.returncode, "parts of csv" in done.stdout) == (2, True)
    gankit_here(*words, "--shard", "2/2")
    assert gankit_here("provenance", "verify", "points").returncode == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("on", "with a key that the first output makes"),
        ("off", "off (GANKIT_SIGN)"),
    ],
)
def test_the_doctor_says_how_outputs_are_signed(gankit_here, home, monkeypatch, given, said):
    monkeypatch.setenv("GANKIT_SIGN", given)
    told = json.loads(gankit_here("doctor", "--quick", "--json").stdout)
    assert said in told["signatures"]
    assert not home.exists()
