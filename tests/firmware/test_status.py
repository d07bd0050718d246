"""What a relay answers over the wire always fits, and rubbish gets an answer too."""

import json
import sys
import types
from types import SimpleNamespace

import pytest

from firmware.asked import answer
from firmware.journal import Journal
from shared_protocol.gradient import Gradients
from shared_protocol.neighbours import Neighbour
from shared_protocol.node import STATS
from shared_protocol.serial_line import MESSAGE_MAX


@pytest.fixture
def status(monkeypatch):
    """firmware.status with MicroPython's gc, which CPython's has no figures like."""
    gc = types.ModuleType("gc")
    gc.mem_alloc = gc.mem_free = lambda: 10**8
    gc.collect = lambda: None
    monkeypatch.setitem(sys.modules, "gc", gc)
    monkeypatch.setattr("firmware.asked.gc", gc)
    monkeypatch.delitem(sys.modules, "firmware.status", raising=False)
    import firmware.status

    yield firmware.status
    sys.modules.pop("firmware.status", None)  # asked.answer() forgets it


def busy_relay():
    neighbours = [Neighbour(0, bytes([i]) * 6, 1 << i, 0) for i in range(30)]
    index = SimpleNamespace(
        count_held=lambda: 480, known=480, capacity=480,
        rows=lambda: range(480), held=lambda row: True, compared=lambda row: True,
        cover=[0] * 480,
    )  # fmt: skip
    journal = Journal(lambda: 10**9)
    for i in range(60):
        journal.note(f"{i} " + '"' * 500)
    ring = SimpleNamespace(
        sectors=4096, start=16, size=lambda length: length + 12, seq=10**9, write_errors=10**9
    )
    store = SimpleNamespace(
        ring=ring, table=range(4000), live=4000, live_bytes=10**9, damaged=10**6 + 400
    )
    shelf = SimpleNamespace(
        groups=SimpleNamespace(held_peak=255),
        clock=SimpleNamespace(boots=65535),
        evicted=10**9,
        store=store,
        bad_records=400,
    )
    gradients = Gradients(bytes(6), False)
    tethered = SimpleNamespace(link=1, bit=1, heard_lately=lambda: 16)
    for gateway in range(0xFFF0, 0x10000):
        gradients.heard(tethered, [(gateway, 1, 62)], 10**6)
    unicast = SimpleNamespace(journeys={i: [2, 10**9, 1, 0, 11, 0, 0xFFFF, 0] for i in range(16)})
    node = SimpleNamespace(
        told=(10**9, 255), spread=None, node_id=bytes(6), index=index, shelf=shelf,
        stats=dict.fromkeys(STATS, 10**10),
        neighbours=SimpleNamespace(all=neighbours), gradients=gradients, unicast=unicast,
        clock=SimpleNamespace(now_s=lambda now_ms: now_ms // 1000),
    )  # fmt: skip
    return SimpleNamespace(
        node=node, journal=journal, name="n" * 24, battery=None, update=[10**9, -1, (), b"", 0],
        uptime_s=lambda: 10**9, now_ms=lambda: 10**9, heap_peak=10**8,
        tether=SimpleNamespace(line=SimpleNamespace(attached=True, bad_lines=10**9)),
    )  # fmt: skip


def test_the_busiest_relay_fits_its_answers(status, monkeypatch):
    relay = busy_relay()
    monkeypatch.setattr(status, "_battery", lambda settings: (4200, 100))  # it is hardware
    monkeypatch.setattr("firmware.asked.forget", lambda *modules: None)
    told = {}
    for ask in ("status", "log"):
        pieces = answer(json.dumps({"ask": ask}).encode(), relay)
        told |= json.loads(b"".join(pieces))
        assert len(b"".join(pieces)) <= MESSAGE_MAX
        assert max(map(len, pieces)) <= (400 if ask == "status" else MESSAGE_MAX)
    assert told["neighbours_known"] == 30
    assert len(told["neighbours"]) == 7
    assert told["damaged"] == 10**6 + 800
    assert told["gateways"] == [["fff0", 63], ["fff1", 63], ["fff2", 63], ["fff3", 63]]
    assert told["store"]["limit"] == "index"
    assert told["battery"] == [4200, 100]
    relay.node.neighbours.all = []
    assert json.loads(b"".join(answer(b'{"ask": "status"}', relay)))["neighbours"] == []


def test_it_says_what_parcels_wait_for(status):
    near = [Neighbour(0, bytes([i]) * 6, 1 << i, 0) for i in range(3)]
    index = SimpleNamespace(
        rows=lambda: range(5), held=lambda row: row != 3, compared=lambda row: row != 4,
        cover=[0b011, 0b001, 0b111, 0, 0],
    )  # fmt: skip
    assert status.waiting(index, near) == (0, 0, {})  # nobody has proved to be near
    near[0].fresh = near[1].fresh = True
    assert status.waiting(index, near) == (1, 2, {1: 0, 2: 1})


def test_it_says_to_whom_a_parcel_is_being_given(status):
    near = [Neighbour(0, bytes((2, 0, 0, 0, 0xAB, i)), 1 << i, 0) for i in range(3)]
    node = SimpleNamespace(
        neighbours=SimpleNamespace(all=near),
        unicast=SimpleNamespace(
            journeys={7: [1, 0, 1 << 2, 0, 3, 1, 0x3F2A, 0], 8: [0, 0, 0, 0, 0, 1, 1, 0]}
        ),
    )
    assert status.underway(node) == [("3f2a", "ab02", 3), ("0001", "", 0)]


def test_rubbish_is_answered(status):
    for request in (b"", b"{", b"[]", b"7", b'{"ask": 3}', b'{"asks": "status"}', b"\xff\xfe"):
        (said,) = answer(request, busy_relay())
        assert "error" in json.loads(said)


def test_the_journal_keeps_the_newest():
    journal = Journal(lambda: 5)
    for i in range(100):
        journal.note(f"line {i}")
    assert journal.last(25) == ["5 line 98", "5 line 99"]
    assert len(journal.lines) == 8
    assert journal.last(0) == []
