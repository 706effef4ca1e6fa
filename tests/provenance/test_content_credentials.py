"""Manifests in files: written, read, bound to the content."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer

import c2pa
import numpy as np
import PIL.Image
import pytest
from signing import STATEMENT, authority, issued, picture

from gankit.errors import GankitError
from gankit.provenance import keys
from gankit.provenance.content_credentials import ManifestWriter, read_manifest

PICTURES = {
    "image/png": ("PNG", {}),
    "image/jpeg": ("JPEG", {}),
    "image/webp": ("WEBP", {"lossless": True}),
    "image/gif": ("GIF", {}),
    "image/tiff": ("TIFF", {}),
}


@pytest.fixture
def writer(signing):
    return ManifestWriter(keys.signer(), STATEMENT)


def read(content, media_type, known=()):
    return read_manifest(io.BytesIO(content), media_type, known)


@pytest.mark.parametrize("media_type", PICTURES)
def test_a_picture_is_signed_and_shows_the_same(writer, media_type):
    form, options = PICTURES[media_type]
    plain = picture(form, **options)
    signed = writer.signed(plain, media_type)
    found = read(signed, media_type)
    assert (found.intact, found.known, found.problem) == (True, False, "")
    assert found.source_type == STATEMENT.source_type
    assert (found.software, found.when) == ("gankit 0.1.0", STATEMENT.created)
    assert len(signed) - len(plain) <= 5000  # what a file may grow by
    before, after = (PIL.Image.open(io.BytesIO(content)) for content in (plain, signed))
    assert np.array_equal(np.asarray(before), np.asarray(after))


@pytest.mark.parametrize(("form", "media_type"), [("WAV", "audio/wav"), ("FLAC", "audio/flac")])
def test_a_sound_is_signed_and_sounds_the_same(writer, form, media_type):
    sf = pytest.importorskip("soundfile")
    file = io.BytesIO()
    sf.write(file, np.random.default_rng(0).normal(size=2000) * 0.1, 8000, format=form)
    signed = writer.signed(file.getvalue(), media_type)
    assert read(signed, media_type).intact
    file.seek(0)
    assert np.array_equal(sf.read(io.BytesIO(signed))[0], sf.read(file)[0])


def test_changes_of_the_content_are_found_wherever_they_are(writer):
    signed = writer.signed(picture(), "image/png")
    start = signed.index(b"caBX") - 4
    manifest = range(start, start + int.from_bytes(signed[start : start + 4], "big") + 12)
    for place in (p for p in range(8, len(signed), 31) if p not in manifest):
        changed = bytearray(signed)
        changed[place] ^= 1
        found = read(bytes(changed), "image/png")
        assert found is None or not found.intact, place


def test_a_manifest_moved_to_another_picture_does_not_hold(writer):
    signed = writer.signed(picture(), "image/png")
    start = signed.index(b"caBX") - 4
    size = int.from_bytes(signed[start : start + 4], "big") + 12
    other = io.BytesIO()
    PIL.Image.new("RGB", (16, 16)).save(other, "PNG")
    at = other.getvalue().index(b"IDAT") - 4
    forged = other.getvalue()[:at] + signed[start : start + size] + other.getvalue()[at:]
    assert not read(forged, "image/png").intact


def test_signers_are_known_by_their_authority(signing, tmp_path, monkeypatch):
    ca = authority()
    key, certificate = issued(tmp_path / "pair", ca)
    monkeypatch.setenv("GANKIT_SIGNING_KEY", str(key))
    monkeypatch.setenv("GANKIT_SIGNING_CERT", str(certificate))
    signed = ManifestWriter(keys.signer(), STATEMENT).signed(picture(), "image/png")
    assert read(signed, "image/png").signer == "Test press signing"
    assert not read(signed, "image/png", [authority()[1]]).known
    assert read(signed, "image/png", [ca[1]]).known
    assert not read(signed, "image/png", [ca[1]]).self_signed


def test_a_certificate_that_has_expired_since_does_not_mean_a_change(signing, tmp_path):
    ca = authority()
    key, certificate = issued(tmp_path / "pair", ca, days=(-1, 1 / 86400))
    brief = keys.Signer(key.read_bytes(), certificate.read_bytes(), key)
    signed = ManifestWriter(brief, STATEMENT).signed(picture(), "image/png")
    time.sleep(2.2)  # certificates count whole seconds
    found = read(signed, "image/png", [ca[1]])
    assert (found.intact, found.known) == (True, False)
    assert "certificate has expired" in found.problem
    changed = bytearray(signed)
    changed[-40] ^= 1
    assert not read(bytes(changed), "image/png").intact


def test_a_self_signed_signer_is_known_by_the_certificate(writer, signing):
    signed = writer.signed(picture(), "image/png")
    assert read(signed, "image/png", keys.signer().chain).known
    assert read(signed, "image/png").self_signed


def test_a_file_that_is_none_of_its_type_is_refused(writer, tmp_path):
    file = tmp_path / "a.png"
    file.write_bytes(b"no picture")
    with pytest.raises(GankitError, match="a.png cannot be signed as image/png"):
        writer.sign(file)
    assert file.read_bytes() == b"no picture"
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_members_of_an_archive_are_signed(writer, tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name in ("a.png", "b.png", "rows.txt"):
            packed.writestr(zipfile.ZipInfo(name), picture())
    writer.sign_members(archive, lambda name: name != "b.png")
    with zipfile.ZipFile(archive) as packed:
        assert packed.namelist() == ["a.png", "b.png", "rows.txt"]
        assert read(packed.read("a.png"), "image/png").intact
        assert packed.read("b.png") == packed.read("rows.txt") == picture()
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


def test_what_holds_no_manifest_has_none():
    assert read(picture(), "image/png") is None
    assert read(b"", "image/png") is None
    assert read(b"junk" * 99, "video/mp4") is None


def test_a_manifest_that_lies_elsewhere_is_not_fetched(signing):
    """A file may name an address: looking at it tells nobody."""
    asked = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        signer = keys.signer()
        info = c2pa.C2paSignerInfo("es256", signer.certificates, signer.private, None)
        quiet = {"verify": {"verify_after_sign": False}}
        builder = c2pa.Builder(json.dumps({}), context=c2pa.Context.from_dict(quiet))
        builder.set_no_embed()
        builder.set_remote_url(f"http://127.0.0.1:{server.server_port}/manifest")
        out = io.BytesIO()
        builder.sign(c2pa.Signer.from_info(info), "image/jpeg", io.BytesIO(picture("JPEG")), out)
        assert b"127.0.0.1" in out.getvalue()
        read(out.getvalue(), "image/jpeg")
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []
