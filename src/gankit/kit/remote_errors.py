"""What can go wrong at an address, in one line each."""

from __future__ import annotations

import asyncio
import importlib.util
from http.client import IncompleteRead

from gankit.errors import GankitError
from gankit.kit.folders import printable

PACKAGES = {
    "http": "aiohttp", "https": "aiohttp", "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs",
    "gcs": "gcsfs", "hf": "huggingface_hub", "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs",
    "adl": "adlfs", "sftp": "paramiko", "ssh": "paramiko", "webdav": "webdav4",
    "webdavs": "webdav4",
}  # fmt: skip
"""What fsspec needs for a scheme."""
ACCESS = {
    "s3": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gs": "Set GOOGLE_APPLICATION_CREDENTIALS, or run: gcloud auth application-default login",
    "hf": "Set HF_TOKEN, or run: hf auth login",
    "az": "Set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
    "http": "Put user and password into ~/.netrc, or give the address with them: they are not "
    "stored with a run",
}
"""How to get in, by scheme."""

_DENIED, _AGAIN = (401, 403), (408, 425, 429, 500, 502, 503, 504)
_BROKEN = (
    ConnectionError, TimeoutError, asyncio.TimeoutError, asyncio.IncompleteReadError,
    IncompleteRead, EOFError,
)  # fmt: skip
_BROKEN_NAMES = {
    "ClientPayloadError", "ClientConnectionError", "ClientOSError", "ServerDisconnectedError",
    "ServerTimeoutError", "ClientConnectorError", "EndpointConnectionError", "ReadTimeoutError",
    "ConnectionClosedError", "IncompleteReadError", "ResponseStreamingError", "FSTimeoutError",
    "ConnectError", "ReadTimeout", "ConnectTimeout", "RemoteProtocolError",
}  # fmt: skip
"""Of aiohttp, botocore, urllib3 and httpx, which need not be installed."""


class ShortError(OSError):
    """Fewer bytes came than were requested."""


class NoRangesError(Exception):
    """The server sends whole files only."""


def group(scheme: str) -> str:
    """The scheme under which hints about access are listed."""
    names = {"https": "http", "s3a": "s3", "gcs": "gs", "abfs": "az", "abfss": "az", "adl": "az"}
    return names.get(scheme, scheme)


def missing_package(scheme: str, shown: str) -> GankitError | None:
    """The error where the package for a scheme is not installed."""
    needed = [p for p in ("fsspec", PACKAGES.get(scheme, "")) if p]
    if all(importlib.util.find_spec(package) for package in needed):
        return None
    missing = next(p for p in needed if importlib.util.find_spec(p) is None)
    own = missing in ("fsspec", "aiohttp")
    install = "'gankit[remote]'" if own else missing
    if not own and importlib.util.find_spec("fsspec") is None:
        install = f"'gankit[remote]' {missing}"
    return GankitError(
        f"{shown}: data at {scheme}:// addresses need {missing}, which is not installed",
        f"pip install {install}",
    )


def is_broken(error: BaseException) -> bool:
    """Whether trying again may help: the connection broke, or the server was busy."""
    error = _cause(error)
    if isinstance(error, (ShortError, *_BROKEN)):
        return True
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & _BROKEN_NAMES) or _status(error) in _AGAIN


def failed(error: BaseException, scheme: str, shown: str, attempts: int = 1) -> GankitError:
    """The error to show.

    Args:
        shown: the address, without secrets.
        attempts: how many times it was tried.
    """
    error = _cause(error)
    status, scheme = _status(error), group(scheme)
    tried = f" in {attempts} attempts" if attempts > 1 else ""
    if isinstance(error, NoRangesError):
        return GankitError(
            f"{shown}: the server sends whole files only (no range requests), so that it cannot "
            "be read as it is needed",
            "Copy it once with data.remote=copy, or use another server",
        )
    if status in _DENIED or isinstance(error, PermissionError) or "Credential" in _kind(error):
        code = f" ({status})" if status else ""
        return GankitError(f"{shown}: access denied{code}", ACCESS.get(scheme, "Log in first"))
    if isinstance(error, FileNotFoundError) or status in (404, 410):
        return GankitError(f"{shown}: nothing is there", "Check the address")
    if status is not None and not is_broken(error):
        return GankitError(f"{shown}: the server answered {status}", "Check the address")
    if isinstance(error, ShortError):
        return GankitError(f"{shown}: {error}{tried}", "Check the file: it may be cut off")
    if is_broken(error):
        what = f"the server answered {status}" if status else "no connection, or it broke off"
        return GankitError(
            f"{shown}: {what}{tried} ({_kind(error)})",
            "Check the network, and run the same command again: it continues",
        )
    return GankitError(f"{shown}: cannot be read ({_line(error)})", "Check the address")


def _cause(error: BaseException) -> BaseException:
    """What fsspec took for a file that is not there."""
    if isinstance(error, FileNotFoundError) and isinstance(error.__cause__, Exception):
        return error.__cause__
    return error


def _status(error: BaseException) -> int | None:
    """The HTTP status of an error of aiohttp, botocore or httpx."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        response = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return response if isinstance(response, int) else None
    for found in (getattr(error, "status", None), getattr(response, "status_code", None)):
        if isinstance(found, int) and 100 <= found < 600:
            return found
    return None


def _kind(error: BaseException) -> str:
    return type(error).__name__


def _line(error: BaseException) -> str:
    """The error's own words, without the address, which may have secrets."""
    words = str(error).splitlines()[:1]
    text = "" if not words or "://" in words[0] else words[0]
    return printable(": ".join(filter(None, [_kind(error), text[:120]])))
