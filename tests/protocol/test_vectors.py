"""The wire vectors in tests/vectors: hex in, fields out, and back again."""

import hashlib
import struct

from aes import ecb
from checks import pattern, raises, unhex, vectors

from shared_protocol import beacon, parcel, parcel_fields, receipt, records, statement, sync
from shared_protocol.ed25519 import verify
from shared_protocol.errors import DecodeError
from shared_protocol.frame import REQUEST, FrameCipher
from shared_protocol.hashing import H, Hmac
from shared_protocol.serial_line import SerialLine
from shared_protocol.slots import own_slots, shape


def rejected(row, decode, *args):
    """Is this an invalid vector, and does the decoder say so?"""
    if not row.get("error"):
        return False
    assert raises(DecodeError, decode, *args), row["name"]
    return True


def test_hashing():
    for row in vectors("hashing"):
        if "label" in row:
            parts = [unhex(part) for part in row["parts"]]
            want = unhex(row["bytes"])
            assert H(row["label"].encode(), *parts)[: len(want)] == want, row["name"]
        elif "hmac_key" in row:
            got = Hmac(unhex(row["hmac_key"])).digest(unhex(row["data"]))
            assert got == unhex(row["bytes"]), row["name"]
        else:
            got = receipt.short_id(unhex(row["short_key"]), unhex(row["of"]))
            assert got == row["short"], row["name"]


def read_parcel(body):
    """What a relay does with a parcel, then what an end does."""
    parcel.check(parcel.split(body)[3])
    return parcel_fields.decode(body)


def test_parcel():
    for row in vectors("parcel"):
        body = unhex(row["hex"])
        if rejected(row, read_parcel, body) or "token" in row:
            continue
        p = read_parcel(body)
        extras = p.extras or parcel_fields.NO_EXTRAS
        assert p.head[:4] == tuple([row[key] for key in ("hops", "age", "b0", "b1")])
        assert p.head[4:] == (unhex(row["mid"]), unhex(row["hint"])), row["name"]
        assert p.payload == unhex(row["payload"]), row["name"]
        for key in ("route", "cell"):
            assert getattr(extras, key) == unhex(row[key]), (row["name"], key)
        assert extras.copies == row["copies"]
        if row["piece"]:
            assert tuple(extras.piece[:5]) == tuple(row["piece"][:5])
            assert extras.piece.tag == unhex(row["piece"][5])
        assert parcel_fields.encode(p) == body, row["name"]
        hops, age, copies, immutable = parcel.split(body)
        assert parcel.join(hops, age, copies, immutable) == body
        assert parcel.parcel_id(immutable) == unhex(row["parcel_id"])


def test_parcel_receipt():
    for row in [r for r in vectors("parcel") if "token" in r]:
        hops, age, immutable = receipt.split_frame(unhex(row["hex"]))[0]
        assert (hops, age) == (row["hops"], row["age"])
        assert receipt.decode(immutable) == unhex(row["token"])
        assert parcel.parcel_id(immutable) == unhex(row["parcel_id"])


def test_frame():
    for row in vectors("frame"):
        cipher = FrameCipher(unhex(row["key"]), row["epoch"], ecb)
        src, data = unhex(row["src"]), unhex(row["hex"])
        if rejected(row, cipher.open, src, data):
            continue
        opened = cipher.open(src, data)
        assert opened == (row["type"], row["counter"], unhex(row["body"])), row["name"]
        if not row.get("net_time"):
            sealed = cipher.seal(row["type"], row["counter"], src, opened[2])
            assert sealed == data, row["name"]


def test_beacon():
    for row in vectors("beacon"):
        body = unhex(row["hex"])
        if rejected(row, beacon.decode, body):
            continue
        b = beacon.decode(body)
        for key in ("flags", "challenge", "cell", "unknown"):
            assert getattr(b, key) == row[key], (row["name"], key)
        assert b.echoes == [(unhex(tail), ask, value) for tail, ask, value in row["echoes"]]
        assert b.gateways == [tuple(gateway) for gateway in row["gateways"]]
        if row["encodes"]:
            again = beacon.encode(
                b.flags, b.challenge, b.digest, b.echoes, b.gateways, b.cell, b.told
            )
            assert again == body
        assert b.told == tuple(row.get("told", beacon.NOTHING_TOLD))
        assert b.digest == unhex(row["digest"])
        count, odd, sums = row["known"]
        assert sync.decode_sketch(b.digest) == (count, unhex(odd), sums)
        assert sync.encode_sketch(count, unhex(odd), sums) == b.digest


