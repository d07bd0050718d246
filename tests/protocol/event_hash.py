"""One lossy mesh, and SHA-256 over every frame that it sends: the same on both interpreters?

    micropython -X heapsize=400k tests/protocol/event_hash.py SEED

A 3 x 3 grid, 20 % loss, three messages and their receipts, 40 s of virtual time. Printed is one
JSON object. Each frame counts with the ms in which it was sent, its node, link and bytes.
"""

from mesh_in_a_box import Box

# isort: split
import binascii
import hashlib
import json
import sys

from checks import mid, receipt_of, whole

SIDE = 3  # nodes 1 to 9, row after row; each hears those beside, above and below it
LOSS_PCT = 20
MESSAGES = [(1, 9, 4_000), (7, 3, 6_000), (5, 1, 6_000)]  # from, to, written after so many ms
STRETCH_MS = 40_000
STEP_MS = 500


class Hashed:
    """The log of a Box: what is sent goes into the hash and is forgotten."""

    def __init__(self, box):
        self._box = box
        self.sha = hashlib.sha256()
        self.frames = 0

    def append(self, entry):
        """As a list's."""
        number, link, data = entry
        self.frames += 1
        head = (self._box.now_ms, number, link, len(data))
        self.sha.update(b"%d %d %d %d " % head)
        self.sha.update(data)


def grid(box):
    """Nodes in rows, in the same order on every interpreter."""
    for number in range(1, SIDE * SIDE + 1):
        box.add(number, capacity=24)
        if (number - 1) % SIDE:
            box.join(number - 1, number)
        if number > SIDE:
            box.join(number - SIDE, number)


def write(box, start_ms, written):
    """Submit the messages that are due."""
    for n, (sender, _, after_ms) in enumerate(MESSAGES):
        if n not in written and box.now_ms - start_ms >= after_ms:
            written.append(n)
            box.nodes[sender].submit(whole(n), 0, 0, box.now_ms)


def read(box, came, back):
    """Receivers send a receipt, senders see it: which messages have come to that."""
    for n, (sender, to, _) in enumerate(MESSAGES):
        receiver = box.nodes[to]
        if n not in came and told(receiver, "arrived", whole(n)):
            came.append(n)
            receiver.submit_receipt(receipt_of(n), 0, box.now_ms)
        if n not in back and told(box.nodes[sender], "receipt", mid(n)):
            back.append(n)


def told(node, what, about):
    """Has a node had this event?"""
    return any([event[0] == what and event[1] == about for event in node.events])


def run(seed):
    """What one seed comes to."""
    box = Box(seed, LOSS_PCT)
    log = box.log = Hashed(box)
    grid(box)
    start_ms = box.now_ms
    written, came, back = [], [], []
    while box.now_ms - start_ms < STRETCH_MS:
        write(box, start_ms, written)
        box.run(STEP_MS)
        read(box, came, back)
    return {
        "hash": binascii.hexlify(log.sha.digest()).decode(),
        "frames": log.frames,
        "delivered": len(came),
        "receipts_back": len(back),
    }


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]))))
