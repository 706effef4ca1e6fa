"""Synthesised identifiers are valid, of the data's form, and none of its own."""

from __future__ import annotations

import base64
import ipaddress
import json
import random
import re
import string
import uuid
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gankit.contract import CodecState
from gankit.seeds import uniform
from gankit_tabular.codec.check_digits import check_digit, valid, written
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.fitting import fit_column
from gankit_tabular.codec.identifier_kinds import identifiers, integers
from gankit_tabular.codec.resolution import Resolution
from gankit_tabular.codec.templates import Template
from gankit_tabular.codec.values import decode_column

N = 1000
R = random.Random(0)
NAMES = ["anna", "bob", "carl", "dora", "emil"]


def digits(n):
    return "".join(R.choices(string.digits, k=n))


CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
VEHICLE = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
YEARS = range(2019, 2024)


def a_day():
    return datetime(2019, 1, 1) + timedelta(seconds=R.randrange(1500 * 86_400))


def iban(country, bank):
    return written("iban", f"{country}\0{bank}")


def synthesised(values, n=2 * N, name="x", kind="identifier"):
    column = fit_column(name, pa.chunked_array([pa.array(values)]), Resolution(), kind)
    assert column.kind == "identifier"
    column.identifier = json.loads(json.dumps(column.identifier))  # as in a stored run
    zeros = np.zeros(n)
    return decode_column(
        column, zeros.astype(int), zeros, uniform(range(n), 3), range(n)
    ).to_pylist()


def is_uuid4(text):
    return uuid.UUID(text).version == 4 and uuid.UUID(text).variant == uuid.RFC_4122


def is_us_phone(text):
    return re.fullmatch(r"\([2-9]\d\d\) [2-9]\d\d-\d{4}", text)


def is_ipv4(text):
    return ipaddress.IPv4Address(text)


def is_ipv6(text):
    return str(ipaddress.IPv6Address(text)) == text


