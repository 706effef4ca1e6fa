"""Bounds of settings."""

from __future__ import annotations

from typing import Any

import pytest

from gankit.config.schema import check_bounds
from gankit.errors import GankitError
from gankit_molecule.settings import MoleculeSettings


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"limit": -1}, "limit=-1: out of range. Use at least 0"),
        ({"most_atoms": 0}, "most_atoms=0: out of range. Use at least 1"),
        ({"workers": -2}, "workers=-2: out of range"),
        ({"latent": 1}, "latent=1: out of range. Use between 2 and 1,024"),
        ({"smooth": -1.0}, "smooth=-1.0: out of range"),
        ({"temperature": float("nan")}, "temperature=NaN: out of range"),
        ({"calls": 1}, "calls=1: out of range"),
        ({"pull": 2.0}, "pull=2.0: out of range. Use between 0 and 1"),
        ({"scorer_seconds": 0.0}, "scorer_seconds=0.0: out of range"),
    ],
)
def test_settings_out_of_range_are_named(wrong: dict[str, Any], said: str) -> None:
    check_bounds(MoleculeSettings())
    with pytest.raises(GankitError) as error:
        check_bounds(MoleculeSettings(**wrong))
    assert said in str(error.value)
