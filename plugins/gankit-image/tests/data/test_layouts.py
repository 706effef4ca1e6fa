"""Layouts of image data sets as people bring them: sidecars, splits, archives, strays."""

from __future__ import annotations

import contextlib
import io
import json
import random
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from image_files import fill, labels, noise, png, read

from gankit.contract import Dataset
from gankit.errors import GankitError
from gankit.kit.own_output import GENERATED, OF_A_RUN
from gankit_image.data.classes import NO_LABEL
from gankit_image.data.images import Image

SHARED = Path(__file__).parents[4].parent / "shared" / "data"


def picture(seed: int) -> bytes:
    return png(noise(8, 8, 3, seed=seed))


def put(root: Path, files: dict[str, bytes | str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def packed(root: Path, kind: str) -> Path:
    """The folder as it is, or in an archive."""
    files = [file for file in sorted(root.rglob("*")) if file.is_file()]
    path = root.with_name(f"{root.name}.{kind}")
    if kind == "folder":
        return root
    if kind == "windows.zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                archive.writestr(str(file.relative_to(root)).replace("/", "\\"), file.read_bytes())
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                archive.write(file, file.relative_to(root))
    else:
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as tar:
            tar.add(root, ".")
    return path


KINDS = ["folder", "zip", "windows.zip", "tar", "tar.gz"]


def reasons(source: Dataset[Image]) -> dict[str, int]:
    return dict(Counter(issue.reason for issue in source.issues))


def names(count: int = 16) -> list[str]:
    """StyleGAN's names: folders of which each has some files, and which are no classes."""
    return [f"{i // 8:05}/img{i:08}.png" for i in range(count)]


# --- Tables of labels -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_stylegan_labels(tmp_path: Path, kind: str) -> None:
    root = fill(tmp_path / "data", names())
    put(root, {"dataset.json": json.dumps({"labels": [[n, i % 4] for i, n in enumerate(names())]})})
    source = read(packed(root, kind))
    assert sorted(map(str, labels(source))) == sorted("0123" * 4)
    assert source.facts["labels"] == "4 classes, from dataset.json, column label"
    assert source.table == [{"class": c, "images": "4"} for c in "0123"]
    assert source.strata == labels(source)


@pytest.mark.parametrize("text", ['{"labels": null}', '{"labels": []}'])
def test_stylegan_without_labels_has_no_classes(tmp_path: Path, text: str) -> None:
    source = read(put(fill(tmp_path / "data", names()), {"dataset.json": text}))
    assert set(labels(source)) == {None}
    assert "says that there are no labels" in source.facts["labels"]
    assert source.strata is None


def test_stylegan_vectors(tmp_path: Path) -> None:
    vectors = [[n, [i / 10, 1]] for i, n in enumerate(names())]
    root = put(fill(tmp_path / "data", names()), {"dataset.json": json.dumps({"labels": vectors})})
    source = read(root)
    assert [json.loads(label or "") for label in labels(source)] == [v for _, v in vectors]
    assert source.facts["labels"].startswith("2 numbers each from 0 to 1.5, from dataset.json")
    assert not source.table


HEAD = "file_name,label\n"


@pytest.mark.parametrize(
    ("table", "content"),
    [
        ("metadata.csv", HEAD + "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(10))),
        ("metadata.csv", HEAD + "".join(f"./{i}.png,{'ab'[i % 2]}\n" for i in range(10))),
        ("metadata.csv", HEAD + "".join(f".\\{i}.PNG,{'ab'[i % 2]}\n" for i in range(10))),
        ("labels.csv", "id;Class\n" + "".join(f"{i};{'ab'[i % 2]}\n" for i in range(10))),
        ("metadata.jsonl", "\n".join(json.dumps({"file_name": f"sub\\..\\{i}.png", "label":
                                                 "ab"[i % 2]}) for i in range(10))),
    ],
)  # fmt: skip
def test_tables_of_hugging_face(tmp_path: Path, table: str, content: str) -> None:
    root = put(fill(tmp_path / "data", [f"{i}.png" for i in range(10)]), {table: content})
    assert labels(read(root)) == list("ab" * 5)
    assert table in read(root).facts["labels"]


def test_a_table_in_the_folder_of_a_split(tmp_path: Path) -> None:
    files = [f"{split}/{i}.png" for split in ("train", "test") for i in range(10)]
    root = fill(tmp_path / "data", files)
    put(root, {"train/metadata.csv": HEAD + "".join(f"{i}.png,{i % 2}\n" for i in range(10))})
    put(root, {"test/metadata.csv": HEAD + "".join(f"{i}.png,test\n" for i in range(10))})
    source = read(root)
    assert labels(source) == list("01" * 5)
    assert source.facts["split"] == "train; test (10 files) left out"
    assert set(labels(read(root, split="test"))) == {"test"}
    assert len(read(root, split="all").items) == 20
    with pytest.raises(GankitError, match="no split 'val'"):
        read(root, split="val")


def test_a_table_with_a_column_of_splits(tmp_path: Path) -> None:
    rows = "".join(f"{i}.png,{i % 2},{'test' if i > 9 else 'train'}\n" for i in range(14))
    root = fill(tmp_path / "data", [f"{i}.png" for i in range(14)])
    put(root, {"metadata.csv": "file_name,label,split\n" + rows})
    source = read(root)
    assert len(source.items) == 10
    assert source.facts["split"] == "train (column split); test (4 files) left out"


def test_what_a_table_lacks_is_said(tmp_path: Path) -> None:
    root = fill(tmp_path / "data", [f"{i}.png" for i in range(12)])
    put(root, {"metadata.csv": HEAD + "".join(f"{i}.png,{i % 2}\n" for i in range(2, 15))})
    source = read(root)
    assert len(source.items) == 10
    assert reasons(source) == {NO_LABEL: 2, "listed in metadata.csv, but not there": 3}
    with pytest.raises(GankitError, match=r"12\.png: listed in metadata\.csv, but not there"):
        read(root, strict=True)
    with pytest.raises(GankitError, match="label_key=colour.* no such column; it has label"):
        read(root, label_key="colour")
    (root / "metadata.csv").write_text("file_name,text\n0.png,a cat\n")
    assert "has no column of labels (it has text): set label_key" in " ".join(read(root).warnings)


# --- Splits and strays ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_splits_are_never_classes(tmp_path: Path, kind: str) -> None:
    files = [f"{split}/{c}/{i}.png" for split in ("train", "val") for c in "ab" for i in range(6)]
    root = fill(tmp_path / "data", [*files, "annotations/1.png"])
    source = read(packed(root, kind))
    assert sorted(set(map(str, labels(source)))) == ["a", "b"]
    assert len(source.items) == 12
    assert source.facts["split"] == "train; annotations (1 file), val (12 files) left out" or (
        source.facts["split"] == "train; val (12 files), annotations (1 file) left out"
    )


@pytest.mark.parametrize(
    "tables",
    [["default/train/0000.parquet", "default/test/0000.parquet"],
     ["data/train-00000-of-00001.parquet", "data/validation-00000-of-00001.parquet"],
     ["train.parquet", "test.parquet"], ["train/a.parquet", "unlabeled/a.parquet"]],
)  # fmt: skip
def test_splits_of_parquet_files(tmp_path: Path, tables: list[str]) -> None:
    for at, name in enumerate(tables):
        images = [{"bytes": picture(10 * at + i), "path": None} for i in range(8 + at)]
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"image": images, "label": ["x", "y"] * 4 + ["z"] * at}),
                       tmp_path / name)  # fmt: skip
    source = read(tmp_path)
    assert len(source.items) == 8
    assert "left out" in source.facts["split"]
    assert len(read(tmp_path, split="all").items) == 17


