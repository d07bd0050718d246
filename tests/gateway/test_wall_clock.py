"""Clocks lie: where the time comes from, and that nothing is refused because nobody knows it."""

import asyncio
import contextlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import certificate, cli, wall_clock
from gateway.database import open_database
from gateway.desk import Desk
from gateway.errors import UserError
from gateway.identity import Identity
from gateway.people import note_refused, refused
from gateway.wall_clock import BUILT_S, NONE, PHONE, SYSTEM, VOTES_MAX, Machine, WallClock
from gateway.web.requests import b64
from tests.gateway.phone import Phone
from tests.gateway.two_gateways import House

TRUE_MS = 1_795_000_000_000  # November 2026
HOUR_MS = 3_600_000


class Pi(Machine):
    """A machine without a clock: believes what it last wrote down, until it is told."""

    def __init__(self, believes_ms=1000):
        self.believes_ms, self.ran_ms, self.boots, self.sure = believes_ms, 5000, 1, False

    def unix_ms(self):
        return self.believes_ms + self.ran_ms

    def running_ms(self):
        return self.ran_ms

    def boot(self):
        return f"boot {self.boots}"

    def is_sure(self):
        return self.sure

    def restart(self):
        self.boots, self.ran_ms = self.boots + 1, 5000


@pytest.fixture
def db(tmp_path):
    made = open_database(tmp_path / "heliograph.db")
    yield made
    made.close()


def test_a_machine_that_nobody_tells_is_unsure_and_no_earlier_than_this_program(db):
    pi = Pi()
    clock = WallClock(db, pi)
    now = clock.moment()
    assert (now.quality, now.unix_s, now.sure_s) == (NONE, BUILT_S, None)


def test_phones_tell_it_and_the_median_counts(db):
    pi = Pi()
    clock = WallClock(db, pi)
    clock.heard("a", TRUE_MS)
    assert clock.moment() == wall_clock.Moment(TRUE_MS, PHONE)
    clock.heard("b", TRUE_MS + 900 * HOUR_MS)
    clock.heard("c", TRUE_MS + 2000)
    assert clock.moment().unix_ms == TRUE_MS + 2000
    pi.ran_ms += HOUR_MS
    assert clock.moment().unix_ms == TRUE_MS + 2000 + HOUR_MS
    for _ in range(3):
        clock.heard("b", TRUE_MS + 900 * HOUR_MS)  # one vote each
    assert clock.moment().unix_ms == TRUE_MS + 2000 + HOUR_MS
    for said in (0, 1_700_000_000_000, 2**53 - 1):
        clock.heard("d", said)
        assert "d" not in clock._votes, "no clock that was ever set says this"
    for number in range(2 * VOTES_MAX):
        clock.heard(f"n{number}", TRUE_MS)
    assert len(clock._votes) == VOTES_MAX


def test_a_machine_that_knows_asks_nobody(db):
    pi = Pi(TRUE_MS)
    pi.sure = True
    clock = WallClock(db, pi)
    clock.heard("a", TRUE_MS + 900 * HOUR_MS)
    assert clock.moment() == wall_clock.Moment(pi.unix_ms(), SYSTEM)


def test_what_was_known_lasts_until_the_next_start_and_never_falls_behind_it(db):
    pi = Pi()
    clock = WallClock(db, pi)
    clock.heard("a", TRUE_MS)
    clock.keep()
    pi.ran_ms += HOUR_MS
    other = WallClock(db, pi)  # a command, or the gateway started again
    assert other.moment() == wall_clock.Moment(TRUE_MS + HOUR_MS, PHONE)
    other.keep()
    pi.restart()
    after = WallClock(db, pi)
    assert after.moment() == wall_clock.Moment(TRUE_MS + HOUR_MS, NONE)
    after.keep()
    pi.ran_ms += HOUR_MS
    assert after.moment().unix_ms == TRUE_MS + 2 * HOUR_MS, "it goes on from there"
    clock.heard("a", TRUE_MS)
    assert clock.moment().quality == PHONE


def test_it_is_kept_now_and_then_and_at_once_when_it_gets_better(db):
    pi = Pi()
    clock = WallClock(db, pi)

    def kept():
        return json.loads(db.execute("SELECT value FROM meta").fetchone()[0])[2:]

    clock.keep()
    assert kept()[1] == NONE
    clock.heard("a", TRUE_MS)
    clock.keep()
    assert kept() == [TRUE_MS, PHONE]
    pi.ran_ms += HOUR_MS // 60
    clock.keep()
    assert kept() == [TRUE_MS, PHONE]
    pi.ran_ms += HOUR_MS
    clock.keep()
    assert kept()[0] > TRUE_MS


