"""Discovery: whatever one plugin does, the others go on working."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from gankit.contract import PLUGIN_API
from gankit.errors import GankitError
from gankit.plugins import Plugins

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def points(monkeypatch):
    """The entry points of the fixture plugins, importable without being installed."""
    found = []
    for name in ("broken", "good", "old_api"):
        monkeypatch.syspath_prepend(str(FIXTURES / f"{name}-plugin" / "src"))
        found.append(EntryPoint(name, f"gankit_{name}", "gankit"))
    yield found
    for name in ("broken", "good", "old_api"):
        sys.modules.pop(f"gankit_{name}", None)


def module(monkeypatch, tmp_path, name, text):
    (tmp_path / f"{name}.py").write_text(
        "from gankit.contract import PluginInfo\nfrom gankit.hookspecs import hookimpl\n" + text
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return EntryPoint(name, name, "gankit")


def test_good_broken_and_old_side_by_side(points):
    plugins = Plugins(points)
    status = {r.name: r.status for r in plugins.records}
    assert status == {"good": "ok", "broken": "failed", "old_api": "refused"}
    assert list(plugins.infos()) == ["good"]
    broken = next(r for r in plugins.records if r.name == "broken")
    assert "a_module_that_is_not_installed" in broken.why
    assert "pip uninstall gankit_broken" in broken.what_to_do
    old = next(r for r in plugins.records if r.name == "old_api")
    assert "API 0" in old.why
    assert str(PLUGIN_API) in old.why


def test_using_a_broken_plugin_says_why(points):
    with pytest.raises(GankitError, match="a_module_that_is_not_installed"):
        Plugins(points).modality("broken")


def test_a_near_name_is_suggested(points):
    with pytest.raises(GankitError, match="Did you mean good"):
        Plugins(points).modality("god")


def test_a_target_that_is_not_there(points):
    """good's modality module does not exist: found on use, not on listing."""
    with pytest.raises(GankitError, match="cannot be loaded from gankit_good.modality"):
        Plugins(points).modality("good")


def test_a_newer_api_is_refused(monkeypatch, tmp_path):
    point = module(
        monkeypatch,
        tmp_path,
        "from_the_future",
        """
@hookimpl
def gankit_modalities():
    yield PluginInfo("future", "later", "x:Y", api=99)
""",
    )
    (record,) = Plugins([point]).records
    assert record.status == "refused"
    assert record.what_to_do == "Upgrade gankit"


def test_two_of_one_name(points, monkeypatch, tmp_path):
    point = module(
        monkeypatch,
        tmp_path,
        "usurper",
        """
@hookimpl
def gankit_modalities():
    yield PluginInfo("good", "me too", "x:Y")
""",
    )
    plugins = Plugins([*points, point])
    assert plugins.infos()["good"].summary == "a good plugin"
    assert next(r for r in plugins.records if r.name == "usurper").status == "refused"


def test_a_raising_hook_does_not_stop_the_others(points, monkeypatch, tmp_path, capsys):
    point = module(
        monkeypatch,
        tmp_path,
        "raising",
        """
@hookimpl
def gankit_callbacks():
    raise RuntimeError("oh no")
""",
    )
    other = module(
        monkeypatch,
        tmp_path,
        "calm",
        """
@hookimpl
def gankit_callbacks():
    yield "a callback"
""",
    )
    assert Plugins([point, other]).call("gankit_callbacks") == [("calm", ["a callback"])]
    assert "oh no" in capsys.readouterr().err


def test_selection_by_environment(points, monkeypatch):
    monkeypatch.setenv("GANKIT_PLUGINS", "")
    assert {r.status for r in Plugins(points).records} == {"disabled"}
    monkeypatch.setenv("GANKIT_PLUGINS", "other, good")
    assert [r.name for r in Plugins(points).records if r.status == "ok"] == ["good"]


def test_strict_raises(points, monkeypatch):
    monkeypatch.setenv("GANKIT_STRICT_PLUGINS", "1")
    with pytest.raises(ModuleNotFoundError):
        Plugins(points)
