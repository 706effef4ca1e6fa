"""The key that signs: made once, loaded with its certificate, refused where it cannot sign."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from signing import authority, issued

from gankit.errors import GankitError
from gankit.provenance import keys


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.setenv("GANKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GANKIT_SIGN", "on")
    return tmp_path / "home" / "signing"


@pytest.fixture(scope="module")
def ca():
    return authority()


def use(monkeypatch, key, certificate):
    monkeypatch.setenv("GANKIT_SIGNING_KEY", str(key))
    monkeypatch.setenv("GANKIT_SIGNING_CERT", str(certificate))


def test_a_key_is_made_once(empty):
    first, second = keys.signer(), keys.signer()
    assert (first.made, second.made) == (True, False)
    assert first.private == second.private
    assert keys.is_self_signed(first.chain)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_only_the_user_can_read_the_key(empty):
    keys.signer()
    assert stat.S_IMODE((empty / "key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(empty.stat().st_mode) == 0o700


def test_the_certificate_names_neither_user_nor_machine(empty):
    certificate = keys.signer().chain[0]
    assert certificate.subject.rfc4514_string() == "CN=gankit user,O=gankit user"


def test_a_key_has_its_certificate_with_it(empty, tmp_path, ca):
    """Another process may see the key before the copy of the certificate that is handed out."""
    made = keys.signer()
    (empty / "certificate.pem").unlink()
    assert keys.signer().chain == made.chain
    for path in issued(tmp_path / "pair", ca):  # somebody's own pair in their place
        shutil.copy(path, empty / path.name.replace("cert.pem", "certificate.pem"))
    assert keys.common_name(keys.signer().chain[0]) == "Test press signing"


def test_processes_that_start_together_share_one_key(empty):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: keys.signer(), range(8)))
    assert len({signer.private for signer in found}) == 1
    assert sum(signer.made for signer in found) == 1


def test_nothing_is_signed_or_made_where_signing_is_off(empty, monkeypatch):
    monkeypatch.setenv("GANKIT_SIGN", "off")
    assert keys.signer() is None
    assert not empty.exists()


def test_an_unknown_way_is_refused(empty, monkeypatch):
    monkeypatch.setenv("GANKIT_SIGN", "maybe")
    with pytest.raises(GankitError, match="GANKIT_SIGN=maybe: unknown. Use off, record or on"):
        keys.signer()


def test_without_a_place_for_it_there_is_no_key(empty, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANKIT_HOME", str(tmp_path / "file"))
    with pytest.raises(keys.NoPlaceForKeyError, match="no signing key can be stored in"):
        keys.signer()


def test_a_user_without_a_home_has_no_key(empty, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GANKIT_HOME")
    monkeypatch.setattr("typer.get_app_dir", lambda _: "~/.config/gankit")  # it is not expanded
    with pytest.raises(keys.NoPlaceForKeyError, match="this user has no home folder"):
        keys.signer()
    assert not list(tmp_path.iterdir())


def test_a_replaced_key_is_kept_and_its_certificate_known(empty):
    first = keys.signer()
    former = keys.replace_own("Somebody")
    second = keys.signer()
    assert former.read_bytes().startswith(first.private)
    (known,) = (empty / "trusted").iterdir()
    assert keys.read_certificates(known) == first.chain
    assert keys.common_name(second.chain[0]) == "Somebody"


# --- A pair that the environment names ----------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (lambda: ec.generate_private_key(ec.SECP384R1()), "es384"),
        (lambda: ec.generate_private_key(ec.SECP521R1()), "es512"),
        (ed25519.Ed25519PrivateKey.generate, "ed25519"),
        (lambda: rsa.generate_private_key(65537, 2048), "ps256"),
    ],
)
def test_keys_of_several_kinds_are_used(empty, monkeypatch, tmp_path, ca, made, kind):
    use(monkeypatch, *issued(tmp_path / "ca", ca, key=made()))
    signer = keys.signer()
    assert keys.algorithm(signer.key) == kind
    assert not empty.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"days": (-9, -1)}, "cert.pem expired on 20.* Renew it"),
        ({"days": (1, 9)}, "is valid from 20.* Check this machine's clock"),
        ({"signs": False}, "is no certificate for signing content. C2PA asks for keyUsage"),
        ({"key": ec.generate_private_key(ec.SECP256K1())}, "is of a kind that C2PA does not sign"),
    ],
)
def test_certificates_that_cannot_sign_are_refused(
    empty, monkeypatch, tmp_path, ca, change, message
):
    use(monkeypatch, *issued(tmp_path / "ca", ca, **change))
    with pytest.raises(GankitError, match=message):
        keys.signer()


def test_a_pair_that_does_not_belong_together_is_refused(empty, monkeypatch, tmp_path, ca):
    key, _ = issued(tmp_path / "one", ca)
    _, certificate = issued(tmp_path / "two", ca)
    use(monkeypatch, key, certificate)
    with pytest.raises(GankitError, match="do not belong together"):
        keys.signer()


def test_files_that_hold_no_key_or_certificate_are_refused(empty, monkeypatch, tmp_path, ca):
    key, certificate = issued(tmp_path / "ca", ca)
    use(monkeypatch, tmp_path / "none.pem", certificate)
    with pytest.raises(GankitError, match="none.pem cannot be read"):
        keys.signer()
    use(monkeypatch, certificate, certificate)
    with pytest.raises(GankitError, match="is no private key in PEM"):
        keys.signer()
    use(monkeypatch, key, key)
    with pytest.raises(GankitError, match="holds no certificate in PEM"):
        keys.signer()
    secret = serialization.BestAvailableEncryption(b"secret")
    locked = serialization.load_pem_private_key(key.read_bytes(), None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret
    )
    (tmp_path / "locked.pem").write_bytes(locked)
    use(monkeypatch, tmp_path / "locked.pem", certificate)
    with pytest.raises(GankitError, match="locked.pem is encrypted. Decrypt it: openssl pkey -in"):
        keys.signer()
    other = x25519.X25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (tmp_path / "other.pem").write_bytes(other)
    use(monkeypatch, tmp_path / "other.pem", certificate)
    with pytest.raises(GankitError, match="is of a kind that C2PA does not sign with"):
        keys.signer()


def test_half_a_pair_is_refused(empty, monkeypatch):
    monkeypatch.setenv("GANKIT_SIGNING_KEY", "key.pem")
    with pytest.raises(GankitError, match="GANKIT_SIGNING_KEY is set without GANKIT_SIGNING_CERT"):
        keys.signer()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the program openssl")
@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
def test_the_command_that_decrypts_a_key_reads_both_forms(tmp_path, form):
    key, certificate = issued(tmp_path / "pair", authority())
    plain = serialization.load_pem_private_key(key.read_bytes(), None)
    secret = serialization.BestAvailableEncryption(b"secret")
    way = serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form)
    locked, opened = tmp_path / "locked.pem", tmp_path / "plain.pem"
    locked.write_bytes(plain.private_bytes(*way, secret))
    with pytest.raises(GankitError, match="is encrypted") as refused:
        keys.load(locked, certificate)
    command = refused.value.hint.partition(": ")[2].replace("KEY", str(locked))
    words = [*command.replace("PLAIN", str(opened)).split(), "-passin", "pass:secret"]
    subprocess.run(words, check=True, capture_output=True)
    assert keys.load(opened, certificate).path == opened
