"""Files and outputs, looked at and checked: as they were written, and changed in every way."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile

import pytest
from signing import STATEMENT, authority, issued, picture

from gankit.contract import Sample
from gankit.errors import GankitError
from gankit.kit.own_output import GENERATED, is_generated_file, own_output
from gankit.plugins.registry import Plugins
from gankit.provenance import keys
from gankit.provenance.evidence import Known
from gankit.provenance.inspection import inspect
from gankit.provenance.sealing import Seal
from gankit.provenance.verification import verify
from gankit.runs.output import write_generated
from gankit.runs.targets import Target

SAMPLES = [Sample((1.5, i), 7 + i, {}) for i in range(3)]


@pytest.fixture
def known(signing):
    return Known.of_user()


@pytest.fixture
def modality(vectors, monkeypatch):
    """A modality whose format ``folder`` is a picture an item, and ``csv`` a table."""

    def write(samples, target, codec, provenance, format):
        if format == "csv":
            lines = [f"{s.item[0]},{s.seed},1" for s in samples]
            (target / "table.csv").write_text("\n".join(["x,seed,_synthetic", *lines]))
            return
        rows = []
        for i, sample in enumerate(samples):
            name = f"{i % 2}/{i:06d}.png"
            (target / name).parent.mkdir(exist_ok=True)
            (target / name).write_bytes(picture())
            rows.append(json.dumps({"file_name": name, "generated": not sample.real}))
        (target / "metadata.jsonl").write_text("\n".join(rows))

    monkeypatch.setattr(vectors.modality, "formats", ("folder", "csv"))
    monkeypatch.setattr(vectors.modality, "write", write)
    return vectors


def write(modality, path, samples=SAMPLES, **given):
    format = "csv" if path.suffix == ".csv" else "folder"
    packing = path.suffix[1:] if path.suffix in (".zip", ".tar") else ""
    target = Target(path, format, single_file=bool(path.suffix), packing=packing)
    write_generated(
        *(modality, iter(samples), target), codec=None, run="r", record={},
        plugins=Plugins([]), **given,
    )  # fmt: skip
    return path


def layer(finding, name):
    return next(found for found in finding.layers if found.name == name)


def flip(path, place=-40):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


# --- Folders ------------------------------------------------------------------------------------


def test_a_folder_is_signed_file_by_file_and_as_a_whole(modality, tmp_path, known):
    found = verify(write(modality, tmp_path / "out"), known)
    assert (found.verdict, found.signed, found.known, found.problems) == ("intact", True, True, [])
    assert found.record.signer == "gankit user, self-signed: your own key"
    names = [finding.name for finding in found.findings]
    assert names == ["0/000000.png", "0/000002.png", "1/000001.png", "metadata.jsonl"]
    assert [finding.signed for finding in found.findings] == [True, True, True, False]


def test_nothing_is_signed_where_that_is_switched_off(modality, tmp_path, known, monkeypatch):
    monkeypatch.setenv("GANKIT_SIGN", "off")
    out = write(modality, tmp_path / "out")
    assert (out / "0/000000.png").read_bytes() == picture()
    found = verify(out, known)
    assert (found.verdict, found.signed, found.known) == ("unsigned", False, False)
    assert found.as_dict()["verdict"] == "unsigned"
    assert inspect(out / "0/000000.png", known).verdict == "unsigned"
    assert "not signed, so that anybody could have written it" in found.record.says


@pytest.mark.parametrize("name", ["out", "out.csv", "out.zip"])
def test_a_record_that_lost_its_signature_protects_nothing(modality, tmp_path, known, name):
    """Whoever removes it can change file and record together."""
    out = write(modality, tmp_path / name)
    place = out / "provenance.json" if out.is_dir() else tmp_path / f"{name}.provenance.json"
    record = json.loads(place.read_text())
    for signature in ({}, {"signature": None}):
        unsigned = {key: value for key, value in record.items() if key != "signature"} | signature
        if out.is_dir():
            (out / "metadata.jsonl").write_text("{}")
            unsigned["files"]["metadata.jsonl"] = hashlib.sha256(b"{}").hexdigest()
        if name == "out.zip":
            without_record(out)
            unsigned["files"][name] = hashlib.sha256(out.read_bytes()).hexdigest()
        place.write_text(json.dumps(unsigned))
        found = verify(out, known)
        assert (found.verdict, found.signed, found.known) == ("unsigned", False, False)


def without_record(archive):
    with zipfile.ZipFile(archive) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    with zipfile.ZipFile(archive, "w") as packed:
        for name, content in members.items():
            if name != "provenance.json":
                packed.writestr(name, content)


def test_files_that_are_all_signed_need_no_signed_record(modality, tmp_path, known):
    out = write(modality, tmp_path / "out")
    record = json.loads((out / "provenance.json").read_text())
    (out / "metadata.jsonl").unlink()
    del record["signature"], record["files"]["metadata.jsonl"]
    (out / "provenance.json").write_text(json.dumps(record))
    found = verify(out, known)
    assert (found.verdict, found.signed) == ("intact", True)


def test_only_the_record_is_signed_where_that_is_asked_for(modality, tmp_path, known, monkeypatch):
    monkeypatch.setenv("GANKIT_SIGN", "record")
    out = write(modality, tmp_path / "out")
    assert (out / "0/000000.png").read_bytes() == picture()
    assert verify(out, known).signed
    packed = verify(write(modality, tmp_path / "out.tar"), known)  # by the record beside it
    assert (packed.verdict, packed.signed, packed.known) == ("intact", True, True)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda out: flip(out / "0/000000.png"), "0/000000.png: content credentials:"),
        (lambda out: flip(out / "metadata.jsonl"), "metadata.jsonl: record: the file was changed"),
        (lambda out: (out / "0/000000.png").unlink(), "0/000000.png: named by the record, and not"),
        (lambda out: (out / "more.png").write_bytes(b""), "more.png: not named by the record"),
        (
            lambda out: (out / "0/000000.png").write_bytes(picture("JPEG")),
            "0/000000.png: record: the file was changed",
        ),
        (
            lambda out: (out / "provenance.json").write_text(
                (out / "provenance.json").read_text().replace('"r"', '"another"')
            ),
            "provenance.json: the record was changed after it was signed",
        ),
    ],
)
def test_changes_of_a_folder_are_found(modality, tmp_path, known, change, problem):
    out = write(modality, tmp_path / "out")
    change(out)
    found = verify(out, known)
    assert found.verdict == "changed"
    assert problem in "\n".join(found.problems)


def test_a_file_manager_may_leave_its_own(modality, tmp_path, known):
    out = write(modality, tmp_path / "out")
    (out / ".DS_Store").write_bytes(b"")
    assert verify(out, known).verdict == "intact"


def test_a_folder_without_its_record_is_judged_by_its_files(modality, tmp_path, known):
    out = write(modality, tmp_path / "out")
    (out / "provenance.json").unlink()
    (out / "metadata.jsonl").unlink()
    assert verify(out, known).verdict == "intact"
    (out / "plain.png").write_bytes(picture())
    assert verify(out, known).verdict == "unmarked"


def test_real_items_are_left_as_they_are(modality, tmp_path, known):
    mixed = [SAMPLES[0], Sample((0.0, 0), 0, {}, real=True)]
    out = write(modality, tmp_path / "out", mixed)
    assert (out / "1/000001.png").read_bytes() == picture()
    assert layer(inspect(out / "0/000000.png", known), "content credentials").found
    assert verify(out, known).verdict == "intact"


def test_a_file_that_is_not_what_its_ending_says_stays_unsigned(
    modality, tmp_path, known, monkeypatch
):
    """Hours of generating are not lost for it: the record covers the file."""
    monkeypatch.setitem(globals(), "picture", lambda *_: b"no picture")
    out = write(modality, tmp_path / "out")
    (warning,) = json.loads((out / "provenance.json").read_text())["warnings"]
    assert warning.startswith("3 files have no content credentials: 000000.png cannot be signed")
    found = verify(out, known)
    assert (found.verdict, found.signed) == ("intact", True)


def test_a_record_that_names_files_outside_is_refused(modality, tmp_path, known):
    out = write(modality, tmp_path / "out")
    for name in ("../secret", "/etc/passwd", "a\\..\\b"):
        record = {"generated": True, "files": {name: "0"}}
        (out / "provenance.json").write_text(json.dumps(record))
        with pytest.raises(GankitError, match="names a file outside its folder"):
            verify(out, known)


def test_signed_output_is_recognised_as_gankits_own(modality, tmp_path, signing):
    """So that it is not trained on by accident."""
    write(modality, tmp_path / "data" / "out")
    table = write(modality, tmp_path / "data" / "people.csv")
    assert is_generated_file(table)
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    names = {p.relative_to(tmp_path).as_posix(): p for p in files}
    found = own_output(names, lambda name: names[name].read_bytes())
    assert found.folders == {"data/out": GENERATED}
    assert found.files == {"data/people.csv"}


# --- Single files -------------------------------------------------------------------------------


def test_a_file_copied_out_of_its_folder_holds_by_itself(modality, tmp_path, known):
    out = write(modality, tmp_path / "out")
    copy = shutil.copy(out / "0/000000.png", tmp_path / "renamed.png")
    found = inspect(tmp_path / "renamed.png", known)
    assert (found.verdict, found.known) == ("intact", True)
    assert not layer(found, "record").found
    by_record = inspect(tmp_path / "renamed.png", known, out / "provenance.json")
    assert layer(by_record, "record").intact
    flip(tmp_path / "renamed.png")
    assert inspect(tmp_path / "renamed.png", known).verdict == "changed", copy


def test_a_table_is_covered_by_the_record_beside_it(modality, tmp_path, known):
    table = write(modality, tmp_path / "people.csv")
    found = verify(table, known)
    assert (found.verdict, found.known) == ("intact", True)
    assert layer(found.findings[0], "metadata").says == "a column '_synthetic' marks rows"
    table.write_text(table.read_text().replace("1.5", "2.5", 1))  # a cell
    assert verify(table, known).verdict == "changed"


def test_a_table_without_its_record_cannot_be_checked(modality, tmp_path, known):
    table = write(modality, tmp_path / "people.csv")
    (tmp_path / "people.csv.provenance.json").unlink()
    assert verify(table, known).verdict == "unprotected"


def test_files_of_others_have_no_marks(tmp_path, known):
    for name, content in (
        ("a.png", picture()),
        ("empty.png", b""),
        ("damaged.mp4", b"junk"),
        ("notes", b"\xff\0"),
        ("empty.zip", b"PK\x05\x06" + b"\0" * 18),
        ("damaged.csv.gz", b"\x1f\x8b junk"),
    ):
        (tmp_path / name).write_bytes(content)
        assert verify(tmp_path / name, known).verdict == "unmarked", name


def test_what_is_no_file_is_refused(tmp_path, known):
    with pytest.raises(GankitError, match="none.png does not exist"):
        verify(tmp_path / "none.png", known)
    with pytest.raises(GankitError, match="is no file"):
        inspect(tmp_path, known)
    (tmp_path / "empty").mkdir()
    with pytest.raises(GankitError, match="has no files"):
        verify(tmp_path / "empty", known)
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(GankitError, match="gone.png does not exist"):
        inspect(tmp_path / "gone.png", known)


def test_a_damaged_record_is_reported(modality, tmp_path, known):
    table = write(modality, tmp_path / "people.csv")
    (tmp_path / "people.csv.provenance.json").write_text("{")
    with pytest.raises(GankitError, match="people.csv.provenance.json cannot be read"):
        verify(table, known)
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "people.csv.provenance.json").unlink()
    with pytest.raises(GankitError, match="is no provenance record.*--record takes"):
        inspect(table, known, tmp_path / "other.json")
    for name, said in (("none.json", "does not exist"), (".", "is a folder")):
        with pytest.raises(GankitError, match=f"--record .*{said}. --record takes the record's"):
            inspect(table, known, tmp_path / name)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "it holds no JSON object"),
        ("{}", 'it has no "generated": true'),
        ('{"generated": true, "files": ["x"]}', '"files" is no object'),
        ('{"generated": true, "files": {"x": 1}}', "holds what is no SHA-256"),
    ],
)
def test_a_malformed_record_is_named(modality, tmp_path, known, text, why):
    out, table = write(modality, tmp_path / "out"), write(modality, tmp_path / "people.csv")
    for place in (out / "provenance.json", tmp_path / "people.csv.provenance.json"):
        place.write_text(text)
    for path in (out, table):
        with pytest.raises(GankitError, match=rf"provenance\.json .*{why}"):
            verify(path, known)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("provenance.json", text)
    with pytest.raises(GankitError, match=rf"a.zip/provenance\.json .*{why}"):
        verify(tmp_path / "a.zip", known)


def test_a_record_that_does_not_cover_a_file_is_not_called_missing(modality, tmp_path, known):
    out = write(modality, tmp_path / "out")
    (out / "more.csv").write_text("x")
    says = layer(inspect(out / "more.csv", known), "record").says
    assert says == "provenance.json does not name it"
    (out / "run.toml").write_text("")  # does not make it a run's
    assert len(verify(out, known).problems) == 2
    (out / "run.toml").unlink()
    (out / "provenance.json").write_text("{}")
    says = layer(inspect(out / "more.csv", known), "record").says
    assert says == "provenance.json is no record of gankit"
    (out / "run.toml").write_text("")  # a run's own record
    assert layer(inspect(out / "more.csv", known), "record").says == ""
    assert verify(out, known).record is None


# --- Archives -----------------------------------------------------------------------------------


def test_an_archive_is_checked_member_by_member(modality, tmp_path, known):
    archive = write(modality, tmp_path / "out.zip")
    found = verify(archive, known)
    assert (found.verdict, found.known, found.files) == ("intact", True, 5)
    (tmp_path / "out.zip.provenance.json").unlink()  # the one inside remains
    assert verify(archive, known).verdict == "intact"
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path / "unpacked")
    assert verify(tmp_path / "unpacked", known).verdict == "intact"


def test_changes_of_an_archive_are_found(modality, tmp_path, known):
    archive = write(modality, tmp_path / "out.zip")
    (tmp_path / "out.zip.provenance.json").unlink()
    with zipfile.ZipFile(archive) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    members["metadata.jsonl"] += b" "
    members["more.txt"] = b""
    del members["0/000000.png"]
    with zipfile.ZipFile(archive, "w") as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    found = verify(archive, known)
    assert found.verdict == "changed"
    assert len(found.problems) == 3


def test_items_of_a_tar_are_signed(modality, tmp_path, known):
    archive = write(modality, tmp_path / "out.tar")
    assert verify(archive, known).verdict == "intact"
    (tmp_path / "out.tar.provenance.json").unlink()
    found = verify(archive, known)  # nothing but the items' own signatures is left
    assert (found.verdict, found.files) == ("unprotected", 6)
    assert [f.signed for f in found.findings if f.name.endswith(".png")] == [True] * 3


def test_damaged_archives_are_reported(modality, tmp_path, known):
    (tmp_path / "a.zip").write_bytes(b"PK\3\4junk")
    with pytest.raises(GankitError, match="a.zip: not a readable zip archive"):
        verify(tmp_path / "a.zip", known)
    archive = write(modality, tmp_path / "out.zip")
    flip(archive, archive.read_bytes().index(b"IDAT") + 20)
    assert verify(archive, known).verdict == "changed"


def test_an_archive_of_another_is_a_file(tmp_path, known):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("notes.txt", "")
        packed.writestr("../up.txt", "")
    assert verify(tmp_path / "a.zip", known).verdict == "unmarked"


# --- Signers ------------------------------------------------------------------------------------


def test_signers_are_known_by_certificates_that_are_trusted(
    modality, tmp_path, signing, monkeypatch
):
    out = write(modality, tmp_path / "out")
    certificate = keys.own_paths()[1]
    monkeypatch.setenv("GANKIT_HOME", str(tmp_path / "another"))
    stranger = verify(out, Known.of_user())
    assert (stranger.verdict, stranger.signed, stranger.known) == ("intact", True, False)
    assert stranger.record.signer == "gankit user, self-signed: unknown"
    assert verify(out, Known.of_user([certificate])).known
    trusted = tmp_path / "another" / "signing" / "trusted"
    trusted.mkdir(parents=True)
    shutil.copy(certificate, trusted / "colleague.pem")
    found = verify(out, Known.of_user())
    assert found.record.signer == "gankit user, self-signed: colleague.pem"


def test_a_forger_who_signs_again_is_unknown(modality, tmp_path, signing, monkeypatch):
    out = write(modality, tmp_path / "out")
    monkeypatch.setenv("GANKIT_SIGNING_KEY", "")
    forger = keys.load(*issued(tmp_path / "forger", authority()))
    Seal(forger).file(out / "0/000000.png", STATEMENT)
    record = json.loads((out / "provenance.json").read_text())
    (out / "provenance.json").write_text(json.dumps(Seal(forger).record(record)))
    found = verify(out, Known.of_user())
    assert not found.known
    assert found.record.signer == "Test press signing: unknown"


def test_a_certificate_to_trust_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "notes.pem").write_text("notes")
    for name in ("none.pem", ".", "notes.pem"):
        with pytest.raises(GankitError, match="--trust takes a PEM file"):
            Known.of_user([tmp_path / name])
