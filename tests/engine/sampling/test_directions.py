"""SeFa against its closed form, with layers of every kind that meet the latent."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gankit.engine.sampling.directions import find_directions
from gankit.engine.sampling.sampler import Sampler
from gankit.errors import GankitError

DIM = 5


class Codec:
    layout = type("Layout", (), {"shape": (3,), "condition": None})()
    decode_batch_size = 8


class Scaled(nn.Module):
    """A linear layer whose weight is scaled when it runs (equalised learning rate)."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))

    def forward(self, x):
        return x @ self.weight.T * 3


class Embedded(nn.Module):
    """The latent beside something else, normalised or not."""

    def __init__(self, first, normalised=False):
        super().__init__()
        self.layer, self.first, self.normalised = nn.Linear(DIM + 2, 6), first, normalised

    def forward(self, z, c=None):
        z = z / z.norm(dim=1, keepdim=True) if self.normalised else z
        parts = [z, torch.ones(len(z), 2)]
        return self.layer(torch.cat(parts if self.first else parts[::-1], 1)).tanh()


class Deep(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, z, c=None):
        return self.layers(z)


def sampler(generator):
    return Sampler(generator, Codec(), DIM, torch.device("cpu"))


def expected(weight):
    """Eigenvectors of AᵀA are the right singular vectors of A."""
    _, s, v = torch.linalg.svd(weight.detach().double(), full_matrices=True)
    strengths = torch.zeros(DIM).double()
    strengths[: len(s)] = s.square() / s.square().sum()
    return v, strengths


def same_lines(a, b, count):
    return (a[:count].double() * b[:count]).sum(1).abs() > 1 - 1e-5


@pytest.mark.parametrize(
    ("make", "weight"),
    [
        (lambda: Deep(nn.Linear(DIM, 9), nn.ReLU(), nn.Linear(9, 3)), lambda g: g.layers[0].weight),
        (lambda: Deep(Scaled(DIM, 9), nn.Tanh()), lambda g: g.layers[0].weight),
        (lambda: Embedded(True), lambda g: g.layer.weight[:, :DIM]),
        (lambda: Embedded(False), lambda g: g.layer.weight[:, 2:]),
        (lambda: Embedded(True, True), lambda g: g.layer.weight[:, :DIM]),
        (
            lambda: Deep(nn.Unflatten(1, (DIM, 1, 1)), nn.ConvTranspose2d(DIM, 4, 4), nn.ReLU()),
            lambda g: g.layers[1].weight.flatten(1).T,
        ),
    ],
)
def test_the_closed_form(make, weight):
    torch.manual_seed(3)
    generator = make()
    found = find_directions(sampler(generator))
    vectors, strengths = expected(weight(generator))
    assert torch.allclose(found.strengths.double(), strengths, atol=1e-5)
    assert same_lines(found.vectors, vectors, min(DIM, len(weight(generator)))).all()
    assert torch.allclose(found.vectors @ found.vectors.T, torch.eye(DIM), atol=1e-5)
    largest = found.vectors.gather(1, found.vectors.abs().argmax(1, keepdim=True))
    assert (largest > 0).all()
    again = find_directions(sampler(generator))
    assert torch.equal(found.vectors, again.vectors)
    assert found[1].equal(found.vectors[0])
    for number in (0, DIM + 1):
        with pytest.raises(GankitError, match=f"direction {number}: out of range. Use 1, .*{DIM}"):
            found[number]


def test_all_layers_that_take_the_latent_count_equally():
    class Modulated(nn.Module):
        def __init__(self):
            super().__init__()
            self.styles = nn.ModuleList(nn.Linear(DIM, 4) for _ in range(3))

        def forward(self, z, c=None):
            return sum(style(z).sin() for style in self.styles)

    torch.manual_seed(0)
    generator = Modulated()
    with torch.no_grad():
        generator.styles[0].weight *= 100
    found = find_directions(sampler(generator))
    each = [w / w.norm() for w in (style.weight for style in generator.styles)]
    vectors, strengths = expected(torch.cat(each))
    assert len(found.layers) == 3
    assert torch.allclose(found.strengths.double(), strengths, atol=1e-5)
    assert same_lines(found.vectors, vectors, DIM).all()


def test_a_generator_without_such_a_layer_is_refused():
    class Lookup(nn.Module):
        def forward(self, z, c=None):
            return z.square()

    with pytest.raises(GankitError, match="no linear layer that takes the latent itself"):
        find_directions(sampler(Lookup()))
    with pytest.raises(GankitError, match="no linear layer"):
        find_directions(sampler(Deep(nn.Tanh(), nn.Linear(DIM, 3))))
