"""Compositions as slots, and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gankit.contract import Batch
from gankit.errors import GankitError
from gankit_material.codec.codec import MaterialCodec, fit
from gankit_material.data.elements import BY_ELECTRONEGATIVITY, ELECTRONEGATIVITY_ORDER
from gankit_material.data.formulas import divided
from gankit_material.data.items import Material
from gankit_material.settings import MaterialSettings

PLAIN = MaterialSettings(conditions=())
SYMBOLS = ("Na", "Ca", "Ti", "Fe", "Al", "O", "S", "Cl", "F", "N")
MATERIALS = st.dictionaries(st.sampled_from(SYMBOLS), st.integers(1, 20), min_size=1, max_size=5)


def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def codec():
    items = [Material(dict.fromkeys(SYMBOLS[:5], 1)), Material(dict.fromkeys(SYMBOLS[5:], 20))]
    return fit(items, PLAIN)


@given(counts=MATERIALS)
def test_a_composition_comes_back(codec, counts):
    material = Material(divided(counts))
    batch = codec.prepare(codec.encode([material], rng()))
    assert codec.decode(batch, [0])[0].formula == material.formula


@given(counts=MATERIALS)
def test_the_order_of_elements_does_not_matter(codec, counts):
    turned = dict(reversed(counts.items()))
    one, other = codec.encode([Material(counts)], rng()), codec.encode([Material(turned)], rng())
    assert torch.equal(one.x, other.x)


def test_slots_descend_in_electronegativity(codec):
    order = [ELECTRONEGATIVITY_ORDER[symbol] for symbol in codec.elements]
    assert order == sorted(order, reverse=True)
    batch = codec.prepare(codec.encode([Material({"Ti": 1, "O": 2})], rng()))
    assert codec.elements[int(batch.x[0, 0, : len(codec.elements)].argmax())] == "O"


def test_any_tensor_decodes_to_a_composition(codec):
    x = torch.randn(20, *codec.layout.shape, generator=torch.Generator().manual_seed(0))
    x[:5] = 0
    made = codec.decode(Batch(x), range(20))
    assert len(made) == 20
    assert all(item.counts and min(item.counts.values()) > 0 for item in made)


def test_the_exported_graph_decodes_as_the_codec_does(codec):
    items = [Material({"Ti": 1, "O": 2}), Material({"Na": 3, "Al": 1, "F": 6}), Material({"Fe": 1})]
    x = codec.prepare(codec.encode(items, rng())).x
    numbers, counts = codec.decoding_graph().module(torch.cat([x, torch.zeros_like(x[:1])]), None)
    assert numbers[1].tolist() == [9, 13, 11, 0, 0]
    assert counts[1].tolist() == [6, 1, 3, 0, 0]
    assert (numbers[3] > 0).tolist() == [True, False, False, False, False]


def test_formulas_are_reduced_and_repeated_elements_added(codec):
    x = torch.zeros(1, *codec.layout.shape)
    size = len(codec.elements)
    for slot, (symbol, n) in enumerate([("O", 4), ("Ti", 1), ("Ti", 1)]):
        x[0, slot, codec.elements.index(symbol)] = 1
        x[0, slot, size + n - 1] = 1
    assert codec.decode(Batch(x), [0])[0].formula == "TiO2"


def test_the_state_gives_the_same_codec():
    items = [
        Material({"Na": 1, "Cl": 1}, {"gap": 5.0}, "salt"),
        Material({"Fe": 2, "O": 3}, {"gap": 2.1}, "oxide"),
    ]
    settings = MaterialSettings(conditions=("gap",), label="kind")
    codec = fit(items, settings)
    loaded = MaterialCodec.load(codec.state(), settings)
    assert loaded.layout == codec.layout
    for one, other in zip(
        *(vars(c.encode(items, rng())).values() for c in (codec, loaded)), strict=True
    ):
        assert torch.equal(one, other)
    state = codec.state()
    del state.config["slots"]
    with pytest.raises(GankitError, match="damaged"):
        MaterialCodec.load(state, settings)


def test_hashes_of_training_formulas_are_kept_unless_they_are_not_to_be():
    items = [Material({"Na": 1, "Cl": 1}), Material({"K": 1, "F": 2})]
    state = fit(items, PLAIN).state()
    assert len(state.tensors["known"]) == 2
    assert MaterialCodec.load(state, MaterialSettings(novel=True)).known is not None
    private = fit(items, MaterialSettings(conditions=(), remember=False)).state()
    assert not private.tensors
    with pytest.raises(GankitError, match="no hashes of its training formulas"):
        MaterialCodec.load(private, MaterialSettings(novel=True))


def test_what_has_no_encoding_is_refused_by_name(codec):
    with pytest.raises(GankitError, match="a count above 20"):
        codec.encode([Material({"Na": 21, "F": 1})], rng())


def test_conforming_leaves_out_what_does_not_fit_and_says_it(codec):
    items = [Material({"Na": 1, "F": 1}), Material({"Rb": 21, "F": 1})]
    found = codec.conform(items, strict=False)
    assert [item.formula for item in found.items] == ["NaF"]
    assert found.warnings[0].startswith("1 materials are left out")
    with_gap = fit(
        [Material({"Na": 1, "F": 1}, {"gap": 1.5})] * 2, MaterialSettings(conditions=("gap",))
    )
    with pytest.raises(GankitError, match="lack one of gap"):
        with_gap.conform([Material({"Na": 1, "F": 1})], strict=True)


def test_labels_are_limited():
    items = [Material({"Na": 1, "F": i + 1}, {}, f"k{i}") for i in range(201)]
    with pytest.raises(GankitError, match="201 classes"):
        fit(items, MaterialSettings(label="kind", conditions=()))


def test_every_element_has_a_place():
    assert len({*BY_ELECTRONEGATIVITY}) == 103
