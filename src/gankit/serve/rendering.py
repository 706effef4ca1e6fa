"""Pages from templates. What is inserted is escaped."""

from __future__ import annotations

import functools
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from gankit.runs.provenance import software
from gankit.serve.shown import in_short

if TYPE_CHECKING:
    from jinja2 import Environment

STATIC = {"gallery.css": "text/css", "gallery.js": "text/javascript"}
"""Files of the pages, with their media types."""


def render(template: str, **values: Any) -> str:
    """A page."""
    return _environment().get_template(template).render(**values)


@functools.cache
def static(name: str) -> bytes:
    """The content of one of :data:`STATIC`."""
    return (files("gankit.serve") / "static" / name).read_bytes()


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("gankit.serve"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    version = hashlib.sha256(b"".join(map(static, STATIC))).hexdigest()[:8]
    made.globals |= {"software": software(), "version": version}
    made.filters |= {"short": in_short, "count": lambda number: f"{number:,}"}
    return made
