"""What the model tests share: a message in pieces, and who holds what."""

from checks import mid, piece, receipt_of
from mesh_in_a_box import TETHER, Box

K, N = 96, 128
SENDER, RECEIVER = 100, 200
MESSAGE = 1


def is_ours(immutable: bytes) -> bool:
    """The gateways at the two ends."""
    return immutable[2:14] == mid(MESSAGE)


def distinct(box: Box, number: int) -> int:
    """How many different pieces of the message a node holds."""
    node = box.nodes[number]
    rows = [row for row in node.shelf.rows_of(mid(MESSAGE)) if node.index.held(row)]
    return len({node.index.piece[row] for row in rows})


def submit_all(box: Box, number: int = SENDER, k: int = K, n: int = N) -> None:
    """The sender's gateway has all pieces of the message."""
    for i in range(n):
        box.nodes[number].submit(piece(MESSAGE, i, k, n, bytes(180)), 0, 0, box.now_ms)


def gateways(box: Box, first: int, last: int) -> None:
    """A sender tethered to one relay, a receiver to another."""
    box.join(SENDER, first, TETHER)
    box.join(RECEIVER, last, TETHER)
    box.add(SENDER, is_ours, gateway=True)
    box.add(RECEIVER, is_ours, gateway=True)


def line(seed: int, loss_pct: int, count: int = 6) -> Box:
    """Relays 1..count in a line between two gateways."""
    box = Box(seed, loss_pct)
    box.line(count)
    gateways(box, 1, count)
    return box


def deliver(box: Box, ms: int, k: int = K) -> bool:
    """Run until the receiver can rebuild the message."""
    return box.run(ms, lambda: distinct(box, RECEIVER) >= k)


def relays(box: Box) -> list[int]:
    """The numbers of the relays that run."""
    return [number for number in sorted(box.nodes) if number < SENDER]


def assert_below_k(box: Box, k: int = K) -> None:
    """No relay ever held enough to rebuild the message."""
    for number in relays(box):
        groups = box.nodes[number].shelf.groups
        assert groups.held_peak <= k - 1, number
        assert distinct(box, number) <= k - 1, number


def acknowledge(box: Box) -> None:
    """The receiver opens the message and shows the token."""
    box.nodes[RECEIVER].submit_receipt(receipt_of(MESSAGE), 0, box.now_ms)


def clean(box: Box) -> bool:
    """Nobody holds anything of the message any more."""
    return all(distinct(box, number) == 0 for number in box.nodes)
