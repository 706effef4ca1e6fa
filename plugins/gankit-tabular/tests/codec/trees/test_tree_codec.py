"""Trees of rows as tensors, and back."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch
from tests.support.tree_data import patients, shop

from gankit.errors import GankitError
from gankit_tabular.codec.trees.forest import Forest, Part
from gankit_tabular.codec.trees.tree_codec import TreeCodec
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.trees.items import Link, Structure, Trees
from gankit_tabular.settings import SequenceSettings, TabularSettings

VISITS = TabularSettings(sequence=SequenceSettings("patient", "day"))
SHOP = TabularSettings(children=("orders.csv on customer_id", "items.csv on order_id"))


@pytest.fixture(scope="module")
def visits():
    return patients(300)


@pytest.fixture(scope="module")
def orders():
    return shop(200)


@pytest.fixture(scope="module")
def visits_codec(visits):
    return TreeCodec.fit(visits, VISITS)


@pytest.fixture(scope="module")
def shop_codec(orders):
    return TreeCodec.fit(orders, SHOP)


@pytest.fixture(params=["visits", "orders"])
def case(request):
    codec = {"visits": "visits_codec", "orders": "shop_codec"}[request.param]
    return request.getfixturevalue(request.param), request.getfixturevalue(codec)


def encoded(codec, trees):
    return codec.prepare(codec.encode(trees, np.random.default_rng(0)))


def test_decoding_gives_the_same_trees_with_new_keys(case):
    trees, codec = case
    back = codec.decode(encoded(codec, trees), range(len(trees)))
    for link in trees.structure.links:
        own, found = trees.tables[link.table].table, back.tables[link.table].table
        assert (back.starts[link.table] == trees.starts[link.table]).all()
        assert found.schema.equals(own.schema)
        for name in own.column_names:
            a, b = own.column(name), found.column(name)
            if pa.types.is_string(a.type) and pc.count_distinct(a).as_py() < 20:
                assert a.equals(b)
            elif pa.types.is_floating(a.type):
                assert np.corrcoef(a.to_numpy(), b.to_numpy())[0, 1] > 0.99


def test_keys_are_new_unique_and_valid(orders, shop_codec):
    batch = encoded(shop_codec, orders)
    parts = [
        shop_codec.decode(batch[s], range(s.start, s.stop)) for s in (slice(0, 90), slice(90, 200))
    ]
    tables = {
        name: pa.concat_tables(part.tables[name].table for part in parts)
        for name in orders.structure.names
    }
    for link in orders.structure.links[1:]:
        keys = tables[link.parent].column(link.references)
        assert pc.count_distinct(keys).as_py() == len(keys)
        assert pc.all(pc.is_in(tables[link.table].column(link.foreign), value_set=keys)).as_py()
        real = orders.tables[link.parent].table.column(link.references)
        assert not pc.any(pc.is_in(keys, value_set=real)).as_py()


def test_an_item_depends_on_its_seed_alone(case):
    trees, codec = case
    batch = encoded(codec, trees)
    every = codec.decode(batch, range(50, 50 + len(trees)))
    few = codec.decode(batch[torch.tensor([7, 3])], [57, 53])
    assert few[0] == every[7]
    assert few[1] == every[3]


def test_a_stored_codec_is_the_same(case):
    trees, codec = case
    state = codec.state()
    state.config = json.loads(json.dumps(state.config))
    loaded = TreeCodec.load(state)
    a, b = encoded(codec, trees[:20]), encoded(loaded, trees[:20])
    assert a.x.equal(b.x)
    first, second = (c.decode(a, range(20)) for c in (codec, loaded))
    assert all(first[i] == second[i] for i in range(20))
    assert loaded.layout == codec.layout


def test_constants_are_found_and_can_be_requested(visits_codec):
    assert visits_codec.frame.constants == ("sex", "diagnosis")
    assert set(visits_codec.classes()["diagnosis"]) == {"well", "ill"}
    c = visits_codec.sample_conditions({"diagnosis": "ill"}, range(5))
    assert c.shape == (5, visits_codec.layout.condition.width)
    assert (c.sum(1) == 1).all()


def test_what_was_requested_is_in_all_rows(visits, visits_codec):
    batch = encoded(visits_codec, visits)
    fits = visits_codec.matches(batch, range(len(visits)), {"diagnosis": "ill"})
    made = visits_codec.decode(batch, range(len(visits)), {"diagnosis": "ill"})
    assert set(made.tables["visits"].table.column("diagnosis").to_pylist()) == {"ill"}
    assert fits.float().mean().item() == pytest.approx(
        visits_codec.share({"diagnosis": "ill"}), abs=0.01
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "weight",
            r"weight changes within patient; only day, sex, diagnosis, first weight can be",
        ),
        ("patient", r"patient is a key, which is always new"),
        ("wieght", r"the data has no column 'wieght'"),
    ],
)
def test_only_the_roots_columns_can_be_requested(visits_codec, name, says):
    with pytest.raises(GankitError, match=says):
        visits_codec.sample_conditions({name: 1}, range(2))


def test_a_childs_columns_cannot_be_requested(shop_codec):
    name = shop_codec.parts[1].codec.schema.names[0]
    with pytest.raises(
        GankitError, match=f"{name} is in orders, whose rows belong to those of cust"
    ):
        shop_codec.share({name: 1})


def test_longer_ones_are_cut(visits):
    codec = TreeCodec.fit(visits, TabularSettings(sequence=VISITS.sequence, longest=4))
    back = codec.decode(encoded(codec, visits), range(len(visits)))
    wanted = np.minimum(visits.counts("visits"), 4)
    assert (back.counts("visits") == wanted).all()
    assert codec.layout.shape[0] == 6  # the entity, four rows and the end


def test_rules_hold_within_a_part(visits):
    def fit(rule):
        return TreeCodec.fit(visits, TabularSettings(sequence=VISITS.sequence, constraints=(rule,)))

    assert fit("together: sex, diagnosis").parts[0].codec.constraints.texts
    for rule, says in {
        "together: sex, state": "its columns are not all in one table",
        "day <= 2030-01-01": "day orders the rows, and cannot be in a rule",
        "unique: patient": "patient is a key",
    }.items():
        with pytest.raises(GankitError, match=says):
            fit(rule)


def test_parts_without_columns_and_with_few_rows():
    structure = Structure((Link("a"), Link("b", "a", "a_id", "id"), Link("c", "a", "a", "id")))
    a = pa.table({"id": np.arange(40), "x": np.arange(40) % 4})
    b = pa.table({"a_id": np.repeat(np.arange(40), 2)})
    c = pa.table({"a": [3, 5], "note": ["u", "v"]})
    starts = {
        "a": np.arange(41),
        "b": np.arange(41) * 2,
        "c": np.searchsorted([3, 5], np.arange(41)),
    }
    trees = Trees(structure, {"a": Rows(a), "b": Rows(b), "c": Rows(c)}, starts)
    codec = TreeCodec.fit(trees, SHOP)
    back = codec.decode(encoded(codec, trees), range(40))
    assert back.counts("b").tolist() == [2] * 40
    assert back.tables["c"].table.column("note").to_pylist() == ["u", "v"]
    key = back.tables["a"].table.column("id")
    assert back.tables["c"].table.column("a").to_pylist() == [key[3].as_py(), key[5].as_py()]


def test_too_few_keys_are_refused(visits, orders):
    small = pa.int8()
    table = pa.table({"id": pa.array(range(60), small), "x": np.arange(60) % 3})
    child = pa.table({"id": pa.array(range(60), small), "y": np.arange(60) % 5})
    structure = Structure((Link("a"), Link("b", "a", "id", "id")))
    starts = np.arange(61)
    trees = Trees(structure, {"a": Rows(table), "b": Rows(child)}, {"a": starts, "b": starts})
    codec = TreeCodec.fit(trees, SHOP)
    codec.check_seeds(range(60), {})
    with pytest.raises(GankitError, match=r"id: only 68 different keys can be made"):
        codec.check_seeds(range(60, 100), {})


def test_reserved_keys_are_not_drawn(orders, shop_codec):
    batch, first = encoded(shop_codec, orders), orders.structure.links[1]
    codec = TreeCodec.load(shop_codec.state())
    taken = codec.decode(batch, range(len(orders)))
    codec.reserve(taken)
    made = codec.decode(batch, range(len(orders)))
    keys = [t.tables[first.parent].table.column(first.references) for t in (taken, made)]
    assert not pc.any(pc.is_in(keys[0], value_set=keys[1])).as_py()


def test_another_data_set_has_to_conform(visits, visits_codec, shop_codec):
    rows = visits.tables["visits"].table
    other = Trees(
        Structure((Link("later", foreign="patient"),), "patient", "day"),
        {"later": Rows(rows)},
        {"later": visits.starts["visits"]},
    )
    assert len(visits_codec.conform(other, strict=True).items) == len(visits)
    at = int(visits.starts["visits"][np.argmax(visits.counts("visits") > 1)]) + 1
    sexes = rows.column("sex").to_pylist()
    sexes[at] = "m" if sexes[at] == "f" else "f"
    changed = rows.set_column(rows.column_names.index("sex"), "sex", pa.array(sexes))
    wrong = Trees(visits.structure, {"visits": Rows(changed)}, visits.starts)
    with pytest.raises(GankitError, match=r"sex changes within patient, in row 2 of"):
        visits_codec.conform(wrong, strict=False)
    with pytest.raises(GankitError, match="related in another way"):
        shop_codec.conform(visits, strict=False)


def test_single_rows_networks_are_refused(visits):
    with pytest.raises(GankitError, match="generator=one-shot is for single rows"):
        TreeCodec.fit(visits, TabularSettings(sequence=VISITS.sequence, generator="one-shot"))


def test_it_counts_what_follows():
    parts = [Part("a"), Part("b", 0), Part("c", 1)]
    parents = [np.full(2, -1), np.array([0, 0, 1]), np.array([0, 0, 2])]
    forest = Forest(parts, [pa.table({})] * 3, parents)  # a b c c b, and a b c
    assert forest.follows() == [[0, 2, 0, 0], [0, 0, 2, 1], [0, 1, 1, 1]]


def test_what_was_reserved_can_be_used_again(visits, visits_codec):
    keys = visits_codec.parts[0].keys
    before = keys.draw(range(5))
    visits_codec.reserve(visits)
    visits_codec.reserve(())
    assert keys.draw(range(5)).equals(before)
