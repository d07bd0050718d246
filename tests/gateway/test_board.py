"""The board: what counts, who gives way, what ends a notice and keeps it from coming back."""

import subprocess
import sys
import textwrap

import pytest

from gateway import board as b
from gateway import certificate, notices
from gateway.board import Board
from gateway.board_view import age_s, changed, listing, sheet
from gateway.database import open_database, writing
from gateway.errors import NoRoom, UserError
from gateway.notices import ANNOUNCEMENT, LOOKING, SOS
from gateway.wall_clock import Machine
from shared_protocol.lifetime import LIFETIMES_S
from tests.gateway.notice_kit import call, mid_of, notice, token_of
from tests.gateway.people_kit import public, signing_key

OPERATOR = signing_key("operator")
OPERATORS_KEY = public(OPERATOR)
SINCE_S = 1_800_000_000


class Book(Board):
    """A board that hears everything in transactions of its own."""

    def __init__(self, db, operator=OPERATORS_KEY):
        super().__init__(db, lambda: operator)
        self.db = db

    def hear(self, *parcels, ingress=1, clock_s=1000, relays=2, age_s=0):
        with writing(self.db):
            return [self.take(p, ingress, relays, age_s, clock_s) for p in parcels]

    def posts(self, immutable, clock_s=1000, token=None):
        with writing(self.db):
            return self.post(immutable, clock_s, token)

    def ends(self, token, clock_s=1000):
        with writing(self.db):
            return self.cancel(token, clock_s, owed=False)

    def state(self, mid):
        row = self.row(mid)
        return None if row is None else row["state"]

    def live(self):
        rows = self.db.execute("SELECT name FROM notice WHERE state = 'live' ORDER BY seq")
        return [row["name"] for row in rows]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "heliograph.db"


@pytest.fixture
def book(path):
    db = open_database(path)
    yield Book(db)
    db.close()


def certified(who, days=30, since_s=SINCE_S, operator=OPERATOR):
    raw = certificate.sign_organiser(operator, public(signing_key(who)), who, since_s, days)
    return notices.certificate_parcel(raw, token_of(f"{who} certificate {days}"))


def test_what_is_heard_is_kept_once_and_counted(book, path):
    assert book.hear(call("Ana"), notice("Bo"), call("Ana")) == [b.NEW, b.NEW, b.KNOWN]
    assert book.live() == ["Ana", "Bo"]
    assert dict(book.counts) == {b.NEW: 2, b.KNOWN: 1}
    assert book.seq() == 2
    again = Book(open_database(path))  # after a restart
    assert again.hear(call("Ana")) == [b.KNOWN]
    assert again.seq() == 2


def test_what_is_forged_garbage_or_of_tomorrow_changes_nothing(book):
    forged = bytearray(call("Ana"))
    forged[-1] ^= 1
    other_id = notice("Ana", "2")[:14] + notice("Ana")[14:]
    later = notice("Ana")[:14] + b"\x2f" + bytes(80)
    book.hear(notice("Bo"))
    heard = book.hear(
        bytes(forged), other_id, b"\x22\x80" + bytes(12), call("Ana")[:40],
        notice("Bo")[:14] + b"anything", later,
    )  # fmt: skip
    assert heard == [b.REFUSED] * 5 + [b.NEWER]
    assert book.live() == ["Bo"]
    assert book.seq() == 1
    assert book.counts[b.REFUSED] == 5


def test_only_the_authors_token_cancels_and_what_was_cancelled_stays_so(book, path):
    book.hear(call("Ana"), notice("Bo"))
    for stranger in (token_of("Bo 1"), token_of("anything"), bytes(16)):
        book.ends(stranger)
    assert book.live() == ["Ana"], "Bo's own token has cancelled Bo's"
    assert book.ends(token_of("Ana 1"))
    assert not book.ends(token_of("Ana 1"))
    row = book.row(mid_of("Ana 1"))
    assert (row["state"], row["immutable"]) == ("cancelled", None), "its words are gone"
    again = Book(open_database(path))
    assert again.hear(call("Ana"), clock_s=10**6) == [b.KNOWN], "a replay"
    assert again.live() == []


