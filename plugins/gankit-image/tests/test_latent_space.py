"""Latent space tools on pictures, from the command line and from Python."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import gankit
from gankit.errors import GankitError

FEW = ["--steps", 3, "--seeds", 16, "--starts", 2]


def picture(path, size=(12, 12), mode="RGB", seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two classes of 12×12 pictures; mirrored, so that targets must not be."""
    home = tmp_path_factory.mktemp("latent")
    for label in ("cat", "dog"):
        (home / "photos" / label).mkdir(parents=True)
        for i in range(12):
            picture(home / "photos" / label / f"{i}.png", seed=i)
    settings = {"train__samples": 32, "train__batch": 8, "train__threads": 1, "width": [16]}
    return gankit.fit(
        "image/textbook", home / "photos", out=home / "run", mirror=True, log__verdict=0, **settings
    )


def fine(done):
    assert done.returncode == 0, done.stderr
    return done


def test_a_film_between_seeds(gankit_here, run, tmp_path):
    fine(gankit_here("generate", run.path, "--between", "3:9:4", "--film", "w.gif", "-n", 6))
    with Image.open(tmp_path / "w.gif") as film:
        assert (film.n_frames, film.size) == (6, (252, 252))
        assert "between seeds 3, 9 and 4" in film.info["comment"].decode()
        assert "trainedAlgorithmicMedia" in film.info["comment"].decode()
    record = json.loads((tmp_path / "w.gif.provenance.json").read_text())
    assert (record["between"], record["count"], record["fps"]) == ([3, 9, 4], 6, 12)
    again = gankit_here("generate", run.path, "--between", "3:9", "--film", "w.gif", "-n", 3)
    assert "exists already" in again.stderr
    fine(gankit_here("generate", run.path, "--along", "2:-3..3", "--film", "w.webp", "-n", 5))
    with Image.open(tmp_path / "w.webp") as film:
        assert film.n_frames == 5


def test_truncation_is_recorded_and_in_the_files(gankit_here, run, tmp_path):
    done = fine(gankit_here("generate", run.path, "truncation=0.5", "-n", 2, "--out", "a"))
    assert "seeds 0 to 1, truncation 0.5" in done.stderr
    fine(gankit_here("generate", run.path, "--psi", 0.5, "-n", 2, "--out", "b"))
    (one, two), record = (
        [sorted((tmp_path / name).rglob("*.png")) for name in "ab"],
        json.loads((tmp_path / "a" / "provenance.json").read_text()),
    )
    assert record["truncation"] == 0.5
    for left, right in zip(one, two, strict=True):
        with Image.open(left) as a, Image.open(right) as b:
            assert np.array_equal(a, b)
            assert a.text["Source"].endswith("truncation 0.5")
    plain, whole = run.sample(3, truncation=1).to_numpy(), run.sample(3).to_numpy()
    assert np.array_equal(plain, whole)
    assert not np.array_equal(run.sample(3, truncation=0.2).to_numpy(), whole)
    made = run.save(run.sample(2, truncation=0.5), tmp_path / "c")
    assert made.record["truncation"] == 0.5


def test_a_picture_is_projected(gankit_here, run, tmp_path):
    """Of another size and mode; what is written is of use for generating."""
    picture(tmp_path / "photo.png", (40, 30), "RGBA")
    done = fine(gankit_here("project", run.path, "photo.png", *FEW, "--out", "found"))
    assert "The images are 40×30 RGBA, and become 12×12 RGB as the run's are" in done.stderr
    assert re.search(r"photo\.png: label=(cat|dog) mean squared error .* PSNR", done.stderr)
    names = {path.name for path in (tmp_path / "found").iterdir()}
    assert names == {
        *("items", "latents.safetensors", "projection.json", "provenance.json"),
        *("sheet.html", "sheet.png", "way.gif"),
    }
    (item,) = json.loads((tmp_path / "found" / "projection.json").read_text())["items"]
    assert item["mse"] <= item["start_mse"]
    assert 0 < item["psnr"] < 60
    latents = "found/latents.safetensors"
    fine(gankit_here("generate", run.path, "--latent", latents, "--out", "same"))
    (same,) = (tmp_path / "same").rglob("*.png")
    (reconstruction,) = (tmp_path / "found" / "items").rglob("*.png")
    with Image.open(same) as a, Image.open(reconstruction) as b:
        assert np.array_equal(a, b)
        assert "projection" in b.text["Source"]
    way = ["--between", f"{latents}:7", "-n", 3, "--out", "way"]
    done = fine(gankit_here("generate", run.path, *way))
    assert "between latent latents.safetensors and 7" in done.stderr


def test_several_pictures_and_their_own_conditions(run, tmp_path):
    folder = tmp_path / "new"
    for label in ("dog", "cat"):
        (folder / label).mkdir(parents=True)
        picture(folder / label / "0.png")
    found = run.project(folder, seeds=16, starts=2, steps=1)
    assert [one.condition["label"] for one in found] == ["cat", "dog"]
    asked = run.project(folder, where={"label": "cat"}, n=1, seeds=16, starts=2, steps=1)
    assert [one.condition["label"] for one in asked] == ["cat"]
    assert len(run.sample(4, between=(asked, 7))) == 4
    assert len(run.sample(latent=found[1])) == 1
    with pytest.raises(GankitError, match="2 items were projected. Choose one"):
        found.latent  # noqa: B018


