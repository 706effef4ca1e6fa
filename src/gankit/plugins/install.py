"""Distributions of plugins: reading, installing and uninstalling them.

Installing is pip's or uv's work, in the environment that gankit itself runs in. Nothing here
imports a plugin, so that a broken one can always be removed.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions, version
from pathlib import Path

from gankit.contract import ENTRY_POINT_GROUP
from gankit.errors import GankitError, did_you_mean
from gankit.plugins.compatibility import is_bundled
from gankit.plugins.packages import (
    read_package,
)

KEPT = ("gankit", "torch")
"""What installing a plugin never replaces."""


# --- Reading one --------------------------------------------------------------------------------


# --- Installing ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Installed:
    """A plugin's distribution that is there now."""

    name: str
    version: str
    before: str | None
    """The version that it replaced, the same one where nothing changed."""


def check_spec(spec: str) -> None:
    """Looks at what can be looked at without installing anything.

    Raises:
        GankitError: no such file or folder, no plugin, or not a thing to install.
    """
    if not spec.strip() or spec.startswith("-"):
        raise GankitError(
            f"{spec!r} cannot be installed", "Name a package, a git address, a wheel or a folder"
        )
    path = local(spec)
    if path is not None and not path.exists():
        raise GankitError(f"no such file or folder: {spec}", "Check the path")
    if path is not None and (path.is_dir() or path.suffix == ".whl"):
        read_package(path)
    elif path is None and "://" not in spec:
        from packaging.requirements import InvalidRequirement, Requirement

        try:
            Requirement(spec)
        except InvalidRequirement:
            raise GankitError(f"{spec!r} is not the name of a package", "Check it") from None


def local(spec: str) -> Path | None:
    """The folder or file that a spec names; None for a name on an index or an address."""
    path = Path(spec).expanduser()
    if "://" in spec:
        return None
    if spec.startswith((".", "/", "~")) or path.suffix == ".whl":
        return path
    return path if path.is_file() or (path / "pyproject.toml").is_file() else None


def install_command(spec: str, *, editable: bool = False, upgrade: bool = False) -> list[str]:
    """The command that installs ``spec`` into this environment.

    Raises:
        GankitError: there is neither pip nor uv, or the environment cannot be written.
    """
    if (path := local(spec)) is not None:
        # With a separator, so that it is never mistaken for a name on an index.
        spec = str(path) if path.is_absolute() else f".{os.sep}{os.path.normpath(path)}"
    tool, target = _tool()
    _check_writable()
    options = (["--upgrade"] if upgrade else []) + (["--editable"] if editable else [])
    return [*tool, "install", *target, *options, spec]


def install(command: list[str], relay: Callable[[str], None]) -> list[Installed]:
    """Runs an :func:`install_command`; a package that is not a plugin is removed again.

    Args:
        relay: called with each line of the tool's output.

    Returns:
        The plugins that the command installed or found installed.

    Raises:
        GankitError: it failed, or brought no plugin.
    """
    before = _versions()
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text("".join(f"{name}=={version(name)}\n" for name in KEPT))
        _run([*command, "--constraint", str(constraints)], relay, about=command[-1])
    importlib.invalidate_caches()
    after = _versions()
    changed = {name for name in after if after[name] != before.get(name)}
    requested = _name_of(command[-1])
    ours = {_canonical(dist.name): dist for dist in distributions() if points_of(dist)}
    found = [dist for name, dist in ours.items() if name in changed or name == requested]
    if not found:
        added = sorted(name for name in changed if name not in before)
        if added:
            uninstall(added, relay)
        back = " ".join(f"{name}=={before[name]}" for name in sorted(changed & set(before)))
        fix = "It was removed again" if added else "Nothing was changed"
        raise GankitError(
            f"{command[-1]} is not a gankit plugin: it has no entry point in the group "
            f"{ENTRY_POINT_GROUP!r}",
            f"It replaced other versions; to restore them: pip install {back}" if back else fix,
        )
    return [Installed(d.name, d.version, before.get(_canonical(d.name))) for d in found]


# --- Taking away --------------------------------------------------------------------------------


def find_plugin(name: str) -> Distribution:
    """The distribution of a plugin, by its own name or its plugin's. Imports nothing of it.

    Raises:
        GankitError: there is none, several plugins have that name, or it is bundled with gankit.
    """
    ours = {dist.name: dist for dist in distributions() if points_of(dist) and dist.name}
    exact = [d for d in ours.values() if _canonical(d.name) == _canonical(name)]
    fitting = exact or [d for d in ours.values() if name in [p.name for p in points_of(d)]]
    if len(fitting) > 1:
        raise GankitError(
            f"several plugins are named {name!r}",
            f"Use the distribution's name: {' or '.join(sorted(d.name for d in fitting))}",
        )
    if not fitting:
        if _canonical(name) in _versions():
            fix = f"To remove it: pip uninstall {name}"
            raise GankitError(f"{name} is not a gankit plugin", fix)
        known = sorted({*ours, *(p.name for d in ours.values() for p in points_of(d))})
        raise GankitError(f"no plugin named {name!r} is installed", did_you_mean(name, known))
    (found,) = fitting
    if is_bundled(found.metadata):
        raise GankitError(
            f"{found.name} is bundled with gankit and cannot be uninstalled by this command",
            f"To remove it anyway: pip uninstall {found.name}",
        )
    return found


