"""Checking what a run's files say before it is used: they are edited, cut off and damaged."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gankit.errors import GankitError
from gankit.system_errors import translate

RESTORE = "Restore it from a copy"

NUMBER, TEXT = "a number", "text"
"""Kinds of values; the others are Python's types."""
LARGEST = 2**63

RUN = {"run": {"plugin": str, "recipe": str, "data?": (str, None), "format?": int}}
"""``run.toml``"""
_TAKEN = {"taken": int, "total": int, "new": [str]}
PRIVACY = {
    **dict.fromkeys(("epsilon", "delta", "clip", "noise_multiplier", "sampling_rate"), NUMBER),
    "steps": int,
    "accountant": str,
    "does_not_cover": [str],
}
STARTED_FROM = {
    "run": str,
    "samples": int,
    "data": {"licence": (str, None), "fingerprint": str},
    "privacy?": {"epsilon": NUMBER, "delta": NUMBER},
    **dict.fromkeys(("generator", "discriminator"), (_TAKEN, None)),
    "frozen?": [str],
    "codec?": str,
    "started_from?": dict,
}
"""What a run took from another one's weights."""
MODEL = {
    "plugin": str,
    "run": str,
    "latent_dim": int,
    "candidates": int,
    "precision": str,
    "threads?": int,
    "settings": dict,
    "codec": dict,
    "privacy?": (PRIVACY, None),
    "networks?": {"generator": str, "discriminator": str},
    "backbones?": [str],
    "started_from?": STARTED_FROM,
    "people?": str,
    "consent?": str,
    "data": {"licence": (str, None), "fingerprint": str, "items?": int},
    "layout": {"shape": [int], "condition": [{"kind": str}]},
}
"""``model.json``"""
RECORD = {
    "software?": str,
    "status?": str,
    "created?": str,
    "resumed?": [str],
    "people?": str,
    "consent?": str,
    "consent_before?": [str],
    "started_from?": STARTED_FROM,
    "data?": {
        "source?": (str, None),
        "description?": str,
        "fingerprint?": str,
        "train?": int,
        "heldout?": int,
        "skipped?": int,
        "described?": [dict],
        "facts?": dict,
        "warnings?": [str],
    },
}
"""``provenance.json`` of a run"""
SCORES = {
    "samples_seen?": int,
    "weights?": str,
    "scores": [
        {
            "name": str,
            "value": (NUMBER, None),
            "real_baseline": (NUMBER, None),
            "n_generated?": int,
            "error?": (NUMBER, None),
        }
    ],
}
"""``scores.json``"""
VERDICT = {
    "samples": int,
    "scores": [
        {"name": str, "value": (NUMBER, None), "real_baseline": (NUMBER, None), "n_generated": int}
    ],
    "warnings": [str],
}
"""``verdict.json``"""
METRICS = {
    "samples": int,
    "seconds?": NUMBER,
    "guard?": str,
    "events?": [{"kind": str, "text": str, "state?": (str, None), "remedy?": (str, None)}],
}
"""A line of ``metrics.jsonl``"""


def damaged(file: Path, why: str) -> GankitError:
    return GankitError(f"{file} is damaged: {why}", RESTORE)


def check(value: Any, expected: Any, file: Path, key: str = "") -> None:
    """Raises:
    GankitError: the value is not of the kind expected; the message names the file and the key.
    """
    if why := mismatch(value, expected, key):
        raise damaged(file, why)


def mismatch(value: Any, expected: Any, key: str = "") -> str:
    """What is wrong with a value; empty where nothing is.

    Args:
        expected: a type, ``NUMBER``, a mapping of keys (those with ``?`` may be absent), a list of
            one kind, or a tuple of a kind and None.
    """
    if isinstance(expected, tuple):
        return "" if value is None else mismatch(value, expected[0], key)
    name = key or "the content"
    if isinstance(expected, Mapping):
        if not isinstance(value, dict):
            return f"{name} is {_kind(value)}, not a table"
        for inner, kind in expected.items():
            known = inner.removesuffix("?")
            at = f"{key}.{known}" if key else known
            if known in value:
                if why := mismatch(value[known], kind, at):
                    return why
            elif known == inner:
                return f"it has no {at}"
        return ""
    if isinstance(expected, list):
        if not isinstance(value, list):
            return f"{name} is {_kind(value)}, not a list"
        found = (mismatch(v, expected[0], f"{key}[{i}]") for i, v in enumerate(value))
        return next(filter(None, found), "")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = number if expected == NUMBER else isinstance(value, expected)
    if expected is int and isinstance(value, bool):
        fits = False
    if not fits:
        wanted = {int: "a whole number", str: TEXT, dict: "a table"}.get(expected, expected)
        return f"{name} is {_kind(value)}, not {wanted}"
    if isinstance(value, int) and not -LARGEST < value < LARGEST:
        return f"{name} is out of range"
    return ""


def _kind(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "empty", True: "true", False: "false"}[value]
    kinds = {int: NUMBER, float: NUMBER, str: TEXT, list: "a list", dict: "a table"}
    return kinds.get(type(value), type(value).__name__)


@contextlib.contextmanager
def using(file: Path, what: str) -> Iterator[None]:
    """Reports whatever is raised within as damage of a file, for code that trusts its content.

    Args:
        what: what does not work: ``does not fit model.json``.

    Raises:
        GankitError: names the file and the reason in one line.
    """
    from gankit.plugins.registry import in_one_line, raise_if_strict

    try:
        yield
    except GankitError:
        raise
    except Exception as error:
        if (fault := translate(error, file)) is not None:
            raise fault from error
        raise_if_strict(error)
        raise GankitError(f"{file} {what}: {in_one_line(error)[:300]}", RESTORE) from error
