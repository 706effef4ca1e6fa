"""Installing, removing and using plugins, as a user does, in processes of their own."""

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
from installing import environment, made_known, make_project, make_wheel
from words import once

HEAD = "from gankit.contract import *\n"
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
    assert "A plugin is code that runs with your permissions" in done.stderr
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
    ("text", "variables", "message"),
    [
        ("import not_there", {}, "ModuleNotFoundError"),
        ("while True: pass", {"GANKIT_PLUGIN_TIMEOUT": "0.3"}, "not imported in time"),
        ("GANKIT_API = 99", {}, "plugin API 99"),
        ("import gankit.hookspecs", {}, "was written for plugin API 1; gankit"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_installed_reported_and_removed(
    plugins, tmp_path, text, variables, message
):
    wheel = make_wheel(tmp_path, "gankit-bad", bad=FINE + text)
    done = plugins("install", wheel, "--yes", **variables)
    assert done.returncode == 2
    assert "bad was installed but cannot be used" in done.stderr
    assert message in done.stderr
    shown = plugins("list", **variables)
    assert shown.returncode == 0
    assert message in shown.stderr
    assert listed(plugins, **variables)["toy"] == "ok"
    assert message in plugins("show", "bad", **variables).stdout
    # Without the time limit: removing imports nothing.
    assert plugins("uninstall", "bad", "--yes").returncode == 0
    assert "bad" not in listed(plugins)


def test_a_wheel_that_is_not_a_plugin_is_refused(plugins, tmp_path):
    wheel = make_wheel(tmp_path, "innocent", innocent="")
    done = plugins("install", wheel, "--yes")
    assert done.returncode == 2
    assert "no entry point in the group 'gankit'" in done.stderr
    assert "runs:" not in done.stdout


def test_a_package_that_is_not_a_plugin_is_removed_again(plugins, python, tmp_path):
    make_wheel(tmp_path / "index", "innocent", innocent="")
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "index")}
    done = plugins("install", "innocent", "--yes", **index)
    assert done.returncode == 2
    assert "innocent is not a gankit plugin" in done.stderr
    assert "removed again" in done.stderr
    gone = subprocess.run([python, "-c", "import innocent"], capture_output=True, text=True)
    assert "ModuleNotFoundError" in gone.stderr


