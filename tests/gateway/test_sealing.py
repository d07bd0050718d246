"""Sealing and pieces: what opens, what must not; the erasure code against an independent one."""

import os
import random
from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidTag

from gateway.errors import UserError
from gateway.identity import Identity, parse_card
from gateway.parcels import rebuild_bundle, tag_key
from gateway.pieces import PIECE_PAYLOAD, Shape, cut, rebuild, shape_for
from gateway.sealing import (
    ONE_FRAME_BODY,
    SealError,
    UnknownSender,
    open_bundle,
    seal,
)
from shared_protocol.errors import DecodeError
from shared_protocol.hashing import H
from shared_protocol.parcel_fields import decode
from shared_protocol.receipt import message_id

ANA, BO, EVE = (Identity.new(name) for name in ("Ana", "Bo", "Eve"))


def pieces_of(sealed):
    return [decode(bytes(3) + part) for part in sealed.parcels]


def opened(sealed, parts, reader=BO, senders=(ANA.card,)):
    if sealed.shape is None:
        bundle = parts[0].payload
    else:
        bundle = rebuild_bundle(
            tag_key(reader.card.mailbox_key, sealed.mid), sealed.mid, sealed.shape, parts
        )
    if bundle is None:
        return None
    head = sealed.parcels[0][:14]
    return open_bundle(reader, head, bundle, sealed.shape, list(senders))


@pytest.mark.parametrize(
    "size", [1, 2, ONE_FRAME_BODY, ONE_FRAME_BODY + 1, 500, 5000, 20000, 65536]
)
def test_any_k_of_n_open_whatever_the_size(size):
    body = os.urandom(size)
    sealed = seal(ANA, BO.card, body, 1_800_000_000, 1, 8)
    parts = pieces_of(sealed)
    assert all(len(part) + 3 + 11 == 250 for part in sealed.parcels), "one full ESP-NOW frame each"
    if sealed.shape is not None:
        rng = random.Random(size)
        rng.shuffle(parts)
        enough = []
        for block in range(sealed.shape.blocks):
            enough += [p for p in parts if p.extras.piece.block == block][: sealed.shape.k]
        parts = enough
        assert opened(sealed, parts[1:]) is None, "k-1 of a block give nothing"
    result = opened(sealed, parts)
    assert (result.body, result.sender, result.token) == (body, ANA.card, sealed.token)
    assert result.unix_s == 1_800_000_000


def test_text_is_compressed_and_never_larger_than_raw():
    assert seal(ANA, BO.card, b"ha " * 200, 1, 1, 8).shape is None
    assert seal(ANA, BO.card, os.urandom(ONE_FRAME_BODY), 1, 1, 8).shape is None


def test_nobody_else_opens_it_and_no_bit_can_be_changed():
    sealed = seal(ANA, BO.card, b"meet at the well", 1, 1, 8)
    with pytest.raises(SealError):
        opened(sealed, pieces_of(sealed), reader=EVE)
    immutable = sealed.parcels[0]
    for bit in random.Random(1).sample(range(8 * len(immutable)), 300):
        changed = bytearray(immutable)
        changed[bit >> 3] ^= 1 << (bit & 7)
        if 14 <= bit >> 3 < 18:
            continue  # the hint is an address, not content
        try:
            p = decode(bytes(3) + bytes(changed))
        except DecodeError:
            continue  # a refusal too
        if p.extras is not None:
            continue
        with pytest.raises(SealError):
            open_bundle(BO, bytes(changed[:14]), p.payload, None, [ANA.card])


def test_a_message_passed_on_to_somebody_else_is_refused():
    # Bo opens Ana's message and seals the same signed content for Eve: the signature names Bo.
    from gateway import sealing

    genuine = seal(ANA, BO.card, b"I owe you ten litres", 1, 1, 8)
    p = pieces_of(genuine)[0]
    info = sealing._info(genuine.parcels[0][:14], None)
    plain = sealing._HPKE.decrypt(p.payload, BO.prekey, info)
    inner, signature = plain[:-64], plain[-64:]
    with pytest.raises(SealError):
        sealing._verify(EVE.card, inner, signature, [ANA.card], None)
    assert sealing._verify(BO.card, inner, signature, [ANA.card], None) == ANA.card


