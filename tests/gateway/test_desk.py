"""The desk on real SQLite: durable, monotone, and polite about a full disk or a foreign file."""

import hashlib
import sqlite3
from dataclasses import replace

import pytest

from gateway.desk import Desk
from gateway.errors import UserError
from gateway.identity import Identity
from gateway.kit import kit_text, parse_kit
from gateway.node_store import SqliteStore
from gateway.sealing import Opened
from shared_protocol.errors import StoreFull


def two_desks(tmp_path):
    ana, bo = Desk(tmp_path / "a"), Desk(tmp_path / "b")
    ana.create_identity("Ana")
    bo.create_identity("Bo")
    ana.add_contact(bo.me()["card"], None)
    bo.add_contact(ana.me()["card"], None)
    return ana, bo


def mid_of(desk, message):
    row = desk.db.execute("SELECT mid FROM message WHERE id = ?", (message["id"],)).fetchone()
    return bytes(row[0])


def test_a_message_is_durable_when_send_returns(tmp_path):
    ana, _ = two_desks(tmp_path)
    ana.send("Bo", "water at the school")
    again = Desk(tmp_path / "a")  # another process: what it sees has been committed
    assert [(m["text"], m["state"]) for m in again.listing("out")] == [
        ("water at the school", "queued")
    ]
    records = again.db.execute("SELECT count(*) FROM record").fetchone()[0]
    assert records == 3, "with Ana's card, it is two pieces and one to spare"


def test_states_only_improve(tmp_path):
    ana, _ = two_desks(tmp_path)
    message = ana.send("Bo", "hello")
    mid = mid_of(ana, message)
    steps = [("on_mesh", True), ("on_mesh", False), ("delivered", True), ("on_mesh", False),
             ("expired", False), ("delivered", False)]  # fmt: skip
    assert [ana.improve(mid, state) for state, _ in steps] == [changed for _, changed in steps]
    assert ana.message(message["id"])["state"] == "delivered"


def test_a_receipt_after_the_lifetime_still_counts(tmp_path):
    ana, _ = two_desks(tmp_path)
    message = ana.send("Bo", "hello")
    assert ana.improve(mid_of(ana, message), "expired")
    assert ana.improve(mid_of(ana, message), "delivered")


def test_the_same_words_twice_in_a_second_are_two_messages(tmp_path):
    ana, _ = two_desks(tmp_path)
    assert ana.send("Bo", "ok")["id"] != ana.send("Bo", "ok")["id"]


def test_every_change_gets_a_higher_number(tmp_path):
    ana, _ = two_desks(tmp_path)
    first, second = ana.send("Bo", "one"), ana.send("Bo", "two")
    seen = max(first["seq"], second["seq"])
    ana.improve(mid_of(ana, first), "on_mesh")
    assert [m["id"] for m in ana.messages(after=seen)] == [first["id"]]


@pytest.mark.parametrize(
    ("contact", "text", "says"),
    [
        ("Nobody", "hi", "no contact called 'Nobody'"),
        ("Bo", "", "empty"),
        ("Bo", " \n", "empty"),
        ("Bo", "x" * 65537, "65536 at most"),
        ("Bo", "\ud800", "UTF-8"),
    ],
)
def test_mistakes_are_one_sentence_and_queue_nothing(tmp_path, contact, text, says):
    ana, _ = two_desks(tmp_path)
    with pytest.raises(UserError, match=says):
        ana.send(contact, text)
    assert ana.listing("out") == []


def test_contacts_do_not_take_each_others_names(tmp_path):
    ana, bo = two_desks(tmp_path)
    other = Desk(tmp_path / "c")
    other.create_identity("Bo")
    with pytest.raises(UserError, match="another contact called Bo"):
        ana.add_contact(other.me()["card"], None)
    assert ana.add_contact(other.me()["card"], "Bo from the mill")["name"] == "Bo from the mill"
    assert ana.add_contact(bo.me()["card"], None)["name"] == "Bo"  # again: harmless
    with pytest.raises(UserError, match="your own card"):
        ana.add_contact(ana.me()["card"], None)


def test_a_full_disk_refuses_the_new_and_keeps_the_old(tmp_path):
    ana, _ = two_desks(tmp_path)
    ana.send("Bo", "kept")
    pages = ana.db.execute("PRAGMA page_count").fetchone()[0]
    ana.db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(UserError, match="the disk is full"):  # noqa: PT012 - one of them fails
        for _ in range(100):
            ana.send("Bo", "x" * 3000)
    kept = Desk(tmp_path / "a").listing("out")
    assert kept[0]["text"] == "kept"
    ana.db.execute("PRAGMA max_page_count = 100000")
    assert ana.send("Bo", "room again")["state"] == "queued"


def test_a_disk_full_in_spite_of_the_reserve_loses_nothing_that_was_synced(tmp_path):
    ana, _ = two_desks(tmp_path)
    store = SqliteStore(ana.db, ana.path, reserve_bytes=0)
    handles = [store.put(b"before %d" % i) for i in range(3)]
    store.sync()
    pages = ana.db.execute("PRAGMA page_count").fetchone()[0]
    ana.db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"):  # noqa: PT012 - one of them fails
        for _ in range(1000):
            store.put(bytes(400))
    assert [store.get(h) for h in handles] == [b"before 0", b"before 1", b"before 2"]
    ana.db.execute("PRAGMA max_page_count = 100000")
    assert store.get(store.put(b"after")) == b"after"


