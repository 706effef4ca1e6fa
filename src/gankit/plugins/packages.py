"""Plugin distributions that are not installed: in a folder or a wheel."""

from __future__ import annotations

import importlib
import sys
import tomllib
import zipfile
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass
from email.parser import HeaderParser
from importlib.metadata import EntryPoint
from pathlib import Path

from gankit.contract import ENTRY_POINT_GROUP
from gankit.errors import GankitError
from gankit.plugins.compatibility import Origin
from gankit.plugins.registry import Plugins


@dataclass(frozen=True)
class Package:
    """A plugin's distribution, in a folder or a wheel."""

    origin: Origin
    points: tuple[EntryPoint, ...]
    place: Path
    """What to put on ``sys.path`` to import it without installing it."""


def read_package(path: Path) -> Package:
    """The distribution in a folder or a wheel.

    Raises:
        GankitError: there is none, it is damaged, or it is no plugin; names the file.
    """
    if path.is_file() and path.suffix != ".whl":
        raise GankitError(f"{path} is neither a folder nor a wheel", "Unpack it, or build a wheel")
    package = _read_wheel(path) if path.suffix == ".whl" else _read_folder(path)
    if not package.points:
        raise GankitError(
            f"{path} is not a gankit plugin: {package.origin.name} has no entry point in the group "
            f"{ENTRY_POINT_GROUP!r}",
            "`gankit plugins new NAME` makes one to compare with",
        )
    return package


def plugins_at(path: Path) -> Plugins:
    """The plugins in a folder or a wheel that is not installed; what it depends on must be.

    Raises:
        GankitError: it is no plugin.
    """
    package = read_package(path)
    sys.path.insert(0, str(package.place))
    importlib.invalidate_caches()
    return Plugins(package.points, package.origin)


def _read_folder(path: Path) -> Package:
    file = path / "pyproject.toml"
    try:
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        points = project.get("entry-points", {}).get(ENTRY_POINT_GROUP, {})
        needs = tuple(map(str, project.get("dependencies", ())))
        origin = Origin(_text(project["name"]), str(project.get("version", "?")), needs)
        found = _points({_text(name): _text(value) for name, value in points.items()})
    except OSError as error:
        raise GankitError(
            f"cannot read {file}: {error.strerror}", "Name the folder of a plugin, or a wheel"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise GankitError(f"{file} is not valid TOML: {error}", "Fix that line") from None
    except (KeyError, AttributeError, TypeError):
        raise GankitError(
            f"{file} has no [project] with a name and entry points that are texts", "Fix it"
        ) from None
    place = path / "src" if (path / "src").is_dir() else path
    return Package(origin, found, place.resolve())


def _text(value: object) -> str:
    """Raises:
    TypeError: it is something else.
    """
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _read_wheel(path: Path) -> Package:
    try:
        with zipfile.ZipFile(path) as wheel:
            inside = {Path(name).name: name for name in wheel.namelist() if ".dist-info/" in name}
            about = HeaderParser().parsestr(wheel.read(inside["METADATA"]).decode())
            listed = ConfigParser(delimiters=("=",))
            listed.optionxform = str  # type: ignore[assignment, method-assign]
            if "entry_points.txt" in inside:
                listed.read_string(wheel.read(inside["entry_points.txt"]).decode())
    except OSError as error:
        raise GankitError(f"cannot read {path}: {error.strerror}", "Check the path") from None
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError, ConfigError) as error:
        raise GankitError(f"{path} is not a valid wheel: {error}", "Build it again") from None
    points = dict(listed[ENTRY_POINT_GROUP]) if ENTRY_POINT_GROUP in listed else {}
    origin = Origin(about["Name"], about["Version"], tuple(about.get_all("Requires-Dist") or ()))
    return Package(origin, _points(points), path.resolve())


def _points(table: dict[str, str]) -> tuple[EntryPoint, ...]:
    return tuple(EntryPoint(name, value, ENTRY_POINT_GROUP) for name, value in table.items())