def test_a_generated_picture_is_found_again(run):
    (item,) = run.sample(1, seed=5)
    (found,) = run.project(item, seeds=16, starts=1, steps=2)
    assert (found.start_seed, found.error) == (5, 0)
    assert np.array_equal(found.item.pixels, item.pixels)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.png", "gone.png: no such file or folder"),
        ("text.png", "text.png: not an image"),
        ("empty", "empty: the folder is empty"),
    ],
)
def test_what_cannot_be_projected(gankit_here, run, tmp_path, name, message):
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty").mkdir()
    done = gankit_here("project", run.path, name, "--out", "out")
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "out").exists()


def test_directions_have_a_sheet(gankit_here, run, tmp_path):
    words = ["-n", 2, "--seeds", 1, "--steps", 3, "--out", "found"]
    done = fine(gankit_here("directions", run.path, *words))
    assert "from layers.0" in done.stderr
    record = json.loads((tmp_path / "found" / "provenance.json").read_text())
    assert (record["count"], record["layers"]) == (6, ["layers.0"])
    page = (tmp_path / "found" / "sheet.html").read_text()
    assert page.count("<img") == 6
    assert "trainedAlgorithmicMedia" in page
    with Image.open(tmp_path / "found" / "sheet.png") as sheet:
        assert "DigitalSourceType" in sheet.text
    vectors = run.directions().vectors
    z = run.sampler("cpu").latents([4])
    moved = run.sampler("cpu").generate(z + 2 * vectors[0], torch.eye(2)[:1]).x
    walk = run.sample(along=(1, -2, 2), n=3, seed=4, where={"label": "cat"}, device="cpu")
    expected = run.codec.decode(run.sampler("cpu").generate(z, torch.eye(2)[:1]), [4])
    assert np.array_equal(walk[1].pixels, expected[0].pixels)
    assert torch.allclose(run.codec.encode_targets([walk[2]]), moved.clamp(-1, 1), atol=0.01)


def test_latents_of_another_run_are_doubted_or_refused(gankit_here, run, tmp_path):
    from safetensors.torch import save_file

    z, c = torch.zeros(1, run.model["latent_dim"]), torch.eye(2)[:1]
    save_file({"z": z, "c": c}, tmp_path / "other.safetensors", {"generator": "another"})
    done = fine(gankit_here("generate", run.path, "--latent", "other.safetensors", "--out", "o"))
    assert "was found with another generator" in done.stderr
    for tensors, message in (
        ({"z": torch.zeros(1, 3)}, "holds latents of width 3"),
        ({"z": z, "c": torch.zeros(1, 5)}, "with conditions of width 5"),
        ({"weights": z}, "holds no latents"),
        ({"z": z * torch.nan}, "are not finite"),
    ):
        save_file(tensors, tmp_path / "bad.safetensors")
        done = gankit_here("generate", run.path, "--latent", "bad.safetensors", "--out", "bad")
        assert done.returncode == 2
        assert message in done.stderr
        assert not (tmp_path / "bad").exists()


class Staged(nn.Module):
    """The mean of the image from the first stage, its last row from the last."""

    stages = 4

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, z):
        z = z[:, None].expand(-1, self.stages, -1) if z.ndim == 2 else z
        x = (z[:, 0, 0] * self.scale)[:, None, None, None].expand(-1, 3, 12, 12).clone()
        x[:, :, -1] = (z[:, -1, 0])[:, None, None]
        return x.tanh()


def test_styles_are_mixed_on_a_sheet(run, tmp_path):
    D = nn.Sequential(nn.Flatten(), nn.Linear(432, 1))
    networks = gankit.Networks(Staged(), D, 5)
    settings = {"train__samples": 8, "train__batch": 8, "log__verdict": 0, "log__preview_count": 1}
    source = run.table["run"]["data"]
    some = gankit.fit(
        *("image/textbook", source),
        networks=networks,
        out=tmp_path / "r",
        conditional=False,
        **settings,
    )
    made = some.generate(tmp_path / "mixed", mix=([3, 4], [7, 8, 9]))
    assert made.record["mix"] == {"coarse": [3, 4], "fine": [7, 8, 9]}
    assert made.record["count"] == 6
    page = (made.path / "mix.html").read_text()
    assert page.count("<img") == 2 * 3 + 2 + 3
    assert (made.path / "mix.png").is_file()
    mixed = some.sample(mix=([3], [7], 1)).to_numpy()[0]
    coarse, fine_ = (some.sample(1, seed=seed).to_numpy()[0] for seed in (3, 7))
    assert np.array_equal(mixed[0], coarse[0])
    assert np.array_equal(mixed[-1], fine_[-1])
    with pytest.raises(GankitError, match="Style mixing needs a generator with stages"):
        run.sample(mix=(3, 7))
