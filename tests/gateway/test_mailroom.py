"""From parcels to a read message: any order, any time, over restarts, and never twice."""

import itertools
import random
from dataclasses import replace

import pytest

from gateway.crypto import ecb
from gateway.database import set_meta
from gateway.desk import WAY_LASTS_S, Desk
from gateway.identity import NO_BOX_ROOT
from gateway.mailroom import Mailroom
from gateway.node_store import SqliteStore
from gateway.parcels import piece_tag
from gateway.pieces import Shape
from gateway.post_office import PostOffice
from gateway.sealing import Opened, hint_for, seal
from gateway.sorting import token_in
from shared_protocol import parcel, receipt
from shared_protocol.cells import NO_CELL
from shared_protocol.frame import FrameCipher
from shared_protocol.hashing import H, Hmac
from shared_protocol.neighbours import TETHER
from shared_protocol.node import Node, Settings
from shared_protocol.parcel_fields import NO_EXTRAS, Parcel, encode, second_byte
from shared_protocol.parcel_fields import decode as parse_parcel
from shared_protocol.parcel_index import ROUTED, WHOLE, ParcelIndex
from shared_protocol.records import Kept, decode
from shared_protocol.shelf import NEW


class Post:
    """A gateway without its process: desk, node and mailroom, and a clock that we turn."""

    def __init__(self, folder, name, number):
        self.folder, self.number = folder, number
        self.now_ms = 0
        self.desk = Desk(folder)
        self.desk.create_identity(name)
        self.open()

    def open(self):
        self.office = PostOffice(self.desk.db, self.desk.path)
        self.office.token_of = lambda mid: token_in(self.node, mid)
        self.mailroom = Mailroom(
            self.desk, self.office, lambda action: action(), lambda: self.now_ms
        )
        dice = random.Random(self.number)
        self.node = Node(
            bytes([2, 0, 0, 0, 0, self.number]),
            FrameCipher(bytes(32), 0, ecb),
            ParcelIndex(2000),
            SqliteStore(self.desk.db, self.desk.path, 0),
            Settings(True, bytes(16), NO_CELL),
            self.mailroom.is_ours,
            dice.randrange,
            self.now_ms,
        )
        self.node.link_up(TETHER, self.now_ms)
        self.mailroom.node = self.node
        self.mailroom.catch_up()

    def restart(self):
        """The process is gone; the database is there."""
        self.desk.close()
        self.desk = Desk(self.folder)
        self.open()

    def hand_in(self, immutable):
        """A parcel arrives from the mesh."""
        verdict = self.node.submit(immutable, 3, 0, self.now_ms)
        if verdict == NEW:
            self.mailroom.handle(("arrived", immutable, 3))
        self.node.poll(self.now_ms)  # from here on it is durable
        return verdict

    def inbox(self):
        return [m["text"] for m in self.desk.listing("in")]


@pytest.fixture
def pair(tmp_path):
    ana, bo = Post(tmp_path / "a", "Ana", 1), Post(tmp_path / "b", "Bo", 2)
    ana.desk.add_contact(bo.desk.me()["card"], None)
    bo.desk.add_contact(ana.desk.me()["card"], None)
    bo.mailroom.reload()
    return ana, bo


def written(ana, text):
    """The immutable parts that Ana's gateway would send."""
    ana.desk.send("Bo", text)
    records = [decode(bytes(row[0])) for row in ana.desk.db.execute("SELECT bytes FROM record")]
    return [r.immutable for r in records if isinstance(r, Kept) and not r.is_receipt]


@pytest.mark.parametrize("false_first", [True, False])
def test_a_false_parcel_takes_no_true_one_with_it(pair, false_first):
    """Somebody on the way has made another of it, with the right hint; both are there before
    either is looked at."""
    ana, bo = pair
    ana.desk.receive(heard_from(bo), "hi", mid=bytes(12), token=bytes(16), code=0)  # no card along
    (true,) = written(ana, "hello")
    false = true[:-1] + bytes([true[-1] ^ 1])
    both = [false, true] if false_first else [true, false]
    for part in both:
        bo.node.submit(part, 3, 0, bo.now_ms)
    for part in both:
        bo.mailroom.handle(("arrived", part, 3))
    assert bo.inbox() == ["hello"]


