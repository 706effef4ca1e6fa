"""Running the checks, and what became of them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch

from gankit.errors import GankitError, PluginError, did_you_mean
from gankit.plugins.records import PluginRecord
from gankit.plugins.registry import Plugins
from gankit.plugins.write_guard import confined
from gankit.testing.checks import CHECKS, Check
from gankit.testing.hooks import HOOK_CHECKS, HookSubject, applicable
from gankit.testing.subject import CheckFailed, NotApplicable, Subject

Status = Literal["passed", "failed", "error", "xfailed", "skipped"]


@dataclass(frozen=True)
class Result:
    """What became of a check."""

    check: Check
    status: Status
    """``error`` is an exception that no check foresaw, ``skipped`` that there was nothing to
    look at, ``xfailed`` that it failed as expected."""
    message: str = ""
    """The problem and how to fix it; or the reason."""
    seconds: float = 0.0
    exception: Exception | None = None

    @property
    def ok(self) -> bool:
        return self.status in ("passed", "xfailed", "skipped")


def check_plugin(
    record: PluginRecord,
    plugins: Plugins,
    settings: Mapping[str, Any] | None = None,
    data: object = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Iterator[Result]:
    """Runs all checks of a plugin: of its modalities, then of its other hooks.

    Args:
        settings: as for :meth:`Subject.of`.
        data: what its modalities read; their own data by default.

    Raises:
        GankitError: as for :meth:`Subject.of`, or a modality cannot be imported.
    """
    for info in record.modalities:
        subject = Subject.of(plugins.modality(info.name), settings, data)
        for check in CHECKS:
            yield run_check(subject, check, expected_failures)
    hooks = HookSubject(record, plugins)
    for check in applicable(record):
        yield run_check(hooks, check, expected_failures)


def run_check(
    subject: Subject | HookSubject, check: Check, expected_failures: Mapping[str, str] | None = None
) -> Result:
    """Runs one check, with torch's random numbers and threads as they were afterwards."""
    reason = (expected_failures or {}).get(check.name)
    threads, began = torch.get_num_threads(), time.perf_counter()
    torch.set_num_threads(1)  # codecs are fitted outside training, and sums depend on the number
    status, message, exception = _outcome(subject, check)
    torch.set_num_threads(threads)
    if reason is not None and status in ("failed", "error"):
        status, message, exception = "xfailed", f"{reason} ({message})", None
    elif reason is not None and status == "passed":
        what = f"{check.name} passes, though it is expected to fail: {reason}"
        status, message = "failed", str(CheckFailed(what, "Remove it from expected_failures"))
    return Result(check, status, message, time.perf_counter() - began, exception)


def run_checks(
    subject: Subject, expected_failures: Mapping[str, str] | None = None
) -> list[Result]:
    """Runs all checks.

    Args:
        expected_failures: names of checks that fail, each with the reason.

    Raises:
        GankitError: an expected failure has no reason, or is of no known check.
    """
    expected = expected_failures or {}
    check_reasons(expected)
    return [run_check(subject, check, expected) for check in CHECKS]


def check_reasons(expected_failures: Mapping[str, str]) -> None:
    """Raises:
    GankitError: an expected failure has no reason, or is of no known check.
    """
    names = [check.name for check in (*CHECKS, *HOOK_CHECKS)]
    for name, reason in expected_failures.items():
        if name not in names:
            raise GankitError(f"expected_failures: no check {name!r}", did_you_mean(name, names))
        if not reason.strip():
            raise GankitError(f"expected_failures: {name} has no reason", "State why it fails")


def _outcome(subject: Subject | HookSubject, check: Check) -> tuple[Status, str, Exception | None]:
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            with _confined(subject):
                check.run(subject)
    except CheckFailed as failure:
        return "failed", str(failure), failure
    except PluginError as fault:
        fix = "Fix that first: other checks may fail for the same reason"
        if "tried to write" in fault.what:
            fix = "Write below the given folder; keep caches in the user's cache folder"
        return "failed", str(CheckFailed(fault.what, fix)), fault
    except NotApplicable as absent:
        return "skipped", str(absent), None
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        return "error", f"{type(error).__name__}: {error}", error
    return "passed", "", None


def _confined(subject: Subject | HookSubject) -> contextlib.AbstractContextManager[None]:
    """A modality writes in its own folder only. Hooks may: that is what some are for."""
    if isinstance(subject, Subject):
        return confined(subject.info.name, subject.folder)
    return contextlib.nullcontext()
