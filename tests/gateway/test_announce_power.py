"""Power cuts while records are announced: what a newer record replaces ends in the mesh, however
often the power goes before its receipt has left."""

import contextlib
from types import SimpleNamespace

import pytest

from gateway.announce import CODE, HERE_S, OWED_MAX, Announcer, parcel_of
from gateway.desk import Desk
from shared_protocol.lifetime import LIFETIMES_S
from tests.gateway.people_kit import Somebody

ANA = Somebody("Ana")


class SlowMesh:
    """Receipts wait for their privacy delay until the test lets them go."""

    def __init__(self):
        self.node = SimpleNamespace(index=SimpleNamespace(rows=list))
        self.now_s = 1000
        self.out, self.waiting, self.ended = [], [], set()

    def clock_s(self):
        return self.now_s

    def put_out(self, immutable, age):
        self.out.append(immutable)

    def release(self, token, code, done):
        self.waiting.append((token, done))

    def let_go(self):
        for token, done in self.waiting:
            self.ended.add(token)
            done()
        self.waiting = []


@pytest.fixture
def desk(tmp_path):
    with contextlib.closing(Desk(tmp_path)) as made:
        made.create_identity("Bo")
        yield made


def started(desk, now_s=1000):
    """A gateway after a power cut: what was in memory is gone."""
    mesh = SlowMesh()
    mesh.now_s = now_s
    announcer = Announcer(desk, mesh)
    announcer.catch_up()
    return announcer, mesh


def tokens(desk):
    rows = desk.db.execute("SELECT token, former_token FROM announcement").fetchall()
    return [(row["token"], row["former_token"]) for row in rows]


def test_a_former_record_ends_though_the_power_goes_before_its_receipt_leaves(desk):
    announcer, _ = started(desk)
    announcer.post([ANA.says(1)])
    ((first, _),) = tokens(desk)
    announcer.post([ANA.says(2)])
    announcer, _ = started(desk)
    announcer.post([ANA.says(3)])  # and the second one is owed too
    ((third, owed),) = tokens(desk)
    assert owed[:16] == first
    _, mesh = started(desk)
    assert [token for token, _ in mesh.waiting] == [owed[:16], owed[16:]]
    assert mesh.out == [parcel_of(ANA.says(3), third)]
    mesh.let_go()
    assert tokens(desk) == [(third, None)]
    _, mesh = started(desk)
    assert mesh.waiting == [], "nothing is owed any more"


def test_what_is_withdrawn_is_not_put_out_again_and_ends(desk):
    announcer, _ = started(desk)
    announcer.post([ANA.says(1)])
    ((token, _),) = tokens(desk)
    announcer._withdraw([ANA.account])
    announcer, mesh = started(desk)
    assert mesh.out == []
    assert [t for t, _ in mesh.waiting] == [token]
    announcer.look()
    assert mesh.out == []
    mesh.let_go()
    assert tokens(desk) == []
    announcer.post([ANA.says(1)])  # and here again
    assert len(mesh.out) == 1


def test_what_was_withdrawn_and_announced_again_owes_only_the_former(desk):
    announcer, mesh = started(desk)
    announcer.post([ANA.says(1)])
    ((token, _),) = tokens(desk)
    announcer._withdraw([ANA.account])
    announcer.post([ANA.says(1)])
    assert len(mesh.out) == 2
    mesh.let_go()
    ((fresh, owed),) = tokens(desk)
    assert (owed, mesh.ended) == (None, {token})
    assert fresh != token


def test_receipts_that_never_leave_are_forgotten_in_the_end(desk):
    announcer, _ = started(desk)
    for number in range(1, OWED_MAX + 5):
        announcer.post([ANA.says(number)])
    ((_, owed),) = tokens(desk)
    assert len(owed) == OWED_MAX * 16
    announcer._withdraw([ANA.account])
    announcer, _ = started(desk, 1000 + max(HERE_S, LIFETIMES_S[CODE]) + 10)
    announcer.look()
    assert tokens(desk) == [], "their parcels ended by themselves"
