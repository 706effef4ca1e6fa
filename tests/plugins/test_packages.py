"""Reading the distribution in a folder or a wheel, without installing it."""

from __future__ import annotations

import sys

import pytest
from installing import make_project, make_wheel

from gankit.errors import GankitError
from gankit.plugins import packages
from gankit.plugins.compatibility import Origin

HOOK = "from gankit.contract import hookimpl\n@hookimpl\ndef gankit_callbacks(): return []\n"


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "a", "gankit-a", "dependencies = ['gankit>=0.1']", gankit_a=HOOK)


def test_a_folder(project):
    package = packages.read_package(project)
    assert package.origin == Origin("gankit-a", "1", ("gankit>=0.1",))
    assert [(p.name, p.value) for p in package.points] == [("gankit_a", "gankit_a")]
    assert package.place == project / "src"


def test_a_wheel(tmp_path):
    package = packages.read_package(make_wheel(tmp_path, "gankit-b", b=HOOK))
    assert package.origin == Origin("gankit-b", "1.0", ("gankit",))
    assert [(p.name, p.value) for p in package.points] == [("b", "b")]


def test_plugins_of_a_wheel_are_loaded_from_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (record,) = packages.plugins_at(make_wheel(tmp_path, "gankit-b", inside_wheel=HOOK)).records
    assert (record.status, record.hooks) == ("ok", ("gankit_callbacks",))
    del sys.modules["inside_wheel"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[project]\nname='x'", "no entry point in the group 'gankit'"),
        ("[project]\n", r"has no \[project\] with a name"),
        ("project = 3", r"has no \[project\] with a name"),
        ("[project]\nname='x'\nentry-points.gankit='no'", "entry points that are texts"),
        ("[project]\nname='x'\nentry-points.gankit.x=3", "entry points that are texts"),
        ("[project]\nname=7", "with a name and entry points that are texts"),
        ("[project", "is not valid TOML"),
    ],
)
def test_folders_that_are_not_plugins(tmp_path, text, message):
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(GankitError, match=message):
        packages.read_package(tmp_path)
