"""The contract's checks. See `gankit plugins check --help`."""

from __future__ import annotations

from typing import ClassVar

from gankit.testing import ModalityTests


class TestMaterial(ModalityTests):
    plugin = "material"
    settings: ClassVar = {"count": 300, "hidden": 16}  # small, so that it takes seconds
