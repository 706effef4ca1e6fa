"""``gankit generate --parts``: what one process makes of a request, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gankit.cli._output import print_json, show_warnings
from gankit.errors import GankitError
from gankit.screen.console import err, out
from gankit.screen.streams import visible

if TYPE_CHECKING:
    from gankit.workflows.parts import PartsMade, Shard


def chosen_shard(text: str | None, nproc: int) -> Shard | None:
    """The shard that ``--shard`` or a launcher chose; None for neither.

    Raises:
        GankitError: both did, or no shard of that name, or one that is made by several processes.
    """
    from gankit.workflows.parts import Shard

    launched = Shard.of_launcher()
    if text is None:
        shard = launched
    elif launched is not None:
        raise GankitError(
            f"--shard {text} under a launcher, which started {launched.of} processes",
            "Leave out --shard: each process makes its own parts",
        )
    else:
        shard = Shard.parse(text)
    if shard is not None and nproc > 1:
        raise GankitError(
            f"shard {shard} is made by one process, not by --nproc {nproc}",
            f"Start one process for each of {nproc * shard.of} shards",
        )
    return shard


def report(found: PartsMade, as_json: bool) -> None:
    """Prints what was made, and what is missing."""
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


def _parts(count: int) -> str:
    return f"{count:,} part{'' if count == 1 else 's'}"


def refuse(film: bool, options: dict[str, Any]) -> None:
    """Refuses options that have no meaning for a film.

    Raises:
        GankitError: one is given.
    """
    if film and (given := [name for name, value in options.items() if value]):
        raise GankitError(f"{given[0]} has no meaning with --film", f"Leave out {given[0]}")
