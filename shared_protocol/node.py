"""A node of the mesh, sans-IO: frames and the time go in, frames and events come out.

Contract with the shell that drives it (firmware/main.py, gateway/gateway.py, the simulator):
call receive() for every frame heard, poll() when it asked to be called, and after either of them
next_frame() for each link until it gives None. Times are milliseconds that only rise.
"""

from collections import namedtuple

from shared_protocol import frame, receipt, records, shelf
from shared_protocol.clock import NodeClock
from shared_protocol.cover import Cover
from shared_protocol.custody import Custody
from shared_protocol.ending import accept_receipt, sweep
from shared_protocol.errors import DecodeError
from shared_protocol.gradient import Gradients
from shared_protocol.greeting import Greeting
from shared_protocol.incoming import Incoming
from shared_protocol.limits import EVENTS_MAX, IDLE_MS, RECEIPTS_FRAME_MAX
from shared_protocol.neighbours import AIR, Neighbours
from shared_protocol.outgoing import LinkQueue
from shared_protocol.parcel_index import RECEIPT, RETURNED, ROUTED, WHOLE
from shared_protocol.pull import Pull
from shared_protocol.push import Push
from shared_protocol.reconcile import Reconcile
from shared_protocol.unicast import Unicast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from shared_protocol.neighbours import Neighbour
    from shared_protocol.parcel_index import ParcelIndex
    from shared_protocol.spread import Spread
    from shared_protocol.store import Store

PARCEL_GAP_MS = (25, 0)  # ten times a parcel's airtime; the tether has a line of its own

_LOOK_MS = 1000
_EXPIRE_EVERY_S = 30
_LOOK_ANEW_S = 3600  # how long what a full node gave up is not wanted back

# gateway: an end of messages, said in beacons; only such a node keeps events. secret: 16 bytes
# drawn once per node, by which look-alikes are ranked (SPEC.md 10.3). cell: where it stands, or
# NO_CELL (cells.py).
Settings = namedtuple("Settings", ("gateway", "secret", "cell"))

STATS = (
    "frames_heard", "frames_sent", "parcels_sent", "bad_frames", "bad_bodies", "replayed",
    "not_fresh", "unknown_types", "unknown_kinds", "refused", "expired_on_arrival", "events_lost",
    "unicasts_sent", "unicasts_flooded",
)  # fmt: skip


