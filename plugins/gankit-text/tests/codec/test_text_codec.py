"""The codec: what it keeps, what it refuses, and what it depends on."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from gankit.contract import Batch, Fitting
from gankit.errors import GankitError
from gankit_text.codec.autoencoder import Autoencoder, chosen
from gankit_text.codec.codec import TextCodec
from gankit_text.codec.fitting import epochs_of, fit
from gankit_text.codec.sequences import rows_of
from gankit_text.codec.tokens import END, PAD
from gankit_text.data.items import Text
from gankit_text.settings import TextSettings

WHO = ("the cat", "a dog", "the old man", "my sister", "one bird")
DOES = ("sees", "likes", "paints", "forgets")
WHAT = ("a red house", "the sea", "some bread", "the long road")
ITEMS = [Text(f"{who} {does} {what}", who.split()[-1], {"words": float(len(what.split()))})
         for who, does, what in product(WHO, DOES, WHAT)]  # fmt: skip
TINY = TextSettings(width=32, latent=24, smooth=0.1, epochs=160, vocabulary=40, cache="none",
                    codec="exact")  # fmt: skip
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def codec():
    return fit(ITEMS, TINY, Fitting())


def test_texts_are_written_again_from_their_latents(codec):
    batch = codec.encode(ITEMS, RNG)
    assert batch.x.shape == (80, 24)
    assert batch.c.shape == (80, 6)
    again = codec.decode(batch, range(80))
    same = np.mean([a.text == b.text for a, b in zip(again, ITEMS, strict=True)])
    assert same > 0.9
    assert [item.label for item in again] == [item.label for item in ITEMS]
    assert again[0].values == pytest.approx({"words": 3.0})


def test_latents_are_whitened_with_the_noise(codec):
    x = codec.prepare(codec.encode(ITEMS, RNG)).x
    assert x.mean().abs() < 0.1
    assert 0.8 < x.std() < 1.2


def test_a_text_does_not_depend_on_its_neighbours(codec):
    whole = codec.encode(ITEMS, RNG)
    assert torch.equal(codec.encode(ITEMS[3:9], RNG).x, whole.x[3:9])
    noise = torch.randn(40, 24, generator=torch.Generator().manual_seed(0))
    batch = Batch(noise, whole.c[:40])
    warm = TextCodec.load(codec.state(), TextSettings(**{**vars_of(TINY), "temperature": 1.0}))
    for one in (codec, warm):
        items = one.decode(batch, range(40))
        assert one.decode(batch[7:9], [7, 8]) == items[7:9]


def vars_of(settings):
    return {name: getattr(settings, name) for name in TextSettings.__dataclass_fields__}


def test_temperature_draws_by_the_seed(codec):
    hot = TextCodec.load(codec.state(), TextSettings(**{**vars_of(TINY), "temperature": 2.0}))
    batch = codec.encode(ITEMS[:1] * 30, RNG)
    drawn = [item.text for item in hot.decode(batch, range(30))]
    assert len(set(drawn)) > 5
    assert drawn == [item.text for item in hot.decode(batch, range(30))]
    assert len({item.text for item in codec.decode(batch, range(30))}) == 1


def test_the_state_gives_the_same_codec(codec):
    again = TextCodec.load(codec.state(), TINY)
    assert again.layout == codec.layout
    assert torch.equal(again.encode(ITEMS, RNG).x, codec.encode(ITEMS, RNG).x)
    noise = Batch(torch.randn(9, 24), codec.encode(ITEMS[:9], RNG).c)
    assert again.decode(noise, range(9)) == codec.decode(noise, range(9))


def test_texts_end_at_the_longest_and_use_known_tokens(codec):
    noise = torch.full((4, 24), float("nan"))
    noise[1:] = torch.randn(3, 24) * 1e9
    c = codec.encode(ITEMS[:4], RNG).c
    for item in codec.decode(Batch(noise, c), range(4)):
        assert len(rows_of([item], codec.tokenizer)[0]) <= 2 * codec.longest
        assert "\n" not in item.text
    known = {t for row in rows_of(ITEMS, codec.tokenizer) for t in row}
    assert set((~codec.barred).nonzero().flatten().tolist()) == known


def test_new_tokens_are_encoded(codec):
    assert torch.isfinite(codec.encode([Text("日本語 zebra!", "cat", {"words": 2})], RNG).x).all()


def test_the_health_is_measured(codec):
    found = {one.name: one for one in codec.health(ITEMS[:64], False, RNG)}
    assert found["reconstruction"].value > 0.9
    assert found["exact"].value > 0.8
    assert found["information"].value > 0.2
    assert not any(one.remedy for one in found.values())


def test_other_data_needs_what_the_run_is_conditioned_on(codec):
    plain = [Text("a dog sees the sea")]
    loose = codec.conform(plain, strict=False)
    assert "1 of 1 texts lack 'label'" in loose.warnings[0]
    assert codec.encode(plain, RNG).c.abs().sum() == 0
    with pytest.raises(GankitError, match="conditioned on 'label', which 1 of 1 texts lack"):
        codec.conform(plain, strict=True)
    with pytest.raises(GankitError, match="label 'fish': the run's data has no such class"):
        codec.conform([Text("a", "fish", {"words": 1})], strict=False)
    with pytest.raises(GankitError, match="single ones"):
        codec.conform([Text("a", "cat", {"words": 1}, "b")], strict=False)


def test_density_ratio_sees_what_is_written(codec):
    batch = codec.encode(ITEMS[:8], RNG)
    assert codec.density_ratio_input(batch) is batch
    seen = codec.density_ratio_input(batch, range(8)).x
    assert torch.allclose(seen[0], batch.x[0], atol=1e-3)


def test_pairs_are_encoded_together():
    pairs = [Text(item.text, pair=item.text.upper()) for item in ITEMS[:40]]
    found = fit(pairs, TINY, Fitting())
    again = found.decode(found.encode(pairs, RNG), range(40))
    assert np.mean([a.pair == b.pair for a, b in zip(again, pairs, strict=True)]) > 0.5
    assert found.form.paired
    with pytest.raises(GankitError, match="was trained on pairs"):
        found.conform(ITEMS[:2], strict=False)


def test_a_time_limit_ends_the_training_and_stopping_resumes_it(tmp_path):
    now = iter(range(10_000))
    limited = fit(ITEMS, TINY, Fitting(time_left=lambda: 30.0 - next(now) / 4))
    assert len(limited.decode(limited.encode(ITEMS[:3], RNG), range(3))) == 3
    calls = iter(range(10_000))
    settings = TextSettings(**{**vars_of(TINY), "cache": str(tmp_path), "epochs": 20.0})
    with pytest.raises(KeyboardInterrupt):
        fit(ITEMS, settings, Fitting(stopped=lambda: next(calls) > 10))
    resumed, whole = fit(ITEMS, settings, Fitting()), fit(
        ITEMS, TextSettings(**{**vars_of(settings), "cache": "none"}), Fitting()
    )  # fmt: skip
    assert torch.equal(resumed.encode(ITEMS, RNG).x, whole.encode(ITEMS, RNG).x)


def test_epochs_depend_on_the_size_of_the_data():
    from gankit.kit.autoencoders import Ragged

    few, many = Ragged([[5] * 10] * 100), Ragged([[5] * 10] * 50_000)
    assert epochs_of(0, few) > epochs_of(0, many)
    assert epochs_of(3, few) == 3


@pytest.mark.parametrize("exact", [False, True])
def test_padding_changes_nothing(exact):
    torch.manual_seed(0)
    network = Autoencoder(20, 4, 0, 16, 9, exact).double().eval()
    tokens = torch.tensor([[5, 6, END]])
    longer = torch.tensor([[5, 6, END, PAD, PAD]])
    assert torch.allclose(network.encode(tokens), network.encode(longer), atol=1e-12)


def test_numbers_choose_tokens_in_proportion():
    logits = torch.tensor([[0.0, -torch.inf, np.log(3.0)]]).expand(4, 3)
    u = torch.tensor([0.0, 0.2, 0.3, 0.999])
    assert chosen(logits, u, 1.0).tolist() == [0, 0, 2, 2]
    assert chosen(logits, u, 0.0).tolist() == [2, 2, 2, 2]
