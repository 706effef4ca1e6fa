"""Discovery: a faulty plugin is reported, and the others work."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from pathlib import Path
from types import SimpleNamespace

import pytest
from installing import made_known, make_project

from gankit.contract import PLUGIN_API, Objective
from gankit.errors import GankitError
from gankit.plugins import error_log
from gankit.plugins.compatibility import Origin
from gankit.plugins.registry import Plugins, origin_of

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("GANKIT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GANKIT_PLUGINS")


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


@pytest.fixture
def module(monkeypatch, tmp_path):
    """Writes a hook module and gives its entry point."""

    def write(name: str, text: str, point: str = "") -> EntryPoint:
        (tmp_path / f"{name}.py").write_text(f"from gankit.contract import *\n{text}")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, name, raising=False)
        return EntryPoint(point or name, name, "gankit")

    return write


def modality(name: str, more: str = ", api=2") -> str:
    return f"""
@hookimpl
def gankit_modalities():
    yield PluginInfo({name!r}, "some data", "x:Y"{more})
"""


def status(plugins: Plugins) -> dict[str, str]:
    return {record.name: record.status for record in plugins.records}


def test_good_broken_and_old_plugins_together(points):
    plugins = Plugins(points)
    assert status(plugins) == {"good": "ok", "broken": "failed", "old_api": "refused"}
    assert list(plugins.infos()) == ["good"]
    broken = next(r for r in plugins.records if r.name == "broken")
    assert "a_module_that_is_not_installed" in broken.why
    assert "gankit plugins uninstall gankit_broken" in broken.what_to_do
    old = next(r for r in plugins.records if r.name == "old_api")
    assert "was written for plugin API 1" in old.why


def test_using_a_broken_plugin_states_the_reason(points):
    with pytest.raises(GankitError, match="a_module_that_is_not_installed"):
        Plugins(points).modality("broken")


def test_a_near_name_is_suggested(points):
    with pytest.raises(GankitError, match="Did you mean good"):
        Plugins(points).modality("god")


def test_a_missing_target(points):
    """good's modality module does not exist: found on use, not on listing."""
    with pytest.raises(GankitError, match="cannot be loaded from gankit_good.modality"):
        Plugins(points).modality("good")


# --- Which versions fit -------------------------------------------------------------------------


CHANGED = (
    "API 2 passes the codec to every method of a modality and renames the contract's types; the "
    "changelog lists them. "
)


@pytest.mark.parametrize(
    ("api", "fix"),
    [
        (0, "Install a newer version of odd, written for API 2"),
        (1, f"{CHANGED}Install a newer version of odd, written for API 2"),
        (99, "Install a newer gankit, or an older version of odd, written for API 2"),
        ("one", "The API is an integer: its authors should state 2"),
    ],
)
@pytest.mark.parametrize("where", ["record", "module"])
def test_another_api_is_refused_with_the_versions_that_fit(module, api, fix, where):
    text = (
        modality("odd", f", api={api!r}")
        if where == "record"
        else f"GANKIT_API = {api!r}\n" + modality("odd")
    )
    plugins = Plugins([module("odd", text)], Origin("odd", "3.0"))
    (record,) = plugins.records
    assert record.status == "refused"
    assert record.why == (
        f"odd 3.0 was written for plugin API {api}; gankit {version('gankit')} accepts API 2"
    )
    assert record.what_to_do == fix
    with pytest.raises(GankitError, match="plugin odd cannot be used: odd 3.0 was written for"):
        plugins.modality("odd")
    assert plugins.infos() == {}


@pytest.mark.parametrize("gone", ["gankit.hookspecs", "gankit.items"])
def test_a_plugin_that_imports_modules_of_api_1_is_refused(module, gone):
    point = module("odd", f"from {gone} import hookimpl\n" + modality("odd"))
    (record,) = Plugins([point], Origin("odd", "3.0")).records
    assert record.status == "refused"
    assert record.why.startswith("odd 3.0 was written for plugin API 1; ")
    assert record.what_to_do.startswith(CHANGED)


def test_a_plugin_that_states_no_api_was_written_for_the_first(module):
    """API 1 did not require it."""
    (record,) = Plugins([module("plain", modality("plain", ""))], Origin("plain", "1")).records
    assert record.status == "refused"
    assert record.why.startswith("plain 1 was written for plugin API 1; ")
    assert PLUGIN_API == 2


@pytest.mark.parametrize(
    ("needs", "fits"),
    [
        ("gankit>=0.1,<0.2", True),
        ("gankit", True),
        ("gankit>=9", False),
        ("gankit<0.1", False),
        ("gankit[testing]>=9; extra == 'test'", True),
        ("gankit-toy>=9", True),
        ("gankit ~~ nonsense", True),
    ],
)
def test_a_distribution_that_needs_another_version_is_refused(module, needs, fits):
    point = module("needy", modality("needy"))
    (record,) = Plugins([point], Origin("needy", "1", ("numpy>=2", needs))).records
    assert (record.status == "ok") is fits
    if not fits:
        assert record.why.startswith(f"needy 1 needs gankit {needs.removeprefix('gankit')}")