def test_an_unknown_sender_is_told_apart_from_a_false_one():
    sealed = seal(ANA, BO.card, b"hello", 1, 1, 8)
    with pytest.raises(UnknownSender):
        opened(sealed, pieces_of(sealed), senders=[EVE.card])


def test_a_strangers_card_is_told_only_if_it_is_the_signers():
    sealed = seal(ANA, BO.card, b"hello", 1, 1, 8, with_card=True)
    with pytest.raises(UnknownSender) as known:
        opened(sealed, pieces_of(sealed), senders=[EVE.card])
    assert known.value.card == ANA.card
    assert opened(sealed, pieces_of(sealed)).card == ANA.card

    as_ana = Identity(EVE.account, EVE.signing, EVE.prekey, ANA.card)
    forged = seal(as_ana, BO.card, b"hello", 1, 1, 8, with_card=True)
    for senders in ([], [EVE.card], [ANA.card]):
        with pytest.raises(SealError, match="signature is false"):
            opened(forged, pieces_of(forged), senders=senders)

    mixed = replace(EVE.card, account=ANA.card.account, name="Ana")  # a claim, told as such
    sealed = seal(Identity(EVE.account, EVE.signing, EVE.prekey, mixed), BO.card, b"x", 1, 1, 8,
                  with_card=True)  # fmt: skip
    with pytest.raises(UnknownSender) as claim:
        opened(sealed, pieces_of(sealed))
    assert claim.value.card.id == EVE.card.id


@pytest.mark.parametrize("length", range(11))
def test_however_short_what_was_sealed_is_it_is_refused(length):
    from gateway import sealing

    inner = b"\x10" + bytes(8) + b"\x80"
    inner = inner[:length]
    signature = ANA.signing.sign(sealing._signed(BO.card, inner))
    token = H(b"token", signature, inner)[:16]
    head = b"\x02\x82" + message_id(token)
    key = BO.prekey.public_key()
    bundle = sealing._HPKE.encrypt(inner + signature, key, sealing._info(head, None))
    with pytest.raises(SealError):
        open_bundle(BO, head, bundle, None, [ANA.card])


def test_a_card_with_a_false_key_is_said_to_be_one():
    with pytest.raises(UserError, match="Bo's card has a false key"):
        seal(ANA, replace(BO.card, x25519=bytes(32)), b"x", 1, 1, 8)


def test_a_body_with_a_type_says_so():
    for typed in (False, True):
        sealed = seal(ANA, BO.card, b"\x02", 1, 1, 8, typed=typed)
        assert opened(sealed, pieces_of(sealed)).typed is typed


def test_false_pieces_are_passed_over():
    sealed = seal(ANA, BO.card, os.urandom(2000), 1, 1, 8)
    parts = pieces_of(sealed)
    junk = [p._replace(payload=os.urandom(PIECE_PAYLOAD)) for p in parts[:3]]
    assert opened(sealed, junk + parts).sender == ANA.card
    assert opened(sealed, junk + parts[3 : sealed.shape.k]) is None


def test_fewer_than_k_pieces_and_the_key_give_nothing():
    # HPKE's cipher is a stream: without the mask, the first piece and the key would show its text.
    from gateway import sealing

    sealed = seal(ANA, BO.card, b"A" * 3 + os.urandom(3000), 1, 1, 8)
    first = pieces_of(sealed)[: sealed.shape.k - 1]
    masked = b"".join(p.payload for p in first) + bytes(PIECE_PAYLOAD)
    info = sealing._info(sealed.parcels[0][:14], sealed.shape)
    with pytest.raises(InvalidTag):
        sealing._HPKE.decrypt(masked, BO.prekey, info)
    assert sealing._mask(sealed.mid, sealing._mask(sealed.mid, masked)) == masked