KINDS = {
    "UUID": ([str(uuid.UUID(int=R.getrandbits(128), version=4)) for _ in range(N)], is_uuid4),
    "UUID in capitals": (
        [str(uuid.UUID(int=R.getrandbits(128), version=4)).upper() for _ in range(N)],
        lambda t: is_uuid4(t) and t == t.upper(),
    ),
    "hash": ([f"{R.getrandbits(128):032x}" for _ in range(N)], r"[0-9a-f]{32}"),
    "key with prefix": ([f"cus_{R.getrandbits(56):014x}" for _ in range(N)], r"cus_[0-9a-f]{14}"),
    "0x": ([f"0x{R.getrandbits(64):016X}" for _ in range(N)], r"0x[0-9A-F]{16}"),
    "MAC": (
        [R.choice(["00:", "04:", "3c:"]) + R.randbytes(5).hex(":") for _ in range(N)],
        lambda t: re.fullmatch("([0-9a-f]{2}:){5}[0-9a-f]{2}", t) and int(t[1], 16) % 2 == 0,
    ),
    "IPv4": ([".".join(str(R.randrange(1, 255)) for _ in range(4)) for _ in range(N)], is_ipv4),
    "private IPv4": (
        [f"10.0.{R.randrange(256)}.{R.randrange(256)}" for _ in range(N)],
        lambda t: is_ipv4(t) in ipaddress.ip_network("10.0.0.0/16"),
    ),
    "IPv6": (
        [str(ipaddress.IPv6Address((0x20010DB8 << 96) | R.getrandbits(64))) for _ in range(N)],
        lambda t: is_ipv6(t) and t.startswith("2001:db8::"),
    ),
    "e-mail": (
        [f"{R.choice(NAMES)}.{R.choice(NAMES)}{i}@{R.choice(['gmail.com', 'gmx.de', f'x{i}.org'])}"
         for i in range(N)],
        r"[a-z]+\.[a-z]+@(gmail\.com|gmx\.de|example\.com|example\.org)",
    ),
    "web address": (
        [f"https://shop.example.net/item/{R.choice(['red', 'blue'])}-{i}" for i in range(N)],
        r"https://shop\.example\.net/item/(red|blue)-[1-9]\d*",
    ),
    "own web sites": (
        [f"https://{c}{i}.de/about" for i, c in enumerate(R.choices(NAMES, k=N))],
        r"https://www\.example\.com/about\d+",
    ),
    "phone": ([f"+49 30 {digits(7)}" for _ in range(N)], r"\+49 30 \d{7}"),
    "phones": (
        [f"+{R.choice(['49', '1', '44'])}{R.randrange(10**8, 10**9)}" for _ in range(N)],
        r"\+(49|1|44)\d{9}",
    ),
    "phone in the USA": (
        [f"({R.randrange(200, 999)}) {R.randrange(200, 999)}-{digits(4)}" for _ in range(N)],
        is_us_phone,
    ),
    "card": (
        [written("luhn", "4" + digits(14)) for _ in range(N)],
        lambda t: valid("luhn", t) and re.fullmatch(r"4\d{15}", t),
    ),
    "card in groups": (
        [" ".join(re.findall("....", written("luhn", "4" + digits(14)))) for _ in range(N)],
        lambda t: valid("luhn", t) and re.fullmatch(r"4\d{3}( \d{4}){3}", t),
    ),
    "ISBN": ([written("ean", "978" + digits(9)) for _ in range(N)],
             lambda t: valid("ean", t) and t.startswith("978") and len(t) == 13),
    "IBAN": (
        [iban(R.choice(["DE", "AT"]), digits(18)) for _ in range(N)],
        lambda t: valid("iban", t) and t[:2] in ("DE", "AT") and len(t) == 22,
    ),
    "counter": ([f"SKU-{i:04d}" for i in range(1, N)], r"SKU-\d{4}"),
    "counter of ten thousand": ([f"CUST-{i:06d}" for i in range(10_000)], r"CUST-01[0-2]\d{3}"),
    "counter without zeros": ([f"SKU-{i}" for i in range(1, N)], r"SKU-[1-9]\d+"),
    "all numbers taken": ([f"A{i:02d}" for i in range(100)], r"A\d{3,}"),
    "letters and digits": (
        [f"{R.choice('ABCDEF')}{R.choice('GHIJ')}{R.randrange(10, 99)}-{R.randrange(1000, 10_000)}"
         for _ in range(N)],
        r"[A-F][G-J]\d\d-[1-9]\d{3}",
    ),
    "year and number": (
        [f"INV-{R.choice([2022, 2023, 2024])}-{R.randrange(10**5):05d}" for _ in range(N)],
        r"INV-202[234]-\d{5}",
    ),
    "ULID": (
        ["".join(R.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=26)) for _ in range(N)],
        r"[0-9A-HJKMNP-TV-Z]{26}",
    ),
    "base 62": (
        ["".join(R.choices(string.ascii_letters + string.digits, k=10)) for _ in range(N)],
        r"[0-9A-Za-z]{10}",
    ),
    "zeros before": ([f"{R.randrange(10**6):08d}" for _ in range(N)], r"00\d{6}"),
    "ULID of one time": (
        ["01H" + "".join(R.choices("FG", k=1) + R.choices(CROCKFORD, k=22)) for _ in range(N)],
        r"01H[FG][0-9A-HJKMNP-TV-Z]{22}",
    ),
    "geohash": (["u33" + "".join(R.choices("0123456789bcdefghjkmnpqrstuvwxyz", k=6))
                 for _ in range(N)], r"u33[0-9b-hjkmnp-z]{6}"),
    "vehicle": (
        [written("vin", R.choice(["1HG", "WVW"]) + "".join(R.choices(VEHICLE, k=7)) + digits(6))
         for _ in range(N)],
        lambda t: valid("vin", t),
    ),
    "hexadecimal in both cases": (
        ["0x" + "".join(R.choices(string.hexdigits, k=40)) for _ in range(N)],
        r"0x[0-9a-fA-F]{40}",
    ),
    "IPv6 in capitals": (
        [str(ipaddress.IPv6Address((0x20010DB8 << 96) | R.getrandbits(64))).upper()
         for _ in range(N)],
        lambda t: t == t.upper() and is_ipv6(t.lower()),
    ),
    "IPv6 in full": (
        [ipaddress.IPv6Address(R.getrandbits(96)).exploded for _ in range(N)],
        lambda t: ipaddress.IPv6Address(t).exploded == t,
    ),
    "both kinds of IP": (
        [str(ipaddress.ip_address(R.getrandbits(R.choice([32, 128])) | 1 << 31)) for _ in range(N)],
        lambda t: str(ipaddress.ip_address(t)) == t,
    ),
    "e-mail or phone": (
        [f"x{i}@gmail.com" if i % 3 else f"+44 7{digits(3)} {digits(6)}" for i in range(N)],
        r"[a-z]+\d\d@(gmail\.com|example\.(com|org))|\+44 7\d{3} \d{6}",
    ),
    "e-mail with plus": (
        [f"{R.choice(NAMES)}+news{i}@gmail.com" for i in range(N)], r"[a-z]+\d*\+[a-z]+@gmail\.com"
    ),
    "UUID in braces": (
        ["{" + str(uuid.UUID(int=R.getrandbits(128), version=4)).upper() + "}" for _ in range(N)],
        lambda t: t[0] + t[-1] == "{}" and is_uuid4(t[1:-1]),
    ),
    "UUID as URN": (
        [uuid.UUID(int=R.getrandbits(128), version=4).urn for _ in range(N)],
        lambda t: t.startswith("urn:uuid:") and is_uuid4(t[9:]),
    ),
    "German accounts alone": (
        [iban("DE", digits(18)) for _ in range(N)],
        lambda t: valid("iban", t) and re.fullmatch(r"DE\d{20}", t),
    ),
    "ISBN-10": ([written("mod11", digits(9)) for _ in range(N)], lambda t: valid("mod11", t)),
    "ISSN": (
        [written("mod11", f"{digits(4)}-{digits(3)}") for _ in range(N)],
        lambda t: valid("mod11", t) and re.fullmatch(r"\d{4}-\d{3}[0-9X]", t),
    ),
    "substances": (
        [written("cas", f"{R.randrange(50, 10**7)}-{digits(2)}-") for _ in range(N)],
        lambda t: valid("cas", t),
    ),
    "order with date": (
        [f"ORD-{a_day():%Y%m%d}-{digits(4)}" for _ in range(N)],
        lambda t: datetime.strptime(t[4:12], "%Y%m%d").year in YEARS,
    ),
    "date, slash, number": (
        [f"{a_day():%d.%m.%Y}/{digits(5)}" for _ in range(N)],
        lambda t: datetime.strptime(t[:10], "%d.%m.%Y").year in YEARS,
    ),
    "person": (
        [f"{a_day():%y%m%d}-{digits(4)}" for _ in range(N)],
        lambda t: datetime.strptime(t[:6], "%y%m%d"),
    ),
    "citizen": (
        [f"110{R.randrange(100, 999)}{a_day():%Y%m%d}{digits(4)}" for _ in range(N)],
        lambda t: datetime.strptime(t[6:14], "%Y%m%d").year in YEARS,
    ),
    "photo": (
        [f"IMG_{a_day():%Y%m%d_%H%M%S}.jpg" for _ in range(N)],
        lambda t: datetime.strptime(t, "IMG_%Y%m%d_%H%M%S.jpg").year in YEARS,
    ),
    "year and month": (
        [f"{a_day():%y%m}.{digits(5)}" for _ in range(N)],
        lambda t: datetime.strptime(t[:4], "%y%m").year in YEARS,
    ),
    "place": (
        [f"{R.uniform(-90, 90):.5f},{R.uniform(-180, 180):.5f}" for _ in range(N)],
        lambda t: all(abs(float(v)) < m + 1 for v, m in zip(t.split(","), (90, 180), strict=True)),
    ),
    "file of a few": (
        [f"{R.choice(NAMES)}/img_{i:05d}.jpg" for i in range(N)], r"[a-z]+/img_\d+\.jpg"
    ),
    "prefix of hexadecimal letters": ([f"C{i:05d}" for i in range(N)], r"C\d{5}"),
    "two such prefixes": ([f"{'EB'[i % 2]}{i * 7:06d}" for i in range(N)], r"[EB]\d{6}"),
    "beyond ASCII": ([f"Ωm-{i:05d}é" for i in range(N)], r"Ωm-\d{5}é"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_known_kinds_stay_valid(kind):
    values, form = KINDS[kind]
    made = synthesised(values)
    for text in made:
        assert re.fullmatch(form, text) if isinstance(form, str) else form(text), text
    assert not set(made) & set(values)
    room = {"all numbers taken": 900, "counter": 9000}.get(kind, len(made))
    assert len(set(made)) >= min(len(made), room)


def test_domains_of_single_rows_are_not_kept():
    values = [f"{name}@{name}-family{i}.com" for i, name in enumerate(R.choices(NAMES, k=N))]
    made = synthesised(values)
    assert {text.partition("@")[2] for text in made} == {"example.com", "example.org"}
    assert not any("family" in text for text in made)


def test_nothing_of_a_single_row_is_in_the_state():
    values = [f"{a}{i}@{a}{i}.net" for i, a in enumerate(R.choices(NAMES, k=N))]
    column = fit_column("mail", pa.chunked_array([pa.array(values)]), Resolution(), "identifier")
    text = json.dumps(column.identifier)
    assert not any(v in text or v.partition("@")[2] in text for v in values)


def test_missing_identifiers_stay_missing():
    values = [None if i % 4 == 0 else f"K-{i:05d}" for i in range(N)]
    made = synthesised(values)
    assert made.count(None) / len(made) == pytest.approx(0.25, abs=0.03)


def test_forms_keep_their_shares():
    values = [f"A-{i:05d}" if i % 10 else f"{i:05d}/B" for i in range(N)]
    made = synthesised(values)
    assert sum(t.endswith("/B") for t in made) / len(made) == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize(
    ("values", "holds"),
    [
        (list(range(1, N + 1)), lambda v: v > N),
        (list(range(10_000_000, 10_000_000 + N)), lambda v: v >= 10_000_000 + N),
        (R.sample(range(10**5, 10**6), N), lambda v: 10**5 <= v < 10**6),
        (R.sample(range(176 * 10**15, 177 * 10**15), N), lambda v: 176 <= v // 10**15 < 177),
        ([-v for v in range(N)], lambda v: v > 0),
    ],
)
def test_integers_that_are_keys(values, holds):
    made = synthesised(values)
    assert all(map(holds, made))
    assert not set(made) & set(values)
    assert len(set(made)) == len(made)
    small = integers("x", [100, 101, 102], 127)
    assert {small.synthesise(seed, 0.5) for seed in range(25)} == set(range(103, 128))


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("x", list(range(1, 101)), "identifier"),
        ("x", list(range(100)), "identifier"),
        ("x", list(range(1900, 2000)), "number"),
        ("customer_id", R.sample(range(10**6), 100), "identifier"),
        ("customerId", R.sample(range(10**6), 100), "identifier"),
        ("id", [1, 1, *range(2, 100)], "number"),
        ("paid", R.sample(range(10**6), 100), "number"),
        ("x", R.sample(range(10**6), 100), "number"),
        ("tweet", [2**60 + v for v in R.sample(range(10**6), 100)], "identifier"),
        ("id", list(range(1, 40)), "number"),
    ],
)
def test_which_integers_are_keys(name, values, kind):
    assert fit_column(name, pa.chunked_array([pa.array(values)]), Resolution()).kind == kind


