"""Molecules known by hashes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gankit_molecule.data.hashes import hashes_of, looked_up

TEXTS = st.lists(st.text("CNO()=1", max_size=6))


@given(TEXTS, TEXTS)
def test_what_is_known_is_found_and_nothing_else(known: list[str], wanted: list[str]) -> None:
    hashes = np.unique(hashes_of(known))
    at, found = looked_up(hashes_of(wanted), hashes)
    assert found.tolist() == [text in known for text in wanted]
    assert (hashes[at[found]] == hashes_of(wanted)[found]).all()