def test_a_token_that_comes_before_its_notice_counts(book):
    assert book.ends(token_of("Ana 1"))
    assert book.hear(call("Ana")) == [b.KNOWN]
    assert book.live() == []


def test_of_an_author_the_newest_few_whatever_comes_first(book, tmp_path):
    mine = [notice("Ana", str(n), unix_s=SINCE_S + n) for n in range(b.AUTHOR_MAX + 3)]
    calls = [call("Ana", f"s{n}", unix_s=SINCE_S + n) for n in range(b.AUTHOR_SOS_MAX + 1)]
    book.hear(*mine, *calls)
    other = Book(open_database(tmp_path / "other.db"))
    other.hear(*reversed(calls), *reversed(mine))
    kept = {
        tuple(sorted(bytes(r["mid"]) for r in one.db.execute(
            "SELECT mid FROM notice WHERE state = 'live'")))
        for one in (book, other)
    }  # fmt: skip
    newest = sorted(p[2:14] for p in mine[3:] + calls[1:])
    assert kept == {tuple(newest)}
    assert book.hear(mine[0]) == [b.KNOWN], "an old one does not come back"
    assert other.counts[b.OLD] == 4


def test_a_full_board_calls_for_help_push_out_notes_and_never_the_other_way(book, monkeypatch):
    monkeypatch.setattr(b, "NOTICES_MAX", 6)
    notes = [notice(f"note {n}", type_=ANNOUNCEMENT, text="x") for n in range(3)]
    checks = [notice(f"check {n}") for n in range(3)]
    book.hear(*notes, *checks)
    assert book.hear(notice("one more", type_=ANNOUNCEMENT, text="x")) == [b.NEW]
    assert book.hear(*(call(f"call {n}") for n in range(4))) == [b.NEW] * 4
    assert book.live() == ["check 1", "check 2", "call 0", "call 1", "call 2", "call 3"]
    assert book.hear(notice("note", type_=ANNOUNCEMENT, text="x")) == [b.FULL]
    assert book.hear(call("call 4"), call("call 5")) == [b.NEW] * 2
    assert book.hear(notice("check 9")) == [b.FULL]
    assert book.state(mid_of("check 9 1")) is None, "it may come again when there is room"
    assert book.live() == [f"call {n}" for n in range(6)]


def test_who_brings_most_displaces_his_own(book, monkeypatch):
    monkeypatch.setattr(b, "NOTICES_MAX", 6)
    book.hear(call("Ana"), call("Bo"), ingress=1)
    book.hear(*(call(f"fake {n}") for n in range(20)), ingress=2)
    assert {"Ana", "Bo"} < set(book.live())


def test_a_flood_of_new_authors_waits_and_calls_have_a_dam_of_their_own(book, monkeypatch):
    monkeypatch.setattr(b, "QUOTA", 3)
    monkeypatch.setattr(b, "QUOTA_SOS", 2)
    assert book.hear(*(notice(f"{n}") for n in range(4))) == [b.NEW] * 3 + [b.FLOOD]
    assert book.hear(notice("elsewhere"), ingress=2) == [b.NEW]
    assert book.hear(*(call(f"c{n}") for n in range(3))) == [b.NEW, b.NEW, b.FLOOD]
    assert book.hear(notice("3"), clock_s=1000 + 3600) == [b.NEW], "an hour later"


def test_what_is_posted_here_is_a_record_of_the_node_in_the_same_transaction(book):
    assert book.posts(call("Ana")) == "live"
    assert book.posts(call("Ana")) == "live", "again is harmless"
    (row,) = book.db.execute("SELECT bytes FROM record").fetchall()
    assert bytes(row["bytes"])[10:] == call("Ana")
    book.ends(token_of("Ana 1"))
    assert book.posts(call("Ana")) == "cancelled"


def test_those_here_have_a_dam_too(book, monkeypatch):
    monkeypatch.setattr(b, "QUOTA_HERE", 1)
    book.posts(notice("Ana"))
    with pytest.raises(NoRoom):
        book.posts(notice("Bo"))
    assert book.posts(call("Bo")) == "live"