def test_statement():
    cipher = FrameCipher(bytes(32), 0, ecb)
    for row in vectors("statement"):
        body = unhex(row["hex"])
        if rejected(row, statement.decode_update, body):
            continue
        if "fields" in row:
            head_len = statement.REQUEST_LEN if body[0] == REQUEST else statement.CHUNK_HEAD
            head = getattr(statement, row["format"])
            fields = [field if isinstance(field, int) else unhex(field) for field in row["fields"]]
            got = list(struct.unpack(head, body[:head_len]))
            got.append(body[head_len:])
            assert got == fields
            continue
        unsigned, signature = body[:-64], body[-64:]
        assert statement.signed_digest(cipher, unsigned) == unhex(row["digest"])
        assert list(verify(unhex(row["public"]), unhex(row["digest"]), signature))[-1]
        update = statement.decode_update(body)
        sequence, version, flags, node, size, digest, first = update
        assert (sequence, flags, size) == (row["sequence"], row["flags"], row["size"])
        assert [version, node, first] == [unhex(row[key]) for key in ("version", "node", "first")]
        archive = pattern(size)
        assert digest == hashlib.sha256(archive).digest()
        cut_first, pages = statement.cut_archive(archive)
        assert cut_first == first
        lengths = [statement.page_len(size, page) for page in range(len(pages) + 1)]
        assert lengths == [len(page) for page in pages] + [0]
        assert statement.encode_update(update) == unsigned
        assert statement.decode_update(unsigned + b"later" + signature) == update


def test_sync():
    decoders = {
        "summary": sync.decode_summary,
        "list": sync.decode_list,
        "want": sync.decode_want,
        "have": sync.decode_have,
    }
    for row in vectors("sync"):
        body, decode = unhex(row["hex"]), decoders[row["kind"]]
        if rejected(row, decode, body):
            continue
        got, f = decode(body), row["fields"]
        if row["kind"] == "summary":
            assert list(got) == f
            assert sync.encode_summary(f) == body
        elif row["kind"] == "list":
            assert (got[0], got[1], list(got[2])) == tuple(f)
            assert sync.encode_list(f[0], f[1], f[2]) == body
        elif row["kind"] == "want":
            assert (got[0], list(got[1])) == (unhex(f[0]), f[1])
            assert sync.encode_want(got[0], f[1]) == body
        else:
            assert [list(pair) for pair in got] == f
            assert sync.encode_have(f) == body


CLOCK = ("boots", "clock_s", "counter_limit", "evicted", "damaged", "commands")


def test_records():
    for row in vectors("records"):
        body = unhex(row["hex"])
        if rejected(row, records.decode, body):
            continue
        got = records.decode(body)
        if "boots" in row:
            assert got == records.Clock(*[row[field] for field in CLOCK])
            assert records.encode_clock(got)[: len(body)] == body
            continue
        assert got.immutable == unhex(row["immutable"])
        for key in ("is_receipt", "first_s", "expires_s", "hops"):
            assert getattr(got, key) == row[key], (row["name"], key)
        assert records.encode_kept(got) == body


def test_slots():
    for row in vectors("slots"):
        piece = parcel.Piece(0, row["k"], row["n"], row["block"], 16, b"")
        bitmap = own_slots(unhex(row["node_id"]), unhex(row["mid"]), piece)
        kept = [i for i in range(row["n"]) if bitmap[i >> 3] >> (i & 7) & 1]
        assert kept == row["kept"], row["name"]
        assert shape(row["k"]) == (len(kept), row["window"])


def test_serial_line():
    for row in vectors("serial_line"):
        relay = SerialLine(False, 1)
        got = relay.receive(unhex(row["hex"]), 0)
        if row.get("error"):
            assert (got, relay.bad_lines, relay.attached) == ([], 1, False), row["name"]
            continue
        assert got == [(channel, unhex(m)) for channel, m in row["messages"]], row["name"]
        assert relay.poll(0)[0] == unhex(row["answer"]), row["name"]
