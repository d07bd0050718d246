"""Writes the JSON vectors beside it. The files are frozen: run this only when the wire changes.

    .venv/bin/python tests/vectors/make.py

Hex goes in, fields come out; bytes are hex strings, absent fields are null.
"""

import json
import struct
import sys
from hashlib import sha256, sha512
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "protocol")]

from checks import piece, receipt_of, whole  # noqa: E402
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: E402

from gateway.crypto import ecb  # noqa: E402
from gateway.new_node import payload  # noqa: E402
from shared_protocol import (  # noqa: E402
    beacon,
    node_record,
    parcel,
    parcel_fields,
    receipt,
    records,
    statement,
    sync,
)
from shared_protocol.frame import CHUNK, NET_TIME, REQUEST, FrameCipher  # noqa: E402
from shared_protocol.hashing import H, Hmac  # noqa: E402
from shared_protocol.serial_line import SerialLine  # noqa: E402
from shared_protocol.slots import own_slots, shape  # noqa: E402

TOKEN = bytes(range(16))
MID = receipt.message_id(TOKEN)
KEY = bytes(range(32))
SRC = bytes((2, 0, 0, 0xAB, 0xCD, 0xEF))


def plain(value):
    """JSON has no bytes."""
    if isinstance(value, bytes | bytearray):
        return bytes(value).hex()
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


def named(name, **fields):
    return {"name": name} | {key: plain(value) for key, value in fields.items()}


def hashing():
    receipt_parcel = b"\x08\xa0" + TOKEN
    box = bytes(range(0x10, 0x20))
    return [
        named("message id of a token", label="mid", parts=[TOKEN], bytes=MID),
        named("hint of a box", label="hint", parts=[box, MID], bytes=H(b"hint", box, MID)[:4]),
        named(
            "parcel id of a receipt",
            label="parcel",
            parts=[receipt_parcel],
            bytes=parcel.parcel_id(receipt_parcel),
        ),
        named("no parts", label="box", parts=[], bytes=H(b"box")),
        named("frame key", label="frame-mac", parts=[KEY], bytes=H(b"frame-mac", KEY)),
        named("short id of a parcel", short_key=bytes(16), of=bytes(8),
              short=receipt.short_id(bytes(16), bytes(8))),
        named("short id of a receipt", short_key=TOKEN, of=MID,
              short=receipt.short_id(TOKEN, MID)),
        named("hmac, RFC 4231 case 2", hmac_key=b"Jefe", data=b"what do ya want for nothing?",
              bytes=Hmac(b"Jefe").digest(b"what do ya want for nothing?")),
        named("hmac, a key longer than a block", hmac_key=b"\xaa" * 131, data=b"x",
              bytes=Hmac(b"\xaa" * 131).digest(b"x")),
    ]  # fmt: skip


