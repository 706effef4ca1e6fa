"""The conformance kit, with and without conditions."""

from __future__ import annotations

from typing import ClassVar

from gankit.testing import ModalityTests

SMALL = {"units": 16, "limit": 400}


class TestBuiltIn(ModalityTests):
    plugin = "material"
    settings: ClassVar = SMALL


class TestUnconditional(ModalityTests):
    plugin = "material"
    settings: ClassVar = {**SMALL, "conditions": []}
    data: ClassVar = [f"{a}{n if n > 1 else ''}{b}" for a in ("Na", "K", "Ca", "Ti", "Fe", "Al", "Zn")
                      for n in (1, 2, 3) for b in ("O", "S", "Cl", "F", "Br", "N", "Se")]  # fmt: skip
