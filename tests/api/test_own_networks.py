"""Own networks in place of the plugin's: adapted, checked by shape, saved, loaded, resumed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import gankit
from gankit.cli import app
from gankit.errors import GankitError
from gankit.runs.model import read_tensors

SMALL = {
    "count": 200,
    "device": "cpu",
    "settings": {"train": {"samples": 128, "batch": 32, "threads": 1}, "checkpoint.every": 64},
}


def mlp(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 16), nn.LeakyReLU(0.2), nn.Linear(16, outputs))


class Conditional(nn.Module):
    """``(x, c)`` in one layer."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.body = mlp(inputs, outputs)

    def forward(self, x, c):
        return self.body(torch.cat([x, c], 1))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    torch.manual_seed(0)
    G, D = mlp(5, 2), mlp(2, 1)
    out = tmp_path_factory.mktemp("own") / "run"
    return gankit.fit("toy/ring8", out=out, networks=(G, D), **SMALL), G, D


def test_the_modules_of_the_caller_stay_as_they_are(trained):
    run, G, _ = trained
    assert run.model["latent_dim"] == 5
    assert run.model["networks"]["generator"] == "torch.nn.modules.container.Sequential"
    assert not torch.equal(G[0].weight, run.generator().module[0].weight)
    assert all(p.requires_grad and p.grad is None for p in G.parameters())


def test_the_networks_are_needed_to_load_and_say_so(trained):
    run, G, D = trained
    again = gankit.load(run.path, networks=(G, D))
    assert again.sample(5) == run.sample(5)
    assert len(again.evaluate(n=20, only=["frechet"]).scores) == 1
    with pytest.raises(GankitError, match=r"networks of your own \(torch.nn.*networks=\(G, D\)"):
        gankit.load(run.path).sample(2)
    with pytest.raises(GankitError, match="weights of other networks: .* tensors differ, e.g. "):
        gankit.load(run.path, networks=(nn.Sequential(nn.Linear(5, 2)), D)).sample(2)
    with pytest.raises(GankitError, match="takes a latent of width 7, the one .* took 5"):
        gankit.load(run.path, networks=(mlp(7, 2), D)).sample(2)


def test_the_command_line_says_how(trained):
    found = CliRunner().invoke(app, ["generate", str(trained[0].path), "-n", "2"])
    assert isinstance(found.exception, GankitError)
    assert "gankit.load" in found.exception.hint


def test_resuming_is_exact_and_needs_the_networks(trained, tmp_path):
    whole, G, D = trained
    half = {**SMALL, "out": tmp_path / "run"}
    half["settings"] = {**SMALL["settings"], "train": {**SMALL["settings"]["train"], "samples": 64}}
    gankit.fit("toy/ring8", networks=(G, D), **half)
    with pytest.raises(GankitError, match="networks of your own"):
        gankit.fit("toy/ring8", **{**SMALL, "out": tmp_path / "run"})
    rest = gankit.fit("toy/ring8", networks=(G, D), **{**SMALL, "out": tmp_path / "run"})
    a, b = (read_tensors(r.path / "model" / "generator.safetensors") for r in (whole, rest))
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_a_function_of_the_codec_builds_them_from_the_seed(tmp_path):
    def build(codec):
        (width,) = codec.layout.shape
        return gankit.Networks(mlp(3, width), mlp(width, 1), 3)

    runs = [gankit.fit("toy/ring8", out=tmp_path / n, networks=build, **SMALL) for n in "ab"]
    assert runs[0].sample(3) == runs[1].sample(3)


