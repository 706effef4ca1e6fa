"""``gankit generate --parts``: what one process makes of a request, in words."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gankit import launched
from gankit.cli._output import print_json, show_warnings
from gankit.errors import GankitError
from gankit.screen.console import err, out
from gankit.screen.streams import visible

if TYPE_CHECKING:
    from gankit.contract import Progress
    from gankit.runs.directory import Run
    from gankit.workflows.generate import Sampling
    from gankit.workflows.parts import PartsMade, Shard

Processes = Annotated[
    int,
    typer.Option(
        "--nproc",
        metavar="N",
        min=1,
        help="Generate with N processes; the result is the same with any number.",
    ),
]
"""The option of commands that generate."""


def chosen_shard(text: str | None, nproc: int) -> Shard | None:
    """The shard that ``--shard`` or a launcher chose; None for neither.

    Raises:
        GankitError: both did, or no shard of that name, or one that is made by several processes.
    """
    from gankit.workflows.parts import Shard

    own = Shard.of_launcher()
    if text is None:
        return own
    if own is not None:
        raise GankitError(
            f"--shard {text} under a launcher, which started {own.of} processes",
            "Leave out --shard: each process makes its own parts",
        )
    shard = Shard.parse(text)
    if nproc > 1:
        raise GankitError(
            f"shard {shard} is made by one process, not by --nproc {nproc}",
            f"Start one process for each of {nproc * shard.of} shards",
        )
    return shard


def make(
    run: Run,
    sampling: Sampling,
    out: str | None,
    *,
    parts: int,
    shard: Shard | None,
    nproc: int,
    overwrite: bool,
    progress: Progress,
    **given: Any,
) -> PartsMade:
    """Makes parts, in this process or in several that torch's launcher starts.

    Raises:
        GankitError: for whatever the user can fix.
        typer.Exit: one of the processes failed, and has said why.
    """
    from gankit.workflows.launch import launch
    from gankit.workflows.parts import PartsMade, generate_parts, started

    if nproc == 1 or launched.size() > 1:
        given |= {"overwrite": overwrite and not _begun(), "progress": progress}
        return generate_parts(run, sampling, out, parts=parts, shard=shard, **given)
    place = started(run, sampling, out, parts, overwrite=overwrite, **given)
    there = sum(place.record(part) is not None for part in place)
    if code := launch(sys.argv[1:], nproc):
        raise typer.Exit(code)
    record = place.finish() or dict(place.index)
    return PartsMade(place.target.path, parts - there, there, record["count"], record)


def refuse_launcher() -> None:
    """For commands with one result.

    Raises:
        GankitError: a launcher started several processes.
    """
    if (size := launched.size()) > 1:
        raise GankitError(
            f"{size} processes were started for one result", f"Use --nproc {size}, not a launcher"
        )


def report(found: PartsMade, as_json: bool) -> None:
    """Prints what was made, and what is missing; the command that started this process does so
    itself."""
    if _begun():
        return
    record = found.record
    show_warnings(record)
    if as_json:
        print_json({"path": str(found.path), "made": found.made, **record})
        return
    total = record["request"]["parts"]
    if found.found:
        err.print(f"{_parts(found.found)} there already")
    if found.complete is not None:
        out.print(f"{record['count']:,} generated in {_parts(total)}: {visible(found.path)}")
        return
    out.print(
        f"{found.samples:,} generated in {_parts(found.made)} of {total}: {visible(found.path)}"
    )
    err.print("the others are missing: the same request makes them, in any process")


def _begun() -> bool:
    """Whether ``--nproc`` started this process: the folder is begun already."""
    return launched.size() > 1 and launched.OUTCOME in os.environ


def _parts(count: int) -> str:
    return f"{count:,} part{'' if count == 1 else 's'}"


def refuse(film: bool, options: dict[str, Any]) -> None:
    """Refuses options that have no meaning for a film.

    Raises:
        GankitError: one is given.
    """
    if film and (given := [name for name, value in options.items() if value]):
        raise GankitError(f"{given[0]} has no meaning with --film", f"Leave out {given[0]}")