def test_a_split_column_in_parquet(tmp_path: Path) -> None:
    images = [picture(i) for i in range(12)]
    pq.write_table(
        pa.table({"image": images, "label": ["x"] * 12, "split": ["train"] * 9 + ["test"] * 3}),
        tmp_path / "a.parquet",
    )
    source = read(tmp_path / "a.parquet")
    assert len(source.items) == 9
    assert source.facts["split"] == "train (column split); test (3 rows) left out"


@pytest.mark.parametrize("kind", KINDS)
def test_a_stray_picture_does_not_cost_the_classes(tmp_path: Path, kind: str) -> None:
    root = fill(tmp_path / "data", [*(f"{c}/{i}.png" for c in "ab" for i in range(6)), "x.png"])
    source = read(packed(root, kind))
    assert sorted(map(str, labels(source))) == list("a" * 6 + "b" * 6)
    assert reasons(source) == {NO_LABEL: 1}
    assert "1 image has no label and is left out" in source.warnings[0]
    everything = read(root, conditional=False)
    assert len(everything.items) == 13
    assert set(labels(everything)) == {None}


def test_many_images_without_a_label_are_kept_and_the_labels_ignored(tmp_path: Path) -> None:
    files = [*(f"{c}/{i}.png" for c in "ab" for i in range(6)), *(f"{i}.png" for i in range(6))]
    source = read(fill(tmp_path, files))
    assert set(labels(source)) == {None}
    assert "set conditional=true to leave these out" in source.warnings[0]
    assert len(read(tmp_path, conditional=True).items) == 12


