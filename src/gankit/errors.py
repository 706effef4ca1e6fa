"""Errors that the user can fix."""

from __future__ import annotations

import re

LONGEST = 1000
"""Characters of a message: libraries quote what they could not read, however long."""


class GankitError(Exception):
    """An error that the user can fix.

    The command line prints it as one line and exits with code 2; any other exception is a
    bug and keeps its traceback.

    Args:
        message: what is wrong, naming the file, row or key. Line breaks become spaces.
        hint: what to do about it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        line = " ".join(message.splitlines()) if "\n" in message or "\r" in message else message
        self.message = line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
        super().__init__(self.message)
        self.hint = hint

    def __str__(self) -> str:
        stop = "" if self.message.endswith(("?", ".", "!")) else "."
        return f"{self.message}{stop} {self.hint}" if self.hint else self.message


class PluginError(GankitError):
    """A plugin did not keep its contract, seen while it was in use.

    Args:
        plugin: its name.
        what: what it did, as a clause: "its generator gives …".
    """

    def __init__(self, plugin: str, what: str) -> None:
        fix = f"Report it to its authors; `gankit plugins check {plugin}` has details"
        super().__init__(f"plugin {plugin}: {what}", fix)
        self.plugin, self.what = plugin, what


class ReportedError(GankitError):
    """An error of several processes that another one reports: this one ends without a word."""


class LostProcessError(GankitError):
    """Another process of the same command is gone: the command fails, and may be started again."""


def did_you_mean(word: str, known: list[str] | tuple[str, ...], show: int = 8) -> str:
    """A hint with the names closest to ``word``, or the known ones when none is close."""
    import difflib

    near = difflib.get_close_matches(word, known, n=3, cutoff=0.55)
    if near:
        return "Did you mean " + " or ".join(near) + "?"
    if not known:
        return "None are known"
    listed = ", ".join(sorted(known)[:show])
    return f"Known: {listed}{', …' if len(known) > show else ''}"


ADDRESS = re.compile(
    r"\b(https?|s3a?|gs|gcs|hf|az|abfss?|adl|ftp|sftp|ssh|webdavs?|memory|file)://(.*)",
    re.IGNORECASE | re.DOTALL,
)
"""An address of files: its scheme, and the rest."""
_SECRET = re.compile(
    r"([?&])[^?&=\s]*(?:sig|token|key|secret|passw|pwd|credential|auth|policy|session|jwt)"
    r"[^?&=\s]*=[^&\s#]*",
    re.IGNORECASE,
)
"""A parameter of an address, as of a signed one, that lets its bearer in."""
_LONG = re.compile(
    r"([?&])[^?&=\s]*=(?=[^&\s#]*[0-9])(?=[^&\s#]*[A-Za-z])[\w+/=%-]{24,}(?=[&\s#]|$)"
)
"""A parameter whose value looks like such a key."""


def without_password(address: str) -> str:
    """An address without the secrets in it, also within a longer text.

    Databases keep the user's name: ``scheme://me:secret@host`` becomes ``scheme://me@host``.
    Addresses of files lose all that precedes ``@``, and parameters that are keys, signatures or
    tokens. Runs and error messages are read by others.
    """
    if ADDRESS.search(address):
        return ADDRESS.sub(_without_secrets, address)
    return re.sub(r"(\w+://[^:/@\s]+):.*@", r"\1@", address)


def _without_secrets(found: re.Match[str]) -> str:
    scheme, rest = found.groups()
    host, slash, path = re.fullmatch(r"([^/?#\s]*)(/?)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr]
    broken = "@" not in host and re.search(r":(?!\d*$)", host) and "@" in path
    if broken:  # a password with a slash in it
        host, slash, path = path.rpartition("@")[2], "", ""
    host = host.rpartition("@")[2]
    for secret in (_SECRET, _LONG):
        while (shorter := secret.sub(r"\1", path)) != path:
            path = re.sub(r"([?&])&+", r"\1", shorter)
    return f"{scheme}://{host}{slash}" + re.sub(r"[?&]+(?=[\s#]|$)", "", path)
