"""Images at addresses: streamed, they are those of a copy, and only what is needed is read."""

from __future__ import annotations

import io
import tarfile

import numpy as np
import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from web import serving

from gankit.contract import quiet
from gankit.contract.subsets import blocks
from gankit.errors import GankitError
from gankit.kit import remote
from gankit.kit.remote import Remote
from gankit_image.codec.image_codec import fit_codec
from gankit_image.data.sources import read
from gankit_image.data.streaming import read_remote
from gankit_image.settings import ImageSettings

pytest.importorskip("aiohttp")
SETTINGS = ImageSettings()


def picture(seed, mode="RGB"):
    rng = np.random.default_rng(seed)
    array = rng.integers(0, 256, (10, 12, 3), dtype=np.uint8)
    if mode == "I;16":
        array = rng.integers(0, 60_000, (10, 12), dtype=np.uint16)
    file = io.BytesIO()
    PIL.Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


PICTURES = {f"{i:03}": (picture(i), "ab"[i % 2]) for i in range(40)}


def pack(path, pictures=PICTURES):
    with tarfile.open(path, "w") as archive:
        for name, (content, label) in pictures.items():
            for file, data in ((f"{name}.png", content), (f"{name}.cls", label.encode())):
                member = tarfile.TarInfo(file)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))


@pytest.fixture
def web(tmp_path, monkeypatch):
    monkeypatch.setenv("GANKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(remote, "PAUSES", (0.01,) * 3)
    site = tmp_path / "site"
    (site / "one").mkdir(parents=True)
    half = dict(list(PICTURES.items())[:20])
    pack(site / "t-train-0.tar", half)
    pack(site / "t-train-1.tar", {k: v for k, v in PICTURES.items() if k not in half})
    pack(site / "t-test-0.tar", {"x": PICTURES["000"]})
    for name, (content, label) in half.items():
        (site / "one" / f"{label}-{name}.png").write_bytes(content)
    rows = [{"image": {"bytes": c, "path": None}, "label": k} for c, k in PICTURES.values()]
    table = pa.Table.from_pylist(rows)
    pq.write_table(table.slice(0, 24), site / "p-0.parquet", row_group_size=8)
    pq.write_table(table.slice(24), site / "p-1.parquet", row_group_size=8)
    with serving(site) as server:
        yield server


def streamed(address, settings=SETTINGS):
    return read_remote(Remote(address), settings, quiet)


def content(items):
    return [(image.label, image.pixels.tobytes()) for image in items]


@pytest.mark.parametrize(
    ("address", "files"),
    [
        ("t-{train,test}-{0,1}.tar", None),
        ("t-train-{0..1}.tar", "t-train-*.tar"),
        ("p-{0..1}.parquet", "p-*.parquet"),
        ("one/", "one/*.png"),
    ],
)
def test_what_is_streamed_is_what_is_read_from_disk(web, tmp_path, address, files):
    if files is None:
        with pytest.raises(GankitError, match="nothing is there"):  # t-test-1.tar
            streamed(web.address(address))
        return
    here = tmp_path / "here"
    here.mkdir()
    for file in web.root.glob(files):
        (here / file.name).write_bytes(file.read_bytes())
    found, expected = streamed(web.address(address)), read(here, SETTINGS, quiet)
    together = found.items.__getitems__(range(len(found.items)))
    assert content(together) == content(expected.items)
    assert content([found.items[3]]) == content([expected.items[3]])
    assert found.strata == expected.strata
    assert found.facts["labels"] == expected.facts["labels"]
    assert "images were looked at" in found.facts["checked"]
    rows = address.endswith("parquet")
    assert (blocks(found.items) is not None) == rows
    if rows:
        assert blocks(found.items).tolist() == [0, 8, 16, 24, 32]


def test_one_split_is_read(web):
    found = streamed(web.address("t-*-0.tar"))
    assert len(found.items) == 20
    assert "t-test" in found.facts["split"] or "test" in found.facts["split"]


def test_few_row_groups_are_read_before_training(web, monkeypatch):
    monkeypatch.setattr("gankit_image.data.streaming.FEW_GROUPS", 2)
    streamed(web.address("p-{0..1}.parquet"))
    assert len(list((web.root.parent / "cache" / "remote-groups").glob("*.arrow"))) == 2


def test_labels_cost_no_request(web):
    found = streamed(web.address("t-train-{0..1}.tar"))
    codec = fit_codec(found.items, SETTINGS, quiet)
    web.requests.clear()
    items = [found.items[i] for i in range(40)]
    c = codec.encode_conditions(items)
    assert not web.requests
    assert c.equal(codec.encode(items, np.random.default_rng(0)).c)


def test_a_killed_connection_is_no_matter(web):
    found = streamed(web.address("t-train-{0..1}.tar"))
    web.kills, web.busy = 2, 1
    assert content(found.items.__getitems__(range(40)))[5] == content([found.items[5]])[0]


def test_a_change_is_seen_in_the_fingerprint(web):
    before = streamed(web.address("t-train-0.tar")).fingerprint
    assert streamed(web.address("t-train-0.tar")).fingerprint == before
    pack(web.root / "t-train-0.tar")
    assert streamed(web.address("t-train-0.tar")).fingerprint != before


def test_what_ends_training_names_the_image(web):
    found = streamed(web.address("one/"))
    (web.root / "one" / "a-000.png").write_bytes(b"no picture")
    with pytest.raises(GankitError, match=r"a-000\.png"):
        content(found.items[:1])


def fails(web, address, message, settings=SETTINGS):
    with pytest.raises(GankitError) as caught:
        streamed(web.address(address), settings)
    assert message in str(caught.value)
    assert "127.0.0.1" in caught.value.message


def test_what_cannot_be_streamed(web):
    (web.root / "a.zip").write_bytes(b"PK")
    fails(web, "a.zip", "no images that can be read in parts")
    pack(web.root / "deep.tar", {f"{i}": (picture(i, "I;16"), "a") for i in range(9)})
    fails(web, "deep.tar", "their range is not known before all are read")
    deep = ImageSettings(value_range=(0, 60_000))
    assert len(streamed(web.address("deep.tar"), deep).items) == 9
    pack(web.root / "bad.tar", {**PICTURES, "bad": (b"no picture", "a")})
    fails(web, "bad.tar", "bad.png")
    pack(web.root / "few.tar", dict(list(PICTURES.items())[:3]))
    fails(web, "few.tar", "At least")
    web.ranges = False
    fails(web, "t-train-1.tar", "data.remote=copy")
