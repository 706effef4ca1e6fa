import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gankit.kit.autoencoders import Ragged


def test_rows_are_padded_at_the_end() -> None:
    rows = Ragged([[5, 2], [7, 8, 2], []])
    assert rows.take().tolist() == [[5, 2, 0], [7, 8, 2], [0, 0, 0]]
    assert rows.take(np.array([0])).tolist() == [[5, 2]]
    assert Ragged([]).take().shape == (0, 0)


@given(st.lists(st.lists(st.integers(1, 60_000)), min_size=1), st.data())
def test_any_rows_come_back(rows: list[list[int]], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1))
    held = Ragged(rows)
    taken = held.take(np.array(chosen)).tolist()
    assert [[n for n in row if n] for row in taken] == [rows[i] for i in chosen]
    assert [*map(len, rows)] == held.lengths.tolist()
