"""Relays in a box with a book each, for the tests of updates (SPEC.md 12.3)."""

# The largest file first: on 160 KB it compiles only while nothing else is loaded.
from mesh_in_a_box import Box

# isort: split
from checks import pattern, unhex, vectors
from memory_book import MemoryBook
from mesh_dice import Dice

from shared_protocol.ed25519 import verify
from shared_protocol.neighbours import AIR, TETHER
from shared_protocol.spread import IDLE_MS, TRY_EVERY_MS, Spread
from shared_protocol.statement import cut_archive, decode_update, signed_digest

ROWS = [row for row in vectors("statement") if "node" in row]
OPERATOR = unhex(ROWS[0]["public"])
ONE, TWO, WIRE = [unhex(row["hex"]) for row in ROWS]  # 2 pages, 3 pages, for one node
FORGED = TWO[:-1] + bytes((TWO[-1] ^ 1,))
SECOND = 1000


class QuickBox(Box):
    """A box that passes over the time in which nobody has anything to do."""

    def run(self, ms, until=None):
        end = self.now_ms + ms
        while self.now_ms < end:
            if until is not None and until():
                return True
            sent, waits = self.sent, [end - self.now_ms]
            for number, node in list(self.nodes.items()):
                waits.append(node.poll(self.now_ms))
                for link in (AIR, TETHER):
                    self._drain(number, node, link)
            self.now_ms += 5 if self.sent > sent else max(5, min(waits))
        return until is not None and until()


class Updates:
    """A box of relays with a book each; shells that load what spreads and forget it again."""

    def __init__(self, edges, seed=1, loss_pct=0):
        self.box = QuickBox(seed, loss_pct)
        self.books = {}
        self.spreads = {}
        self.forged = {}
        for a, b in edges:
            for number in (a, b):
                if number not in self.books:
                    self.books[number] = MemoryBook()
                    self.start(number)
            self.box.join(a, b)

    def start(self, number):
        node = self.box.add(number, gateway=False, capacity=64)
        self.spreads.pop(number, None)
        self.load(number)
        return node

    def load(self, number):
        node = self.box.nodes[number]
        if number not in self.spreads:
            dice = Dice(number + self.box.now_ms)
            now_ms = self.box.now_ms
            node.spread = Spread(node, self.books[number], dice.below, now_ms)
            self.spreads[number] = node.spread
            if node.spread_wanted and node.spread_wanted[1][0]:
                n, far = node.spread_wanted
                node.spread.heard(n, far[0], far[1], now_ms)
            node.spread_wanted = None

    def shells(self):
        """What a relay's shell does every two seconds."""
        for number, node in self.box.nodes.items():
            spread = self.spreads.get(number)
            if spread and spread.offered:
                self.verify(number, spread.offered)
            elif spread and self.box.now_ms - spread.active_ms > IDLE_MS:
                node.spread = None
                del self.spreads[number]
            elif node.spread_wanted:
                self.load(number)

    def verify(self, number, text):
        """What firmware/updating.py and verifying.py do, at once."""
        node = self.box.nodes[number]
        why = (None, (0, 0))
        for n in node.neighbours.all:
            far = self.spreads[number].far.get(n.bit, (0, 0))
            if far > why[1]:
                why = (n, far)
        node.try_ms = self.box.now_ms + TRY_EVERY_MS
        digest = signed_digest(node.cipher, text[:-64])
        if list(verify(OPERATOR, digest, text[-64:]))[-1]:
            node.try_ms = 0
            self.books[number].begin(text)
            node.spread_wanted = why
        else:
            self.forged[number] = self.forged.get(number, 0) + 1
        del self.spreads[number]
        self.load(number)

    def give(self, number, text, size):
        """Hand a whole update to one relay, as over its wire."""
        assert self.spreads[number].offer(text, self.box.now_ms)
        self.shells()
        spread = self.spreads[number]
        assert spread.sequence == decode_update(text)[0]
        for page, data in enumerate(cut_archive(pattern(size))[1]):
            for chunk in range(0, (len(data) + 231) // 232):
                part = data[chunk * 232 : chunk * 232 + 232]
                spread.chunk(page, chunk, part, self.box.now_ms)
        assert spread.done

    def run(self, ms, until=None):
        end = self.box.now_ms + ms
        while self.box.now_ms < end:
            self.shells()
            if self.box.run(min(2 * SECOND, end - self.box.now_ms), until):
                return True
        return False

    def all_have(self, size, numbers=None):
        return all([self.books[n].archive() == pattern(size) for n in numbers or list(self.books)])


def line(count):
    return [(i, i + 1) for i in range(1, count)]