def parcels():
    def p(hops, age, copies, b0, b1, mid, piece, hint, route, cell, payload):
        """In the order of the wire."""
        extras = parcel_fields.Extras(piece, route, cell, copies)
        return parcel_fields.Parcel((hops, age, b0, b1, mid, hint), payload, extras)

    tag = b"\xde\xad\xbe\xef"
    b1 = parcel_fields.second_byte
    samples = [
        ("plain with a hint", p(3, 260, None, 2, 0x62, MID, None, b"hint", None, None, b"text")),
        ("no extras, no payload", p(0, 0, None, 0, 0xF0, MID, None, None, None, None, b"")),
        ("SOS", p(63, 65535, None, 6, 0x02, MID, None, b"\0\0\0\0", None, None, b"!")),
        ("route", p(1, 2, None, 2, b1(6, True, True, False), MID, None, tag, b"gwy", None, b"r")),
        ("cell", p(1, 2, None, 2, b1(6, False, False, True), MID, None, None, None, b"cel", b"c")),
        ("everything", p(9, 8, 7, 5, 0x9E, MID, parcel.Piece(254, 128, 255, 15, 16, tag), tag,
                         b"gwy", b"cel", bytes(range(180)))),
        ("copies", p(1, 2, 16, 2, 0x62, MID, None, b"hint", None, None, b"spray")),
        ("no copies left", p(1, 2, 0, 2, 0x60, MID, None, None, None, None, b"wait")),
        ("first piece of three", p(0, 0, None, 3, 0x62, MID, parcel.Piece(0, 2, 3, 0, 1, tag),
                                   b"hint", None, None, b"\xff" * 20)),
        ("reserved bit of b1", p(1, 2, None, 2, 0x63, MID, None, b"hint", None, None, b"kept")),
        ("a statement", p(1, 2, None, 0x12, 0x60, MID, None, None, None, None, b"statement")),
    ]  # fmt: skip
    made = []
    for name, sample in samples:
        names = ("hops", "age", "b0", "b1", "mid", "hint")
        fields = dict(zip(names, sample.head, strict=True)) | sample.extras._asdict()
        fields = {key: plain(v) for key, v in (fields | {"payload": sample.payload}).items()}
        body = parcel_fields.encode(sample)
        key = parcel.parcel_id(parcel.split(body)[3])
        made.append({"name": name, "hex": body.hex()} | fields | {"parcel_id": key.hex()})
    token_body = b"\x02\x00\x05\x08\xa0" + TOKEN
    made.append(named("receipt", hex=token_body, parcel_id=bytes.fromhex("a20552be3203cfaa"),
                      token=TOKEN, hops=2, age=5))  # fmt: skip
    bad_piece = bytes((1, 0, 2, 3, 0x60)) + MID
    for name, body in (
        ("nothing", b""),
        ("cut in the mid", b"\x01\0\0\x02\x60" + MID[:11]),
        ("cut in the mid behind copies", b"\x81\0\0\x01\x02\x60" + MID[:11]),
        ("another version", b"\x01\0\0\x42\x62" + MID + b"hint text"),
        ("cut in the hint", b"\x01\0\0\x02\x62" + MID + b"hin"),
        ("cut in the route", b"\x01\0\0\x02\x68" + MID + b"gw"),
        ("cut in the cell", b"\x01\0\0\x02\x64" + MID + b"ce"),
        ("cut in the piece", b"\x01\0\0\x03\x60" + MID + bytes((0, 2, 3, 0, 1, 2, 3))),
        ("k = 1", bad_piece + bytes((0, 1, 3, 0)) + tag),
        ("k = 129", bad_piece + bytes((0, 129, 200, 0)) + tag),
        ("n < k", bad_piece + bytes((0, 4, 3, 0)) + tag),
        ("index = n", bad_piece + bytes((3, 2, 3, 0)) + tag),
        ("block behind the last", bad_piece + bytes((0, 2, 3, 0x10)) + tag),
    ):
        made.append(named(name, hex=body) | {"error": True})
    return made


def frames():
    made = []
    for name, epoch, kind, counter, body in (
        ("no body", 0, 1, 1, b""),
        ("one block", 0, 2, 0x01020304, b"0123456789abcdef"),
        ("an odd length", 3, 7, 0x7FFFFFFF, b"x" * 17),
        ("the longest", 1, 4, 4096, bytes(range(239))),
        ("net time to strip", 2, 5, 77 | NET_TIME, b"\x01\x02\x03\x04\x05\x06after"),
    ):
        frame = FrameCipher(KEY, epoch, ecb).seal(kind, counter, SRC, body)
        head = dict(key=KEY, epoch=epoch, src=SRC, type=kind)
        if counter & NET_TIME:
            made.append(named(name, hex=frame, **head, counter=77, body=body[6:], net_time=True))
        else:
            made.append(named(name, hex=frame, **head, counter=counter, body=body))
    good = FrameCipher(KEY, 0, ecb).seal(2, 9, SRC, b"a parcel")
    shorter = FrameCipher(KEY, 0, ecb).seal(2, 9 | NET_TIME, SRC, b"short")
    for name, frame in (
        ("a bit of the body", good[:-1] + bytes((good[-1] ^ 1,))),
        ("a bit of the counter", good[:4] + bytes((good[4] ^ 128,)) + good[5:]),
        ("a bit of the mac", good[:5] + bytes((good[5] ^ 64,)) + good[6:]),
        ("another type", bytes((good[0] ^ 1,)) + good[1:]),
        ("another version", bytes((good[0] ^ 64,)) + good[1:]),
        ("another epoch", bytes((good[0] ^ 16,)) + good[1:]),
        ("cut short", good[:10]),
        ("one byte less", good[:-1]),
        ("one byte more", good + b"\0"),
        ("too long", good + bytes(240)),
        ("no room for the net time", shorter),
    ):
        made.append(named(name, hex=frame, key=KEY, epoch=0, src=SRC) | {"error": True})
    other = SRC[:5] + b"\0"
    made.append(named("another sender", hex=good, key=KEY, epoch=0, src=other) | {"error": True})
    return made