def test_doubts_about_classes(tmp_path: Path) -> None:
    files = [*(f"Cat/{i}.png" for i in range(9)), *(f"cat/{i}.png" for i in range(3)), "dog/1.png"]
    warnings = read(fill(tmp_path, files)).warnings
    assert "1 class has 1 image (dog): add images, or remove the folder or label" in warnings
    assert "The classes Cat and cat differ only in upper case or spaces: rename one" in warnings
    assert "Every image has a label of its own" in " ".join(
        read((noise(9, 8, 8), [f"name{i}" for i in range(9)])).warnings
    )


def test_copies_are_counted(tmp_path: Path) -> None:
    root = fill(tmp_path, [f"{c}/{i}.png" for c in "ab" for i in range(6)])
    for name in ("a/7.png", "b/8.png"):
        (root / name).write_bytes((root / "a" / "0.png").read_bytes())
    source = read(root)
    assert source.facts["duplicates"] == "2 images are exact copies of others"
    assert any("1 image is an exact copy of one in another class" in w for w in source.warnings)
    assert "duplicates" in read((noise(1, 8, 8).repeat(8, 0), list("ab" * 4))).facts


def test_files_that_are_not_read_are_counted_by_ending(tmp_path: Path) -> None:
    root = fill(tmp_path, [f"{i}.png" for i in range(12)])
    put(root, {**{f"{i}.psd": b"8BPS" for i in range(20)}, "notes.txt": b""})
    source = read(root)
    assert source.facts["other files"] == "20 .psd, 1 .txt: not read"
    assert any("20 .psd files are not read, only 12 others" in w for w in source.warnings)
    for i in range(12):
        (root / f"{i}.png").unlink()
    with pytest.raises(GankitError, match=r"no images found in .* \(20 \.psd, 1 \.txt\)\. Convert"):
        read(root)


# --- gankit's own output --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_own_output_below_the_data_is_left_out(tmp_path: Path, kind: str) -> None:
    root = fill(tmp_path / "data", [f"{c}/{i}.png" for c in "ab" for i in range(6)])
    put(root, {
        "runs/x/run.toml": '[run]\nplugin = "image"\n', "runs/x/previews/1.png": picture(90),
        "made/provenance.json": '{"generated": true}', "made/a/1.png": picture(91),
        "b/grid.png": picture(92), "b/grid.png.provenance.json": '{"generated": true}',
        "b/moved.png": png_marked(93),
    })  # fmt: skip
    source = read(packed(root, kind))
    assert sorted(map(str, labels(source))) == list("a" * 6 + "b" * 6)
    assert reasons(source) == {OF_A_RUN: 1, GENERATED: 3}


