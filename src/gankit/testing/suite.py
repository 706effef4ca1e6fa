"""The checks as pytest tests. The only part of the kit that needs pytest."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from gankit.plugins.records import LoadedModality
from gankit.testing.checks import CHECKS, Check
from gankit.testing.running import check_reasons, run_check
from gankit.testing.subject import Subject


class ModalityTests:
    """One test a check; a plugin's suite is a subclass whose name begins with ``Test``."""

    plugin: ClassVar[str | LoadedModality]
    """What the user types after ``--plugin``; or a modality that is not installed."""
    settings: ClassVar[Mapping[str, Any]] = {}
    """Settings that keep data and networks small, as in a ``--config`` file."""
    data: ClassVar[object] = None
    """What to read; None for the data that comes with the plugin."""
    tolerance: ClassVar[float | None] = None
    """How far an item may move in a round trip, in standard deviations of the encoded data; None
    uses the codec's own."""
    expected_failures: ClassVar[Mapping[str, str]] = {}
    """Names of checks that fail, each with the reason. One that passes after all is a failure."""

    def __init_subclass__(cls) -> None:
        check_reasons(cls.expected_failures)

    @classmethod
    @functools.cache
    def subject(cls) -> Subject:
        """The same for all tests of the class, which share a short training."""
        return Subject.of(cls.plugin, cls.settings, cls.data, cls.tolerance)

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
    def test_conforms(self, check: Check) -> None:
        result = run_check(self.subject(), check, self.expected_failures)
        if result.status == "skipped":
            pytest.skip(f"{check.name}: {result.message}")
        if result.status == "xfailed":
            pytest.xfail(result.message)
        if result.status == "failed":
            pytest.fail(result.message, pytrace=False)
        if result.exception is not None:
            raise result.exception
