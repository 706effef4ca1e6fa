import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit_tabular.codec.trees.differences import Differences
from gankit_tabular.codec.trees.offsets import find_offsets
from gankit_tabular.codec.trees.sequences import Sequences
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.trees.items import Link, Structure, Trees

STRUCTURE = Structure((Link("t", foreign="e"),), "e", "begin")


def stays(more, written="%Y-%m-%d"):
    """Sixty stays of ten people, each of so many days."""
    day = dt.date(2020, 1, 1)
    begin = [day + dt.timedelta(30 * i + 7 * (i % 3)) for _ in range(10) for i in range(6)]
    end = [b + dt.timedelta(m) if m is not None else None for b, m in zip(begin, more, strict=True)]
    columns = {
        "e": [e for e in range(10) for _ in range(6)],
        "begin": [b.strftime(written) for b in begin] if written else begin,
        "end": [e and e.strftime(written) for e in end] if written else end,
        "born": [day - dt.timedelta(int(d)) for d in np.arange(60) ** 2],
    }
    return Trees(STRUCTURE, {"t": Rows(pa.table(columns))}, {"t": np.arange(0, 61, 6)})


@pytest.mark.parametrize("written", ["", "%d.%m.%Y"])
@given(st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=60, max_size=60))
def test_what_is_split_joins_again(written, more):
    if sum(m is not None for m in more) < 55:
        more = [3 if m is None else m for m in more]
    data = stays(more, written)
    frame = Sequences.fit(data, ())
    assert [offset.name for offset in frame.offsets] == ["end"]
    assert Sequences.load(frame.state()).trees(frame.forest(data)).tables["t"] == data.tables["t"]


def test_dates_that_do_not_follow_the_order_stay():
    data = stays([1, 2, 2] * 20, "")
    order = Differences.fit("begin", data.tables["t"].table.column("begin"))
    assert [o.name for o in find_offsets(data, order, ["end", "born"])] == ["end"]