def png_marked(seed: int) -> bytes:
    import PIL.Image

    from gankit.kit.pictures import png as marked
    from gankit.kit.pictures import synthetic

    return marked(PIL.Image.fromarray(noise(8, 8, 3, seed=seed)), synthetic())


def test_generated_data_that_was_given_itself_is_read_with_a_warning(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {f"{i}.png": png_marked(i) for i in range(8)}
    put(tmp_path / "bare", files)
    put(tmp_path / "made", {**files, "provenance.json": '{"generated": true}'})
    pq.write_table(pa.table({"image": [picture(i) for i in range(8)]}), tmp_path / "a.parquet")
    put(tmp_path, {"a.parquet.provenance.json": '{"generated": true}'})
    for name in ("bare", "made", "a.parquet"):
        source = read(tmp_path / name)
        assert len(source.items) == 8
        assert "was generated by gankit" in source.warnings[0]
        assert not source.issues
    put(tmp_path / "run", {"run.toml": '[run]\nplugin = "image"\n', "previews/1.png": picture(1)})
    with pytest.raises(GankitError, match="a run of gankit, not a data set"):
        read(tmp_path / "run")


# --- WebDataset -----------------------------------------------------------------------------------


def shard(path: Path, samples: range, label: str = "cls") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for i in samples:
            about = json.dumps({"label": f"c{i % 3}", "caption": "a thing"})
            files = {"png": picture(i), "seg.png": picture(1000 + i), "txt": b"a thing"}
            files |= {"cls": str(i % 3).encode()} if label == "cls" else {"json": about.encode()}
            for ending, content in files.items():
                info = tarfile.TarInfo(f"{i:06}.{ending}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize(("label", "classes"), [("cls", "012"), ("json", ("c0", "c1", "c2"))])
def test_webdataset_shards(tmp_path: Path, label: str, classes: str | tuple[str, ...]) -> None:
    for i in range(3):
        shard(tmp_path / f"shard-{i:06}.tar", range(4 * i, 4 * i + 4), label)
    source = read(tmp_path)
    assert labels(source) == [classes[i % 3] for i in range(12)]
    assert "tar archives (3)" in source.description
    assert list(reasons(source).values()) == [12]  # the masks
    (tmp_path / "shard-000000.tar").rename(tmp_path / "train-0.tar")
    (tmp_path / "shard-000001.tar").rename(tmp_path / "train-1.tar")
    (tmp_path / "shard-000002.tar").rename(tmp_path / "val-0.tar")
    source = read(tmp_path)
    assert len(source.items) == 8
    assert source.facts["split"] == "train; validation (1 file) left out"


def test_one_shard_alone(tmp_path: Path) -> None:
    source = read(shard(tmp_path / "a.tar", range(9)))
    assert labels(source) == list("012" * 3)


# --- Parquet --------------------------------------------------------------------------------------


def test_columns_of_parquet(tmp_path: Path) -> None:
    path, images = tmp_path / "a.parquet", [picture(i) for i in range(8)]
    pq.write_table(pa.table({"scan": images, "text": ["x"] * 8}), path)
    assert len(read(path).items) == 8  # the only column of images
    pq.write_table(pa.table({"image": images, "mask": images, "label": [1.0, 2.0] * 4}), path)
    assert read(path).facts["other image columns"] == "mask: not read"
    assert labels(read(path)) == ["1", "2"] * 4
    features = {c: {"names": ["p", "q"]} for c in ("fine_label", "coarse_label")}
    info = {"huggingface": json.dumps({"info": {"features": features}})}
    both = pa.table({"image": images, "fine_label": [0, 1] * 4, "coarse_label": [1] * 8})
    pq.write_table(both.replace_schema_metadata(info), path)
    assert "fine_label and coarse_label may be meant: set label_key" in read(path).warnings[0]
    assert labels(read(path, label_key="fine_label")) == ["p", "q"] * 4
    pq.write_table(both.drop_columns("coarse_label").replace_schema_metadata(info), path)
    assert labels(read(path)) == ["p", "q"] * 4
    pq.write_table(pa.table({"image": images, "label": [[0.5, i] for i in range(8)]}), path)
    assert labels(read(path))[3] == "[0.5, 3.0]"


def test_parquet_with_paths_of_files_next_to_it(tmp_path: Path) -> None:
    fill(tmp_path / "img", [f"{i}.png" for i in range(8)])
    (tmp_path / "secret.png").write_bytes(picture(99))
    paths = [*(f"img/{i}.png" for i in range(8)), "../secret.png", "/etc/passwd", "gone.png", None]
    pq.write_table(pa.table({"image": paths}), tmp_path / "data.parquet")
    source = read(tmp_path / "data.parquet")
    assert len(source.items) == 8
    assert sum(reasons(source).values()) == 4


def test_labels_next_to_an_array(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", noise(10, 8, 8))
    rows = [{"index": i, "label": "ab"[i % 2], "generated": False} for i in range(10)]
    put(tmp_path, {"metadata.jsonl": "\n".join(map(json.dumps, rows))})
    for path in (tmp_path, tmp_path / "images.npy"):
        assert labels(read(path)) == list("ab" * 5)
    assert read(tmp_path).facts["labels"] == "2 classes, from metadata.jsonl, column label"
    (tmp_path / "metadata.jsonl").unlink()
    np.save(tmp_path / "labels.npy", np.arange(10) % 2)
    assert labels(read(tmp_path)) == list("01" * 5)
    np.save(tmp_path / "labels.npy", np.arange(9))
    with pytest.raises(GankitError, match=r"labels\.npy: labels of shape \(9,\) for 10 images"):
        read(tmp_path)


# --- Real data and mutated data -------------------------------------------------------------------


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data")
def test_real_data_with_splits() -> None:
    mnist = read(SHARED / "fashion-mnist")
    assert len(mnist.items) == 60_000
    assert "t10k-images-idx3-ubyte (1 file) left out" in mnist.facts["split"]
    assert [row["images"] for row in mnist.table] == ["6,000"] * 10


def mutated(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.randint(1, 6)):
        i = rng.randrange(len(data))
        how = rng.random()
        if how < 0.15:
            del data[i : i + rng.randint(1, 200)]
        elif how < 0.3:
            data[i:i] = data[rng.randrange(len(data)) :][:50]
        else:
            data[i] = rng.randrange(256)
        data = data or bytearray(b" ")
    return bytes(data)


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.parquet", "data/dataset.json"])
def test_mutated_containers_are_read_or_refused(tmp_path: Path, name: str) -> None:
    root = fill(tmp_path / "data", names(12), side=4)
    put(
        root,
        {"dataset.json": json.dumps({"labels": [[n, i % 3] for i, n in enumerate(names(12))]})},
    )
    path = tmp_path / name
    if name == "a.parquet":
        images = [{"bytes": picture(i), "path": f"{i}.png"} for i in range(12)]
        pq.write_table(pa.table({"image": images, "label": list("abc" * 4)}), path)
    elif not path.exists():
        packed(root, name[2:]).rename(path)
    content, rng, read_well, messages = path.read_bytes(), random.Random(16), 0, []
    for _ in range(60):
        path.write_bytes(mutated(content, rng))
        try:
            with contextlib.closing(io.StringIO()):
                source = read(root if name.startswith("data") else path, resolution=8)
            read_well += len(source.items) >= 8
        except GankitError as error:
            messages.append(str(error))
    assert read_well + len(messages) == 60
    assert messages
    assert all(map(str.isprintable, messages))


# --- Layouts of well-known sets -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("folders", "counts", "left_out"),
    [
        (["V/JPEGImages", "V/SegmentationClass"], {None: 8}, "SegmentationClass (8 files)"),
        (["train/images", "valid/images"], {None: 8}, "valid (8 files)"),
        (["fold1/a", "fold2/a", "fold2/b"], {"a": 16, "b": 8}, "folds of a cross-validation"),
    ],
)
def test_folders_of_structure_are_no_classes(tmp_path, folders, counts, left_out):
    names = [f"{folder}/{i}.png" for folder in folders for i in range(8)]
    put(tmp_path, {name: picture(seed) for seed, name in enumerate(names)})
    found = read(tmp_path)
    assert Counter(item.label for item in found.items) == counts
    assert left_out in found.facts["split"]


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("train.csv", "image_id,label\n{}.png,{}\n"),
        ("attributes.csv", "image_id,label\n{},{}\n"),
        ("list.tsv", "image_name\tlabel\n{}.png\t{}\n"),
    ],
)
def test_a_table_of_any_name_that_lists_the_files(tmp_path, table, text):
    head, _, row = text.partition("\n")
    rows = head + "\n" + "".join(row.format(f"x{i}", "ab"[i % 2]) for i in range(10))
    put(tmp_path, {table: rows, "sample_submission.csv": "id,label\ny1,a\n"})
    put(tmp_path, {f"train/x{i}.png": picture(i) for i in range(10)})
    found = read(tmp_path)
    assert Counter(labels(found)) == {"a": 5, "b": 5}
    assert found.facts["labels"] == f"2 classes, from {table}, column label"
    assert found.facts["other files"] == "1 .csv: not read"


