"""Written files can be read again with their labels, and every file is marked as synthetic."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import PIL.Image
import pyarrow.parquet as pq
import pytest

from gankit.contract import Provenance, Sample, quiet
from gankit.errors import GankitError
from gankit_image.codec.image_codec import ImageCodec
from gankit_image.data.images import Image
from gankit_image.data.pixels import PixelFormat
from gankit_image.modality import ImageModality
from gankit_image.output import writing
from gankit_image.settings import ImageSettings

MODALITY = ImageModality()
PROVENANCE = Provenance(
    software="gankit 0.1 <&>",
    run="image-digits-001",
    created="2030-01-02T03:04:05Z",
    source_type="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
)
FORMATS = ("folder", "zip", "parquet")
"""Those that hold files of images; arrays have tests of their own."""
AWKWARD = ["cat", "a/../b", "dög 10", ".."]


def samples(
    count: int = 12,
    labels: Sequence[str] = (),
    shape: tuple[int, ...] = (8, 6, 3),
    dtype: type = np.uint8,
) -> list[Sample[Image]]:
    rng = np.random.default_rng(0)
    made = []
    for i in range(count):
        label = labels[i % len(labels)] if labels else None
        pixels = rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
        condition = {"label": label} if label is not None else {}
        made.append(Sample(Image(pixels, label), 2**63 + i, condition))
    return made


def write(
    made: Iterable[Sample[Image]],
    target: Path,
    provenance: Provenance,
    format: str,
    conditional: bool = False,
) -> None:
    codec = ImageCodec(PixelFormat(8, 6, 3), AWKWARD if conditional else ())
    MODALITY.write(made, target, codec, provenance, format)


def files(target: Path, format: str) -> Iterator[tuple[str, bytes]]:
    """The PNG files of any format of ours."""
    if format == "folder":
        for path in sorted(target.rglob("*.png")):
            yield path.relative_to(target).as_posix(), path.read_bytes()
    elif format == "zip":
        with zipfile.ZipFile(target / "images.zip") as archive:
            for name in archive.namelist():
                if name.endswith(".png"):
                    yield name, archive.read(name)
    else:
        for row in pq.read_table(target / "data.parquet")["image"].to_pylist():
            yield row["path"], row["bytes"]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("labels", [(), AWKWARD], ids=["plain", "labelled"])
@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((8, 6, 1), np.uint8), ((8, 6, 3), np.uint8), ((8, 6, 4), np.uint8), ((8, 6, 1), np.uint16)],
)
def test_written_files_can_be_read_again(
    tmp_path: Path, format: str, labels: Sequence[str], shape: tuple[int, ...], dtype: type
) -> None:
    made = samples(12, labels, shape, dtype)
    target = tmp_path / "out"
    write(iter(made), target, PROVENANCE, format)
    (target / "provenance.json").write_text("{}")  # the core adds this
    source = MODALITY.read(target, ImageSettings(), quiet)
    assert not source.issues
    found = {(i.label, i.pixels.dtype, i.pixels.tobytes()) for i in source.items}
    assert found == {(s.item.label, s.item.pixels.dtype, s.item.pixels.tobytes()) for s in made}
    everything = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert all(target in p.parents for p in everything)


@pytest.mark.parametrize("format", FORMATS)
def test_every_file_is_marked_as_synthetic(tmp_path: Path, format: str) -> None:
    write(samples(8, ["cat", "dog"]), tmp_path, PROVENANCE, format)
    names = []
    for i, (name, data) in enumerate(sorted(files(tmp_path, format), key=lambda f: f[0][-10:])):
        names.append(name)
        with PIL.Image.open(io.BytesIO(data)) as image:
            image.load()
            text = image.text
        for key, value in PROVENANCE.text().items():
            assert text[key] == value
        assert text["Seed"] == str(2**63 + i)
        assert text["Condition"] == f"label={['cat', 'dog'][i % 2]}"
        packet = text["XML:com.adobe.xmp"]
        root = ElementTree.fromstring(packet[packet.index("<x:xmpmeta") :].rsplit("<?", 1)[0])
        iptc = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
        (kind,) = root.iter(iptc)
        (tool,) = root.iter("{http://ns.adobe.com/xap/1.0/}CreatorTool")
        assert kind.text == PROVENANCE.source_type
        assert tool.text == PROVENANCE.software
    assert names[:2] == ["cat/000000.png", "dog/000001.png"]


def test_metadata_lines(tmp_path: Path) -> None:
    write(samples(2, ["cat", "dog"]), tmp_path / "a", PROVENANCE, "folder")
    write(samples(2, ["cat", "dog"]), tmp_path / "b", PROVENANCE, "zip")
    lines = (tmp_path / "a" / "metadata.jsonl").read_text().splitlines()
    assert json.loads(lines[1]) == {
        "file_name": "dog/000001.png",
        "seed": 2**63 + 1,
        "label": "dog",
        "generated": True,
    }
    with zipfile.ZipFile(tmp_path / "b" / "images.zip") as archive:
        assert archive.read("metadata.jsonl").decode().splitlines() == lines
        assert archive.testzip() is None


def test_parquet_carries_provenance_classes_and_features(tmp_path: Path) -> None:
    write(samples(12, ["c10", "c9"]), tmp_path, PROVENANCE, "parquet")
    file = pq.ParquetFile(tmp_path / "data.parquet")
    metadata = {**(file.metadata.metadata or {}), **file.schema_arrow.metadata}
    assert metadata[b"classes"] == b"c9,c10"
    for key, value in PROVENANCE.text().items():
        assert metadata[f"gankit.{key}".encode()] == value.encode()
    features = json.loads(metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    table = file.read()
    assert table.column_names == ["image", "label", "seed", "generated"]
    assert table["seed"].to_pylist() == [2**63 + i for i in range(12)]


@pytest.mark.parametrize("format", FORMATS)
def test_writing_streams(tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more samples are in memory than a row group has, and those that threads encode."""
    monkeypatch.setattr(writing, "ROW_GROUP", 4)
    monkeypatch.setattr(writing, "AHEAD", 2)
    alive = most = 0

    class Counted(Image):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def stream() -> Iterator[Sample[Image]]:
        nonlocal alive, most
        for i in range(40):
            alive += 1
            most = max(most, alive)
            yield Sample(Counted(np.zeros((4, 4, 1), np.uint8)), i, {})

    write(stream(), tmp_path, PROVENANCE, format)
    assert len(list(files(tmp_path, format))) == 40
    assert most <= 4 + 2 + 2
    if format == "parquet":
        assert pq.ParquetFile(tmp_path / "data.parquet").num_row_groups == 10


