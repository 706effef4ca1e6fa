"""Pages from templates. What is inserted is escaped."""

from __future__ import annotations

import functools
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from gankit.report.html import environment
from gankit.runs.provenance import software
from gankit.serve.shown import in_short

if TYPE_CHECKING:
    from jinja2 import Environment

STATIC = {
    "style.css": "text/css",
    "gallery.css": "text/css",
    "gallery.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
"""Files of the pages, with their media types."""


def render(template: str, **values: Any) -> str:
    """A page."""
    return _templates().get_template(template).render(version=_version(), **values)


@functools.cache
def static(name: str) -> bytes:
    """The content of one of :data:`STATIC`."""
    if name == "style.css":  # that of all pages, reports included
        return _templates().get_template("style.css.j2").render().encode()
    return (files("gankit.serve") / "static" / name).read_bytes()


@functools.cache
def _templates() -> Environment:
    made = environment("gankit.serve")
    made.globals["software"] = software()
    made.filters |= {"short": in_short, "count": lambda number: f"{number:,}"}
    return made


@functools.cache
def _version() -> str:
    """Changes with the files of the pages, so that a browser's copies are not kept too long."""
    return hashlib.sha256(b"".join(map(static, STATIC))).hexdigest()[:8]