def test_a_notice_ends_by_counted_time_and_is_remembered(book):
    life_s = LIFETIMES_S[notices.CODES[SOS]]
    book.hear(call("Ana"), age_s=600, clock_s=1000)
    with writing(book.db):
        assert book.expire(1000 + life_s - 601) == 0
        assert book.expire(1000 + life_s - 600) == 1
    assert book.state(mid_of("Ana 1")) == "expired"
    assert book.hear(call("Ana")) == [b.KNOWN]


def test_what_was_posted_while_no_node_ran_lives_from_when_one_takes_it(book):
    book.posts(call("Ana"), clock_s=None)
    with writing(book.db):
        assert book.expire(10**9) == 0
    book.hear(call("Ana"), clock_s=10**9)
    (row,) = changed(book.db, 0, 10, True, SINCE_S)
    assert age_s(row, 10**9 + 60) == 60
    with writing(book.db):
        assert book.expire(10**9 + LIFETIMES_S[notices.CODES[SOS]]) == 1


def test_what_ended_is_forgotten_in_the_end_cancelled_ones_last(book, monkeypatch):
    monkeypatch.setattr(b, "ENDED_MAX", 2)
    book.hear(call("Ana"), *(notice(f"{n}") for n in range(3)))
    book.ends(token_of("Ana 1"))
    with writing(book.db):
        assert book.expire(10**9) == 3
    assert book.state(mid_of("Ana 1")) == "cancelled"
    assert book.db.execute("SELECT count(*) FROM notice").fetchone()[0] == 2


def test_a_token_that_has_not_left_yet_is_not_forgotten(book, monkeypatch):
    monkeypatch.setattr(b, "ENDED_MAX", 0)
    book.hear(call("Ana"), call("Bo"))
    with writing(book.db):
        book.cancel(token_of("Ana 1"), 1000, owed=True)
        book.cancel(token_of("Bo 1"), 1000, owed=False)
        book.expire(1000)
    rows = book.db.execute("SELECT name FROM notice").fetchall()
    assert [row["name"] for row in rows] == ["Ana"]


# --- organisers


def test_an_announcement_counts_with_a_certificate_of_the_operator_alone(book):
    book.hear(notice("Hall", type_=ANNOUNCEMENT, text="water at 8"))
    assert [r["organiser"] for r in listing(book.db, book)] == [""]
    eve = signing_key("Eve")
    assert book.hear(certified("Hall", operator=eve)) == [b.REFUSED]
    forged = bytearray(certified("Hall"))
    forged[-70] ^= 1
    assert book.hear(bytes(forged)) == [b.REFUSED]
    assert book.hear(certified("Hall"), certified("Hall")) == [b.NEW, b.KNOWN]
    assert book.row(mid_of("Hall 1"))["standing"] == b.OFFICIAL


@pytest.mark.parametrize(
    ("days_on", "sure", "counts"),
    [(-2, True, ""), (0, True, "Hall"), (29, True, "Hall"), (31, True, ""), (31, False, "Hall")],
)
def test_a_certificate_counts_while_it_holds(book, monkeypatch, days_on, sure, counts):
    monkeypatch.setattr("time.time", lambda: SINCE_S + days_on * 86_400)
    monkeypatch.setattr(Machine, "is_sure", lambda self: sure)
    book.hear(certified("Hall"), notice("Hall", type_=ANNOUNCEMENT, text="water at 8"))
    assert [r["organiser"] for r in listing(book.db, book)] == [counts]


def test_a_longer_certificate_takes_the_place_of_a_shorter_never_the_other_way(book):
    assert book.hear(certified("Hall", 30), certified("Hall", 60), certified("Hall", 30)) == [
        b.NEW, b.NEW, b.KNOWN
    ]  # fmt: skip
    row = book.organisers.of(public(signing_key("Hall")))
    assert row["until_unix_s"] == SINCE_S + 60 * 86_400


def test_without_the_operators_key_nothing_is_certified_and_nothing_published(path):
    book = Book(open_database(path), operator=None)
    assert book.hear(certified("Hall")) == [b.NEWER]
    with pytest.raises(UserError, match="network join"):
        book.posts(certified("Hall"))


