"""Makes a plugin's folder visible to a Python process as installing it would, without a network."""

from __future__ import annotations

import os
import subprocess
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path


def made_known(site: Path, *projects: Path) -> dict[str, str]:
    """Writes the metadata that an installer would into ``site``.

    Args:
        site: a folder for the metadata; it is made.
        projects: folders with a ``pyproject.toml`` and a ``src/``.

    Returns:
        The environment variables with which a process finds these plugins, and no others but ours.
    """
    places, names = [str(site)], []
    for project in projects:
        table = tomllib.loads((project / "pyproject.toml").read_text())["project"]
        name = table["name"].replace("-", "_")
        info = site / f"{name}-{table['version']}.dist-info"
        info.mkdir(parents=True)
        lines = ["Metadata-Version: 2.1", f"Name: {table['name']}", f"Version: {table['version']}"]
        lines += [f"Requires-Dist: {needed}" for needed in table.get("dependencies", ())]
        lines += [f"Author: {author['name']}" for author in table.get("authors", ())]
        lines += [f"Keywords: {','.join(words)}"] if (words := table.get("keywords")) else []
        (info / "METADATA").write_text("\n".join(lines) + "\n")
        points = table.get("entry-points", {}).get("gankit", {})
        (info / "entry_points.txt").write_text(
            "[gankit]\n" + "".join(f"{key} = {value}\n" for key, value in points.items())
        )
        (info / "INSTALLER").write_text("gankit-tests\n")
        places.append(str(project / "src"))
        names.append(table["name"])
    before = os.environ.get("PYTHONPATH")
    return {
        "PYTHONPATH": os.pathsep.join([*places, *([before] if before else [])]),
        "GANKIT_PLUGINS": ",".join(names),
    }


def make_project(folder: Path, name: str, more: str = "", **modules: str) -> Path:
    """A plugin's folder, with modules of the given text; each one that has a hook becomes an entry
    point.

    Args:
        more: further lines of the table ``[project]``.
    """
    (folder / "src").mkdir(parents=True)
    points = "".join(f"{key} = {key!r}\n" for key, text in modules.items() if "@hookimpl" in text)
    (folder / "pyproject.toml").write_text(
        f"[project]\nname = {name!r}\nversion = '1'\n{more}\n"
        f"[project.entry-points.gankit]\n{points}"
    )
    for module, text in modules.items():
        (folder / "src" / f"{module}.py").write_text(text)
    return folder


def make_wheel(folder: Path, name: str, version: str = "1.0", **modules: str) -> Path:
    """A wheel with modules of the given text; each one that has a hook becomes an entry point."""
    stem = f"{name.replace('-', '_')}-{version}"
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: gankit\n"
    points = "".join(f"{key} = {key}\n" for key, text in modules.items() if "@hookimpl" in text)
    files = {f"{key}.py": text for key, text in modules.items()} | {
        f"{stem}.dist-info/METADATA": about,
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if points:
        files[f"{stem}.dist-info/entry_points.txt"] = f"[gankit]\n{points}"
    record = "".join(f"{file},,\n" for file in [*files, f"{stem}.dist-info/RECORD"])
    target = folder / f"{stem}-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)
        wheel.writestr(f"{stem}.dist-info/RECORD", record)
    return target


def environment(folder: Path) -> Path:
    """A virtual environment that sees the packages installed here, and to which others are added
    without changing this one. Returns its Python.
    """
    venv.create(folder, with_pip=False)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    inner = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    outer = sysconfig.get_path("purelib")
    (Path(inner) / "outer.pth").write_text(f"import site; site.addsitedir({outer!r})\n")
    return python