@pytest.mark.parametrize("kind", ["UUID", "e-mail", "IPv4", "IPv6", "MAC", "IBAN"])
def test_known_kinds_are_identifiers_even_where_they_repeat(kind):
    values = R.choices(KINDS[kind][0][:100], k=N)
    assert not set(synthesised(values, kind="")) & set(values)
    assert (
        fit_column("x", pa.chunked_array([pa.array(["a", "b"] * N)]), Resolution()).kind
        == "category"
    )


def test_a_table_of_keys_through_the_codec():
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "id": pa.array(range(1, N + 1), pa.int32()),
            "mail": [f"{R.choice(NAMES)}{i}@gmail.com" for i in range(N)],
            "x": rng.normal(size=N),
        }
    )
    codec = TableCodec.fit(table)
    codec = TableCodec.load(CodecState(json.loads(json.dumps(codec.state().config))))
    batch = codec.prepare(codec.encode(table.to_pylist(), rng))
    rows = pa.Table.from_pylist(codec.decode(batch, range(N)), schema=table.schema)
    assert rows["id"].to_pylist() == list(range(N + 1, 2 * N + 1))
    assert not set(rows["mail"].to_pylist()) & set(table["mail"].to_pylist())


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=60, unique=True))
@settings(deadline=None)
def test_any_texts_give_new_ones(texts):
    space = identifiers("x", texts)
    made = [space.synthesise(seed, u) for seed, u in enumerate(uniform(range(60), 1).tolist())]
    assert not set(made) & set(texts)