def test_this_machine_is_believed_for_a_reason(monkeypatch, tmp_path):
    machine = Machine()
    monkeypatch.setattr(wall_clock, "_RTC", tmp_path / "rtc")
    monkeypatch.setattr(wall_clock, "_BOOT_ID", tmp_path / "boot_id")
    assert machine.boot() == ""
    assert machine.is_sure(), "no Linux, so a laptop"
    (tmp_path / "boot_id").write_text("x\n")
    assert machine.boot() == "x"
    for follows in (True, False):
        monkeypatch.setattr(wall_clock, "_follows_a_server", lambda follows=follows: follows)
        assert machine.is_sure() == follows
    for says, believed in (("", False), ("12", False), (str(machine.unix_ms() // 1000), True)):
        (tmp_path / "rtc").write_text(says)
        assert machine.is_sure() == believed, "a battery-backed clock that was set"
    monkeypatch.setattr(wall_clock, "_follows_a_server", lambda: True)
    monkeypatch.setattr("gateway.wall_clock.time.time", lambda: 1000.0)
    assert not machine.is_sure(), "before this program was made"
    assert isinstance(wall_clock._follows_a_server(), bool)


def test_a_page_tells_its_clock_and_the_gateway_says_what_it_knows(tmp_path):
    async def scene():
        async with asyncio.timeout(30), House(tmp_path) as house:
            house.desk.wall._machine = Pi()
            told = await (await house.client.get("/api/gateway")).json()
            assert (told["clock"], told["unix_ms"] // 1000) == (NONE, BUILT_S)
            ana = Phone("Ana", house.client)
            value = {"device": "", "boxes": [""], "unix_ms": TRUE_MS}
            value = value | {"device": b64(ana.card.ed25519), "boxes": [b64(bytes(16))]}
            await ana.done("PUT", "/api/device", value)
            told = await (await house.client.get("/api/gateway")).json()
            assert (told["clock"], told["unix_ms"]) == (PHONE, TRUE_MS)
            assert abs(told["now_ms"] - TRUE_MS) > HOUR_MS, "signatures go by the machine's own"
            for wrong in ("x", -1, 1.5, None, True, 2**60):
                status, _ = await ana.ask("PUT", "/api/device", value | {"unix_ms": wrong})
                assert status == 400
            device = house.office.devices.get(ana.id)
            head = bytes([2, 0x82]) + bytes(12)
            house.office.write_now(lambda: house.office.keep(device, head, None, bytes(218), 1))
            (letter,) = await ana.letters()
            assert letter["arrived_ms"] == TRUE_MS

    asyncio.run(scene())


def test_messages_carry_the_time_that_phones_told(tmp_path):
    with contextlib.closing(Desk(tmp_path)) as desk:
        desk.wall._machine = pi = Pi()
        desk.wall.heard("a", TRUE_MS)
        desk.create_identity("Ana")
        desk.add_contact(Identity.new("Bo").card.text(), None)
        assert desk.send("Bo", "hello")["unix_s"] == TRUE_MS // 1000
        pi.ran_ms += 1000
        assert desk.send("Bo", "hello")["unix_s"] == TRUE_MS // 1000 + 1


def test_a_command_says_that_the_clock_is_unsure(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Machine, "is_sure", lambda self: False)
    with contextlib.closing(Desk(tmp_path)) as desk:
        desk.create_identity("Ana")
        desk.add_contact(Identity.new("Bo").card.text(), None)
    for sure in (False, True):
        monkeypatch.setattr(Machine, "is_sure", lambda self, sure=sure: sure)
        assert cli.main(["send", "Bo", f"hello {sure}", "--data", str(tmp_path)]) == 0
        assert ("clock unsure" in capsys.readouterr().out) != sure
        cli.main(["doctor", "--data", str(tmp_path)])
        said = [line for line in capsys.readouterr().out.splitlines() if "clock" in line]
        assert ("unsure" in said[0]) != sure


def test_a_certificate_is_not_refused_where_nobody_knows_the_time():
    operator, gateway = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    public = operator.public_key().public_bytes_raw()
    key = gateway.public_key().public_bytes_raw()
    raw = certificate.sign_gateway(operator, key, "North", 1000, 10)
    with pytest.raises(UserError, match="expired"):
        certificate.check_gateway(raw, public, TRUE_MS // 1000)
    assert certificate.check_gateway(raw, public, None).name == "North"
    with pytest.raises(UserError, match="altered"):
        certificate.check_gateway(raw[:-1] + bytes([raw[-1] ^ 1]), public, None)


def test_what_was_refused_last_stays_though_the_clock_was_set_back(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.people.REFUSED_MAX", 2)
    card = Identity.new("Ana").card
    with contextlib.closing(Desk(tmp_path)) as desk:
        for mid, unix_s in ((b"1" * 12, 9000), (b"2" * 12, 9000), (b"3" * 12, 10)):
            note_refused(desk.db, mid, card, unix_s)
        kept = {bytes(row[0]) for row in desk.db.execute("SELECT mid FROM refused_mail")}
        assert kept == {b"2" * 12, b"3" * 12}
        assert refused(desk.db)[0]["messages"] == 2


def test_a_folder_without_a_database_has_the_machine_s_clock(tmp_path):
    assert wall_clock.moment_in(tmp_path).unix_s >= BUILT_S
    assert not (tmp_path / "heliograph.db").exists()
