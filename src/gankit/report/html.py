"""Pages from templates: one look for all of them, and everything inserted is escaped."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(*packages: str) -> Environment:
    """The templates of these packages, and those of this one: ``base.html.j2`` is the frame of a
    page, ``style.css.j2`` its look."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loader = ChoiceLoader([PackageLoader(name) for name in (*packages, "gankit.report")])
    found = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["number"] = number
    return found


def render(template: str, **values: Any) -> str:
    """A page from a template of this package."""
    return environment().get_template(template).render(**values)


def number(value: Any, digits: int = 4) -> str:
    """So many significant digits; empty for what is no finite number."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return ""
    return f"{value:.{digits}g}"