def beacons():
    e = beacon.encode
    digest = sync.encode_sketch
    none = digest(0, bytes(8), [0] * 4)
    two = [(b"\x01\x02\x03", 1, 0x123456), (b"\xfd\xfe\xff", 0, 0x7FFFFF)]
    many = [(bytes((0, 0, i)), i & 1, i << 8) for i in range(15)]
    odd = bytes(range(8))
    extended = e(0, 3, digest(2, odd, [4]), two) + b"\x7f\x00" + b"\x80\x03abc"
    fifteen = digest(9, odd, [1 << i for i in range(15)])
    made = []
    for name, body, encoded in (
        ("alone, knows nothing", e(0, 0, none, []), True),
        ("two echoes", e(3, 0x654321, digest(5, odd, [0x3FFFFFFF] * 4), two), True),
        ("fifteen echoes, count saturated", e(2, 1, digest(70000, odd, [1]), many), True),
        ("two extensions to skip", extended, False),
        ("fifteen sums", e(0, 9, fifteen, []), True),
        ("no sums, an echo", e(1, 9, digest(5, odd, []), two[:1]), True),
        ("two gateways", e(0, 3, none, [], [(0x3F2A, 0xFFFF, 0), (1, 2, 63)]), True),
        ("a cell", e(0, 3, none, [], (), 0xABCDEF), True),
        ("a gateway and the cell 0", e(0, 3, none, [], [(1, 2, 3)], 0), True),
        ("echoes and gateways", e(2, 3, fifteen, two, [(0xFFFF, 0, 255)]), True),
        (
            "gateways in two extensions",
            e(0, 3, none, [], [(1, 2, 3)]) + b"\x01\x05\0\4\0\5\6",
            False,
        ),
        ("all pages of an update", e(0, 3, none, [], told=(0x01020304, 255)), True),
        ("a cell and a page", e(0, 3, none, [], (), 5, (7, 1)), True),
        (
            "statements of two kinds",
            e(0, 3, none, []) + b"\x03\x0c\x02\0\0\0\x09\x63\x01\0\0\0\x08\x62",
            False,
        ),
    ):
        b = beacon.decode(body)
        fields = {key: plain(value) for key, value in b._asdict().items()}
        if b.told == beacon.NOTHING_TOLD:
            del fields["told"]  # as the rows that are older than it
        fields["known"] = plain(sync.decode_sketch(b.digest))
        made.append({"name": name, "hex": body.hex()} | fields | {"encodes": encoded})
    for name, body in (
        ("nothing", b""),
        ("cut in the head", bytes(4)),
        ("cut in the digest", e(0, 0, none, [])[:-1]),
        ("cut in the echoes", e(0, 0, none, two)[:-1]),
        ("an extension without its length", e(0, 0, none, []) + b"\x01"),
        ("half a gateway", e(0, 0, none, []) + b"\x01\x03abc"),
        ("half a cell", e(0, 0, none, []) + b"\x02\x02ab"),
        ("an extension cut short", e(0, 0, none, []) + b"\x01\x05abcd"),
        ("half a statement", e(0, 0, none, []) + b"\x03\x05abcde"),
    ):
        made.append(named(name, hex=body) | {"error": True})
    return made


def sync_bodies():
    sums = [i * 0x01FFFFFF & 0x3FFFFFFF for i in range(32)]
    ids = [1, 2, 0x1FFFFFFF, 0x3FFFFFFF]
    pairs = [(7, 0), (0x3FFFFFFF, 63)]
    made = [
        named("summary", kind="summary", hex=sync.encode_summary(sums), fields=sums),
        named("list of four", kind="list", hex=sync.encode_list(0, 0x3FFFFFFF, ids),
              fields=[0, 0x3FFFFFFF, ids]),
        named("empty list", kind="list", hex=sync.encode_list(5, 6, []), fields=[5, 6, []]),
        named("want", kind="want", hex=sync.encode_want(b"\xab\xcd\xef", ids),
              fields=[b"\xab\xcd\xef", ids]),
        named("have", kind="have", hex=sync.encode_have(pairs), fields=pairs),
    ]  # fmt: skip
    word = bytes((0, 0, 0, 9))
    for name, kind, body in (
        ("summary, a byte less", "summary", bytes(127)),
        ("list without its range", "list", word),
        ("list of odd length", "list", bytes(9)),
        ("list not ascending", "list", word + b"\x3f\xff\xff\xff" + word + word),
        ("list below its range", "list", word + b"\x3f\xff\xff\xff" + bytes(4)),
        ("list above its range", "list", bytes(4) + word + bytes((0, 0, 0, 10))),
        ("list, range upside down", "list", word + bytes(4)),
        ("list beyond 30 bits", "list", bytes(4) + b"\x40\0\0\0"),
        ("list too long", "list", bytes(4 * 60)),
        ("want of nothing", "want", b"abc"),
        ("want, no tail", "want", b"ab"),
        ("want of odd length", "want", b"abc" + bytes(5)),
        ("have of nothing", "have", b""),
        ("have of odd length", "have", bytes(6)),
        ("have too long", "have", bytes(240)),
    ):
        made.append(named(name, kind=kind, hex=body) | {"error": True})
    return made


