"""Who meets whom, and when: from walks, or from a trace of real people."""

import gzip
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import UserError
from tools.sim.contacts import read_contacts
from tools.sim.scenario import NODES_MAX

_PROXIMITY_S = 20  # a line of a SocioPatterns file speaks of so long


@dataclass(frozen=True, order=True)
class Meeting:
    """a and b hear each other from up_s (included) to down_s (not included). a < b."""

    up_s: float
    down_s: float
    a: int
    b: int


def from_moves(
    moves: list[tuple[float, int, float, float, float]], nodes: int, range_m: float, end_s: int
) -> list[Meeting]:
    """Moves as PONS has them, (second, node, x, y, z) in order of time, looked at each second."""
    places = [(0.0, 0.0)] * nodes
    up: dict[tuple[int, int], int] = {}
    found = []
    at = 0
    for second in range(end_s + 1):
        while at < len(moves) and moves[at][0] <= second:
            _, node, x, y, _ = moves[at]
            places[node] = (x, y)
            at += 1
        now = pairs_within(places, range_m)
        for pair in up.keys() - now:
            found.append(Meeting(up.pop(pair), second, *pair))
        for pair in now - up.keys():
            up[pair] = second
    found += [Meeting(since_s, end_s + 1, *pair) for pair, since_s in up.items()]
    return sorted(found)


def pairs_within(places: list[tuple[float, float]], range_m: float) -> set[tuple[int, int]]:
    """The pairs (a < b) that are no farther apart, found along the x axis."""
    found = set()
    order = sorted(range(len(places)), key=places.__getitem__)
    reach = range_m * range_m
    for i, a in enumerate(order):
        x, y = places[a]
        for j in range(i + 1, len(order)):
            b = order[j]
            dx, dy = places[b][0] - x, places[b][1] - y
            if dx > range_m:
                break
            if dx * dx + dy * dy <= reach:
                found.add((a, b) if a < b else (b, a))
    return found


def field(nodes: int, side_m: float, range_m: float, seed: str) -> list[Meeting]:
    """Nodes that stand still at random places in a square, all connected: pairs from 0 to 1 s."""
    dice = random.Random(seed)
    while True:
        places = [(dice.uniform(0, side_m), dice.uniform(0, side_m)) for _ in range(nodes)]
        pairs = pairs_within(places, range_m)
        reached, todo = {0}, [0]
        while todo:
            node = todo.pop()
            new = {b if a == node else a for a, b in pairs if node in (a, b)} - reached
            reached |= new
            todo += new
        if len(reached) == nodes:
            return [Meeting(0, 1, a, b) for a, b in sorted(pairs)]


def from_trace(path: Path) -> tuple[list[Meeting], int]:
    """The meetings of a trace, and how many nodes there are, numbered anew from 0.

    Lines as the ONE simulator writes them (`12.5 CONN 3 7 up`), or as SocioPatterns does
    (`t i j`: near each other from t-20 to t seconds); either may be compressed, as .gz. UserError.
    """
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
    except FileNotFoundError:
        raise UserError(f"{path} is not there") from None
    except (OSError, EOFError) as e:
        raise UserError(f"{path} cannot be read: {e}") from None
    if len(data.split(b"\n", 1)[0].split()) == 3:
        found = _proximity(path, data)
    else:
        found = _one(path, data)
    names = sorted({m.a for m in found} | {m.b for m in found})
    number = {name: i for i, name in enumerate(names)}
    if len(names) < 2:
        raise UserError(f"{path}: nobody meets anybody in it")
    first_s = min(m.up_s for m in found)
    meetings = [
        Meeting(m.up_s - first_s, m.down_s - first_s, number[m.a], number[m.b]) for m in found
    ]
    return sorted(meetings), len(names)


def _one(path: Path, data: bytes) -> list[Meeting]:
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, path.name)
        plain.write_bytes(data)
        contacts = read_contacts(plain, NODES_MAX)
    up: dict[tuple[int, int], float] = {}
    found = []
    for c in contacts:
        if c.up:
            up[c.pair] = c.at_us / 1e6
        else:
            found.append(Meeting(up.pop(c.pair), c.at_us / 1e6, *c.pair))
    end_s = contacts[-1].at_us / 1e6 if contacts else 0.0
    return found + [Meeting(since_s, end_s, *pair) for pair, since_s in up.items()]


def _proximity(path: Path, data: bytes) -> list[Meeting]:
    """Lines that follow each other without a gap are one meeting."""
    open_since: dict[tuple[int, int], tuple[int, int]] = {}
    found = []
    for number, line in enumerate(data.splitlines(), 1):
        try:
            t, a, b = (int(word) for word in line.split())
        except ValueError:
            raise UserError(f"{path}: line {number}: not of the form SECONDS NODE NODE") from None
        pair = (min(a, b), max(a, b))
        since, until = open_since.get(pair, (t - _PROXIMITY_S, t))
        if until < t - _PROXIMITY_S:
            found.append(Meeting(since, until, *pair))
            since = t - _PROXIMITY_S
        open_since[pair] = (since, t)
    return found + [Meeting(*times, *pair) for pair, times in open_since.items()]
