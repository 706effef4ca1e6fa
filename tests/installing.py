"""Makes a plugin's folder known to a Python process as installing it would, without a network."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path


def made_known(site: Path, *projects: Path) -> dict[str, str]:
    """Writes the metadata that an installer would into ``site``.

    Args:
        site: a folder for the metadata; it is made.
        projects: folders with a ``pyproject.toml`` and a ``src/``.

    Returns:
        The environment variables with which a process finds the plugins.
    """
    places = [str(site)]
    for project in projects:
        table = tomllib.loads((project / "pyproject.toml").read_text())["project"]
        name = table["name"].replace("-", "_")
        info = site / f"{name}-{table['version']}.dist-info"
        info.mkdir(parents=True)
        lines = ["Metadata-Version: 2.1", f"Name: {table['name']}", f"Version: {table['version']}"]
        lines += [f"Requires-Dist: {needed}" for needed in table.get("dependencies", ())]
        (info / "METADATA").write_text("\n".join(lines) + "\n")
        points = table.get("entry-points", {}).get("gankit", {})
        (info / "entry_points.txt").write_text(
            "[gankit]\n" + "".join(f"{key} = {value}\n" for key, value in points.items())
        )
        (info / "INSTALLER").write_text("gankit-tests\n")
        places.append(str(project / "src"))
    before = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([*places, *([before] if before else [])])}