def record_bodies():
    samples = [
        ("parcel", records.Kept(False, 100, 86500, 3, whole(1))),
        ("smallest parcel", records.Kept(False, 0, 1, 0, whole(1, b""))),
        (
            "piece put while the node was off",
            records.Kept(False, records.UNSET_S, 0, 0, piece(1, 2)),
        ),
        ("receipt", records.Kept(True, 7, 8, 63, receipt_of(1))),
    ]
    made = []
    for name, kept in samples:
        made.append({"name": name, "hex": records.encode_kept(kept).hex()}
                    | {key: plain(value) for key, value in kept._asdict().items()})  # fmt: skip
    clock = records.Clock(65535, 0x01020304, 0x7FFFFFFF, 70000, 3, 0xFFFFFF00)
    encoded = records.encode_clock(clock).hex()
    made.append({"name": "clock", "hex": encoded} | clock._asdict())
    second = clock._replace(commands=0)
    made.append({"name": "clock of version 0.2", "hex": encoded[:38]} | second._asdict())
    first = second._replace(evicted=0, damaged=0)._asdict()
    made.append({"name": "clock of the first version", "hex": encoded[:22]} | first)
    for name, body in (
        ("nothing", b""), ("another letter", b"X" * 40), ("cut short", b"P" + bytes(22)),
        ("clock cut short", b"C" + bytes(9)), ("clock with a byte more", b"C" + bytes(11)),
        ("clock with two bytes more", b"C" + bytes(20)),
    ):  # fmt: skip
        made.append(named(name, hex=body) | {"error": True})
    return made


def node_records():
    drawn = {
        "v": 1, "node": "26010203040a", "name": "Tal-Hütte 3", "network_key": KEY.hex(),
        "epoch": 0, "channel": 6, "secret": TOKEN.hex(), "command_key": KEY[::-1].hex(),
        "operator": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "role": "relay", "power": "always", "board": "esp32-devkitc", "cell": 0x123456,
    }  # fmt: skip
    made = []
    for name, sequence, body in (
        ("a whole record", 1, payload(drawn)),
        ("the smallest", 0xFFFFFFFF, b"{}"),
    ):
        encoded = node_record.pack(sequence, body)
        made.append(named(name, hex=encoded) | {"sequence": sequence, "payload": body.decode()})
    return made


def slots():
    made = []
    for node, k, n, block in ((1, 2, 3, 0), (1, 8, 10, 0), (2, 8, 10, 0), (1, 8, 10, 1),
                              (1, 33, 44, 0), (200, 96, 128, 2), (3, 128, 255, 15)):  # fmt: skip
        node_id = bytes((2, 0, 0, 0, 0, node))
        bitmap = own_slots(node_id, MID, parcel.Piece(0, k, n, block, 16, b"tag!"))
        kept = [i for i in range(n) if bitmap[i >> 3] >> (i & 7) & 1]
        made.append(named(f"node {node}, {k} of {n}, block {block}", node_id=node_id, mid=MID, k=k,
                          n=n, block=block, kept=kept, window=shape(k)[1]))  # fmt: skip
    return made