SHAPES = st.lists(
    st.sampled_from(["A-", "9", "99", "aa", "/", "x"]), min_size=1, max_size=5
).filter(lambda parts: any(p in "99aa" for p in parts))


@given(SHAPES, st.integers(0, 2**32))
@settings(deadline=None)
def test_numbers_are_the_inverse_of_texts(shape, seed):
    rng = random.Random(seed)
    parts = {"9": string.digits, "99": string.digits, "aa": string.ascii_lowercase}
    texts = ["".join("".join(rng.choices(parts[p], k=3)) if p in parts else p for p in shape)
             for _ in range(60)]  # fmt: skip
    space = identifiers("x", texts)
    for number in {rng.randrange(space.size) for _ in range(30)}:
        assert space.number(space.value(number)) == number
    assert all(space.number(text) is None or template_is_vast(space) for text in texts)


def template_is_vast(space):
    return any(not t.gaps for t in space.templates)


def test_check_digits():
    assert check_digit("luhn", "7992739871") == "3"
    assert check_digit("ean", "978030640615") == "7"
    assert valid("iban", "GB82 WEST 1234 5698 7654 32")
    assert not valid("iban", "GB83 WEST 1234 5698 7654 32")
    template = Template([["text", "DE\0"], ["digits", 18, 0, 10**18 - 1]], "iban")
    assert template.number(template.value(12345)) == 12345


def test_free_text_has_the_form_of_the_data_and_no_words_of_it():
    words = ["".join(R.choices(string.ascii_lowercase, k=R.randrange(2, 9))) for _ in range(500)]
    values = [" ".join(R.choices(words, k=R.randrange(4, 30))) for _ in range(200)]
    made = synthesised(values, 100)
    assert not set(made) & set(values)
    assert base64.b64encode(made[0].encode()) != b""