@pytest.mark.parametrize("format", FORMATS)
def test_writing_no_samples(tmp_path: Path, format: str) -> None:
    write([], tmp_path, PROVENANCE, format)
    assert list(files(tmp_path, format)) == []


def test_an_unknown_format_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GankitError, match=r"format=folders: unknown. Did you mean folder\?"):
        write([], tmp_path, PROVENANCE, "folders")


# --- Augmented data sets ------------------------------------------------------------------------


def rows(target: Path, format: str) -> list[dict[str, object]]:
    """The metadata of every image, in order."""
    if format == "parquet":
        table = pq.read_table(target / "data.parquet").drop_columns("image")
        return [dict(row) for row in table.to_pylist()]
    if format == "zip":
        with zipfile.ZipFile(target / "images.zip") as archive:
            text = archive.read("metadata.jsonl").decode()
    else:
        text = (target / "metadata.jsonl").read_text()
    found = [json.loads(line) for line in text.splitlines()]
    return [{key: value for key, value in row.items() if key != "file_name"} for row in found]


def augmented(labels: Sequence[str | None], generated: str | None) -> list[Sample[Image]]:
    """Real images with these labels, and one generated image conditioned on another."""
    image = np.zeros((8, 6, 3), np.uint8)
    named: list[dict[str, str | float]] = [{"label": v} if v is not None else {} for v in labels]
    condition = {"label": generated} if generated is not None else {}
    real = [Sample(Image(image, v), -1, n, real=True) for v, n in zip(labels, named, strict=True)]
    return [*real, Sample(Image(image, generated), 7, condition)]


@pytest.mark.parametrize("format", FORMATS)
def test_real_labels_are_kept_and_an_unconditional_run_adds_null_labels(
    tmp_path: Path, format: str
) -> None:
    write(augmented(["cat", "dog"], None), tmp_path, PROVENANCE, format)
    assert rows(tmp_path, format) == [
        {"label": "cat", "seed": None, "generated": False},
        {"label": "dog", "seed": None, "generated": False},
        {"label": None, "seed": 7, "generated": True},
    ]


@pytest.mark.parametrize("format", FORMATS)
def test_real_images_without_labels_do_not_hide_generated_labels(
    tmp_path: Path, format: str
) -> None:
    write(augmented([None], "cat"), tmp_path, PROVENANCE, format, conditional=True)
    assert [row["label"] for row in rows(tmp_path, format)] == [None, "cat"]


@pytest.mark.parametrize("format", FORMATS)
def test_without_labels_there_is_no_label(tmp_path: Path, format: str) -> None:
    write(augmented([None], None), tmp_path, PROVENANCE, format)
    assert all(set(row) == {"seed", "generated"} for row in rows(tmp_path, format))


def test_labels_named_like_files_next_to_the_folders(tmp_path: Path) -> None:
    write(samples(8, ["metadata.jsonl", "Provenance.json"]), tmp_path, PROVENANCE, "folder")
    names = {path.parent.name for path in tmp_path.rglob("*.png")}
    assert names == {"_metadata.jsonl", "_Provenance.json"}
    found = MODALITY.read(tmp_path, ImageSettings(), quiet)
    assert {item.label for item in found.items} == {"metadata.jsonl", "Provenance.json"}
