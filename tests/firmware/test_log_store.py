"""The relay's log store on files: cut at every byte, damaged anywhere, held against a dict."""

import random
from array import array

import pytest

from firmware.log_store import LogStore
from shared_protocol.errors import StoreFull


@pytest.fixture
def store_at():
    opened = []

    def make(path, rows=64, bytes_max=60_000):
        zeros = bytes(4 * rows)
        opened.append(LogStore(str(path), array("I", zeros), array("I", zeros), bytes_max))
        return opened[-1]

    yield make
    for store in opened:
        store._file.close()  # a relay has it open for ever


def contents(store):
    return dict(store.records())


def test_records_survive_a_restart(tmp_path, store_at):
    path = tmp_path / "log"
    store = store_at(path)
    handles = [store.put(b"record %d" % i * 9) for i in range(5)]
    store.delete(handles[2])
    store.sync()
    expected = {h: b"record %d" % i * 9 for i, h in enumerate(handles) if i != 2}
    again = store_at(path)
    assert contents(again) == expected
    assert again.get(handles[4]) == expected[handles[4]]
    assert again.put(b"next") > handles[4], "a handle is never given twice"


def test_cut_at_every_byte_keeps_everything_before(tmp_path, store_at):
    path = tmp_path / "log"
    store = store_at(path)
    ends, handles = [0], []
    for i in range(6):
        handles.append(store.put(bytes([i]) * (20 + i)))
        store.sync()
        ends.append(path.stat().st_size)
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        survivor = store_at(path)
        count = sum(1 for end in ends[1:] if end <= cut)
        assert contents(survivor) == {handles[i]: bytes([i]) * (20 + i) for i in range(count)}
        fresh = survivor.put(b"after the cut")
        survivor.sync()
        assert store_at(path).get(fresh) == b"after the cut"


def test_a_flipped_bit_costs_at_most_its_record_and_is_counted(tmp_path, store_at):
    path = tmp_path / "log"
    store = store_at(path)
    records = {store.put(random.Random(i).randbytes(50)): i for i in range(8)}
    store.sync()
    whole = path.read_bytes()
    for bit in range(0, 8 * len(whole), 3):
        damaged = bytearray(whole)
        damaged[bit >> 3] ^= 1 << (bit & 7)
        path.write_bytes(damaged)
        found = store_at(path)
        assert found.skipped_bytes > 0
        assert len(contents(found)) == 7, "one record is lost, its neighbours are not"
        for handle, record in found.records():
            assert record == random.Random(records[handle]).randbytes(50), "never wrong bytes"


def test_full_is_said_and_what_is_there_stays(tmp_path, store_at):
    store = store_at(tmp_path / "log", rows=200, bytes_max=2000)
    handles = []
    with pytest.raises(StoreFull):  # noqa: PT012 - one of them fails
        while True:
            handles.append(store.put(bytes(100)))
    assert len(contents(store)) == len(handles) == 2000 // 112
    store.delete(handles[0])
    assert store.put(b"x" * 100) > handles[-1], "room again after a compaction"
    with pytest.raises(StoreFull):
        store.put(bytes(513))


def test_rows_are_reused_without_rewriting_the_file(tmp_path, store_at):
    path = tmp_path / "log"
    store = store_at(path, rows=8)
    kept = store.put(b"kept")
    for i in range(100):
        store.delete(store.put(b"%d" % i))
    assert contents(store) == {kept: b"kept"}
    assert store.compactions == 0
    store.sync()
    assert contents(store_at(path, rows=8)) == {kept: b"kept"}, "more puts in the file than rows"


def test_a_record_gone_bad_does_not_stop_the_others(tmp_path, store_at):
    path = tmp_path / "log"
    store = store_at(path)
    handles = [store.put(b"record %d" % i) for i in range(4)]
    store.sync()
    damaged = bytearray(path.read_bytes())
    damaged[25 + 12] ^= 1  # in the second record
    path.write_bytes(damaged)
    with pytest.raises(KeyError):
        store.get(handles[1])
    store.compact()
    assert store.lost == 1
    assert contents(store) == {h: b"record %d" % i for i, h in enumerate(handles) if i != 1}


def test_against_a_dict_with_restarts(tmp_path, store_at):
    rng = random.Random(8)
    path = tmp_path / "log"
    store, model = store_at(path, rows=40, bytes_max=4000), {}
    for step in range(3000):
        choice = rng.random()
        if choice < 0.55:
            record = rng.randbytes(rng.randrange(1, 90))
            try:
                model[store.put(record)] = record
            except StoreFull:
                assert len(model) >= 20
        elif choice < 0.95 and model:
            handle = rng.choice(sorted(model))
            store.delete(handle)
            del model[handle]
        elif choice >= 0.99:
            store.sync()
            store = store_at(path, rows=40, bytes_max=4000)
        if step % 50 == 0:
            assert contents(store) == model
    assert contents(store) == model


def test_no_room_to_compact_changes_nothing(tmp_path, store_at, monkeypatch):
    store = store_at(tmp_path / "log", rows=20, bytes_max=170)
    handles = [store.put(b"record %d" % i) for i in range(8)]
    store.delete(handles[0])
    written = []

    def full(kind, handle, payload):
        written.append(handle)
        if len(written) == 3:
            raise OSError(28, "ENOSPC")
        return b""

    with monkeypatch.context() as patch:
        patch.setattr("firmware.log_store._frame", full)
        with pytest.raises(StoreFull):
            store.put(b"one more")
    assert contents(store) == {h: b"record %d" % i for i, h in enumerate(handles) if i}
    assert store.get(store.put(b"one more")) == b"one more"
    assert not (tmp_path / "log.new").exists()