class Node:
    """One node. Events wait in `events`: ("arrived", immutable, hops), ("receipt", mid, token),
    ("expired", mid)."""

    def __init__(
        self,
        node_id: bytes,
        cipher: frame.FrameCipher,
        index: "ParcelIndex",
        store: "Store",
        settings: Settings,
        is_ours: "Callable[[bytes], bool]",
        random_below: "Callable[[int], int]",
        now_ms: int,
    ) -> None:
        self.node_id = node_id
        self.cipher = cipher
        self.is_gateway: bool = settings.gateway
        self.cell: int = settings.cell
        self.stats = {name: 0 for name in STATS}
        self.events: list[tuple[object, ...]] = []
        self.shelf = shelf.Shelf(
            node_id, settings.secret, cipher.short_id_key, index, store, is_ours
        )
        from shared_protocol import restart  # here, so that a relay can forget it again

        restart.load(self.shelf)
        self.index = index
        self.neighbours = Neighbours()
        self.queues = [LinkQueue(gap_ms) for gap_ms in PARCEL_GAP_MS]
        self.pull = Pull(self.shelf, self.neighbours, self.queues, random_below)
        self.push = Push(self.index, self.neighbours, self.queues, random_below)
        self.cover = Cover(AIR, self.neighbours, self.queues[AIR], random_below, now_ms)
        self.custody = Custody(self.shelf, self.neighbours, self.queues)
        self.clock = NodeClock(self.shelf, now_ms)
        self.gradients = Gradients(node_id, settings.gateway)
        self.unicast = Unicast(self, random_below)
        self.reconcile = Reconcile(self, random_below)
        self.greeting = Greeting(self, random_below, now_ms)
        self.told = (0, 0)  # newest update: its sequence, and the pages to be told in beacons
        self.spread: Spread | None = None
        self.try_ms = 0  # from when on a statement may be verified
        self.finished_ms = 0  # when the last page of an update came, since the start
        self.spread_wanted: tuple[Neighbour, tuple[int, int]] | None = None
        self._look_ms = now_ms
        self._expire_s = self._cleared_s = 0
        incoming = Incoming(self)
        # By frame type: (neighbour, body, now_ms) -> None. A shell adds what only it can do.
        self.handlers = {
            frame.PARCEL: incoming.on_parcel,
            frame.RECEIPTS: incoming.on_receipts,
            frame.SUMMARY: self.reconcile.on_summary,
            frame.LIST: self.reconcile.on_list,
            frame.SKETCH_REQUEST: self.reconcile.on_request,
            frame.SKETCH: self.reconcile.on_sketch,
            frame.SKETCH_MORE: self.reconcile.on_sketch_more,
            frame.WANT: incoming.on_want,
            frame.HAVE: incoming.on_have,
            frame.HELLO: incoming.on_hello,
            frame.UNICAST: self.unicast.on_frame,
            frame.EXTENDED: self.on_extended,
        }

    # --- what the applications hand in

    def submit(self, immutable: bytes, hops: int, age: int, now_ms: int) -> int:
        """A parcel of our own: a verdict of shelf.py. It leaves at once."""
        verdict, row = self.shelf.accept(hops, age, immutable, self.clock.now_s(now_ms))
        if verdict == shelf.NEW and not self.unicast.start(row, now_ms):
            self.news(row, None, now_ms)
        return verdict

    def adopt(self, handle: int, kept: records.Kept, now_ms: int) -> None:
        """A parcel of our own that somebody else has put into the store."""
        from shared_protocol import restart

        row = restart.adopt(self.shelf, handle, kept, self.clock.now_s(now_ms))
        if row >= 0 and not self.unicast.start(row, now_ms):
            self.news(row, None, now_ms)

    def submit_receipt(self, immutable: bytes, age: int, now_ms: int) -> int:
        """A receipt for a message that was opened here, or is recalled by its author."""
        back = self.unicast.came_from(receipt.message_id(receipt.decode(immutable)))
        now_s = self.clock.now_s(now_ms)
        verdict, row = accept_receipt(self.shelf, 0, age, immutable, now_s, back > 0)
        if verdict == shelf.NEW and back > 0:
            self.unicast.send_back(row, back, now_ms)
        elif verdict == shelf.NEW:
            self.news(row, None, now_ms)
        return verdict

    def link_down(self, link: int) -> None:
        """Nobody is there on this link any more."""
        self.queues[link].clear()
        if link == AIR:
            self.push.link_down()
        for n in self.neighbours.unlink(link):
            self._gone(n.bit)

    def _gone(self, bit: int) -> None:
        self.index.forget_neighbour(bit)
        self.pull.gone(bit)
        self.push.gone(bit)
        if self.spread:
            self.spread.gone(bit)
        self.unicast.gone(bit)

    def link_up(self, link: int, now_ms: int) -> None:
        """Somebody may be there now: introduce ourselves. Links are down until this is called."""
        self.queues[link].up = True
        self.queues[link].beacon_due = True
        self.greeting.trickle.reset(now_ms)

    # --- what the links hear

    def receive(self, link: int, src: bytes, data: bytes, rssi_dbm: int, now_ms: int) -> None:
        """A frame heard on a link from a six-byte address. Anything at all may be in it."""
        try:
            frame_type, counter, body = self.cipher.open(src, data)
        except DecodeError:
            self.stats["bad_frames"] += 1
            return
        if src == self.node_id:
            return
        self.stats["frames_heard"] += 1
        neighbour = self.neighbours.find(link, src)
        try:
            if frame_type == frame.BEACON:
                self.greeting.heard(link, src, neighbour, counter, body, rssi_dbm, now_ms)
            elif neighbour is None or not neighbour.fresh:
                self.stats["not_fresh"] += 1
                if neighbour is None:  # its beacon was lost, and the next may be a minute away:
                    self.neighbours.add(link, src, now_ms)  # so that mine asks for it
                self.greeting.soon(now_ms)
            elif neighbour.replayed(counter):
                self.stats["replayed"] += 1
            elif frame_type not in self.handlers:
                self.stats["unknown_types"] += 1
            else:
                neighbour.heard_ms = now_ms
                neighbour.rssi_dbm = rssi_dbm
                self.handlers[frame_type](neighbour, body, now_ms)
        except DecodeError:
            self.stats["bad_bodies"] += 1

    def on_extended(
        self, neighbour: "Neighbour", body: bytes, now_ms: int, told: tuple[int, int] = (0, 0)
    ) -> None:
        """An EXTENDED frame; or a beacon told that a neighbour has so much of an update."""
        if self.spread:
            if told[0]:
                self.spread.heard(neighbour, told[0], told[1], now_ms)
            else:
                self.spread.on_frame(neighbour, body, now_ms)
        elif told[0] or body[:4] == bytes((frame.REQUEST,)) + self.node_id[3:]:
            self.spread_wanted = (neighbour, told)  # and it will ask again
        elif not body or body[0] > frame.CHUNK:
            self.stats["unknown_types"] += 1

    def room_again(self, now_ms: int) -> None:
        """A window has room: what it refused is wanted again."""
        if self.pull.room_again():
            self.reconcile.list_soon(now_ms)

    def news(self, row: int, sender: "Neighbour | None", now_ms: int) -> None:
        self.look_soon(now_ms)
        self.push.add(row, sender, now_ms)
        self.reconcile.news()
        self.greeting.trickle.soften(now_ms)

    def for_everybody(self, row: int, now_ms: int) -> None:
        """A parcel that was for one gateway and has no way there: everybody may carry it."""
        self.stats["unicasts_flooded"] += 1
        self.index.cover[row] = 0
        self.index.set_state(row, WHOLE if self.index.held(row) else RECEIPT)
        self.news(row, None, now_ms)

    def event(self, *event: object) -> None:
        """Something to be told to the shell, if this is a gateway."""
        if not self.is_gateway:
            return  # a relay has nobody to tell
        if len(self.events) >= EVENTS_MAX:
            self.events.pop(0)
            self.stats["events_lost"] += 1
        self.events.append(event)

    # --- what goes out

    def poll(self, now_ms: int) -> int:
        """Do what is due. Milliseconds until poll wants to be called again, at the latest."""
        if now_ms >= self._look_ms:
            self._look_ms = now_ms + (_LOOK_MS if self.shelf.groups.any_waiting() else IDLE_MS)
            self._look(now_ms)
        waits = [
            self.greeting.poll(now_ms),
            self.push.poll(now_ms),
            self.cover.poll(now_ms),
            self.pull.poll(now_ms),
            self.reconcile.poll(now_ms),
            self.custody.poll(now_ms),
            self.unicast.poll(now_ms),
            max(0, self._look_ms - now_ms),
        ]
        if self.spread:
            waits.append(self.spread.poll(now_ms))
        for queue in self.queues:
            waits.append(queue.wait_ms(now_ms, IDLE_MS))
        self.shelf.sync()
        return min(waits)

    def look_soon(self, now_ms: int) -> None:
        """Something has changed that time will decide."""
        self._look_ms = min(self._look_ms, now_ms + _LOOK_MS)

    def _look(self, now_ms: int) -> None:
        now_s = self.clock.now_s(now_ms)
        gone = self.neighbours.lapsed(now_ms)
        self.cover.look(now_ms)
        for n in gone:
            self._gone(n.bit)
        if any([n.fresh for n in gone]):
            self.greeting.new_challenge(
                now_ms
            )  # a recording of its echo shall not make it fresh again
        if self.custody.tidy(now_s):
            self.room_again(now_ms)
        if now_s - self._expire_s >= _EXPIRE_EVERY_S:
            self._expire_s = now_s
            size = self.index.size
            ended = sweep(self.shelf, now_s)
            for mid in ended:
                self.event("expired", mid)
            if ended or self.index.size < size or now_s - self._cleared_s >= _LOOK_ANEW_S:
                self._cleared_s = now_s
                self.shelf.displaced[:] = bytes(len(self.shelf.displaced))
                self.room_again(now_ms)
        self.clock.keep(now_ms)

    def next_frame(self, link: int, now_ms: int) -> bytes | None:
        """The next frame for this link, sealed; None if there is nothing to send now."""
        queue = self.queues[link]
        self.shelf.sync()
        if queue.beacon_due:
            queue.beacon_due = False
            return self._seal(link, frame.BEACON, self.greeting.beacon_body(link, now_ms), now_ms)
        control = queue.next_control()
        if control is not None:
            return self._seal(link, control[0], control[1], now_ms)
        while True:
            short = queue.next_parcel(now_ms)
            if short < 0:
                if self.spread is None or link != AIR or queue.wait_ms(now_ms, IDLE_MS) < IDLE_MS:
                    return None  # an update's frames wait until no mail does
                extended = self.spread.next_frame(now_ms)
                return extended and self._seal(link, frame.EXTENDED, extended, now_ms)
            row = self.index.find(short)
            if row >= 0 and self.index.state[row] in (ROUTED, RETURNED):
                routed = self.unicast.frame_body(short, row, link, now_ms)
                if not routed:
                    continue
                queue.sent_parcel(now_ms)
                return self._seal(link, frame.UNICAST, routed, now_ms)
            if row < 0 or not self.index.sendable(row) or not self.neighbours.fresh_mask[link]:
                self.push.asked(short)
                continue
            if link != AIR or self.push.granted(short, row, now_ms):
                break
        queue.sent_parcel(now_ms)
        self.stats["parcels_sent"] += 1
        body = self.shelf.body(row, self.clock.now_s(now_ms))
        if self.index.state[row] != RECEIPT:
            return self._seal(link, frame.PARCEL, body, now_ms)
        return self._seal(link, frame.RECEIPTS, self._more_receipts(queue, body, now_ms), now_ms)

    def _more_receipts(self, queue: LinkQueue, body: bytes, now_ms: int) -> bytes:
        """Other receipts that wait share the frame."""
        bodies = [body]
        while len(bodies) < RECEIPTS_FRAME_MAX:
            short = queue.take_if(self._is_receipt)
            if short < 0:
                break
            self.push.asked(short)
            bodies.append(self.shelf.body(self.index.find(short), self.clock.now_s(now_ms)))
        return b"".join(bodies)

    def _is_receipt(self, short: int) -> bool:
        row = self.index.find(short)
        return row >= 0 and self.index.state[row] == RECEIPT

    def _seal(self, link: int, frame_type: int, body: bytes, now_ms: int) -> bytes:
        self.stats["frames_sent"] += 1
        counter = self.clock.next_counter(link, now_ms)
        return self.cipher.seal(frame_type, counter, self.node_id, body)
