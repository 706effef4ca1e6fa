"""Written files can be read again with their labels, and every file is marked as synthetic."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import PIL.Image
import pyarrow.parquet as pq
import pytest

from gankit.contract import Provenance, Sample
from gankit.errors import GankitError
from gankit_image.data.images import Image
from gankit_image.modality import ImageModality
from gankit_image.output import writing as output
from gankit_image.settings import ImageSettings

MODALITY = ImageModality()
PROVENANCE = Provenance(
    software="gankit 0.1 <&>",
    run="image-digits-001",
    created="2030-01-02T03:04:05Z",
    source_type="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
)
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


def silent(what: str, done: int, total: int) -> None: ...


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


@pytest.mark.parametrize("format", MODALITY.formats)
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
    MODALITY.write(iter(made), target, PROVENANCE, format)
    (target / "provenance.json").write_text("{}")  # the core adds this
    source = MODALITY.read(target, ImageSettings(), silent)
    assert not source.issues
    found = {(i.label, i.pixels.dtype, i.pixels.tobytes()) for i in source.items}
    assert found == {(s.item.label, s.item.pixels.dtype, s.item.pixels.tobytes()) for s in made}
    everything = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert all(target in p.parents for p in everything)


@pytest.mark.parametrize("format", MODALITY.formats)
def test_every_file_is_marked_as_synthetic(tmp_path: Path, format: str) -> None:
    MODALITY.write(samples(8, ["cat", "dog"]), tmp_path, PROVENANCE, format)
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
    MODALITY.write(samples(2, ["cat", "dog"]), tmp_path / "a", PROVENANCE, "folder")
    MODALITY.write(samples(2, ["cat", "dog"]), tmp_path / "b", PROVENANCE, "zip")
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
    MODALITY.write(samples(12, ["c10", "c9"]), tmp_path, PROVENANCE, "parquet")
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


@pytest.mark.parametrize("format", MODALITY.formats)
def test_writing_streams(tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more samples are in memory than a row group has."""
    monkeypatch.setattr(output, "ROW_GROUP", 4)
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

    MODALITY.write(stream(), tmp_path, PROVENANCE, format)
    assert len(list(files(tmp_path, format))) == 40
    assert most <= 4
    if format == "parquet":
        assert pq.ParquetFile(tmp_path / "data.parquet").num_row_groups == 10


@pytest.mark.parametrize("format", MODALITY.formats)
def test_writing_no_samples(tmp_path: Path, format: str) -> None:
    MODALITY.write([], tmp_path, PROVENANCE, format)
    assert list(files(tmp_path, format)) == []


def test_an_unknown_format_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GankitError, match=r"format=folders: unknown. Did you mean folder\?"):
        MODALITY.write([], tmp_path, PROVENANCE, "folders")


# --- Previews -----------------------------------------------------------------------------------


def shown(path: Path) -> np.ndarray:
    with PIL.Image.open(path) as image:
        return np.asarray(image)


def test_a_preview_is_a_grid_in_order_without_smoothing(tmp_path: Path) -> None:
    levels = [Image(np.full((8, 8, 1), 20 * i, np.uint8)) for i in range(12)]
    path = MODALITY.preview(levels, tmp_path / "step-1.5k")
    assert path == tmp_path / "step-1.5k.png"
    grid = shown(path)
    assert 512 <= max(grid.shape) <= 1024
    assert 0.6 < grid.shape[0] / grid.shape[1] < 1.7
    columns = [int(v) for v in grid[4] if v != 255]
    rows = [int(v) for v in grid[:, 4] if v != 255]
    assert sorted(set(columns)) == [0, 20, 40]  # 4 rows of 3
    assert list(dict.fromkeys(rows)) == [0, 60, 120, 180]
    assert set(np.unique(grid)) <= {*range(0, 240, 20), 255}


def test_repeating_labels_get_a_column_each(tmp_path: Path) -> None:
    items = [Image(np.full((8, 8, 1), 20 * (i % 10), np.uint8), str(i % 10)) for i in range(40)]
    grid = shown(MODALITY.preview(items, tmp_path / "p"))
    step = grid.shape[1] / 10
    for k in range(10):
        assert set(grid[:, int(step * (k + 0.5))].tolist()) <= {20 * k, 255}


def test_previews_and_films_are_marked_as_synthetic(tmp_path: Path) -> None:
    items = [Image(np.full((8, 8, 1), 9, np.uint8))]
    files = [MODALITY.preview(items, tmp_path / str(i)) for i in range(2)]
    with PIL.Image.open(files[0]) as grid:
        assert grid.info["Source"] == "generated by gankit"
        assert grid.info["DigitalSourceType"].endswith("trainedAlgorithmicMedia")
    film = MODALITY.animate(files, tmp_path / "film")
    assert film is not None
    with PIL.Image.open(film) as moving:
        assert moving.info["comment"] == b"generated by gankit"


def test_previews_of_every_mode_and_size(tmp_path: Path) -> None:
    clear = shown(MODALITY.preview([Image(np.zeros((16, 16, 4), np.uint8))], tmp_path / "rgba"))
    assert set(np.unique(clear)) == {204, 255}
    assert clear.shape[2] == 3
    deep = Image(np.full((16, 16, 1), 32896, np.uint16))
    assert set(np.unique(shown(MODALITY.preview([deep], tmp_path / "deep")))) == {128}
    wide = shown(MODALITY.preview([Image(np.zeros((10, 400, 3), np.uint8))] * 4, tmp_path / "w"))
    assert wide.shape[1] >= wide.shape[0]
    large = shown(MODALITY.preview([Image(np.zeros((600, 600, 3), np.uint8))] * 4, tmp_path / "l"))
    assert large.shape == (1202, 1202, 3)
    with pytest.raises(GankitError, match="no images to preview"):
        MODALITY.preview([], tmp_path / "none")


def test_animation(tmp_path: Path) -> None:
    previews = [
        MODALITY.preview([Image(np.full((8, 8, 1), i, np.uint8))], tmp_path / f"{i:03d}")
        for i in range(130)
    ]
    film = MODALITY.animate(previews, tmp_path / "film")
    assert film == tmp_path / "film.gif"
    with PIL.Image.open(film) as image:
        assert 50 <= image.n_frames <= 60
        assert image.info["loop"] == 0
        image.seek(image.n_frames - 1)
        assert abs(int(np.asarray(image.convert("L"))[0, 0]) - 129) <= 2
        assert image.info["duration"] == 2000
    assert MODALITY.animate(previews[:1], tmp_path / "one") is None
    assert MODALITY.animate([previews[0], tmp_path / "gone.png"], tmp_path / "one") is None
    assert not (tmp_path / "one.gif").exists()
