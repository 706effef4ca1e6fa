"""Installing, removing and using plugins, as a person does, in real processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from installing import environment, made_known, make_wheel

HEAD = """
from gankit.contract import PluginInfo
from gankit.contract import *
from gankit.contract import hookimpl
"""
FINE = HEAD + "@hookimpl\ndef gankit_callbacks():\n    return []\n"
OFFLINE = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1"}

EVERY = "fine,bad,innocent"
"""The third-party plugins of these tests."""

Gankit = Callable[..., subprocess.CompletedProcess[str]]


# --- Installing and removing --------------------------------------------------------------------


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("environment") / "venv")


@pytest.fixture
def plugins(python: Path, tmp_path: Path) -> Gankit:
    """``gankit plugins …`` in that environment."""

    def run(*words: object, **variables: str) -> subprocess.CompletedProcess[str]:
        home = {"GANKIT_HOME": str(tmp_path / "home"), "GANKIT_PLUGINS": EVERY, **OFFLINE}
        return subprocess.run(
            [python, "-m", "gankit", "plugins", *map(str, words)],
            cwd=tmp_path,
            env={**os.environ, **home, **variables},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    return run


def listed(plugins: Gankit, **variables: str) -> dict[str, str]:
    done = plugins("list", "--json", **variables)
    assert done.returncode == 0, done.stderr
    return {r["name"]: r["status"] for r in json.loads(done.stdout)}


def test_install_list_show_uninstall(plugins, tmp_path):
    wheel = make_wheel(tmp_path / "dist", "gankit-fine", fine=FINE)
    done = plugins("install", wheel, "--yes")
    assert done.returncode == 0, done.stderr
    assert " -m pip " in done.stdout
    assert "code that runs as you" in done.stderr
    assert "gankit-fine 1.0 is installed" in done.stdout
    assert listed(plugins)["fine"] == "ok"
    assert "gankit-fine 1.0" in plugins("show", "fine").stdout
    again = plugins("install", wheel, "--yes")
    assert "gankit-fine 1.0 is installed (again" in again.stdout
    newer = make_wheel(tmp_path / "dist", "gankit-fine", "2.0", fine=FINE)
    assert "2.0 is installed (was 1.0)" in plugins("install", newer, "--yes").stdout
    assert plugins("uninstall", "fine", "--yes").returncode == 0
    assert "fine" not in listed(plugins)


def test_nothing_is_installed_or_removed_without_consent(plugins, tmp_path):
    wheel = make_wheel(tmp_path, "gankit-fine", fine=FINE)
    done = plugins("install", wheel)
    assert done.returncode == 2
    assert "Add --yes" in done.stderr
    assert plugins("install", wheel, "--dry-run").returncode == 0
    assert "fine" not in listed(plugins)
    assert plugins("install", wheel, "--yes").returncode == 0
    assert plugins("uninstall", "fine").returncode == 2
    assert listed(plugins)["fine"] == "ok"
    assert plugins("uninstall", "gankit-fine", "-y").returncode == 0


@pytest.mark.parametrize(
    ("text", "variables", "said"),
    [
        ("import not_there", {}, "ModuleNotFoundError"),
        ("while True: pass", {"GANKIT_PLUGIN_TIMEOUT": "0.3"}, "not imported in time"),
        ("GANKIT_API = 99", {}, "plugin API 99"),
    ],
)
def test_one_that_cannot_be_loaded_is_installed_named_and_removed(
    plugins, tmp_path, text, variables, said
):
    wheel = make_wheel(tmp_path, "gankit-bad", bad=FINE + text)
    done = plugins("install", wheel, "--yes", **variables)
    assert done.returncode == 2
    assert "bad was installed but cannot be used" in done.stderr
    assert said in done.stderr
    shown = plugins("list", **variables)
    assert shown.returncode == 0
    assert said in shown.stderr
    assert listed(plugins, **variables)["toy"] == "ok"
    assert said in plugins("show", "bad", **variables).stdout
    # Without the time limit: removing imports nothing.
    assert plugins("uninstall", "bad", "--yes").returncode == 0
    assert "bad" not in listed(plugins)


def test_a_wheel_that_is_no_plugin_is_refused(plugins, tmp_path):
    wheel = make_wheel(tmp_path, "innocent", innocent="")
    done = plugins("install", wheel, "--yes")
    assert done.returncode == 2
    assert "no entry point in the group 'gankit'" in done.stderr
    assert "runs:" not in done.stdout


def test_a_name_that_turns_out_to_be_no_plugin_is_removed_again(plugins, python, tmp_path):
    make_wheel(tmp_path / "index", "innocent", innocent="")
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "index")}
    done = plugins("install", "innocent", "--yes", **index)
    assert done.returncode == 2
    assert "innocent is no gankit plugin" in done.stderr
    assert "removed again" in done.stderr
    gone = subprocess.run([python, "-c", "import innocent"], capture_output=True, text=True)
    assert "ModuleNotFoundError" in gone.stderr


def test_without_a_network(plugins):
    done = plugins("install", "gankit-nowhere", "--yes")
    assert done.returncode == 2
    assert "gankit-nowhere: the package index cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["install", "--", "-rlist.txt"], "is nothing to install"),
        (["install", " "], "is nothing to install"),
        (["install", "./not-there"], "no such file or folder: ./not-there"),
        (["install", "empty"], "index cannot be reached"),  # a folder without a project: a name
        (["install", "./empty"], "empty/pyproject.toml"),
        (["install", "./damaged.whl"], "damaged.whl is no wheel"),
        (["uninstall", "toy", "--yes"], "gankit-toy comes with gankit"),
        (["uninstall", "numpy", "--yes"], "numpy is no gankit plugin"),
        (["uninstall", "nobody", "--yes"], "no plugin named 'nobody'"),
        (["show", "nobody"], "no plugin named 'nobody'"),
        (["check", "nobody"], "no plugin named 'nobody'"),
        (["check", "./empty"], "empty/pyproject.toml"),
        (["check", "toy", "--expect", "preview"], "--expect 'preview' has no reason"),
        (["check", "toy", "--expect", "previews=so"], "Did you mean preview"),
    ],
)
def test_bad_words(gankit_, tmp_path, words, said):
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged.whl").write_bytes(b"no zip")
    words = [*words, *(["--yes"] if words[0] == "install" and "--" not in words else [])]
    done = gankit_("plugins", *words, cwd=tmp_path, code=2, **OFFLINE)
    assert said in done.stderr
    assert done.stderr.count("error:") == 1


# --- Using one that misbehaves ------------------------------------------------------------------

FAULTY = {
    "wrong-shape": (
        "def build_networks(self, layout, settings):\n"
        "    networks = super().build_networks(layout, settings)\n"
        "    G = networks.generator\n"
        "    G.register_forward_hook(lambda module, given, x: torch.cat([x, x[:, :1]], 1))\n"
        "    return networks",
        "its generator's output has shape (2, 3), where the contract wants (2, 2)",
    ),
    "nan": (
        "def fit_codec(self, items, settings, progress):\n"
        "    codec = super().fit_codec(items, settings, progress)\n"
        "    codec.scale = codec.scale * float('nan')\n"
        "    return codec",
        "its codec's x is not finite",
    ),
    "raises": (
        "def read(self, source, settings, progress):\n    return {}['gone']",
        "KeyError: 'gone' (GANKIT_STRICT_PLUGINS=1 shows where)",
    ),
    "writes-outside": (
        "def preview(self, items, target):\n"
        "    open('/gankit-was-here', 'w')\n"
        "    return super().preview(items, target)",
        "it tried to write /gankit-was-here, outside",
    ),
    "swallows-the-refusal": (
        "def preview(self, items, target):\n"
        "    try:\n        os.mkdir('/gankit-was-here')\n"
        "    except Exception:\n        pass\n"
        "    return super().preview(items, target)",
        "it tried to write /gankit-was-here, outside",
    ),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_a_faulty_plugin_is_named_and_remembered(gankit_, preforked, tmp_path, fault):
    method, said = FAULTY[fault]
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    (project / "pyproject.toml").write_text(
        "[project]\nname='gankit-faulty'\nversion='1'\n[project.entry-points.gankit]\n"
        "faulty='faulty_hooks'\n"
    )
    (project / "src" / "faulty_hooks.py").write_text(
        HEAD + "@hookimpl\ndef gankit_modalities():\n"
        "    yield PluginInfo('faulty', 'points', 'faulty_modality:Faulty', suffixes=('.csv',))\n"
    )
    (project / "src" / "faulty_modality.py").write_text(
        "import os, torch\nfrom gankit_toy.modality import ToyModality\n"
        f"class Faulty(ToyModality):\n{textwrap.indent(method, '    ')}\n"
    )
    known = {**made_known(tmp_path / "site", project), "GANKIT_HOME": str(tmp_path / "home")}
    small = ["hidden=8", "count=400", "train.samples=64", "train.batch=32", "train.threads=1"]
    place: dict[str, Any] = {"cwd": tmp_path, **known}
    train = ("train", "--plugin", "faulty", *small, "--out", "run")
    done = gankit_(*train, code=2, **place)
    assert f"plugin faulty: {said}" in done.stderr
    assert "gankit plugins check faulty" in done.stderr
    shown = gankit_("plugins", "list", **place)
    assert re.search(r"^faulty +1 +faulty +points", shown.stdout, re.MULTILINE)
    assert f"faulty (gankit-faulty 1) when last used: {said}" in shown.stderr
    assert not Path("/gankit-was-here").exists()
    strict = preforked(["gankit", *train], tmp_path, GANKIT_STRICT_PLUGINS="1", **known)
    assert ("Traceback" in strict.stderr) is (fault == "raises")
    # The kit finds it too, from the folder, and the others go on.
    gankit_("plugins", "check", "project", "hidden=8", "count=400", code=1, **place)
    gankit_("plugins", "show", "toy", **place)


HOOKS = {
    "callback": (
        "class Broken(Callback):\n"
        "    def tick(self, values):\n        raise RuntimeError('no disk')\n"
        "@hookimpl\ndef gankit_callbacks():\n    yield Broken()",
        "failed in tick and follows no longer: RuntimeError: no disk",
    ),
    "objective-that-is-built-in": (
        "@hookimpl\ndef gankit_objectives():\n"
        "    yield Objective('rpgan', lambda r, f: 1 / 0, lambda r, f: 1 / 0)",
        "gankit_objectives gave 'rpgan', a name that is taken",
    ),
    "raising-hook": (
        "@hookimpl\ndef gankit_penalties():\n    raise OSError('oh')",
        "failed in gankit_penalties: OSError: oh",
    ),
}


@pytest.mark.parametrize("hook", HOOKS)
def test_a_faulty_hook_stops_nothing(gankit_, tmp_path, hook):
    text, said = HOOKS[hook]
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    (project / "pyproject.toml").write_text(
        "[project]\nname='gankit-hook'\nversion='1'\n[project.entry-points.gankit]\nhook='hook'\n"
    )
    (project / "src" / "hook.py").write_text(HEAD + text)
    known = {**made_known(tmp_path / "site", project), "GANKIT_HOME": str(tmp_path / "home")}
    small = ["hidden=8", "count=400", "train.samples=640", "train.batch=32", "train.threads=1"]
    place: dict[str, Any] = {"cwd": tmp_path, **known}
    done = gankit_("train", "--plugin", "toy", *small, "--out", "run", **place)
    assert done.stderr.count(f"plugin hook {said}") == 1
    shown = gankit_("plugins", "list", "--json", **place)
    record = next(r for r in json.loads(shown.stdout) if r["name"] == "hook")
    assert said in record["fault"]
    off = gankit_(
        "train", "--plugin", "toy", *small, "--out", "r", **{**place, "GANKIT_PLUGINS": ""}
    )
    assert "plugin hook" not in off.stderr


def test_commands_of_plugins(gankit_, tmp_path):
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    (project / "pyproject.toml").write_text(
        "[project]\nname='gankit-two'\nversion='1'\n[project.entry-points.gankit]\n"
        "one='one'\ntwo='two'\n"
    )
    command = "@hookimpl\ndef gankit_commands(app):\n    @app.command()\n    def {0}():\n{1}"
    (project / "src" / "one.py").write_text(
        HEAD
        + command.format("losses", "        '''Print losses.'''\n        print('low')\n")
        + "    @app.command()\n    def train():\n        print('mine now')\n"
    )
    (project / "src" / "two.py").write_text(HEAD + "@hookimpl\ndef gankit_commands(app): 1 / 0")
    known = {**made_known(tmp_path / "site", project), "GANKIT_HOME": str(tmp_path / "home")}
    place: dict[str, Any] = {"cwd": tmp_path, **known}
    done = gankit_("losses", **place)
    assert done.stdout == "low\n"
    assert "plugin two failed in gankit_commands: ZeroDivisionError" in done.stderr
    assert "plugin one has a command 'train', a name that is taken" in done.stderr
    shown = gankit_("--help", **place)
    assert "Print losses." in shown.stdout
    assert "mine now" not in gankit_("train", "--help", **place).stdout
    assert "plugin" not in gankit_("runs", "list", **place).stderr


def test_what_a_plugin_prints_or_alters_does_not_reach_the_record(gankit_, tmp_path):
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    (project / "pyproject.toml").write_text(
        "[project]\nname='gankit-sly'\nversion='1'\n[project.entry-points.gankit]\nsly='sly'\n"
    )
    (project / "src" / "sly.py").write_text(
        HEAD + "print('HELLO')\n@hookimpl\ndef gankit_outputs(folder, record):\n"
        "    record['generated'] = False\n    record.clear()\n"
    )
    known = {**made_known(tmp_path / "site", project), "GANKIT_HOME": str(tmp_path / "home")}
    place: dict[str, Any] = {"cwd": tmp_path, **known}
    assert json.loads(gankit_("plugins", "list", "--json", **place).stdout)
    small = ["hidden=8", "count=400", "train.samples=64", "train.batch=32", "train.threads=1"]
    gankit_("train", "--plugin", "toy", *small, "--out", "run", **place)
    gankit_("generate", "run", "-n", 2, "--out", "made", **place)
    record = json.loads((tmp_path / "made" / "provenance.json").read_text())
    assert record["generated"] is True
    assert record["software"].startswith("gankit")
    checked = gankit_("plugins", "check", "sly", code=1, **place)
    assert "gankit_outputs changes the record" in checked.stdout
