import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit_tabular.codec.trees.walks import Walk, find_walks
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.trees.items import Link, Structure, Trees


def walk(t, low, high, scale):
    return Walk("x", "first x", str(t), scale, low, high, 0.0, 1.0)


def trees(starts, **columns):
    structure = Structure((Link("t", foreign="e"),), "e")
    return Trees(structure, {"t": Rows(pa.table(columns))}, {"t": np.array(starts)})


cells = st.one_of(st.none(), st.integers(-1000, 1000))


@given(st.lists(st.lists(cells, min_size=1, max_size=6), min_size=1, max_size=5))
@pytest.mark.parametrize(("t", "scale"), [(pa.int64(), 1), (pa.int8(), 1), (pa.float64(), 10)])
def test_what_is_split_joins_again(t, scale, sequences):
    most = 100 if t == pa.int8() else 1000
    part = 1 if pa.types.is_integer(t) else scale
    flat = [None if v is None else max(-most, min(v, most)) / part for s in sequences for v in s]
    values = pa.chunked_array([pa.array(flat).cast(t)])
    lengths = [len(s) for s in sequences]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    made = walk(t, -most / part, most / part, scale)
    first, changes = made.split(values, starts)
    assert made.join(first, changes, np.repeat(np.arange(len(lengths)), lengths)).equals(
        values.combine_chunks()
    )


def test_values_stay_in_the_range_of_the_training_data():
    made = walk(pa.int64(), 0, 10, 1)
    changes = pa.array([0, -5, 1, 0, 30, -1])
    found = made.join(pa.array([2, 9]), changes, np.array([0, 0, 0, 1, 1, 1]))
    assert found.to_pylist() == [2, 0, 1, 9, 10, 9]


def test_numbers_that_go_on_are_found():
    rng = np.random.default_rng(0)
    n, each = 50, 20
    steps = rng.normal(0, 0.1, (n, each))
    steps[:, 0] = rng.normal(0, 5, n)
    of = {
        "e": np.repeat(np.arange(n), each),
        "goes_on": np.round(steps.cumsum(1), 2).ravel(),
        "age": (rng.integers(20, 80, (n, 1)) + np.arange(each)).ravel(),
        "noise": rng.normal(size=n * each),
        "text": ["a", "b"] * (n * each // 2),
    }
    data = trees(np.arange(0, n * each + 1, each), **of)
    found = {w.name: w for w in find_walks(data, ["goes_on", "age", "noise", "text"])}
    assert set(found) == {"goes_on", "age"}
    assert found["goes_on"].scale == 100


def test_numbers_that_are_written_as_texts_go_on_too():
    rng = np.random.default_rng(0)
    n, each = 50, 20
    steps = rng.normal(0, 0.3, (n, each))
    steps[:, 0] = rng.normal(70, 8, n)
    texts = [f"{v:.1f} kg".replace(".", ",") for v in steps.cumsum(1).ravel()]
    data = trees(np.arange(0, n * each + 1, each), e=np.repeat(np.arange(n), each), weight=texts)
    (found,) = find_walks(data, ["weight"])
    first, changes = found.split(data.tables["t"].table.column("weight"), data.starts["t"])
    again = found.join(first, changes, np.repeat(np.arange(n), each))
    assert again.to_pylist() == texts
    assert Walk.load(found.state()) == found
