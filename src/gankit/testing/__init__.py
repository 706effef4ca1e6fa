"""The conformance kit: does a modality keep the contract?

With pytest, a suite is a near-empty class::

    from gankit.testing import ModalityTests

    class TestToy(ModalityTests):
        plugin = "toy"
        settings = {"count": 600}

Without it, ``run_checks(Subject.of("toy", {"count": 600}))``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gankit.testing.checks import CHECKS, Check
from gankit.testing.hooks import HOOK_CHECKS, HookSubject
from gankit.testing.running import Result, check_plugin, check_reasons, run_check, run_checks
from gankit.testing.subject import CheckFailed, NotApplicable, Subject

if TYPE_CHECKING:
    from gankit.testing.suite import ModalityTests

__all__ = [
    "CHECKS",
    "HOOK_CHECKS",
    "Check",
    "CheckFailed",
    "HookSubject",
    "ModalityTests",
    "NotApplicable",
    "Result",
    "Subject",
    "check_plugin",
    "check_reasons",
    "run_check",
    "run_checks",
]


def __getattr__(name: str) -> Any:
    """``ModalityTests`` on first use: it needs pytest, which the rest does without."""
    if name == "ModalityTests":
        from gankit.testing.suite import ModalityTests

        return ModalityTests
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
