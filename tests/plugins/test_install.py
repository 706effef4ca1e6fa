"""Reading distributions, and what pip or uv will be asked to do. What they do is tested in cli/."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.metadata import distribution

import pytest
from installing import make_wheel

from gankit.errors import GankitError
from gankit.plugins import install as packages

HOOK = "from gankit.contract import hookimpl\n@hookimpl\ndef gankit_callbacks(): return []\n"


@pytest.fixture(autouse=True)
def every_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GANKIT_PLUGINS")


@pytest.fixture
def project(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "pyproject.toml").write_text(
        "[project]\nname='gankit-a'\nversion='1.2'\ndependencies=['gankit>=0.1']\n"
        "[project.entry-points.gankit]\na='gankit_a'\n"
    )
    return tmp_path


def test_a_folder(project):
    package = packages.read_package(project)
    assert package.origin == packages.Origin("gankit-a", "1.2", ("gankit>=0.1",))
    assert [(p.name, p.value) for p in package.points] == [("a", "gankit_a")]
    assert package.place == project / "src"


def test_a_wheel(tmp_path):
    package = packages.read_package(make_wheel(tmp_path, "gankit-b", b=HOOK))
    assert package.origin == packages.Origin("gankit-b", "1.0", ("gankit",))
    assert [(p.name, p.value) for p in package.points] == [("b", "b")]


def test_plugins_of_a_wheel_are_loaded_from_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (record,) = packages.plugins_at(make_wheel(tmp_path, "gankit-b", inside_wheel=HOOK)).records
    assert (record.status, record.hooks) == ("ok", ("gankit_callbacks",))
    del sys.modules["inside_wheel"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[project]\nname='x'", "no entry point in the group 'gankit'"),
        ("[project]\n", "has no \\[project\\] with a name"),
        ("project = 3", "has no \\[project\\] with a name"),
        ("[project]\nname='x'\nentry-points.gankit='no'", "entry points that are texts"),
        ("[project]\nname='x'\nentry-points.gankit.x=3", "entry points that are texts"),
        ("[project]\nname=7", "with a name and entry points that are texts"),
        ("[project", "is not valid TOML"),
    ],
)
def test_folders_that_are_no_plugin(tmp_path, text, said):
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(GankitError, match=said):
        packages.read_package(tmp_path)


# --- Commands -----------------------------------------------------------------------------------


def having(monkeypatch, *tools):
    monkeypatch.setattr(packages, "_versions", lambda: dict.fromkeys(tools, "1"))


def test_pip_in_this_environment_is_asked_first(monkeypatch):
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


def test_a_folder_is_never_taken_for_a_name(project, monkeypatch):
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


def test_a_python_of_the_system_is_left_alone(monkeypatch, tmp_path):
    (tmp_path / "EXTERNALLY-MANAGED").touch()
    monkeypatch.setattr(packages.sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", sys.prefix)
    with pytest.raises(GankitError, match="is managed by the system"):
        packages.install_command("gankit-x")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("WARNING: ... NewConnectionError('...')\nERROR: x", "index cannot be reached"),
        ("error: client error (Connect)", "index cannot be reached"),
        ("ERROR: Could not install: [Errno 13] Permission denied: '/usr'", "no permission"),
        ("ERROR: ... (from versions: none)\nERROR: No matching", "nothing of that name"),
        ("ERROR: No matching distribution found for torch==9", "no version of it fits"),
        ("something else\n", "pip failed: something else. See above"),
        ("error: it broke\nnote: not a problem with pip\n", "pip failed: error: it broke"),
    ],
)
def test_why_it_failed_is_told(monkeypatch, said, why):
    script = f"print({said!r}); raise SystemExit(1)"
    monkeypatch.setattr(packages, "_tool", lambda: ([sys.executable, "-c", script, "pip"], []))
    lines: list[str] = []
    with pytest.raises(GankitError, match=why):
        packages.install(packages.install_command("gankit-x"), lines.append)
    assert lines[0] == said.splitlines()[0]


def test_finding_what_to_remove():
    with pytest.raises(GankitError, match="gankit-toy comes with gankit"):
        packages.find_plugin("toy")
    with pytest.raises(GankitError, match="numpy is no gankit plugin"):
        packages.find_plugin("numpy")
    with pytest.raises(GankitError, match="Did you mean toy"):
        packages.find_plugin("toys")
    assert packages.points_of(distribution("gankit-toy"))[0].name == "toy"
