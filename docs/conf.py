"""Sphinx: MyST for Markdown, Furo for looks, autodoc for the contract."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "gankit"
author = "The gankit authors"
copyright = "The gankit authors, Apache License 2.0"
version = release = installed_version("gankit")
language = "en"
smartquotes_action = "qe"  # curly quotes, but no dashes: options begin with two hyphens

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "gankit_reference",
    "notebooks",
]
exclude_patterns = ["_build", "_ext", "reference/generated"]
root_doc = "index"

html_theme = "furo"
html_title = f"gankit {version}"
html_copy_source = False
html_show_sphinx = False

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False


def plain_attributes(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Keeps napoleon from taking "A hash: …" under an attribute for a type and its description."""
    if what in ("attribute", "data"):
        lines[:0] = ["..", ""]  # an empty comment: the first line is the one napoleon splits


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("autodoc-process-docstring", plain_attributes, priority=100)