def test_a_nearly_full_disk_keeps_a_reserve(tmp_path):
    ana, _ = two_desks(tmp_path)
    store = SqliteStore(ana.db, ana.path, reserve_bytes=1 << 60)
    with pytest.raises(StoreFull):
        store.put(b"P is a parcel")
    assert store.refused == 1
    assert store.get(store.put(b"R is a receipt")) == b"R is a receipt"


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_newer_database_is_refused_untouched(tmp_path):
    desk = Desk(tmp_path)
    desk.db.execute("PRAGMA user_version = 99")
    desk.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    desk.close()
    path = tmp_path / "heliograph.db"
    before = digest(path)
    with pytest.raises(UserError, match="newer Heliograph"):
        Desk(tmp_path)
    assert digest(path) == before


def test_a_foreign_file_is_refused_untouched(tmp_path):
    path = tmp_path / "heliograph.db"
    for make in (
        lambda: path.write_bytes(b"a letter to my aunt " * 100),
        lambda: sqlite3.connect(path).execute("CREATE TABLE other (x)").connection.close(),
    ):
        path.unlink(missing_ok=True)
        make()
        before = digest(path)
        with pytest.raises(UserError, match="not a Heliograph database"):
            Desk(tmp_path)
        assert digest(path) == before


def test_two_processes_may_start_at_once(tmp_path):
    first, second = Desk(tmp_path), Desk(tmp_path)
    first.create_identity("Ana")
    assert second.me()["name"] == "Ana"


def test_what_the_desk_puts_is_news_to_the_node_whatever_the_node_puts_meanwhile(tmp_path):
    ana, _ = two_desks(tmp_path)
    store = SqliteStore(ana.db, ana.path, reserve_bytes=0)
    assert list(store.records()) == []
    store.put(b"the node's")
    ana.send("Bo", "from the page")
    store.put(b"the node's, later")
    store.sync()
    Desk(tmp_path / "a").send("Bo", "from another process")
    store.put(b"and later still")
    assert len(store.news()) == 2 * 3
    assert store.news() == []


# --- accounts, kits, and people who wrote first


def test_somebody_from_before_accounts_gets_one_key_for_good(tmp_path):
    desk = Desk(tmp_path)
    desk.create_identity("Ana")
    desk.db.execute("DELETE FROM meta WHERE key IN ('account_key', 'prekey_seq')")
    first = desk.identity().card
    assert desk.identity().card == Desk(tmp_path).identity().card == first
    assert first.prekey_seq == 1


def test_a_kit_moves_a_person_to_another_folder(tmp_path):
    ana, bo = two_desks(tmp_path)
    moved = Desk(tmp_path / "c")
    moved.restore_identity(parse_kit(kit_text(ana.identity())))
    assert {**moved.me(), "card": ""} == {**ana.me(), "card": ""}
    assert moved.identity().former.card == ana.identity().card
    with pytest.raises(UserError, match="Bo lives here already"):
        bo.restore_identity(ana.identity())
    assert bo.me()["name"] == "Bo"


def test_the_card_goes_along_until_the_contact_has_written(tmp_path):
    ana, bo = two_desks(tmp_path)
    for written, parcels in ((False, 3), (True, 1)):
        before = ana.db.execute("SELECT count(*) FROM record").fetchone()[0]
        if written:
            opened = Opened(bo.identity().card, 5, b"hi", False, bytes(16), b"", None)
            ana.receive(opened, "hi", mid=bytes(12), token=bytes(16), code=128)
        ana.send("Bo", "hello")
        after = ana.db.execute("SELECT count(*) FROM record").fetchone()[0]
        assert after - before == parcels


def test_a_stranger_takes_nobodys_name_and_is_marked_until_added(tmp_path):
    ana, _ = two_desks(tmp_path)
    stranger = Identity.new("Bo").card
    assert ana.meet(stranger)
    called = f"Bo ({stranger.id[:4]})"
    marks = {c["name"]: c["added"] for c in ana.contacts()}
    assert marks == {"Bo": True, called: False}
    assert ana.meet(stranger), "again is harmless"
    assert ana.add_contact(stranger.text(), "Bo from the mill")["added"]
    assert [c["name"] for c in ana.contacts()] == ["Bo", "Bo from the mill"]
    assert ana.meet(stranger)
    assert all(c["added"] for c in ana.contacts()), "who was added stays so"
    assert not ana.meet(ana.identity().card), "that is ourselves"


def test_there_are_only_so_many_strangers(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.desk.STRANGERS_MAX", 2)
    ana, _ = two_desks(tmp_path)
    first, second, third = (Identity.new("Eve").card for _ in range(3))
    assert ana.meet(first)
    assert ana.meet(second)
    assert not ana.meet(third)
    ana.add_contact(first.text(), "Eve")
    assert ana.meet(third), "who was added is no stranger"


def test_a_newer_card_of_a_contact_counts_and_an_older_or_foreign_one_does_not(tmp_path):
    ana, bo = two_desks(tmp_path)
    known = bo.identity().card

    def heard(number, **changes):
        opened = Opened(known, 5, b"hi", False, bytes(16), b"", replace(known, **changes))
        mid = bytes([number]) * 12
        ana.receive(opened, "hi", mid=mid, token=bytes(16), code=128)
        return ana.cards()[0]

    later = replace(known, x25519=b"x" * 32, prekey_seq=4)
    assert heard(1, account=b"a" * 32, prekey_seq=9) == known, "another account"
    assert heard(2, x25519=b"x" * 32, prekey_seq=4) == later
    known = later
    assert heard(3, x25519=b"y" * 32, prekey_seq=3) == later
