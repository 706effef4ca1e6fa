"""The arrows between the rooms of the house run one way."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "src" / "gankit"
PLUGINS = sorted((ROOT / "plugins").glob("*/src/*"))
MODALITIES = re.compile(
    r"\b(images?|pixels?|audio|waveforms?|tables|tabular|molecules?|smiles|videos?|spectrograms?)\b",
    re.IGNORECASE,
)


def imports(file: Path, module_level: bool = False, types: bool = False) -> set[str]:
    """Modules that a file imports, and names from them; under TYPE_CHECKING only with ``types``."""
    tree = ast.parse(file.read_text())
    for node in () if types else ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            node.body = [ast.Pass()]
    nodes = tree.body if module_level else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{a.name}" for a in node.names}
    return found


@pytest.mark.parametrize(
    "room", ["engine", "metrics", "workflows", "runs", "config", "screen", "cli", "api", "serve"]
)
def test_names_no_modality(room):
    for file in sorted((CORE / room).rglob("*.py")):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            line = re.sub(
                r"gankit-\w+|e\.g\. \w+|image/|audio/|``\"\w+", "", line
            )  # examples and media types may
            found = MODALITIES.search(line)
            assert found is None, f"{file.name}:{number} names a modality: {found}"


def test_torch_is_imported_at_module_level_only_where_it_is_used_throughout():
    for file in sorted(CORE.rglob("*.py")):
        room = file.relative_to(CORE).parts[0]
        of_networks = file in ((kit := CORE / "kit") / "layers.py", *kit.glob("autoencoders/*"))
        if room not in ("engine", "testing") and not of_networks:
            assert not any(m.split(".")[0] == "torch" for m in imports(file, module_level=True)), (
                file
            )


ROOMS: dict[str, tuple[str, ...]] = {
    "errors": (),
    "launched": ("errors",),
    "system_errors": ("errors",),
    "plain_files": (),
    "seeds": (),
    "contract": ("errors",),
    "kit": ("contract", "errors", "system_errors", "plain_files", "seeds"),
    "metrics": ("contract", "errors", "seeds"),
    "engine": ("contract", "errors", "system_errors", "plain_files", "seeds"),
    "config": ("engine", "contract", "errors", "plain_files"),
    "plugins": ("kit", "contract", "errors"),
    "provenance": ("plugins", "kit", "contract", "errors", "system_errors"),
    "runs": (
        *("provenance", "plugins", "config", "metrics", "engine", "kit", "contract", "errors"),
        *("seeds", "plain_files", "system_errors"),
    ),
    "report": ("runs", "provenance", "plugins", "kit", "contract", "errors", "system_errors"),
    "workflows": (
        *("report", "runs", "provenance", "plugins", "config", "metrics", "engine", "kit"),
        "contract",
        *("errors", "launched", "seeds", "system_errors"),
    ),
    "serve": (
        *(
            "workflows",
            "report",
            "runs",
            "plugins",
            "config",
            "engine",
            "kit",
            "contract",
            "errors",
        ),
        "system_errors",
    ),
    "screen": (
        *("workflows", "runs", "plugins", "config", "engine", "kit", "contract", "errors"),
        "launched",
    ),
    "api": (
        *("screen", "workflows", "report", "runs", "plugins", "config", "metrics", "engine"),
        "kit",
        *("contract", "errors", "seeds", "system_errors"),
    ),
    "testing": (
        *(
            "api",
            "screen",
            "workflows",
            "runs",
            "provenance",
            "plugins",
            "config",
            "metrics",
            "engine",
            "kit",
            "contract",
        ),
        *("errors", "seeds"),
    ),
    "cli": (
        *("serve", "screen", "workflows", "testing", "report", "runs", "provenance", "plugins"),
        *("config", "engine", "kit", "contract", "errors", "launched", "system_errors"),
    ),
}
"""What each room may import: arrows run one way."""


@pytest.mark.parametrize("room", ROOMS)
def test_arrows_run_one_way(room):
    place = CORE / room
    for file in [place.with_suffix(".py")] if not place.is_dir() else sorted(place.rglob("*.py")):
        for module in imports(file):
            top, _, rest = module.partition(".")
            if top == "gankit" and rest:
                other = rest.split(".")[0]
                assert other in (room, *ROOMS[room]), f"{file} imports {module}"


def graph(packages):
    """Which of a package's modules imports which, anywhere in a file."""
    files = {}
    for package in packages:
        for file in sorted(package.rglob("*.py")):
            parts = file.relative_to(package.parent).with_suffix("").parts
            files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    edges = {}
    for name, file in files.items():
        found = imports(file, types=True)
        inside = {other.rpartition(".")[0] for other in found if other in files}
        # `from package import module` imports the module; the package is but the way to it.
        edges[name] = {other for other in found if other in files and other not in inside} - {name}
    return edges