def heard_from(somebody):
    card = somebody.desk.identity().card
    return Opened(card, 1_790_000_000, b"hi", False, bytes(16), b"", None)


def test_a_piece_with_another_lifetime_is_another_messages(pair):
    ana, bo = pair
    parts = written(ana, long_text())
    false = bytearray(parts[0])
    false[1] ^= 0x10
    k = parcel.piece_of(parts[0]).k
    for part in (*parts[1:k], bytes(false)):
        bo.hand_in(part)
    assert bo.inbox() == []
    bo.hand_in(parts[k])
    assert bo.inbox() == [long_text()]


def long_text(size=3000):
    return "".join(
        random.Random(size).choices([chr(c) for c in range(0x4E00, 0x5E00)], k=size // 3)
    )


def test_pieces_in_any_order_twice_and_over_restarts(pair):
    ana, bo = pair
    text = long_text()
    parts = written(ana, text)
    k = parcel.piece_of(parts[0]).k
    random.Random(1).shuffle(parts)
    for part in parts[: k - 1]:
        bo.hand_in(part)
        bo.hand_in(part)
    assert bo.inbox() == []
    bo.restart()  # days later, perhaps
    assert bo.inbox() == []
    bo.hand_in(parts[k - 1])
    assert bo.inbox() == [text]
    assert bo.node.index.count_held() == 0, "its own receipt has purged the pieces"
    for part in parts:
        bo.hand_in(part)
    bo.restart()
    assert bo.inbox() == [text], "never twice"


def test_a_message_opened_before_its_receipt_could_leave_is_acknowledged_after_the_restart(pair):
    ana, bo = pair
    held_back = []
    bo.mailroom._release = held_back.append
    for part in written(ana, "hello"):
        bo.hand_in(part)
    assert bo.inbox() == ["hello"]
    assert held_back, "the receipt waits for its privacy delay"
    bo.restart()
    assert bo.inbox() == ["hello"]
    assert bo.desk.db.execute("SELECT receipted FROM message").fetchone()[0] == 1
    assert bo.node.index.known == 1, "the receipt is in the store, and nothing else"


def test_somebody_unknown_waits_until_the_card_comes(tmp_path):
    ana, bo = Post(tmp_path / "a", "Ana", 1), Post(tmp_path / "b", "Bo", 2)
    ana.desk.add_contact(bo.desk.me()["card"], None)
    ana.desk.has_written = lambda contact: True  # so Ana's card stays at home
    for part in written(ana, "it is me"):
        bo.hand_in(part)
    assert bo.inbox() == []
    assert bo.node.index.count_held() == 1, "kept, not acknowledged"
    bo.restart()
    bo.desk.add_contact(ana.desk.me()["card"], None)
    bo.mailroom.catch_up()
    assert bo.inbox() == ["it is me"]


def test_a_stranger_whose_card_comes_along_is_heard_and_can_be_answered(tmp_path):
    ana, bo = Post(tmp_path / "a", "Ana", 1), Post(tmp_path / "b", "Bo", 2)
    ana.desk.add_contact(bo.desk.me()["card"], None)
    for part in written(ana, "it is me"):
        bo.hand_in(part)
    assert [(m["name"], m["text"], m["added"]) for m in bo.desk.listing("in")] == [
        ("Ana", "it is me", False)
    ]
    assert bo.node.index.count_held() == 0, "acknowledged"
    ana.hand_in(sent(bo, "Ana", "so I see"))
    assert ana.inbox() == ["so I see"]


def test_one_stranger_too_many_waits(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.desk.STRANGERS_MAX", 0)
    ana, bo = Post(tmp_path / "a", "Ana", 1), Post(tmp_path / "b", "Bo", 2)
    ana.desk.add_contact(bo.desk.me()["card"], None)
    for part in written(ana, "it is me"):
        bo.hand_in(part)
    assert bo.inbox() == []
    assert bo.node.index.count_held() == 3, "kept, not acknowledged"


def test_what_a_stranger_seals_that_does_not_inflate_is_dropped(tmp_path, monkeypatch):
    ana, bo = Post(tmp_path / "a", "Ana", 1), Post(tmp_path / "b", "Bo", 2)
    ana.desk.add_contact(bo.desk.me()["card"], None)
    monkeypatch.setattr("gateway.sealing.compress", lambda body: (1, b"\xff" + body))
    for part in written(ana, "it is me"):
        bo.hand_in(part)
    assert bo.inbox() == []
    assert bo.mailroom.unopenable == 1


@pytest.mark.parametrize("text", ["hello", long_text()])
def test_who_knows_us_from_the_directory_only_reaches_us(tmp_path, text):
    ana, bo = Post(tmp_path / "a", "Ana", 1), Post(tmp_path / "b", "Bo", 2)
    card = replace(bo.desk.identity().card, box_root=NO_BOX_ROOT)
    ana.desk.add_contact(card.text(), None)
    for part in written(ana, text):
        bo.hand_in(part)
    assert bo.inbox() == [text]


def test_a_kind_of_message_that_only_the_page_shows_is_said_to_be_one(pair):
    ana, bo = pair
    me = ana.desk.identity()
    for body in (b"\x05\xff\x00", b""):
        for part in seal(me, bo.desk.identity().card, body, 5, 1, 8, typed=True).parcels:
            bo.hand_in(part)
    assert bo.inbox() == [f"[kind {n}: only the chat page shows this]" for n in (5, 0)]


def test_junk_under_our_hint_is_dropped_and_counted(pair):
    _, bo = pair
    me = bo.desk.identity()
    mid = bytes(range(12))
    head = bytes([parcel.first_byte(0, 1, False), second_byte(8, True, False, False)]) + mid
    hint = hint_for(me.card.mailbox_key, mid)
    for number in range(5):
        bo.hand_in(head + hint + bytes([number]) * 218)
    assert bo.mailroom.unopenable == 5
    assert bo.inbox() == []
    assert bo.node.index.count_held() == 0


def test_the_sender_follows_its_message_to_the_receipt(pair):
    ana, bo = pair
    ana.desk.send("Bo", long_text(6000))
    ana.mailroom.reload()
    for handle, record in ana.node.shelf.store.news():
        ana.node.adopt(handle, decode(record), ana.now_ms)
    states = []
    for step in range(4000):
        for post, other in itertools.permutations(pair):
            post.now_ms = 5 * step
            post.node.poll(post.now_ms)
            while (frame := post.node.next_frame(TETHER, post.now_ms)) is not None:
                other.node.receive(TETHER, post.node.node_id, frame, 0, post.now_ms)
            events, post.node.events = post.node.events, []
            for event in events:
                post.mailroom.handle(event)
        ana.mailroom.follow()
        states.append(ana.desk.listing("out")[0]["state"])
        if states[-1] == "delivered":
            break
    assert [state for state, _ in itertools.groupby(states)] == ["queued", "on_mesh", "delivered"]
    assert len(bo.inbox()) == 1
    assert ana.node.index.count_held() == bo.node.index.count_held() == 0


def forged_piece(bo, index, payload):
    """A piece that anybody with Bo's card can make: true hint, true tag, a payload of any size."""
    me = bo.desk.identity().card
    mid = bytes(range(12))
    b0, b1 = parcel.first_byte(0, 1, True), second_byte(8, True, False, False)
    shape = Shape(2, 3, 1)
    tags = Hmac(H(b"piece-key", me.mailbox_key, mid))
    tag = piece_tag(tags, mid, index, shape, 0, payload)
    extras = NO_EXTRAS._replace(piece=parcel.Piece(index, 2, 3, 0, 1, tag))
    hint = hint_for(me.mailbox_key, mid)
    return encode(Parcel((0, 0, b0, b1, mid, hint), payload, extras))[3:]


@pytest.mark.parametrize("sizes", [(5, 7), (2, 2), (0, 0), (210, 7), (210, 210)])
def test_forged_pieces_of_any_size_do_no_harm(pair, sizes):
    ana, bo = pair
    for index, size in enumerate(sizes):
        bo.hand_in(forged_piece(bo, index, bytes(size)))
    bo.restart()
    for part in written(ana, "still here"):
        bo.hand_in(part)
    assert bo.inbox() == ["still here"]


def test_a_receipt_that_came_just_before_the_power_went_still_counts(pair):
    ana, bo = pair
    for part in written(ana, "hello"):
        bo.hand_in(part)
    ana.restart()
    token = bytes(bo.desk.db.execute("SELECT token FROM message").fetchone()[0])
    ana.node.submit_receipt(receipt.encode(token, 1, 8), 0, ana.now_ms)
    ana.node.poll(ana.now_ms)  # the receipt is durable; its event is never handled
    assert ana.desk.listing("out")[0]["state"] == "queued"
    ana.restart()
    assert ana.desk.listing("out")[0]["state"] == "delivered"


def test_a_damaged_record_is_passed_over_at_the_start(pair):
    ana, bo = pair
    for part in written(ana, "it is me"):
        bo.hand_in(part)
    record = bytearray(Kept(False, 5, 10**6, 1, bytes(40)).immutable)
    bad = b"P" + bytes(9) + b"\xff" + record
    bo.desk.db.execute("INSERT INTO record (bytes) VALUES (?)", (bad,))
    bo.restart()
    assert bo.node.shelf.bad_records == 1
    assert bo.inbox() == ["it is me"]


def sent(post, to, text):
    """The immutable part of a short message."""
    post.desk.send(to, text)
    row = post.desk.db.execute("SELECT bytes FROM record ORDER BY handle DESC").fetchone()
    return decode(bytes(row[0])).immutable


def acquainted(ana, bo):
    """Both have heard of the other: no cards go along, a short message is one parcel."""
    ana.desk.has_written = bo.desk.has_written = lambda contact: True
    return ana, bo


def the_way(ana):
    row = ana.desk.db.execute("SELECT way FROM contact").fetchone()
    return row["way"]


def test_an_answer_knows_the_way_for_a_day_and_an_older_message_does_not_change_it(
    pair, monkeypatch
):
    ana, bo = acquainted(*pair)
    now_s = [1_800_000_000]
    monkeypatch.setattr("gateway.desk.time.time", lambda: now_s[0])
    set_meta(bo.desk.db, "way", b"old\0\0\1")
    older = sent(bo, "Ana", "I am at the mill")
    now_s[0] += 60
    set_meta(bo.desk.db, "way", b"new\0\0\2")
    newer = sent(bo, "Ana", "I am at the bridge")
    assert the_way(ana) is None
    ana.hand_in(newer)
    ana.hand_in(older)
    assert ana.inbox() == ["I am at the bridge", "I am at the mill"]
    assert the_way(ana) == b"new\0\0\2"

    def answered():
        return parse_parcel(bytes(3) + sent(ana, "Bo", "coming")).extras

    assert (answered().route, answered().cell) == (b"new", b"\0\0\2")
    now_s[0] += WAY_LASTS_S + 1
    assert answered() is None, "Bo may be anywhere by now"
    now_s[0] -= 10 * WAY_LASTS_S
    assert answered() is None, "nobody knows what time it is"
    set_meta(bo.desk.db, "way", b"now\0\0\3")
    ana.hand_in(sent(bo, "Ana", "my clock was ahead"))
    assert the_way(ana) == b"now\0\0\3"


def test_what_goes_alone_is_not_said_to_be_on_the_mesh(pair):
    """One relay has it: it is not what a person may rely on who switches the gateway off."""
    ana, bo = acquainted(*pair)
    ana.hand_in(sent(bo, "Ana", "hello"))
    ana.mailroom.reload()
    immutable = sent(ana, "Bo", "hi")
    ana.mailroom.reload()
    ana.hand_in(immutable)
    (row,) = [
        row for row in ana.node.index.rows()
        if ana.node.index.held(row) and ana.node.shelf.immutable(row) == immutable
    ]  # fmt: skip
    for state, seen in ((ROUTED, "queued"), (WHOLE, "on_mesh")):
        ana.node.index.set_state(row, state)
        ana.node.index.cover[row] = 1
        ana.mailroom.follow()
        assert ana.desk.listing("out")[-1]["state"] == seen
