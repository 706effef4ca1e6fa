"""The words of commands: errors, JSON on request, and options that hold more than one value."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Mapping
from typing import Any, NoReturn

from rich.text import Text

from gankit import launched
from gankit.errors import GankitError, LostProcessError, ReportedError
from gankit.screen.console import err, silence, stdout, warn
from gankit.screen.streams import visible

started = time.monotonic()
"""When the command started; :func:`gankit.cli.main` sets it."""


def fail(error: GankitError) -> NoReturn:
    """One line on stderr; exit code 2, or 1 where the same command may succeed. What another
    process reports is not said twice.
    """
    place = f" process {launched.rank()}:" if launched.rank() else ""
    if place:
        silence(False)
    if not isinstance(error, ReportedError):
        err.print(Text.assemble(("error:", "bold red"), f"{place} ", visible(str(error))))
    sys.exit(1 if isinstance(error, LostProcessError) else 2)


def show_warnings(record: Mapping[str, object]) -> None:
    """Prints the warnings in a record of what was generated."""
    found = record.get("warnings")
    for warning in found if isinstance(found, list) else ():
        warn(str(warning))


def print_json(value: object) -> None:
    """One JSON document on stdout; escaped where its encoding lacks a character."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    if not stdout.can_encode(text):
        text = json.dumps(value, indent=2, default=str)
    stdout.write(text + "\n")


def parse_where(words: list[str]) -> dict[str, object]:
    """``name=value`` words as a mapping. A name with ``=`` in it stands in double quotes, a quote
    in it twice.

    Raises:
        GankitError: a word has no ``=``, or a name is given twice.
    """
    conditions: dict[str, object] = {}
    for word in words:
        quoted = re.fullmatch(r'\s*"((?:[^"]|"")+)"\s*(=)(.*)', word, re.DOTALL)
        name, equals, value = quoted.groups() if quoted else word.partition("=")
        if not equals or not (quoted or name.strip()):
            raise GankitError(f"--where {word!r} is not a condition", "Use --where name=value")
        name = name.replace('""', '"') if quoted else name.strip()
        if name in conditions:
            raise GankitError(f"--where {name} is given twice", "Give one condition per name")
        conditions[name] = value.strip()
    return conditions


def check_stdout(path: str | None, as_json: bool) -> bool:
    """Whether the result goes to standard output: ``--out -``.

    Raises:
        GankitError: so would the JSON.
    """
    if path == "-" and as_json:
        raise GankitError(
            "--json and --out - both write to standard output", "Use --out FILE with --json"
        )
    return path == "-"


def state_provenance(what: str, record: Mapping[str, Any]) -> None:
    """The provenance of what went to standard output, in one line on stderr."""
    err.print(
        f"{what}: synthetic data by {record['software']}, run {record['run']}, {record['created']} "
        f"({record['digital_source_type']})",
    )