@pytest.mark.parametrize("package", [CORE, *PLUGINS], ids=lambda p: p.name)
def test_no_circles(package):
    """Nor one that is hidden by an import in a function or for types only."""
    edges, rest = graph([package]), True
    while rest:
        rest = {name for name, others in edges.items() if not others}
        edges = {name: others - rest for name, others in edges.items() if name not in rest}
    assert not edges, f"these import each other, or what does: {edges}"


ALLOWED = ("contract", "kit", "metrics", "errors", "seeds", "testing")


@pytest.mark.parametrize("package", PLUGINS, ids=lambda p: p.name)
def test_plugins_import_the_contract_only(package):
    for file in sorted(package.rglob("*.py")):
        for module in imports(file):
            if module.split(".")[0] == "gankit":
                room = module.split(".")[1] if "." in module else ""
                assert room in ALLOWED, f"{file} imports {module}"


PICKLES = ("pickle", "dill", "joblib", "shelve")
HARMLESS = {
    "pickle",
    "pickle.UnpicklingError",  # torch.load raises it
    "joblib",
    "joblib.Parallel",  # what passes between our own processes is no file
    "joblib.delayed",
}


def test_nothing_is_pickled():
    """np.load and torch.load can execute what they read, unless that is disabled."""
    for file in [*CORE.rglob("*.py"), *(f for p in PLUGINS for f in p.rglob("*.py"))]:
        tree = ast.parse(file.read_text())
        found = {m for m in imports(file) if m.split(".")[0] in PICKLES}
        assert found <= HARMLESS, file
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("joblib.load", "joblib.dump"), file
                if called == "torch.load":
                    assert "weights_only=True" in ast.unparse(node), file
                if called in ("np.load", "numpy.load"):
                    assert "allow_pickle=True" not in ast.unparse(node), file


LIGHT = """
import sys
sys.argv = ["gankit", {words}]
before = set(sys.modules)
from gankit.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(*(set(sys.modules) - before), file=sys.stderr)
"""
LIBRARIES = {
    "typer",
    "annotated_doc",
    "shellingham",
    "rich",
    "pygments",
    "markdown_it",
    "mdurl",
    "attr",
    "pluggy",
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "typing_extensions",
    "typing_inspection",
    "packaging",
}
"""All that a light command may import besides Python's own: typer and rich with what they need,
pluggy and packaging.
"""


@pytest.mark.parametrize(
    "words",
    ['"--help"', '"plugins", "list"', '"recipes", "list"', '"runs", "list"', '"train", "--help"'],
)
def test_light_commands_import_nothing_heavy(words, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LIGHT.format(words=words)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    modules = done.stderr.splitlines()[-1].split()
    packages = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names
    own = ("gankit", "_sysconfigdata")  # the latter is Python's, with the machine in its name
    assert {p for p in packages if not p.startswith(own)} <= LIBRARIES
    assert not [m for m in modules if m.endswith(".modality") and not m.startswith("gankit.")]