def _independent_piece(data, i):
    """p(x_i) by Lagrange interpolation over GF(2^8) mod 0x11d, as SPEC.md 6 says it."""
    exp, log, x = [0] * 512, [0] * 256, 1
    for power in range(255):
        exp[power] = exp[power + 255] = x
        log[x] = power
        x = x << 1 ^ (0x11D if x & 0x80 else 0)

    def mul(a, b):
        return exp[log[a] + log[b]] if a and b else 0

    points = [0] + [exp[j] for j in range(254)]
    out = bytearray(len(data[0]))
    for j, payload in enumerate(data):
        weight = 1
        for m in range(len(data)):
            if m != j:
                inverse = exp[255 - log[points[j] ^ points[m]]]
                weight = mul(weight, mul(points[i] ^ points[m], inverse))
        for at, byte in enumerate(payload):
            out[at] ^= mul(weight, byte)
    return bytes(out)


@pytest.mark.parametrize(("k", "n"), [(2, 3), (5, 9), (33, 44)])
def test_the_erasure_code_is_the_polynomial_of_the_specification(k, n):
    bundle = random.Random(k).randbytes(k * PIECE_PAYLOAD)
    pieces = {i: payload for _, i, payload in cut(bundle, Shape(k, n, 1))}
    data = [bundle[j * PIECE_PAYLOAD : (j + 1) * PIECE_PAYLOAD] for j in range(k)]
    for i in (0, k - 1, k, n - 1):
        assert pieces[i] == _independent_piece(data, i)


def test_rebuild_takes_any_mixture():
    shape = shape_for(9000)
    bundle = random.Random(3).randbytes(shape.bundle_len)
    every = {(b, i): payload for b, i, payload in cut(bundle, shape)}
    rng = random.Random(4)
    for _ in range(20):
        chosen = rng.sample(sorted(every), shape.k)
        assert rebuild(shape, {key: every[key] for key in chosen}) == bundle


def test_a_card_survives_being_typed_and_refuses_mistakes():
    text = BO.card.text()
    assert parse_card(text.lower()) == BO.card
    assert parse_card(" ".join(text[i : i + 7] for i in range(0, len(text), 7))) == BO.card
    false = text.replace(text[20], "2" if text[20] != "2" else "3", 1)
    for bad in ("", "HELIO:", text[:-1], false):
        with pytest.raises(UserError):
            parse_card(bad)


# --- ways to gateways

ROUTE, WAY = b"\xaa\xbb\xcc", b"\xaa\xbb\xcc\x12\x34\x56"


@pytest.mark.parametrize(
    ("size", "way", "kept"),
    [(1, WAY, WAY), (88, WAY, WAY), (89, WAY, ROUTE), (91, WAY, ROUTE), (92, WAY, b""),
     (91, ROUTE, ROUTE), (92, ROUTE, b""), (3000, WAY, b""), (5, b"", b"")],
)  # fmt: skip
def test_a_message_for_a_known_gateway_says_so_if_there_is_room(size, way, kept):
    """With its way a parcel has to fit a UNICAST frame: two bytes for the next node's address."""
    body = os.urandom(size)
    sealed = seal(ANA, BO.card, body, 7, 1, 8, way=way)
    parts = pieces_of(sealed)
    if kept:
        assert (parts[0].extras.route, parts[0].extras.cell or b"") == (kept[:3], kept[3:])
        assert 11 + 2 + 3 + len(sealed.parcels[0]) == 250
    else:
        assert all(part.extras is None or part.extras.route is None for part in parts)
    assert opened(sealed, parts).body == body


@pytest.mark.parametrize(
    ("size", "said"), [(1, WAY), (90, WAY), (91, ROUTE), (93, ROUTE), (94, b""), (96, b"")]
)
def test_the_senders_way_is_told_inside_the_seal_as_far_as_padding_leaves_room(size, said):
    sealed = seal(ANA, BO.card, os.urandom(size), 7, 1, 8, my_way=WAY)
    assert len(sealed.parcels) == 1
    assert WAY[:3] not in sealed.parcels[0]
    assert opened(sealed, pieces_of(sealed)).way == said


def test_a_way_in_a_long_message_never_costs_a_piece():
    for size in range(5000, 5400, 13):
        body = os.urandom(size)
        plain = seal(ANA, BO.card, body, 7, 1, 8)
        with_way = seal(ANA, BO.card, body, 7, 1, 8, my_way=WAY)
        assert plain.shape == with_way.shape
        result = opened(with_way, pieces_of(with_way))
        assert result.body == body
        assert result.way in (WAY, ROUTE, b"")
