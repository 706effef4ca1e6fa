"""The signature of a record."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from signing import authority, issued

from gankit.kit.files import json_bytes
from gankit.provenance import keys
from gankit.provenance.record import check, signed

RECORD = {
    "generated": True,
    "seed": 2**63 - 1,
    "share": 0.1 + 0.2,
    "tiny": 1e-7,
    "where": {"city": "São Paulo", "age": [30, 40]},
    "odd": "a\udcff",  # a file's name that is not UTF-8
    "files": {"a.csv": "0" * 64},
}


def stored(record):
    """As it is when it was written and read again."""
    return json.loads(json_bytes(record))


@pytest.fixture
def signer(signing):
    return keys.signer()


def test_a_record_is_signed_and_holds(signer):
    found = check(stored(signed(RECORD, signer)), signer.chain)
    assert (found.intact, found.known, found.self_signed) == (True, True, True)
    assert found.signer == "gankit user"
    assert not check(stored(signed(RECORD, signer))).known


def test_what_is_signed_is_the_text_without_the_signature(signer):
    """As the documentation tells others how to check it."""
    text = json_bytes(signed(RECORD, signer)).decode()
    cut = text[: text.index(',\n "signature": {')] + "\n}"
    assert cut.encode() == json_bytes(RECORD)


def test_without_a_signer_there_is_no_signature():
    assert signed(RECORD, None) == RECORD
    assert check(RECORD) is None


def test_signing_again_replaces_the_signature(signer):
    assert check(stored(signed(signed(RECORD, signer), signer))).intact


def test_another_layout_of_the_same_json_holds(signer):
    text = json.dumps(stored(signed(RECORD, signer)), indent=4)
    assert check(json.loads(text)).intact


@pytest.mark.parametrize(
    "change",
    [
        {"generated": False},
        {"seed": 2**63 - 2},
        {"files": {"b.csv": "0" * 64}},
        {"more": 1},
    ],
)
def test_changes_are_found(signer, change):
    found = check({**stored(signed(RECORD, signer)), **change})
    assert (found.intact, found.problem) == (False, "the record was changed after it was signed")


@pytest.mark.parametrize(
    "entry",
    [
        *("junk", 7, [], {}),
        {"protected": "e30", "signature": ""},
        {"protected": "!", "signature": "!"},
        {"protected": "bnVsbA", "signature": "AA"},
    ],
)
def test_damaged_signatures_do_not_hold(entry):
    found = check({**RECORD, "signature": entry})
    assert (found.intact, found.problem) == (False, "the signature is damaged")


def test_the_algorithm_is_that_of_the_key(signer):
    """None can be put in its place, as in the known attacks on JSON Web Signatures."""
    record = stored(signed(RECORD, signer))
    entry = record["signature"]
    header = json.loads(base64.urlsafe_b64decode(entry["protected"] + "=="))
    for other in ("none", "HS256", "ES384", "PS256"):
        text = json.dumps({**header, "alg": other}).encode()
        forged = base64.urlsafe_b64encode(text).rstrip(b"=").decode()
        assert not check({**record, "signature": {**entry, "protected": forged}}).intact


def test_authorities_vouch_for_signers(signing, tmp_path):
    ca = authority()
    signer = keys.load(*issued(tmp_path / "pair", ca))
    record = stored(signed(RECORD, signer))
    assert check(record, [ca[1]]).known
    assert check(record, signer.chain).known
    assert not check(record, [authority()[1]]).known
    assert not check(record, [ca[1]]).self_signed


def test_a_signer_vouches_for_nobody_else(signing, tmp_path):
    """A certificate that is no authority's, though its key signed another one."""
    ca = authority()
    key, path = issued(tmp_path / "pair", ca)
    honest = keys.load(key, path)
    forged = keys.load(*issued(tmp_path / "forged", (honest.key, honest.chain[0])))
    record = stored(signed(RECORD, forged))
    assert check(record, honest.chain).intact
    assert not check(record, honest.chain).known


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP384R1()),
        lambda: ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate,
        lambda: rsa.generate_private_key(65537, 2048),
    ],
)
def test_keys_of_all_kinds_sign(tmp_path, make):
    signer = keys.load(*issued(tmp_path / "pair", authority(), key=make()))
    record = stored(signed(RECORD, signer))
    assert check(record).intact
    assert not check({**record, "seed": 1}).intact
