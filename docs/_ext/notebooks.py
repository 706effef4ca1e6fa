"""Pages from notebooks: their text, code and stored outputs, read as Markdown. Nothing is run."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from docutils.nodes import document
from myst_parser.sphinx_ import Parser
from sphinx.application import Sphinx


class NotebookParser(Parser):  # type: ignore[misc]
    """MyST, of a notebook's cells."""

    supported = ("notebook",)

    def parse(self, inputstring: str, document: document) -> None:
        super().parse(markdown(json.loads(inputstring)), document)


def markdown(notebook: dict[str, Any]) -> str:
    """A notebook's cells as one page."""
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
        else:
            kind = "console" if source.startswith("!") else "python"
            shown = re.sub(r"^!", "$ ", source, flags=re.MULTILINE)
            parts += [fenced(shown, kind), *map(output, cell["outputs"])]
    return "\n\n".join(parts) + "\n"


def output(found: dict[str, Any]) -> str:
    """What a cell showed: a picture, a table or text."""
    if found["output_type"] == "stream":
        return fenced("".join(found["text"]), "text")
    data = {kind: "".join(lines) for kind, lines in found["data"].items()}
    if picture := data.get("image/svg+xml"):
        address = base64.b64encode(picture.encode()).decode()
        return fenced(f'<img alt="" src="data:image/svg+xml;base64,{address}">', "{raw} html")
    if table := data.get("text/html"):
        plain = re.sub(r"<style.*?</style>", "", table, flags=re.DOTALL)
        styled = plain.replace('border="1" class="dataframe"', 'class="docutils"')
        return fenced(styled, "{raw} html")
    return fenced(data["text/plain"], "text")


def fenced(text: str, kind: str) -> str:
    return f"~~~~{kind}\n{text.rstrip()}\n~~~~"


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this."""
    app.add_source_suffix(".ipynb", "notebook")
    app.add_source_parser(NotebookParser)
    return {"parallel_read_safe": True}
