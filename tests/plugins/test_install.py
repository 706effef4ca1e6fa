"""The commands for pip or uv, and their errors. Running them is tested in cli/."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.metadata import distribution

import pytest
from installing import made_known, make_project

from gankit.errors import GankitError
from gankit.plugins import install as packages

HOOK = "from gankit.contract import hookimpl\n@hookimpl\ndef gankit_callbacks(): return []\n"


@pytest.fixture(autouse=True)
def every_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GANKIT_PLUGINS")


# --- Commands -----------------------------------------------------------------------------------


def having(monkeypatch, *tools):
    monkeypatch.setattr(packages, "_versions", lambda: dict.fromkeys(tools, "1"))


def test_pip_in_this_environment_comes_first(monkeypatch):
    having(monkeypatch, "pip", "uv")
    command = packages.install_command("gankit-x", upgrade=True)
    assert command[:3] == [sys.executable, "-m", "pip"]
    assert command[-3:] == ["install", "--upgrade", "gankit-x"]
    assert packages.uninstall_command(["gankit-x"])[-3:] == ["uninstall", "--yes", "gankit-x"]


def test_uv_works_on_this_environment(monkeypatch):
    having(monkeypatch)
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/uv")
    here = ["--python", sys.executable]
    assert packages.install_command("gankit-x") == [
        "/usr/bin/uv", "pip", "install", *here, "gankit-x",
    ]  # fmt: skip
    assert packages.uninstall_command(["gankit-x"]) == [
        "/usr/bin/uv", "pip", "uninstall", *here, "gankit-x",
    ]  # fmt: skip


def test_without_either(monkeypatch):
    having(monkeypatch)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(GankitError, match="neither pip nor uv.*ensurepip"):
        packages.install_command("gankit-x")


def test_a_folder_is_never_taken_for_a_name(tmp_path, monkeypatch):
    project = make_project(tmp_path / "a", "gankit-a", a=HOOK)
    monkeypatch.chdir(project.parent)
    command = packages.install_command(project.name, editable=True)
    assert command[-2:] == ["--editable", f".{os.sep}{project.name}"]
    assert packages.install_command(str(project))[-1] == str(project)
    assert packages.install_command("git+https://example.org/x.git")[-1].startswith("git+https")


def test_without_permission(monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(GankitError, match="no permission to write .*virtual environment"):
        packages.install_command("gankit-x")
    with pytest.raises(GankitError, match="no permission to write"):
        packages.uninstall_command(["gankit-x"])


def test_a_python_managed_by_the_system_is_refused(monkeypatch, tmp_path):
    (tmp_path / "EXTERNALLY-MANAGED").touch()
    monkeypatch.setattr(packages.sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", sys.prefix)
    with pytest.raises(GankitError, match="is managed by the system"):
        packages.install_command("gankit-x")


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("WARNING: ... NewConnectionError('...')\nERROR: x", "index cannot be reached"),
        ("error: client error (Connect)", "index cannot be reached"),
        ("ERROR: Could not install: [Errno 13] Permission denied: '/usr'", "no permission"),
        ("ERROR: ... (from versions: none)\nERROR: No matching", "no package of that name"),
        ("ERROR: No matching distribution found for torch==9", "no compatible version was found"),
        ("something else\n", "pip failed: something else. See above"),
        ("error: it broke\nnote: not a problem with pip\n", "pip failed: error: it broke"),
    ],
)
def test_the_reason_of_a_failure_is_stated(monkeypatch, output, why):
    script = f"print({output!r}); raise SystemExit(1)"
    monkeypatch.setattr(packages, "_tool", lambda: ([sys.executable, "-c", script, "pip"], []))
    lines: list[str] = []
    with pytest.raises(GankitError, match=why):
        packages.install(packages.install_command("gankit-x"), lines.append)
    assert lines[0] == output.splitlines()[0]


def test_finding_the_distribution_to_remove():
    with pytest.raises(GankitError, match="gankit-toy is bundled with gankit"):
        packages.find_plugin("toy")
    with pytest.raises(GankitError, match="numpy is not a gankit plugin"):
        packages.find_plugin("numpy")
    with pytest.raises(GankitError, match="Did you mean toy"):
        packages.find_plugin("toys")
    assert packages.points_of(distribution("gankit-toy"))[0].name == "toy"


@pytest.mark.parametrize(
    ("about", "bundled"),
    [
        ("", False),
        ("keywords = ['gankit-bundled']", False),
        ("authors = [{name = 'The gankit authors'}]", False),
        ("authors = [{name = 'Somebody'}]\nkeywords = ['gankit-bundled']", False),
        ("authors = [{name = 'The gankit authors'}]\nkeywords = ['gankit-bundled-too']", False),
        ("authors = [{name = 'The gankit authors'}]\nkeywords = ['gankit-bundled']", True),
    ],
)
def test_a_plugin_is_bundled_by_its_metadata_and_not_by_its_name(
    tmp_path, monkeypatch, about, bundled
):
    project = make_project(tmp_path / "genome", "gankit-genome", about, gankit_genome=HOOK)
    made_known(tmp_path / "site", project)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    if bundled:
        with pytest.raises(GankitError, match="gankit-genome is bundled with gankit"):
            packages.find_plugin("gankit-genome")
    else:
        assert packages.find_plugin("gankit_genome").name == "gankit-genome"
