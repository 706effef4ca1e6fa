from __future__ import annotations

import numpy as np
import pytest
import torch

from gankit.contract import Fitting
from gankit.errors import GankitError
from gankit_text.codec.direct import DirectCodec, fit
from gankit_text.data.items import Text
from gankit_text.networks.direct import build_networks
from gankit_text.settings import TextSettings

SETTINGS = TextSettings(model="direct", width=16, units=16, vocabulary=20, cache="none")
ITEMS = [Text(f"the {a} {b}", b) for a in ("red", "blue", "old") for b in ("cat", "dog")] * 5


@pytest.fixture(scope="module")
def codec():
    return fit(ITEMS, SETTINGS, Fitting())


@pytest.fixture
def networks(codec):
    torch.manual_seed(0)
    return build_networks(codec, SETTINGS)


def prepared(codec, items=ITEMS):
    return codec.prepare(codec.encode(items, np.random.default_rng(0)))


def test_decoding_inverts_encoding(codec):
    assert codec.decode(prepared(codec), range(len(ITEMS))) == ITEMS
    again = DirectCodec.load(codec.state(), SETTINGS)
    assert again.decode(prepared(again), range(len(ITEMS))) == ITEMS
    assert (again.log_frequency == codec.log_frequency).all()


def test_pairs_come_back_as_pairs():
    pairs = [Text("yes", pair="ja"), Text("no", pair="nein")] * 3
    codec = fit(pairs, SETTINGS, Fitting())
    assert codec.decode(prepared(codec, pairs), range(6)) == pairs


def test_longer_texts_are_cut_where_they_are_scored_and_large_layouts_refused(codec):
    long = Text("z" * 60, "cat")
    (warning,) = codec.conform([long, ITEMS[0]], False).warnings
    assert warning.startswith("1 texts have more than")
    (cut,) = codec.decode(prepared(codec, [long]), [0])
    assert long.text.startswith(cut.text)
    assert not codec.conform(ITEMS, True).warnings
    with pytest.raises(GankitError, match="too large"):
        fit([Text("x " * 3000)] * 5, SETTINGS, Fitting())


def test_texts_are_one_hot_and_end_once(codec, networks):
    c = prepared(codec).c
    x = networks.generator.eval()(torch.randn(30, networks.latent_dim), c)
    assert ((x == 0) | (x == 1)).all()
    assert (x.sum(2) == 1).all()
    ended = x[:, :, 0].bool()
    assert (ended[:, 1:] >= ended[:, :-1]).all()


def test_likelihood_is_that_of_what_is_drawn(codec, networks):
    """The share of a text among samples is its probability."""
    generator = networks.generator.eval()
    c = prepared(codec).c[:1]
    with torch.no_grad():
        # One token is drawn of the first state; of 4,000 texts, count each first code.
        x = generator(torch.randn(4000, networks.latent_dim), c.expand(4000, -1))
        shares = x[:, 0].mean(0)
        ended = torch.zeros(1, *codec.layout.shape)
        ended[..., 0] = 1
        assert shares[0] == 0  # no text is empty
        total = 0.0
        for code in range(1, codec.layout.shape[1]):
            row = ended.clone()
            row[0, 0] = 0
            row[0, 0, code] = 1
            ends = torch.tensor([float(-generator.nll(row, c))]).exp()
            drawn = (x[:, 0, code] == 1) & (x[:, 1, 0] == 1)
            total += abs(float(drawn.float().mean()) - float(ends))
        assert total < 0.1


def test_gradients_pass_through_drawn_tokens(codec, networks):
    c = prepared(codec).c[:8]
    generator, reader = networks.generator.train(), networks.discriminator
    x = generator(torch.randn(8, networks.latent_dim), c)
    reader(x, c).sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in generator.parameters())
    assert generator.embedding.grad.abs().sum() > 0


def test_the_discriminator_has_second_derivatives(codec, networks):
    batch = prepared(codec)
    x = batch.x.requires_grad_()
    (slope,) = torch.autograd.grad(networks.discriminator(x, batch.c).sum(), x, create_graph=True)
    slope.square().sum().backward()
    grads = [p.grad for p in networks.discriminator.weights]
    assert all(g is not None and g.abs().sum() > 0 for g in grads)


def test_maximum_likelihood_learns_the_texts(codec, networks):
    batch, generator = prepared(codec), networks.generator.train()
    optimiser = torch.optim.Adam(generator.parameters(), lr=0.01)
    first = float(generator.nll(batch.x, batch.c).mean().detach())
    for _ in range(60):
        optimiser.zero_grad()
        loss = generator.nll(batch.x, batch.c).mean()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.6 * first


def test_gradients_of_single_samples_are_those_of_a_batch(codec, networks):
    """Private training computes them by torch.func, where no shape may depend on the texts."""
    generator, batch = networks.generator.eval(), prepared(codec, ITEMS[:4])
    params = dict(generator.named_parameters())

    def loss(params, x, c):
        class Likelihood(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.generator = generator

            def forward(self, x, c):
                return self.generator.nll(x, c).sum()

        named = {f"generator.{name}": value for name, value in params.items()}
        return torch.func.functional_call(Likelihood(), named, (x, c))

    each = torch.func.vmap(torch.func.grad(loss), (None, 0, 0))(
        params, batch.x[:, None], batch.c[:, None]
    )
    generator.nll(batch.x, batch.c).sum().backward()
    for name, parameter in params.items():
        torch.testing.assert_close(each[name].sum(0), parameter.grad, rtol=1e-3, atol=1e-4)


def test_features_for_the_guard_are_few_and_see_the_order(codec):
    one, other, again = (
        codec.comparable(prepared(codec, [Text(text, "cat")]))
        for text in ("the red cat", "cat red the", "the red cat")
    )
    assert one.shape == (1, 128)
    assert (one == again).all()
    assert (one - other).norm() > 0.1