def test_a_table_about_something_else_is_left_alone(tmp_path):
    put(tmp_path, {"prices.csv": "name,label\nx0,1\n", "broken.csv": "id,id\n1,2\n"})
    put(tmp_path, {f"{c}/{i}.png": picture(i + 50 * (c == "b")) for c in "ab" for i in range(8)})
    assert Counter(labels(read(tmp_path))) == {"a": 8, "b": 8}


def test_one_of_several_configurations(tmp_path):
    for at, folder in enumerate(("default", "small")):
        (tmp_path / folder).mkdir()
        cells = [{"bytes": picture(i + 20 * at), "path": None} for i in range(8)]
        pq.write_table(pa.table({"image": cells}), tmp_path / folder / "train-0.parquet")
    found = read(tmp_path)
    assert len(found.items) == 8
    assert found.facts["split"].startswith("configuration default; small (1 file) left out")


def test_arrays_of_two_splits(tmp_path):
    for split, count in (("train", 12), ("test", 9)):
        np.save(tmp_path / f"X_{split}.npy", noise(count, 8, 8, 3, seed=count))
        np.save(tmp_path / f"y_{split}.npy", np.arange(count) % 3)
    found = read(tmp_path)
    assert Counter(labels(found)) == {"0": 4, "1": 4, "2": 4}
    assert found.facts["split"] == "train; test (1 file) left out"


@pytest.mark.parametrize("kind", ["folder", "tar.gz"])
def test_pickles_are_refused_by_name(tmp_path, kind):
    root = put(tmp_path / "c", {f"cifar-10-batches-py/data_batch_{i}": b"\x80\x04x" for i in "12"})
    with pytest.raises(GankitError, match="2 files are pickles, such as .*data_batch_1"):
        read(packed(root, kind))


def test_a_pickle_alone_and_other_archives(tmp_path):
    put(tmp_path, {"x.pkl": b"\x80\x04x", "x.7z": b"7z"})
    with pytest.raises(GankitError, match=r"x.pkl: a pickle, which can run code"):
        read(tmp_path / "x.pkl")
    with pytest.raises(GankitError, match=r"\.7z archives are not read") as error:
        read(tmp_path / "x.7z")
    assert "Unpack" in str(error.value.hint)


def test_an_archive_without_images_says_what_is_in_it(tmp_path):
    put(tmp_path / "a", {"inner.zip": b"PK", "x.txt": "x"})
    with pytest.raises(GankitError, match=r"1 \.zip, 1 \.txt"):
        read(packed(tmp_path / "a", "zip"))
