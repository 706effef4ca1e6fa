"""The conformance kit, with and without conditions."""

from __future__ import annotations

from typing import ClassVar

from gankit.testing import ModalityTests

CATIONS, ANIONS = ("Na", "K", "Ca", "Ti", "Fe", "Al"), ("O", "S", "Cl", "F", "Br", "N", "Se")
SMALL = {"units": 16, "limit": 400}


class TestBuiltIn(ModalityTests):
    plugin = "material"
    settings: ClassVar = SMALL


class TestUnconditional(ModalityTests):
    plugin = "material"
    settings: ClassVar = {**SMALL, "conditions": []}
    data: ClassVar = [a + n + b for a in CATIONS for n in ("", "2", "3") for b in ANIONS]
