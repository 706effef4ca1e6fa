"""Data at addresses, in every modality: a copy is read as the files themselves would be."""

from __future__ import annotations

import io
import tarfile
import wave

import numpy as np
import pytest
from web import serving

from gankit.errors import GankitError
from gankit.kit import copies
from gankit.plugins.registry import installed
from gankit.workflows.choosing import choose_plugin
from gankit.workflows.data import read

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")
ROWS = [f"{i % 40 + 20},{'abc'[i % 3]}\n" for i in range(120)]


def sounds():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for i in range(10):
            file = io.BytesIO()
            with wave.open(file, "wb") as sound:
                sound.setparams((1, 2, 8000, 0, "NONE", ""))
                tone = np.sin(np.arange(2000) * (0.1 + 0.01 * i)) * 20_000
                sound.writeframes(tone.astype("<i2").tobytes())
            member = tarfile.TarInfo(f"{'ab'[i % 2]}/{i}.wav")
            member.size = len(file.getvalue())
            archive.addfile(member, io.BytesIO(file.getvalue()))
    return packed.getvalue()


def parquet():
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.table({"age": list(range(60)), "city": ["a", "b", "c"] * 20}), file)
    return file.getvalue()


FILES = {
    "people.csv": ("tabular", lambda: ("age,city\n" + "".join(ROWS)).encode()),
    "people.parquet": ("tabular", parquet),
    "alcohols.smi": ("molecule", lambda: "".join(f"{'C' * n}O\n" for n in range(1, 60)).encode()),
    "tones.tar": ("audio", sounds),
}


@pytest.fixture
def web(tmp_path, monkeypatch):
    monkeypatch.setenv("GANKIT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "site").mkdir()
    with serving(tmp_path / "site") as server:
        yield server


@pytest.mark.parametrize("name", FILES)
def test_a_copy_is_read_as_the_file_itself(web, name):
    plugin, content = FILES[name]
    if plugin not in installed().infos():
        pytest.skip(f"gankit-{plugin} is not installed")
    (web.root / name).write_bytes(content())
    fsspec.filesystem("memory").pipe(f"/data/{name}", content())
    modality = installed().modality(plugin)
    settings = modality.modality.Settings()
    here = read(modality, web.root / name, settings)
    for address in (web.address(name), f"memory://data/{name}", (web.root / name).as_uri()):
        found = read(modality, address, settings)
        assert found.fingerprint == here.fingerprint
        assert found.description == here.description
        assert found.facts["remote"].startswith(f"copied from {address} (")
        assert choose_plugin(address).plugin == plugin


@pytest.fixture
def table(web):
    if "tabular" not in installed().infos():
        pytest.skip("gankit-tabular is not installed")
    (web.root / "p-0.csv").write_text("age,city\n" + "".join(ROWS[:60]))
    (web.root / "p-1.csv").write_text("age,city\n" + "".join(ROWS[60:]))
    return installed().modality("tabular")


@pytest.mark.parametrize("name", ["p-{0..1}.csv", "p-*.csv", ""])
def test_several_files(web, table, name):
    found = read(table, web.address(name), table.modality.Settings())
    assert len(found.items) == 120
    assert "2 files" in found.facts["remote"]


def test_errors_name_the_address_and_not_the_copy(web, table, tmp_path):
    (web.root / "p-0.csv").write_text("")
    with pytest.raises(GankitError) as caught:
        read(table, web.address("p-0.csv"), table.modality.Settings())
    assert web.address("p-0.csv") in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_too_large_to_be_copied_unasked(web, table, monkeypatch):
    monkeypatch.setattr(copies, "MOST", 100)
    settings = table.modality.Settings()
    for how in ("auto", "stream"):
        with pytest.raises(GankitError, match=r"plugin tabular cannot stream.*data\.remote=copy"):
            read(table, web.address("p-0.csv"), settings, remote=how)
    assert len(read(table, web.address("p-0.csv"), settings, remote="copy").items) == 60