def uninstall_command(names: list[str]) -> list[str]:
    """The command that uninstalls distributions.

    Raises:
        GankitError: there is neither pip nor uv, or the environment cannot be written.
    """
    tool, target = _tool()
    _check_writable()
    sure = [] if target else ["--yes"]  # uv does not prompt
    return [*tool, "uninstall", *target, *sure, *names]


def uninstall(names: list[str], relay: Callable[[str], None]) -> None:
    """Uninstalls distributions.

    Raises:
        GankitError: it failed, or one is still there.
    """
    _run(uninstall_command(names), relay, about=" ".join(names))
    importlib.invalidate_caches()
    left = {_canonical(name) for name in names} & set(_versions())
    if left:
        raise GankitError(
            f"{', '.join(sorted(left))} is still there",
            "It was not installed by pip or uv: remove its files by hand",
        )


def points_of(dist: Distribution) -> list[EntryPoint]:
    """A distribution's entry points for gankit; none where its metadata is damaged."""
    try:
        return [point for point in dist.entry_points if point.group == ENTRY_POINT_GROUP]
    except Exception:  # noqa: BLE001 - damaged metadata of another package
        return []


# --- pip or uv ----------------------------------------------------------------------------------


def _tool() -> tuple[list[str], list[str]]:
    """The command of pip or uv, and what makes it work on this environment."""
    here = _versions()
    if "pip" in here:
        return [sys.executable, "-m", "pip", "--disable-pip-version-check"], []
    if "uv" in here:
        return [sys.executable, "-m", "uv", "pip"], ["--python", sys.executable]
    if found := shutil.which("uv"):
        return [found, "pip"], ["--python", sys.executable]
    raise GankitError(
        "neither pip nor uv is installed",
        f"Install one: {sys.executable} -m ensurepip",
    )


def _check_writable() -> None:
    """Raises:
    GankitError: this environment is not ours to change.
    """
    place = Path(sysconfig.get_path("purelib"))
    marker = Path(sysconfig.get_path("stdlib")) / "EXTERNALLY-MANAGED"
    fix = "Install gankit in a virtual environment of your own: python3 -m venv .venv"
    if sys.prefix == sys.base_prefix and marker.is_file():
        raise GankitError(f"the Python in {sys.prefix} is managed by the system", fix)
    if not os.access(place, os.W_OK):
        raise GankitError(f"no permission to write {place}", fix)


def _run(command: list[str], relay: Callable[[str], None], about: str) -> None:
    """Runs pip or uv on what ``about`` names.

    Raises:
        GankitError: it failed; with the reason, as far as its output shows.
    """
    lines: list[str] = []
    with _process(command) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            relay(lines[-1])
    if process.returncode:
        raise _failure(command, lines, about)


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    try:
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            yield process
    except OSError as error:
        raise GankitError(f"cannot run {command[0]}: {error.strerror}", "Check it") from None


WHY = {
    r"name resolution|Network is unreachable|NewConnectionError|dns error|Failed to fetch|"
    r"Connection refused|ConnectionError|unable to access|Failed to connect|timed out|"
    r"client error \(Connect\)": (
        "the package index cannot be reached",
        "Check the network; a wheel or a folder with its build tools installed needs none",
    ),
    r"Permission denied|not writ(e)?able": (
        "no permission to write the environment",
        "Install gankit in a virtual environment of your own",
    ),
    r"from versions: none|not found in the package registry": (
        "no package of that name was found, or no index is configured",
        "Check the name and the network",
    ),
    r"[Nn]o matching distribution|No solution found": (
        "no compatible version was found",
        "Its requirements are listed above",
    ),
    r"conflict": ("its requirements conflict with installed packages", "See above"),
}
"""Patterns in the output of pip or uv that explain a failure."""


def _failure(command: list[str], lines: list[str], about: str) -> GankitError:
    text = "\n".join(lines)
    for pattern, (why, fix) in WHY.items():
        if re.search(pattern, text):
            return GankitError(f"{about}: {why}", fix)
    telling = [line for line in lines if re.match(r"\s*(ERROR|error|fatal)\b", line)]
    last = next(iter([*telling, *reversed([x for x in lines if x.strip()])]), "it printed nothing")
    tool = next(Path(word).stem for word in command if Path(word).stem in ("pip", "uv"))
    return GankitError(f"{tool} failed: {last.strip()}", "See above")


def _versions() -> dict[str, str]:
    """Every installed distribution's version."""
    found: dict[str, str] = {}
    for dist in distributions():
        if "Name" in dist.metadata:
            found.setdefault(_canonical(dist.name), dist.version)
    return found


def _name_of(spec: str) -> str:
    """The distribution that a spec names, as far as it names one."""
    if (path := local(spec)) is not None:
        return _canonical(read_package(path).origin.name)
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", spec)
    return _canonical(match[0]) if match else ""


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