def test_without_a_network(plugins):
    done = plugins("install", "gankit-nowhere", "--yes")
    assert done.returncode == 2
    assert "gankit-nowhere: the package index cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["install", "--", "-rlist.txt"], "cannot be installed"),
        (["install", " "], "SPEC is empty"),
        (["install", "./not-there"], "no such file or folder: ./not-there"),
        (["install", "empty"], "index cannot be reached"),  # a folder without a project: a name
        (["install", "./empty"], "empty/pyproject.toml"),
        (["install", "./damaged.whl"], "damaged.whl is not a valid wheel"),
        (["uninstall", "toy", "--yes"], "gankit-toy is bundled with gankit"),
        (["uninstall", "numpy", "--yes"], "numpy is not a gankit plugin"),
        (["uninstall", "nobody", "--yes"], "no plugin named 'nobody'"),
        (["show", "nobody"], "no plugin named 'nobody'"),
        (["check", "nobody"], "no plugin named 'nobody'"),
        (["check", "./empty"], "empty/pyproject.toml"),
        (["check", "toy", "--expect", "preview"], "--expect 'preview' has no reason"),
        (["check", "toy", "--expect", "previews=so"], "Did you mean preview"),
    ],
)
def test_bad_words(gankit_, tmp_path, words, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged.whl").write_bytes(b"no zip")
    words = [*words, *(["--yes"] if words[0] == "install" and "--" not in words else [])]
    done = gankit_("plugins", *words, cwd=tmp_path, code=2, **OFFLINE)
    assert message in done.stderr
    assert done.stderr.count("error:") == 1


# --- Using one that misbehaves ------------------------------------------------------------------

FAULTY = {
    "wrong-shape": (
        "def build_networks(self, codec, settings):\n"
        "    networks = super().build_networks(codec, settings)\n"
        "    G = networks.generator\n"
        "    G.register_forward_hook(lambda module, given, x: torch.cat([x, x[:, :1]], 1))\n"
        "    return networks",
        "its generator's output has shape (2, 3), but the contract requires (2, 2)",
    ),
    "nan": (
        "def fit_codec(self, items, settings, fitting):\n"
        "    codec = super().fit_codec(items, settings, fitting)\n"
        "    codec.scale = codec.scale * float('nan')\n"
        "    return codec",
        "its codec's x is not finite",
    ),
    "raises": (
        "def read(self, source, settings, progress):\n    return {}['gone']",
        "KeyError: 'gone' (GANKIT_STRICT_PLUGINS=1 shows where)",
    ),
    "writes-outside": (
        "def preview(self, items, codec, real=()):\n"
        "    open('/gankit-was-here', 'w')\n"
        "    return super().preview(items, codec, real)",
        "it tried to write /gankit-was-here, outside",
    ),
    "swallows-the-refusal": (
        "def preview(self, items, codec, real=()):\n"
        "    try:\n        os.mkdir('/gankit-was-here')\n"
        "    except Exception:\n        pass\n"
        "    return super().preview(items, codec, real)",
        "it tried to write /gankit-was-here, outside",
    ),
}

SMALL = ["hidden=8", "count=400", "train.batch=32", "train.threads=1"]


def known_project(tmp_path: Path, name: str, about: str = "", **modules: str) -> dict[str, Any]:
    """Where a plugin of these modules is known: ``gankit_``'s folder and environment."""
    project = make_project(tmp_path / "project", name, about, **modules)
    known = made_known(tmp_path / "site", project)
    return {"cwd": tmp_path, "GANKIT_HOME": str(tmp_path / "home"), **known}


@pytest.mark.parametrize("fault", FAULTY)
def test_a_faulty_plugin_is_named_and_its_error_kept(gankit_, preforked, tmp_path, fault):
    method, message = FAULTY[fault]
    place = known_project(
        tmp_path,
        "gankit-faulty",
        faulty=HEAD + "@hookimpl\ndef gankit_modalities():\n"
        "    yield PluginInfo(\n"
        "        'faulty', 'points', 'faulty_modality:Faulty', api=2, suffixes=('.csv',))\n",
        faulty_modality="import os, torch\nfrom gankit_toy.modality import ToyModality\n"
        f"class Faulty(ToyModality):\n{textwrap.indent(method, '    ')}\n",
    )
    train = once("train", "--plugin", "faulty", *SMALL, "train.samples=64", "--out", "run")
    done = gankit_(*train, code=2, **place)
    assert f"plugin faulty: {message}" in done.stderr
    assert "gankit plugins check faulty" in done.stderr
    shown = gankit_("plugins", "list", **place)
    assert re.search(r"^faulty +1 +faulty +points", shown.stdout, re.MULTILINE)
    assert f"faulty (gankit-faulty 1) when last used: {message}" in shown.stderr
    assert not Path("/gankit-was-here").exists()
    known = {key: value for key, value in place.items() if key != "cwd"}
    strict = preforked(["gankit", *train], tmp_path, GANKIT_STRICT_PLUGINS="1", **known)
    assert ("Traceback" in strict.stderr) is (fault == "raises")
    # The kit finds it too, from the folder, and other plugins work.
    gankit_("plugins", "check", "project", "hidden=8", "count=400", code=1, **place)
    gankit_("plugins", "show", "toy", **place)


HOOKS = {
    "callback": (
        "class Broken(Callback):\n"
        "    def tick(self, values):\n        raise RuntimeError('no disk')\n"
        "@hookimpl\ndef gankit_callbacks():\n    yield Broken()",
        "failed in tick and is disabled: RuntimeError: no disk",
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
def test_a_faulty_hook_does_not_stop_training(gankit_, tmp_path, hook):
    text, message = HOOKS[hook]
    place = known_project(tmp_path, "gankit-hook", hook=HEAD + text)
    train = once("train", "--plugin", "toy", *SMALL, "train.samples=640")
    done = gankit_(*train, "--out", "run", **place)
    assert done.stderr.count(f"plugin hook {message}") == 1
    shown = gankit_("plugins", "list", "--json", **place)
    record = next(r for r in json.loads(shown.stdout) if r["name"] == "hook")
    assert message in record["fault"]
    off = gankit_(*train, "--out", "r", **{**place, "GANKIT_PLUGINS": ""})
    assert "plugin hook" not in off.stderr


def test_a_plugin_of_another_name_is_not_bundled(gankit_, tmp_path):
    """``GANKIT_PLUGINS`` disables it, though its name reads like one of gankit's own."""
    text = HEAD + "@hookimpl\ndef gankit_callbacks():\n    return []\n"
    place = known_project(tmp_path, "gankit-genome", genome=text)
    status = {}
    for chosen in ("", "gankit-genome"):
        shown = gankit_("plugins", "list", "--json", **{**place, "GANKIT_PLUGINS": chosen})
        records = {r["name"]: r for r in json.loads(shown.stdout)}
        status[chosen] = (records["genome"]["status"], records["toy"]["status"])
        assert (records["genome"]["bundled"], records["toy"]["bundled"]) == (False, True)
    assert status == {"": ("disabled", "ok"), "gankit-genome": ("ok", "ok")}


def test_commands_of_plugins(gankit_, tmp_path):
    command = "@hookimpl\ndef gankit_commands(app):\n    @app.command()\n    def {0}():\n{1}"
    place = known_project(
        tmp_path,
        "gankit-two",
        one=HEAD
        + command.format("losses", "        '''Print losses.'''\n        print('low')\n")
        + "    @app.command()\n    def train():\n        print('mine now')\n",
        two=HEAD + "@hookimpl\ndef gankit_commands(app): 1 / 0",
    )
    done = gankit_("losses", **place)
    assert done.stdout == "low\n"
    assert "plugin two failed in gankit_commands: ZeroDivisionError" in done.stderr
    assert "plugin one has a command 'train', which is taken" in done.stderr
    shown = gankit_("--help", **place)
    assert "Print losses." in shown.stdout
    assert "mine now" not in gankit_("train", "--help", **place).stdout
    assert "plugin" not in gankit_("runs", "list", **place).stderr


def test_a_plugins_prints_and_changes_do_not_reach_the_record(gankit_, tmp_path):
    place = known_project(
        tmp_path,
        "gankit-sly",
        sly=HEAD + "print('HELLO')\n@hookimpl\ndef gankit_outputs(folder, record):\n"
        "    record['generated'] = False\n    record.clear()\n",
    )
    assert json.loads(gankit_("plugins", "list", "--json", **place).stdout)
    train = once("train", "--plugin", "toy", *SMALL, "train.samples=64")
    gankit_(*train, "--out", "run", **place)
    gankit_("generate", "run", "-n", 2, "--out", "made", **place)
    record = json.loads((tmp_path / "made" / "provenance.json").read_text())
    assert record["generated"] is True
    assert record["software"].startswith("gankit")
    checked = gankit_("plugins", "check", "sly", code=1, **place)
    assert "gankit_outputs changes the record" in checked.stdout


def test_any_free_name_can_be_created(gankit_here, tmp_path):
    """Names of modalities that gankit may bring one day are not reserved."""
    done = gankit_here("plugins", "new", "genome")
    assert done.returncode == 0, done.stderr
    assert "gankit-genome: a plugin on generated data" in done.stdout
    assert (tmp_path / "gankit-genome" / "pyproject.toml").is_file()
    taken = gankit_here("plugins", "new", "toy")
    assert taken.returncode == 2
    assert "there is a plugin named toy already" in taken.stderr
