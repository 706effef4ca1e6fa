"""What a launcher tells each of the processes that it starts, in torchrun's environment variables.

Without torch, so that a command knows at once which of several processes it is.
"""

from __future__ import annotations

import os

from gankit.errors import GankitError

OUTCOME = "GANKIT_OUTCOME"
"""A folder for what the processes of ``--nproc`` tell each other over restarts."""


def size() -> int:
    """How many processes there are; 1 without a launcher.

    Raises:
        GankitError: the variables contradict each other.
    """
    count = _number("WORLD_SIZE", 1)
    if count > 1 and "RANK" not in os.environ:
        raise GankitError(
            f"WORLD_SIZE={count} is set, and RANK is not",
            "Start the processes by torchrun, or unset WORLD_SIZE",
        )
    return max(count, 1)


def rank() -> int:
    """Which of them this is, from 0 on.

    Raises:
        GankitError: as for :func:`size`.
    """
    count, place = size(), _number("RANK", 0)
    if count == 1:
        return 0
    if place >= count:
        raise GankitError(
            f"RANK={place}: of WORLD_SIZE={count} processes, ranks are 0 to {count - 1}",
            "Start the processes by torchrun",
        )
    return place


def local_rank() -> int:
    """Which of those on this machine this is, from 0 on."""
    return _number("LOCAL_RANK", 0)


def local_size() -> int:
    """How many of them are on this machine, as far as the launcher tells."""
    return _number("LOCAL_WORLD_SIZE", 1)


def restarts() -> tuple[int, int]:
    """How often the processes were started again, and how often they may be."""
    return _number("TORCHELASTIC_RESTART_COUNT", 0), _number("TORCHELASTIC_MAX_RESTARTS", 0)


def _number(name: str, otherwise: int) -> int:
    text = os.environ.get(name, "")
    if text and not text.isdecimal():
        raise GankitError(f"{name}={text!r} is not a number", "A launcher as torchrun sets it")
    return int(text) if text else otherwise
