"""What ``gankit plugins new`` writes: a plugin that works, from the files in ``template/``.

In the template's names and texts ``PLUGIN_NAME`` stands for ``waves``, ``PLUGIN_PACKAGE`` for
``gankit_waves``, ``PLUGIN_CLASS`` for ``Waves``. Its files end in ``.tmpl``, so that no tool takes
them for code of ours; tests check what becomes of them.
"""

from __future__ import annotations

import keyword
import os
import re
import shutil
import unicodedata
from collections.abc import Collection, Iterator
from importlib import resources
from importlib.metadata import version
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from gankit.errors import GankitError

SUFFIX = ".tmpl"
HIDDEN = ("gitignore", "github")
"""What gets its leading dot when it is written: a package would leave it out."""


def scaffold(name: str, folder: Path | None = None, taken: Collection[str] = ()) -> Path:
    """Writes the distribution ``gankit-NAME``, whole or not at all.

    Args:
        name: what the user will type after ``--plugin``; a leading ``gankit-`` is dropped.
        folder: where to write; ``gankit-NAME`` here by default.
        taken: names of plugins and distributions that are there already.

    Returns:
        The folder.

    Raises:
        GankitError: the name does not fit or is taken, or the folder cannot be made.
    """
    name = plugin_name(name, taken)
    requested = folder or Path(f"gankit-{name}")
    target = Path(os.path.abspath(requested))
    if target == Path.cwd():
        raise GankitError("the plugin cannot replace the folder you are in", "Go one folder up")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise GankitError(f"{requested} exists already", "Choose another name, or --out FOLDER")
    aside = target.with_name(f".{target.name}.partial")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        for path, text in files(name):
            file = aside / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        if target.exists():
            target.rmdir()
        aside.rename(target)
    except OSError as error:
        raise GankitError(
            f"cannot write {requested}: {error.strerror}", "Choose another place: --out FOLDER"
        ) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return requested


def plugin_name(name: str, taken: Collection[str] = ()) -> str:
    """The name without ``gankit-``.

    Raises:
        GankitError: it does not fit, or is taken.
    """
    name = name.removeprefix("gankit-").removeprefix("gankit_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        fitting = re.sub(r"^[^a-z]+|-+$", "", re.sub(r"[^a-z0-9]+", "-", plain))
        raise GankitError(
            f"{name!r} is not a valid plugin name",
            "Use a-z, 0-9 and single hyphens, a letter first"
            + (f", e.g. {fitting}" if fitting else ""),
        )
    used = set(map(canonicalize_name, taken))
    if name in used or f"gankit-{name}" in used:
        raise GankitError(f"there is a plugin named {name} already", "Choose another name")
    if keyword.iskeyword(name):
        raise GankitError(f"{name!r} is a Python keyword", "Choose another name")
    return name


def files(name: str) -> Iterator[tuple[PurePosixPath, str]]:
    """Every file of the scaffold: its path in the folder, and its text."""
    words = {
        "PLUGIN_NAME": name,
        "PLUGIN_PACKAGE": f"gankit_{name.replace('-', '_')}",
        "PLUGIN_CLASS": _class_name(name),
        "GANKIT_BOUNDS": _bounds(version("gankit")),
    }

    def filled(text: str) -> str:
        return re.sub("|".join(words), lambda match: words[match[0]], text)

    for path, file in _walk(resources.files("gankit.plugins") / "templates", PurePosixPath()):
        first, *rest = path.parts
        shown = PurePosixPath(f".{first}" if first.split(".")[0] in HIDDEN else first, *rest)
        text = filled(file.read_text(encoding="utf-8"))
        yield PurePosixPath(filled(str(shown)).removesuffix(SUFFIX)), text


def _walk(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for inside in sorted(folder.iterdir(), key=lambda i: i.name):
        if inside.is_dir():
            yield from _walk(inside, path / inside.name)
        elif inside.name.endswith(SUFFIX):
            yield path / inside.name, inside


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


def _bounds(current: str) -> str:
    """``>=0.1,<0.2`` for 0.1.3: below 1.0 a minor version may change the contract."""
    major, minor = (int(part) for part in current.split(".")[:2])
    return (
        f">={major}.{minor},<{major}.{minor + 1}"
        if major == 0
        else f">={major}.{minor},<{major + 1}"
    )