def test_an_announcement_brings_its_certificate_along_when_that_was_long_ago(book, monkeypatch):
    book.posts(certified("Hall"))
    book.posts(notice("Hall", type_=ANNOUNCEMENT, text="water at 8"))
    count = "SELECT count(*) FROM record"
    assert book.db.execute(count).fetchone()[0] == 2
    book.db.execute("UPDATE organiser SET out_unix_s = out_unix_s - 6 * 86400")
    book.posts(notice("Hall", "2", type_=ANNOUNCEMENT, text="water at 9"))
    assert book.db.execute(count).fetchone()[0] == 4


# --- what is shown


def test_calls_for_help_stand_first_and_words_are_searched_for(book):
    book.hear(notice("Bo", text="I am fine"), certified("Hall"), call("Ana", need=2, text="roof"))
    book.hear(notice("Cid", type_=LOOKING, text="my sister Zoë"))
    shown = listing(book.db, book)
    assert shown[0]["name"] == "Ana"
    assert [r["name"] for r in listing(book.db, book, "SISTER zoë")] == ["Cid"]
    assert [r["name"] for r in listing(book.db, book, "water")] == ["Ana"]
    assert listing(book.db, book, "nobody says this") == []
    book.ends(token_of("Ana 1"))
    last = listing(book.db, book)[-1]
    assert (last["name"], last["state"], last["text"]) == ("Ana", "cancelled", "")


def test_what_changed_is_told_in_order_and_who_begins_sees_what_is_there(book):
    book.hear(call("Ana"), notice("Bo"), notice("Cid"))
    book.ends(token_of("Bo 1"))
    with writing(book.db):
        book._end(mid_of("Cid 1"), "gone", 1)

    def told(after, calls=False, now_s=0):
        return [(r["name"], r["state"]) for r in changed(book.db, after, 9, calls, now_s)]

    assert told(0) == [("Ana", "live"), ("Bo", "cancelled")]
    assert told(0, now_s=2**33) == [("Ana", "live")], "that it was cancelled is no news any more"
    assert told(1) == [("Bo", "cancelled"), ("Cid", "gone")]
    assert told(0, calls=True) == [("Ana", "live")]
    assert told(5) == []


def test_no_cell_of_the_table_is_a_formula(book):
    book.hear(
        notice("=cmd|' /C calc'!A0", text="+1"),
        notice("Bo", text='@SUM(1) "quoted"\nnext; line', place=(-46_000_000, 7_500_000)),
        notice("Cid", type_=LOOKING, text="＝HYPERLINK()"),
        notice("أمينة", type_=ANNOUNCEMENT, text="  -2"),
    )
    table = sheet(listing(book.db, book))
    assert table.startswith("\ufeff")
    import csv
    import io

    rows = list(csv.reader(io.StringIO(table[1:])))
    assert len(rows) == 5
    for row in rows[1:]:
        for text in row[:6]:
            assert not text.lstrip().startswith(tuple("=+-@＝|%")), text
    assert {row[3] for row in rows[1:]} == {"'=cmd|' /C calc'!A0", "Bo", "Cid", "أمينة"}
    assert [row[0] for row in rows[1:] if row[3] == "أمينة"] == ["note"]
    assert any(row[8:10] == ["-46.0", "7.5"] for row in rows)


def test_a_power_cut_in_the_middle_loses_nothing_that_was_acknowledged(path):
    """A real process, killed by the kernel while it takes notices."""
    script = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        from tests.gateway.test_board import Book, call, notice, open_database, token_of
        book = Book(open_database(Path(sys.argv[1])))
        for n in range(40):
            book.posts(notice(f"{n}"), token=token_of(f"{n} 1"))
            print(n, flush=True)
            if n == 25:
                book.ends(token_of("3 1"))
                print("cancelled", flush=True)
            if n == 30:
                book.db.execute("BEGIN IMMEDIATE")
                book.post(notice("half"), 1000)
                os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == -9, done.stderr
    said = done.stdout.split()
    assert said[-1] == "30"
    book = Book(open_database(path))
    assert book.live() == [str(n) for n in range(31) if n != 3]
    assert book.state(mid_of("3 1")) == "cancelled"
    assert book.row(mid_of("half 1")) is None
    assert book.db.execute("SELECT count(*) FROM record").fetchone()[0] == 31
    assert book.db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