def serial_lines():
    host, relay = SerialLine(True, 0x10), SerialLine(False, 0x7F)
    hello = host.poll(0)[0]
    relay.receive(hello, 0)
    ack = relay.poll(0)[0]
    host.receive(ack, 0)
    host.send(0, b"a frame")
    short = host.poll(1)[0]
    host.receive(SerialLine(True, 0).poll(0)[0], 1)
    relay.receive(short, 1)
    host.receive(relay.poll(1)[0], 1)
    host.poll(1)
    host.send(1, bytes(range(200)))
    first = host.poll(2)[0]
    made = []
    for name, line, messages in (
        ("the host's first line", hello, []),
        ("a mesh frame in one line", short, [[0, b"a frame"]]),
        ("first of two chunks", first, []),
        ("a log line before it", b"rst:0x1 boot\r\n" + short, [[0, b"a frame"]]),
        ("noise before it in the line", b"\x00\xffE (12) x\x02abc" + short, [[0, b"a frame"]]),
        ("twice the same", short + short, [[0, b"a frame"]]),
    ):
        relay = SerialLine(False, 1)
        got = relay.receive(line, 0)
        assert got == [tuple(m) for m in messages], name
        made.append(named(name, hex=line, messages=messages, answer=relay.poll(0)[0]))
    for name, line in (
        ("a bit flipped", short[:6] + bytes((short[6] ^ 1,)) + short[7:]),
        ("cut short", short[:-3] + b"\n"),
        ("empty", b"\x02\n"),
        ("not base64", b"\x02!!!!\n"),
    ):
        made.append(named(name, hex=line) | {"error": True})
    return made


def rfc_8032():
    """Section 7.1: the secret keys and messages; the rest follows from them."""
    made = []
    for name, seed, message in (
        ("TEST 1", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", b""),
        ("TEST 2", "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", b"\x72"),
        ("TEST 3", "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         b"\xaf\x82"),
        ("TEST SHA(abc)", "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
         sha512(b"abc").digest()),
    ):  # fmt: skip
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
        made.append(named(name, public=key.public_key().public_bytes_raw(), message=message,
                          signature=key.sign(message)))  # fmt: skip
    return made


def statements():
    """Updates of 2 and 3 pages, in a network with the key 00..00, by the operator 00..1f."""
    operator = Ed25519PrivateKey.from_private_bytes(KEY)
    cipher = FrameCipher(bytes(32), 0, ecb)
    made = []
    for name, sequence, size, flags, node in (
        ("update 1 for all", 1, 2000, statement.SPREAD, statement.EVERYBODY),
        ("update 2 for all", 2, 4000, statement.SPREAD, statement.EVERYBODY),
        ("update 3 for one node at the wire", 3, 2000, 0, bytes((2, 0, 0, 0, 0, 1))),
    ):
        archive = bytes([i * i >> 3 & 255 for i in range(size)])
        first, _ = statement.cut_archive(archive)
        version = b"\0\3" + bytes((sequence,))
        unsigned = statement.encode_update(
            (sequence, version, flags, node, size, sha256(archive).digest(), first)
        )
        digest = statement.signed_digest(cipher, unsigned)
        made.append(named(name, public=operator.public_key().public_bytes_raw(),
                          hex=unsigned + operator.sign(digest), sequence=sequence, digest=digest,
                          version=version, flags=flags, node=node, size=size,
                          first=first))  # fmt: skip
    good = bytes.fromhex(made[0]["hex"])
    for name, form, fields in (
        ("request", "REQUEST", (REQUEST, SRC[3:], 1, 2, 3, 0x81)),
        ("chunk", "CHUNK", (CHUNK, 2, 3, 7)),
    ):
        rest = b"data" if form == "CHUNK" else b""
        body = struct.pack(getattr(statement, form), *fields) + rest
        made.append(named(name, format=form, hex=body, fields=[*fields, rest]))
    for name, body in (
        ("a statement too short", good[:-1]),
        ("a statement too long", good + bytes(117)),
        ("another kind", b"\2" + good[1:]),
        ("an archive of nothing", good[:15] + bytes(3) + good[18:]),
        ("an archive too large", good[:15] + b"\x02\0\1" + good[18:]),
    ):
        made.append(named(name, hex=body) | {"error": True})
    return made


FILES = {
    "hashing": hashing,
    "parcel": parcels,
    "frame": frames,
    "beacon": beacons,
    "sync": sync_bodies,
    "records": record_bodies,
    "node_record": node_records,
    "slots": slots,
    "serial_line": serial_lines,
    "ed25519": rfc_8032,
    "statement": statements,
}

if __name__ == "__main__":
    for name, make in FILES.items():
        rows = ",\n".join(json.dumps(row) for row in make())
        (HERE / f"{name}.json").write_text(f"[\n{rows}\n]\n")
