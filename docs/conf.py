"""Sphinx: MyST for Markdown, Furo for looks, autodoc for the contract."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "gankit"
author = "The gankit authors"
copyright = "The gankit authors, Apache License 2.0"
version = release = installed_version("gankit")
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "gankit_reference"]
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