# --- Loading fails ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("def no_hook(): ...", "implements no hook"),
        ("@hookimpl\ndef gankit_modalitys(): ...", "gankit_modalitys"),
        ("@hookimpl\ndef gankit_modalities(oops): ...", "oops"),
        (
            "@hookimpl\ndef gankit_modalities(): yield 'toy'",
            "gave 'toy', which is not a PluginInfo",
        ),
        ("@hookimpl\ndef gankit_modalities(): raise KeyError('x')", "KeyError: 'x'"),
        (
            "@hookimpl\ndef gankit_modalities():\n"
            "    yield PluginInfo('a', '', 'x:Y', 2)\n    yield PluginInfo('a', '', 'x:Z', 2)",
            "provides the modality 'a' 2 times",
        ),
    ],
)
def test_a_plugin_that_does_not_load_is_named_and_the_others_work(points, module, text, why):
    plugins = Plugins([module("bad", text), *points])
    record = next(r for r in plugins.records if r.name == "bad")
    assert record.status == "failed"
    assert why in record.why
    assert "\n" not in record.why
    assert list(plugins.infos()) == ["good"]


def test_an_entry_point_to_a_missing_module(points):
    plugins = Plugins([EntryPoint("gone", "not_there.at_all:plugin", "gankit"), *points])
    record = next(r for r in plugins.records if r.name == "gone")
    assert record.status == "failed"
    assert "not_there" in record.why
    assert list(plugins.infos()) == ["good"]


def test_an_import_that_hangs_is_interrupted(points, module, monkeypatch):
    monkeypatch.setenv("GANKIT_PLUGIN_TIMEOUT", "0.2")
    slow = module(
        "slow", "import time\ntry:\n    time.sleep(60)\nexcept Exception: pass\n" + modality("slow")
    )
    busy = module("busy", "while True: pass")
    plugins = Plugins([slow, busy, *points])
    assert {"slow": "failed", "busy": "failed"}.items() <= status(plugins).items()
    assert "not imported in time" in next(r for r in plugins.records if r.name == "slow").why
    assert list(plugins.infos()) == ["good"]


# --- Names that are taken -----------------------------------------------------------------------


def test_two_modalities_of_one_name(points, module):
    plugins = Plugins([*points, module("usurper", modality("good"))])
    assert plugins.infos()["good"].summary == "a good plugin"
    record = next(r for r in plugins.records if r.name == "usurper")
    assert record.status == "refused"
    assert record.why == "its modality 'good' has the name of one from gankit_good"


def test_two_plugins_of_one_name(module):
    first, second = module("first", modality("a"), "same"), module("second", modality("b"), "same")
    plugins = Plugins([first, second])
    assert [(r.package, r.status) for r in plugins.records] == [
        ("first", "ok"),
        ("second", "refused"),
    ]
    assert plugins.records[1].why == "first has a plugin named same already"
    assert list(plugins.infos()) == ["a"]


def test_nobody_takes_the_name_of_a_bundled_plugin(tmp_path, gankit):
    """Not even one that comes first in the alphabet."""
    project = make_project(
        tmp_path / "aaa", "gankit-aaa", aaa=f"from gankit.contract import *\n{modality('toy')}"
    )
    done = gankit("plugins", "list", **made_known(tmp_path / "site", project))
    assert done.returncode == 0
    assert "aaa (gankit-aaa 1) refused: its modality 'toy' has the name" in done.stderr
    assert "2-D point clouds" in done.stdout


# --- Bundled or not -----------------------------------------------------------------------------

OURS = "authors = [{name = 'The gankit authors'}]\nkeywords = ['gankit-bundled']"


@pytest.mark.parametrize(("about", "bundled"), [("", False), (OURS, True)])
def test_only_metadata_exempts_a_plugin_from_selection_and_errors(
    tmp_path, monkeypatch, about, bundled
):
    """Its name does not, though it may read like one of ours."""
    text = f"from gankit.contract import *\n{modality('genome')}\ndef work(): return {{}}['gone']"
    project = make_project(tmp_path / "genome", "gankit-genome", about, gankit_genome=text)
    made_known(tmp_path / "site", project)
    for folder in ("site", "genome/src"):
        monkeypatch.syspath_prepend(str(tmp_path / folder))
    monkeypatch.delitem(sys.modules, "gankit_genome", raising=False)
    (point,) = (p for p in entry_points(group="gankit") if p.name == "gankit_genome")
    assert origin_of(point) == Origin("gankit-genome", "1", (), bundled)
    plugins = Plugins([point])
    with pytest.raises(KeyError) as error:
        sys.modules["gankit_genome"].work()
    record = plugins.attribute_error(error.value)
    assert (record is None) is bundled
    monkeypatch.setenv("GANKIT_PLUGINS", "")
    assert Plugins([point]).records[0].status == ("ok" if bundled else "disabled")