def test_a_likelihood_and_a_term_of_ones_own_are_trained(tmp_path):
    class Likely(nn.Module):
        latent_dim = 3

        def __init__(self):
            super().__init__()
            self.body = mlp(3, 2)

        def forward(self, z):
            return self.body(z)

        def nll(self, x, c):
            return (x - self.body(x.new_zeros(len(x), 3))).square().sum(1)

    G = Likely()
    given = gankit.Networks(
        *(G, mlp(2, 1), 3),
        likelihood=G.nll,
        generator_terms={"size": lambda fake, c: fake.square().mean()},
    )
    settings = {**SMALL["settings"], "train": {**SMALL["settings"]["train"], "warm_up": 64}}
    settings["log.every"] = 32
    small = {**SMALL, "settings": settings}
    run = gankit.fit("toy/ring8", out=tmp_path / "run", networks=given, **small)
    frame = run.metrics().to_dataframe()
    assert frame["nll"].notna().any()
    assert frame["size"].notna().any()
    assert not torch.equal(G.body[0].weight, run.generator().module.body[0].weight)
    again = gankit.load(run.path, networks=lambda codec: given)
    assert again.sample(2) == run.sample(2)


def test_conditions_reach_networks_that_take_them(tmp_path):
    pair = Conditional(4 + 8, 2), Conditional(2 + 8, 1)
    run = gankit.fit("toy/ring8", out=tmp_path / "run", networks=pair, conditional=True, **SMALL)
    assert run.model["latent_dim"] == 4
    assert {point.label for point in run.sample(3, where={"label": 2})} == {"2"}


class Wide(nn.Module):
    latent_dim = 4

    def forward(self, z):
        return z.new_zeros(len(z), 3, 64, 64) + z.sum()


@pytest.mark.parametrize(
    ("networks", "message"),
    [
        ((Wide(), mlp(2, 1)), r"the generator gives \(N, 3, 64, 64\), the data are \(N, 2\)"),
        ((mlp(4, 2), mlp(3, 1)), r"the discriminator cannot take \(N, 2\): mat1 and mat2 shapes"),
        ((mlp(4, 2), nn.Flatten(0)), r"the discriminator gives \(N,\) for \(N, 2\)"),
        ((mlp(4, 2), nn.Sequential(mlp(2, 1), nn.Sigmoid())), "ends in Sigmoid; the losses take"),
        ((nn.ReLU(), mlp(2, 1)), "the width of the latent of ReLU is not known"),
        ((mlp(4, 2),), "networks is tuple, no pair of networks"),
        ((mlp(4, 2), "D"), "the discriminator is str, no torch module"),
    ],
)
def test_networks_that_do_not_fit(tmp_path, networks, message):
    with pytest.raises(GankitError, match=message):
        gankit.fit("toy/ring8", out=tmp_path / "run", networks=networks, **SMALL)
    assert not (tmp_path / "run" / "model").exists()


def test_networks_without_conditions_for_data_with_them(tmp_path):
    with pytest.raises(GankitError, match=r"the generator Sequential takes no conditions"):
        gankit.fit(
            "toy/ring8",
            out=tmp_path / "run",
            networks=(mlp(4, 2), mlp(2, 1)),
            conditional=True,
            **SMALL,
        )


def test_convolutions_as_in_the_tutorial(tmp_path):
    """A plain stack from (N, z, 1, 1), batch norm in both, and logits of (N, 1, 1, 1)."""
    G = nn.Sequential(
        *(nn.ConvTranspose2d(6, 8, 4), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.ConvTranspose2d(8, 1, 2, 2), nn.Tanh()),
    )
    D = nn.Sequential(
        *(nn.Conv2d(1, 8, 2, 2), nn.BatchNorm2d(8), nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 4))
    )
    pixels = np.random.default_rng(0).integers(0, 256, (100, 8, 8), np.uint8)
    small = {**SMALL, "extractors": ["random-conv"]}
    del small["count"]
    run = gankit.fit("image/small-data", pixels, out=tmp_path / "run", networks=(G, D), **small)
    assert run.sample(3).to_numpy().shape == (3, 8, 8, 1)
    assert run.sample(3).to_torch().shape == (3, 1, 8, 8)
    assert run.sample(1).to_pil()[0].size == (8, 8)
