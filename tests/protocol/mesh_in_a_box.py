"""Nodes in one process with virtual time: the protocol's own test bench, on both interpreters."""

# The largest file first: on 160 KB it compiles only while nothing else is loaded.
from shared_protocol.neighbours import AIR, TETHER
from shared_protocol.node import Node, Settings

# isort: split
from aes import ecb
from mesh_dice import Dice

from shared_protocol.cells import NO_CELL
from shared_protocol.frame import FrameCipher
from shared_protocol.parcel_index import ParcelIndex
from shared_protocol.store import MemoryStore


def nobody(immutable):
    """is_ours of a relay."""
    return False


def address(number):
    """The link address of a node."""
    return bytes((2, 0, 0, 0, 0, number))


class Box:
    """Nodes named by number, joined by lossy links; run(ms) lets virtual time pass."""

    def __init__(self, seed=1, loss_pct=0, network_key=bytes(32)):
        self.now_ms = 1000
        self.dice = Dice(seed)
        self.loss_pct = loss_pct
        self.key = network_key
        self.nodes = {}
        self.stores = {}
        self.edges = {}  # (node, link) -> list of (node, link)
        self.sent = 0
        self.also = []  # called with the time at every step: what a shell does beside its node
        self.log = None  # a list here collects (number, link, frame) of what is sent

    def add(self, number, is_ours=nobody, capacity=512, gateway=True, store=None, cell=NO_CELL):
        store = store or self.stores.get(number) or MemoryStore(10_000_000)
        self.stores[number] = store
        cipher = FrameCipher(self.key, 0, ecb)
        settings = Settings(gateway, bytes((number,)) * 16, cell)
        index = ParcelIndex(capacity)
        dice = Dice(number * 1000003 + self.now_ms)  # a reboot draws other numbers
        me = address(number)
        node = Node(me, cipher, index, store, settings, is_ours, dice.below, self.now_ms)
        for link in (AIR, TETHER):
            node.link_up(link, self.now_ms)
        self.nodes[number] = node
        return node

    def join(self, a, b, link=AIR):
        self.edges.setdefault((a, link), []).append((b, link))
        self.edges.setdefault((b, link), []).append((a, link))

    def line(self, count):
        """`count` relays 1.. in a line, a gateway 100 at the first and 200 at the last."""
        for i in range(1, count + 1):
            self.add(i)
            if i > 1:
                self.join(i - 1, i)
        self.join(100, 1, TETHER)
        self.join(200, count, TETHER)

    def stop(self, number):
        """Power cut: the node is gone, its store stays."""
        del self.nodes[number]

    def run(self, ms, until=None):
        """Let `ms` pass, or until the condition holds; was it reached?"""
        end = self.now_ms + ms
        while self.now_ms < end:
            if until is not None and until():
                return True
            for step in self.also:
                step(self.now_ms)
            for number, node in list(self.nodes.items()):
                node.poll(self.now_ms)
                for link in (AIR, TETHER):
                    self._drain(number, node, link)
            self.now_ms += 5
        return until is not None and until()

    def replay(self, to, link=AIR):
        """Send a node everything in the log again, as whoever recorded the air could."""
        for number, _, data in self.log:
            self.nodes[to].receive(link, address(number), data, -60, self.now_ms)

    def hear(self, to, number, frame_type, counter, body, link=AIR):
        """A node hears one frame, properly sealed, from an address of ours."""
        data = FrameCipher(self.key, 0, ecb).seal(frame_type, counter, address(number), body)
        self.nodes[to].receive(link, address(number), data, -60, self.now_ms)

    def fresh(self, number):
        """How many fresh neighbours a node has."""
        return len([n for n in self.nodes[number].neighbours.all if n.fresh])

    def _drain(self, number, node, link):
        while True:
            data = node.next_frame(link, self.now_ms)
            if data is None:
                return
            self.sent += 1
            if self.log is not None and (number, link) in self.edges:
                self.log.append((number, link, data))
            for other, other_link in self.edges.get((number, link), ()):
                if other not in self.nodes:
                    continue
                if link == AIR and self.dice.below(100) < self.loss_pct:
                    continue
                self.nodes[other].receive(other_link, node.node_id, data, -60, self.now_ms)