def test_damaged_metadata_still_gives_a_name():
    class Damaged:
        module = "some_package.hooks"

        @property
        def dist(self):
            raise PackageNotFoundError("oh")

    assert origin_of(Damaged()) == Origin("some_package", "?")


def test_absent_fields_of_metadata_may_raise():
    """As they do once something has imported the package importlib_metadata."""

    class Point:
        module = "some_package.hooks"
        dist = SimpleNamespace(name="some-package", version="3", requires=None, metadata={})

    assert origin_of(Point()) == Origin("some-package", "3")
    Point.dist.metadata["Author"] = "The gankit authors"
    assert origin_of(Point()) == Origin("some-package", "3")
    Point.dist.metadata["Keywords"] = "gan,gankit-bundled"
    assert origin_of(Point()) == Origin("some-package", "3", bundled=True)


# --- Other hooks --------------------------------------------------------------------------------


def test_a_raising_hook_does_not_stop_the_others(module, capsys):
    raising = module(
        "raising", "@hookimpl\ndef gankit_callbacks():\n    raise RuntimeError('oh no')"
    )
    calm = module(
        "calm", "class C(Callback): ...\n@hookimpl\ndef gankit_callbacks():\n    yield C()"
    )
    plugins = Plugins([raising, calm])
    assert [name for name, _ in plugins.collect("gankit_callbacks")] == ["calm"]
    assert (
        "plugin raising failed in gankit_callbacks: RuntimeError: oh no" in capsys.readouterr().err
    )


OBJECTIVE = """
@hookimpl
def gankit_objectives():
    yield Objective({name!r}, lambda r, f: f - r, lambda r, f: -f)
"""


def test_records_of_a_wrong_type_or_a_taken_name_are_left_out(module, capsys):
    plugins = Plugins(
        [
            module("a", OBJECTIVE.format(name="rpgan")),
            module("b", OBJECTIVE.format(name="mine")),
            module("c", OBJECTIVE.format(name="mine")),
            module("d", "@hookimpl\ndef gankit_objectives():\n    yield 'hinge'"),
        ]
    )
    kept = plugins.collect("gankit_objectives", taken=["rpgan"])
    assert len(kept) == 1
    assert isinstance(kept[0][1], Objective)
    printed = capsys.readouterr().err
    assert "plugin a gankit_objectives gave 'rpgan', a name that is taken" in printed
    assert "gave 'mine', a name that is taken" in printed
    assert "plugin d gankit_objectives gave 'hinge', which is not a Objective" in printed


def test_an_error_is_kept_for_the_version_that_made_it(module):
    point = module("raising", "@hookimpl\ndef gankit_callbacks():\n    raise RuntimeError('oh no')")
    plugins = Plugins([point], Origin("gankit-raising", "1.0"))
    assert plugins.records[0].fault == ""
    plugins.call("gankit_callbacks")
    again = Plugins([point], Origin("gankit-raising", "1.0"))
    assert again.records[0].fault == "failed in gankit_callbacks: RuntimeError: oh no"
    assert again.records[0].status == "ok"  # it can still be used
    newer = Plugins([point], Origin("gankit-raising", "1.1"))
    assert newer.records[0].fault == ""
    error_log.forget("gankit-raising")
    assert error_log.load() == {}


def test_an_exception_is_attributed_to_the_plugin_that_raised_it(module):
    point = module("faulty", modality("faulty") + "def work(): return {}['gone']")
    plugins = Plugins([point])
    with pytest.raises(KeyError) as theirs:
        sys.modules["faulty"].work()
    assert plugins.attribute_error(theirs.value).name == "faulty"
    with pytest.raises(KeyError) as ours:
        {}["gone"]
    assert plugins.attribute_error(ours.value) is None


def test_a_plugin_without_a_modality(module):
    plugins = Plugins([module("watch", "@hookimpl\ndef gankit_callbacks():\n    return []")])
    assert plugins.records[0].hooks == ("gankit_callbacks",)
    with pytest.raises(GankitError, match=r"plugin watch has no modality \(callbacks\)"):
        plugins.modality("watch")


# --- The environment ----------------------------------------------------------------------------


def test_selection_by_environment(points, monkeypatch):
    monkeypatch.setenv("GANKIT_PLUGINS", "")
    assert set(status(Plugins(points)).values()) == {"disabled"}
    monkeypatch.setenv("GANKIT_PLUGINS", "other, good")
    assert [name for name, s in status(Plugins(points)).items() if s == "ok"] == ["good"]


def test_strict_raises(points, monkeypatch):
    monkeypatch.setenv("GANKIT_STRICT_PLUGINS", "1")
    with pytest.raises(ModuleNotFoundError):
        Plugins(points)
