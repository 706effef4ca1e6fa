"""One rule for splits: train is used, the others are named, and no split is a class."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit.errors import GankitError
from gankit.kit.splits import split_column, split_in, split_of, take_split


def taken(names, **options):
    """The classes of what is used, what was taken, and what was left out."""
    chosen = take_split(names, **options)
    return (
        dict(zip(chosen.names, chosen.folders, strict=True)),
        chosen.split,
        dict(chosen.left_out),
    )


@pytest.mark.parametrize(
    ("names", "folders", "split", "left_out"),
    [
        ([], {}, "", {}),
        (["1", "2"], {"1": None, "2": None}, "", {}),
        (["cat/1", "dog/2", "3"], {"cat/1": "cat", "dog/2": "dog", "3": None}, "", {}),
        (["x/cat/1", "x/dog/2"], {"x/cat/1": "cat", "x/dog/2": "dog"}, "", {}),
        (["only/1", "only/2"], {"only/1": "only", "only/2": "only"}, "", {}),
        (["train/cat/1", "test/cat/2"], {"train/cat/1": "cat"}, "train", {"test": 1}),
        (["Training/1", "VAL/2", "Val/3"], {"Training/1": None}, "Training", {"VAL": 1, "Val": 1}),
        (
            ["train/1", "val/2", "annotations/3"],
            {"train/1": None},
            "train",
            {"val": 1, "annotations": 1},
        ),
        (["train/1", "test/2", "cover"], {"train/1": None}, "train",
         {"test": 1, "files beside them": 1}),
        (["cat/1", "dog/2", "test/3"], {"cat/1": "cat", "dog/2": "dog"}, "", {"test": 1}),
        (["cat/1", "dog/2", "test/x/3", "val/4"], {"cat/1": "cat", "dog/2": "dog"}, "",
         {"test": 1, "val": 1}),
        (["cat/train/1", "cat/test/2", "dog/train/3"], {"cat/train/1": "cat", "dog/train/3": "dog"},
         "train", {"test": 1}),
        (["images/train/1", "images/val/2"], {"images/train/1": None}, "images/train", {"val": 1}),
        (["images/1", "masks/1"], {"images/1": None}, "", {"masks": 1}),
        (["V/JPEGImages/1", "V/SegmentationClass/1"], {"V/JPEGImages/1": None}, "",
         {"SegmentationClass": 1}),
        (["train/images/1", "valid/images/2"], {"train/images/1": None}, "train", {"valid": 1}),
        (["F.dev_audio/1", "F.eval_audio/2"], {"F.dev_audio/1": None}, "F.dev_audio",
         {"F.eval_audio": 1}),
        (["development/a/1", "evaluation/a/2"], {"development/a/1": "a"}, "development",
         {"evaluation": 1}),
        (["fold1/a/1", "fold2/b/2"], {"fold1/a/1": "a", "fold2/b/2": "b"}, "", {}),
        (["mask/1", "no_mask/2"], {"mask/1": "mask", "no_mask/2": "no_mask"}, "", {}),
        (["train2017/1", "val2017/2", "test2017/3"], {"train2017/1": None}, "train2017",
         {"val2017": 1, "test2017": 1}),
        (["seg_train/a/1", "seg_test/a/2", "seg_pred/3"], {"seg_train/a/1": "a"}, "seg_train",
         {"seg_test": 1, "seg_pred": 1}),
        (["train-images/1", "test-images/2"], {"train-images/1": None}, "train-images",
         {"test-images": 1}),
        (["train/1", "test/2", "unlabeled/3", "extra/4"], {"train/1": None}, "train",
         {"test": 1, "unlabeled": 1, "extra": 1}),
        (["train station/1", "test tube/2", "x/3"],
         {"train station/1": "train station", "test tube/2": "test tube", "x/3": "x"}, "", {}),
        (["train/train/1", "train/train/2"], {"train/train/1": None, "train/train/2": None},
         "train and train/train", {}),
        (["d/train/x/a/1", "d/train/x/b/1", "d/test/x/a/1"],
         {"d/train/x/a/1": "a", "d/train/x/b/1": "b"}, "d/train", {"test": 1}),
    ],
)  # fmt: skip
def test_what_is_used(names, folders, split, left_out):
    assert taken(names) == (folders, split, left_out)


def test_folds_are_no_classes_and_said():
    chosen = take_split(["audio/fold1/a", "audio/fold2/b", "audio/fold10/c"])
    assert chosen.folders == [None, None, None]
    assert chosen.fact == "fold1 to fold10 are folds of a cross-validation, not classes"


def test_a_class_called_train_is_said():
    names = ["bus/1", "car/2", "train/3"]
    chosen = take_split(names)
    assert chosen.folders == ["bus", "car", "train"]
    assert "train is taken for a class" in chosen.warnings[0]
    inside = take_split([f"train/{name}" for name in names] + ["val/bus/4"])
    assert inside.folders == ["bus", "car", "train"]
    assert inside.left_out == {"val": 1}


def test_without_a_train_part_the_rest_is_used_with_a_warning():
    chosen = take_split(["test/cat/1", "val/cat/2", "unlabeled/3"])
    assert chosen.folders == ["cat"]
    assert chosen.left_out == {"test": 1, "unlabeled": 1}
    assert chosen.warnings == ["There is no train part: val is used"]
    assert take_split(["test/1"]).warnings == ["There is no train part: test is used"]


@pytest.mark.parametrize(
    ("names", "kept", "left_out"),
    [
        (["default/train/0.parquet", "default/test/0.parquet"], ["default/train/0.parquet"],
         {"test": 1}),
        (["data/train-00000-of-00002.parquet", "data/test-00000-of-00001.parquet"],
         ["data/train-00000-of-00002.parquet"], {"test": 1}),
        (["en/train/0.parquet", "en/test/0.parquet", "fr/train/0.parquet"],
         ["en/train/0.parquet", "fr/train/0.parquet"], {"test": 1}),
        (["train.tar", "val.tar"], ["train.tar"], {"validation": 1}),
        (["part-0.parquet", "part-1.parquet"], ["part-0.parquet", "part-1.parquet"], {}),
        (["train-0.tar", "other.tar"], ["train-0.tar"], {"others": 1}),
        (["mnist_test.parquet", "mnist.parquet"], ["mnist.parquet"], {"test": 1}),
    ],
)  # fmt: skip
def test_splits_in_the_names_of_files(names, kept, left_out):
    chosen = take_split(names, by_file_name=True)
    assert chosen.names == kept
    assert chosen.left_out == left_out
    assert next(iter(left_out or [""])) in chosen.fact


def test_another_split_can_be_chosen_or_all():
    names = ["train/cat/1", "test/cat/2", "validation/dog/3"]
    assert taken(names, wanted="test") == ({"test/cat/2": "cat"}, "test",
                                           {"train": 1, "validation": 1})  # fmt: skip
    assert taken(names, wanted="val")[0] == {"validation/dog/3": "dog"}
    assert list(taken(names, wanted="all")[0].values()) == ["cat", "cat", "dog"]
    assert list(taken(["cat/1", "test/dog/2"], wanted="all")[0].values()) == ["cat", "dog"]
    assert take_split(["a-test.tar", "a-train.tar"], "test", by_file_name=True).names == [
        "a-test.tar"
    ]
    with pytest.raises(GankitError, match=r"photos: no split 'dev'\. There are: train"):
        take_split(["train/1"], "dev", where="photos")
    with pytest.raises(GankitError, match="It has no splits"):
        take_split(["cat/1"], "test")


def test_shards_are_no_part_of_a_files_place():
    chosen = take_split(["s0/cat/1", "s1/cat/1", "s1/dog/2"], inside=["s0/", "s1/"])
    assert chosen.folders == ["cat", "cat", "dog"]


def test_names_of_splits():
    assert split_of("Hold-Out") == "test"
    assert split_of("cats") is None
    assert split_in("trainLabels") == "train"
    assert split_in("ants") is None
    assert split_in("train-test") is None


def test_a_column_of_splits():
    assert split_column(["file", "Split"], {"file": {"a"}, "Split": {"train", "test", ""}})
    assert not split_column(["set"], {"set": {"train", "blue"}})
    assert not split_column(["set"], {"set": {None}})


def test_the_note_names_what_is_left_out():
    chosen = take_split(["train/1", "test/2", "test/3"])
    assert chosen.fact == "train; test (2 files) left out"
    assert chosen.note == " (its part train)"
    assert take_split(["1"]).fact == ""


PARTS = ["train", "test", "val", "cat", "dog", "images", "masks", "x_train", "x_test", "a\udcff"]


@given(st.lists(st.lists(st.sampled_from(PARTS), min_size=1, max_size=4).map("/".join), unique=True,
                max_size=12), st.booleans())  # fmt: skip
def test_every_file_is_used_or_counted(names, by_file_name):
    chosen = take_split(names, by_file_name=by_file_name)
    assert len(chosen.names) + sum(chosen.left_out.values()) == len(names)
    assert set(chosen.names) <= set(names)
    assert bool(chosen.names) == bool(names)
    assert not {"test", "val"} & {folder for folder in chosen.folders if folder}
    chosen.fact.encode()
