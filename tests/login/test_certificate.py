"""Certificates: what they say survives, and no bit of them can be changed."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway import certificate as c
from gateway.errors import UserError
from tests.vectors import make_badge

NOW_S = 1_795_000_000
OPERATOR, STRANGER, GATEWAY, OTHER = (
    Ed25519PrivateKey.from_private_bytes(bytes([i]) * 32) for i in range(4)
)
ACCOUNT = bytes(range(32))
ISSUER = "https://login.example.org/realms/relief"


def public(key):
    return key.public_key().public_bytes_raw()


def made(username="amina", issuer=ISSUER, now_s=NOW_S, days=365, by=GATEWAY):
    gateway = c.sign_gateway(OPERATOR, public(GATEWAY), "North school", now_s, days)
    until_s = now_s + days * c.DAY_S
    hashed = c.subject_hash(issuer, "248289761001", b"s" * 16)
    account = c.sign_account(by, ACCOUNT, hashed, issuer, username, now_s, until_s)
    return c.encode_badge(gateway, account)


def refused(raw, operator=OPERATOR, now_s=NOW_S):
    with pytest.raises(UserError) as why:
        c.check_badge(raw, public(operator), now_s)
    assert "\n" not in str(why.value)
    return str(why.value)


def test_a_badge_says_who_where_and_by_which_gateway():
    badge = c.check_badge(made(), public(OPERATOR), NOW_S + 80 * c.DAY_S)
    assert badge.account.key == ACCOUNT
    assert (badge.account.username, badge.account.issuer) == ("amina", ISSUER)
    assert badge.gateway.name == "North school"
    assert badge.gateway.key == public(GATEWAY)
    assert badge.account.until_s == NOW_S + 90 * c.DAY_S


def test_the_vectors_that_browsers_read_are_what_is_written_today():
    kept = json.loads((Path(__file__).parents[1] / "vectors" / "badge.json").read_text())
    assert make_badge.vectors() == kept


def test_every_flipped_bit_is_refused():
    raw = made()
    for bit in range(len(raw) * 8):
        altered = bytearray(raw)
        altered[bit // 8] ^= 1 << bit % 8
        refused(bytes(altered))


@given(st.binary(max_size=400))
def test_garbage_is_refused(raw):
    refused(raw)


@given(st.integers(0, 500))
def test_a_part_is_refused(length):
    raw = made()
    if length < len(raw):
        refused(raw[:length])
    refused(raw + bytes(length + 1))


names = st.text(min_size=1, max_size=80).filter(lambda s: s.strip() and s.isprintable())


@given(names, st.integers(0, c.ISSUER_MAX - 12))
def test_every_username_and_issuer_fits_one_frame(username, length):
    issuer = "https://example.org/" + "x" * length
    raw = made(username, issuer)
    assert len(raw) - 1 - raw[0] <= c.ACCOUNT_LEN_MAX
    badge = c.check_badge(raw, public(OPERATOR), NOW_S)
    assert badge.account.issuer == issuer
    assert " ".join(username.split()).startswith(badge.account.username)
    whole = len(" ".join(username.split()).encode()) <= c.USERNAME_LEAST
    assert not whole or badge.account.username == " ".join(username.split())
    assert c.parse_badge(c.badge_text(raw)) == raw


def test_an_issuer_that_does_not_fit_is_said():
    with pytest.raises(UserError, match="more than"):
        made(issuer="https://" + "x" * (c.ISSUER_MAX + 1))
    assert c.check_badge(made(issuer="http://localhost:9500"), public(OPERATOR), NOW_S)


def test_expired():
    assert "expired on 2027-" in refused(made(), now_s=NOW_S + 91 * c.DAY_S)
    short = made(days=30)  # an account's certificate does not outlive its gateway's
    assert "expired" in refused(short, now_s=NOW_S + 31 * c.DAY_S)
    assert c.check_badge(short, public(OPERATOR), NOW_S + 30 * c.DAY_S)


def test_a_clock_that_is_behind():
    assert "clock" in refused(made(), now_s=1000)
    assert c.check_badge(made(), public(OPERATOR), NOW_S - c.DAY_S)


def test_another_network():
    assert "another network" in refused(made(), operator=STRANGER)


def test_a_wrong_chain():
    gateway = c.sign_gateway(OPERATOR, public(OTHER), "South", NOW_S, 365)
    raw = made()
    assert "stands beside it (South)" in refused(c.encode_badge(gateway, raw[1 + raw[0] :]))
    assert "stands beside it" in refused(made(by=OTHER))
    forged = c.sign_gateway(STRANGER, public(GATEWAY), "North school", NOW_S, 365)
    renamed = forged[:2] + c.key_id(public(OPERATOR)) + forged[6:]
    assert "altered" in refused(c.encode_badge(renamed, raw[1 + raw[0] :]))


def test_nobody_certifies_for_too_long():
    with pytest.raises(UserError, match="1 to 366 days"):
        c.sign_gateway(OPERATOR, public(GATEWAY), "North", NOW_S, 367)
    # a captured gateway writes what it likes: ten years are refused by whoever checks
    gateway = c.sign_gateway(OPERATOR, public(GATEWAY), "North", NOW_S, 365)
    head = c._HEAD.pack(1, 2, c.key_id(public(GATEWAY)), ACCOUNT, NOW_S, NOW_S + 3650 * c.DAY_S)
    body = head + bytes(12) + b"\x05a.orgamina"
    account = c._signed(GATEWAY, b"account-certificate", body)
    assert "more than 90 days" in refused(c.encode_badge(gateway, account))


def test_a_newer_version_is_told_from_garbage():
    raw = bytearray(made())
    raw[1] = 2
    assert "newer Heliograph" in refused(bytes(raw))


def test_the_subject_is_hashed_with_a_salt():
    one = c.subject_hash(ISSUER, "248289761001", b"s" * 16)
    assert one == c.subject_hash(ISSUER, "248289761001", b"s" * 16)
    others = [
        ("https://a.org", "248289761001", b"s"),
        (ISSUER, "2", b"s"),
        (ISSUER, "248289761001", b"t"),
    ]
    assert one not in [c.subject_hash(i, s, salt * 16) for i, s, salt in others]


def test_a_gateways_request_proves_its_key():
    text = c.request_text(GATEWAY, "North school")
    assert c.parse_request(text) == (public(GATEWAY), "North school")
    from gateway import checked_text

    raw = checked_text.decode(c.REQUEST_SCHEME, text, "", 1)
    stolen = checked_text.encode(c.REQUEST_SCHEME, public(OTHER) + raw[32:])
    with pytest.raises(UserError, match="altered"):
        c.parse_request(stolen)
