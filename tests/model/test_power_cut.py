"""Power cuts between any two operations of the store: nothing that was spoken of is lost."""

from aes import ecb
from checks import mid, piece, receipt_of, whole
from mesh_in_a_box import AIR, Box, address

from shared_protocol import frame, parcel, sync
from shared_protocol.frame import FrameCipher
from shared_protocol.store import MemoryStore


class PowerCut(Exception):
    """Here the board stops."""


class FlakyStore(MemoryStore):
    """Forgets at a cut the puts since the last sync, and the deletions too if `forgetful`."""

    def __init__(self, cut_at: int, forgetful: bool) -> None:
        super().__init__(1_000_000)
        self.left = cut_at
        self.forgetful = forgetful
        self.safe: dict[int, bytes] = {}

    def _step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise PowerCut

    def put(self, record: bytes) -> int:
        self._step()
        return super().put(record)

    def delete(self, handle: int, remember: bool = False) -> None:
        self._step()
        super().delete(handle, remember)
        if not self.forgetful:
            self.safe.pop(handle, None)

    def sync(self) -> None:
        self._step()
        self.safe = dict(self._records)

    def after_the_cut(self) -> MemoryStore:
        store = MemoryStore(1_000_000)
        for handle in sorted(self.safe):
            store.put(self.safe[handle])
        return store


def spoken_of(box: Box, cipher: FrameCipher) -> tuple[set[int], int]:
    """Short ids that node 2 has claimed on the air (lists, HAVEs), and its highest counter."""
    ids: set[int] = set()
    highest = 0
    for number, _, data in box.log:
        if number != 2:
            continue
        kind, counter, body = cipher.open(address(2), data)
        assert counter > highest
        highest = counter
        if kind == frame.LIST:
            ids |= set(sync.decode_list(body)[2])
        elif kind == frame.HAVE:
            ids |= {short for short, _ in sync.decode_have(body)}
    return ids, highest


def one_life(cut_at: int, forgetful: bool) -> bool:
    """Node 2 between 1 and 3, until the power goes. False if it never went."""
    box = Box(1)
    box.log = []
    store = FlakyStore(cut_at, forgetful)
    cipher = FrameCipher(box.key, 0, ecb)
    box.add(1)
    box.add(3)
    box.join(1, 2)
    box.join(2, 3)
    node, ended = None, True
    submitted = []
    try:
        node = box.add(2, store=store)
        box.run(5000)
        for number in range(1, 7):
            box.nodes[1].submit(whole(number), 0, 0, box.now_ms)
        for i in range(8):
            box.nodes[1].submit(piece(9, i, 6, 8), 0, 0, box.now_ms)
        for number in (20, 21):
            node.submit(whole(number), 0, 0, box.now_ms)
            node.shelf.sync()
            submitted.append(number)
        box.run(3000)
        box.nodes[3].submit_receipt(receipt_of(1), 0, box.now_ms)
        box.nodes[3].submit_receipt(receipt_of(9), 0, box.now_ms)
        box.run(15_000)
        ended = False
    except PowerCut:
        pass
    claimed, highest = spoken_of(box, cipher)
    seen = set()  # what it knew and did not hold any more, with every right
    if node is not None:
        seen = {node.index.short[row] for row in node.index.rows() if not node.index.sendable(row)}
    box.nodes.pop(2, None)
    box.stores.pop(2)
    again = box.add(2, store=store.after_the_cut())
    known = {again.index.short[row] for row in again.index.rows()}
    tombstones = [n for n in (1, 9) if again.shelf.tombstone(mid(n)) >= 0]
    assert claimed - seen <= known, (cut_at, claimed - seen - known)
    for number in submitted:
        assert again.shelf.rows_of(mid(number)), cut_at
    for number in tombstones:
        held = [r for r in again.shelf.rows_of(mid(number)) if again.index.held(r)]
        assert held == [], (cut_at, "a receipt and its message")
    assert again.clock.next_counter(0, box.now_ms) > highest, cut_at
    assert again.shelf.groups.held_peak <= 5
    return ended


def all_lives(forgetful: bool) -> None:
    cut_at = 1
    while one_life(cut_at, forgetful):
        cut_at += 1
    assert cut_at > 35  # so many operations there are


def test_a_cut_at_any_operation() -> None:
    all_lives(forgetful=False)


def test_a_cut_that_forgets_deletions_too() -> None:
    all_lives(forgetful=True)


class LazyStore(MemoryStore):
    """Knows whether it was synced since the last put."""

    synced = True

    def put(self, record: bytes) -> int:
        self.synced = False
        return super().put(record)

    def sync(self) -> None:
        self.synced = True


def test_no_frame_leaves_before_what_was_taken_is_durable() -> None:
    """Also when the shell asks for a frame right after it handed one in."""
    box = Box(1)
    store = LazyStore(100_000)
    node = box.add(2, store=store)
    box.add(1)
    box.join(1, 2)
    assert box.run(5000, lambda: box.fresh(2))
    box.hear(2, 1, frame.PARCEL, 10_000, parcel.join(1, 0, None, whole(1)))
    assert not store.synced
    node.queues[AIR].beacon_due = True
    assert node.next_frame(AIR, box.now_ms) is not None
    assert store.synced
