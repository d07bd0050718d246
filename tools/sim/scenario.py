"""A scenario: what a TOML file says, checked, with every place worked out (docs/SIMULATOR.md)."""

from dataclasses import dataclass
from pathlib import Path

from gateway.errors import UserError
from shared_protocol.lifetime import LIFETIMES_S
from shared_protocol.limits import MESSAGE_MAX
from tools.sim.contacts import Contact, read_contacts
from tools.sim.layouts import (
    VOIDS_MAX,
    City,
    NotConnected,
    Place,
    city_field,
    grid,
    line,
    random_field,
)
from tools.sim.tables import Source, Table, harmless

NODES_MAX = 10_000
MESSAGES_MAX = 20_000
BYTES_MAX = 50_000_000  # of all messages: their parcels are in memory from the start
DURATION_MAX_S = 90 * 86_400
FIELD_MAX_M = 1_000_000.0
SEED_MAX = 2**63 - 1
_LEVELS = ("fading", "shadowing", "asymmetry")
_DB_MAX = 20.0
_DEFAULT_LIFETIME_S = 7 * 86_400  # as a gateway sends

LAYOUTS = ("line", "grid", "random", "city", "positions")
EVENTS = ("off", "on", "reboot", "move", "swallow", "honest")


@dataclass(frozen=True)
class Message:
    """One message to be written. sender, to: nodes with a gateway. size: bytes of its text."""

    sender: int
    to: int
    at_us: int
    size: int
    lifetime_s: int
    routed: bool = False  # the sender knows at which gateway the receiver is


@dataclass(frozen=True)
class Happening:
    """Something that is done to a node: one of EVENTS; place: where it moves to."""

    at_us: int
    node: int
    what: str
    place: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Waypoints:
    """Random waypoint mobility: walk straight to a random place, pause, again."""

    nodes: tuple[int, ...]
    least_mps: float
    most_mps: float
    pause_s: float


@dataclass(frozen=True)
class Backhaul:
    """gateways: nodes whose gateway has a way to the hub. delay_s: from one to the other."""

    gateways: tuple[int, ...]
    after_s: int
    delay_s: float
    bytes_per_hour: int


@dataclass(frozen=True)
class Scenario:
    """All that a run needs. contacts: None, or the only pairs that ever hear each other.

    The decibels are standard deviations: fading from frame to frame, shadowing from pair to pair,
    asymmetry between there and back.
    """

    name: str
    seed: int
    duration_us: int
    range_m: float
    loss: float
    places: list[tuple[float, float]]
    gateways: tuple[int, ...]
    capacity: int
    messages: list[Message]
    happenings: list[Happening]
    waypoints: Waypoints | None
    contacts: list[Contact] | None
    city: City | None = None
    fading_db: float = 0.0
    shadowing_db: float = 0.0
    asymmetry_db: float = 0.0
    cells: bool = False  # nodes know where they stand
    beats: bool = True  # gateways make themselves known
    backhaul: Backhaul | None = None


def load(path: Path, seed: int | None = None) -> Scenario:
    """Read a scenario; `seed` instead of the file's. UserError: one line with file and place."""
    source = Source(path)
    top = source.content
    tables = ("sim", "radio", "nodes", "messages", "events", "mobility", "contacts", "backhaul")
    for key in top:
        if key not in tables:
            known = ", ".join(tables)
            raise UserError(f"{path}: {harmless(key)}: unknown key (known here: {known})")
    sim = Table(source, "sim", 0, top.get("sim", {}))
    file_seed = sim.whole("seed", 0, SEED_MAX, 1)
    seed = file_seed if seed is None else seed
    duration_us = _us(sim.number("duration_s", 1, DURATION_MAX_S))
    sim.end()
    radio = Table(source, "radio", 0, top.get("radio", {}))
    range_m = radio.number("range_m", 1, 100_000, 120)
    loss = radio.number("loss", 0, 0.95, 0.0)
    decibels = [radio.number(f"{key}_db", 0, _DB_MAX, 0.0) for key in _LEVELS]
    radio.end()
    nodes = Table(source, "nodes", 0, top.get("nodes", {}))
    places, city = _places(nodes, range_m, seed)
    gateways = nodes.nodes("gateways", len(places))
    capacity = nodes.whole("capacity", 16, 4096, 440)
    cells, beats = nodes.flag("cells", False), nodes.flag("beats", True)
    nodes.end()
    count = len(places)
    return Scenario(
        path.name,
        seed,
        duration_us,
        range_m,
        loss,
        places,
        gateways,
        capacity,
        _messages(source, gateways, count, duration_us),
        _happenings(source, count, duration_us),
        _waypoints(source, count),
        _contacts(source, count),
        city,
        *decibels,
        cells,
        beats,
        _backhaul(source, gateways),
    )


def _us(seconds: float) -> int:
    return round(seconds * 1_000_000)


def _places(nodes: Table, range_m: float, seed: int) -> tuple[list[Place], City | None]:
    layout = nodes.choice("layout", LAYOUTS)
    if layout == "positions":
        return nodes.points("positions", NODES_MAX, FIELD_MAX_M), None
    if layout == "random":
        count = nodes.whole("count", 2, NODES_MAX)
        degree = nodes.number("degree", 1, count - 1, min(8.0, count - 1))
        voids = nodes.whole("voids", 0, VOIDS_MAX, 0)
        try:
            return random_field(count, degree, range_m, seed, voids), None
        except NotConnected as e:
            raise nodes.error("degree", str(e)) from None
    if layout == "city":
        count = nodes.whole("count", 2, NODES_MAX)
        city = City(
            nodes.whole("blocks", 1, 100, 4),
            nodes.number("block_m", 10, 1000, 80),
            nodes.number("wall_db", 0, 100, 20),
        )
        try:
            return city_field(count, city, range_m, seed), city
        except NotConnected as e:
            raise nodes.error("count", str(e)) from None
    spacing_m = nodes.number("spacing_m", 1, FIELD_MAX_M / 100, 100)
    if layout == "line":
        return line(nodes.whole("count", 1, NODES_MAX), spacing_m), None
    columns = nodes.whole("columns", 1, 100)
    return grid(columns, nodes.whole("rows", 1, 100), spacing_m), None


def _array(source: Source, section: str) -> list[Table]:
    values = source.content.get(section, [])
    if not isinstance(values, list):
        raise UserError(f"{source.path}: {section}: is a list of tables: write [[{section}]]")
    tables = [Table(source, section, number, value) for number, value in enumerate(values)]
    for number, table in enumerate(tables):
        if any(table.values == other.values for other in tables[:number]):
            raise table.error("", "the same table is there twice")
    return tables


def _messages(
    source: Source, gateways: tuple[int, ...], count: int, duration_us: int
) -> list[Message]:
    found: list[Message] = []
    total = 0
    for table in _array(source, "messages"):
        ends = []
        for key in ("from", "to"):
            node = table.node(key, count)
            if node not in gateways:
                raise table.error(key, f"node {node} has no gateway (nodes.gateways has not)")
            ends.append(node)
        if ends[0] == ends[1]:
            raise table.error("to", "is the sender itself")
        at_us = _us(table.number("at_s", 0, DURATION_MAX_S))
        size = table.whole("size", 1, MESSAGE_MAX, 80)
        times = table.whole("count", 1, MESSAGES_MAX, 1)
        interval_us = _us(table.number("interval_s", 0, DURATION_MAX_S, 1.0))
        lifetime_s = table.whole("lifetime_s", 1, LIFETIMES_S[-1], _DEFAULT_LIFETIME_S)
        routed = table.flag("routed", False)
        table.end()
        if at_us + (times - 1) * interval_us > duration_us:
            raise table.error("at_s", "the last one would be after the end (sim.duration_s)")
        if len(found) + times > MESSAGES_MAX:
            raise table.error("count", f"more than {MESSAGES_MAX} messages in all")
        total += times * size
        if total > BYTES_MAX:
            raise table.error("size", f"more than {BYTES_MAX:,} bytes in all")
        for i in range(times):
            when_us = at_us + i * interval_us
            found.append(Message(ends[0], ends[1], when_us, size, lifetime_s, routed))
    return found


def _happenings(source: Source, count: int, duration_us: int) -> list[Happening]:
    tables = _array(source, "events")
    read: list[tuple[Happening, Table]] = []
    for table in tables:
        node = table.node("node", count)
        what = table.choice("what", EVENTS)
        at_us = _us(table.number("at_s", 0, DURATION_MAX_S))
        place = (0.0, 0.0)
        if what == "move":
            place = (
                table.number("x", -FIELD_MAX_M, FIELD_MAX_M),
                table.number("y", -FIELD_MAX_M, FIELD_MAX_M),
            )
        table.end()
        if at_us > duration_us:
            raise table.error("at_s", "is after the end (sim.duration_s)")
        read.append((Happening(at_us, node, what, place), table))
    read.sort(key=lambda pair: pair[0].at_us)
    off: set[int] = set()
    for h, table in read:
        if h.what == "on" and h.node not in off:
            raise table.error("what", f"node {h.node} is on already")
        if h.what in ("off", "reboot") and h.node in off:
            raise table.error("what", f"node {h.node} is off already")
        if h.what == "off":
            off.add(h.node)
        elif h.what == "on":
            off.remove(h.node)
    return [h for h, _ in read]


def _waypoints(source: Source, count: int) -> Waypoints | None:
    if "mobility" not in source.content:
        return None
    table = Table(source, "mobility", 0, source.content["mobility"])
    nodes = table.nodes("nodes", count)
    least_mps = table.number("least_mps", 0.01, 100, 0.5)
    most_mps = table.number("most_mps", 0.01, 100, 1.5)
    pause_s = table.number("pause_s", 0, 86_400, 60)
    table.end()
    if most_mps < least_mps:
        raise table.error("most_mps", "is less than least_mps")
    return Waypoints(nodes, least_mps, most_mps, pause_s)


def _backhaul(source: Source, gateways: tuple[int, ...]) -> Backhaul | None:
    if "backhaul" not in source.content:
        return None
    table = Table(source, "backhaul", 0, source.content["backhaul"])
    nodes = table.nodes("gateways", max(gateways, default=-1) + 1)
    for node in nodes:
        if node not in gateways:
            raise table.error("gateways", f"node {node} has no gateway (nodes.gateways has not)")
    after_s = table.whole("after_s", 0, 86_400, 600)
    delay_s = table.number("delay_s", 0, 3600, 1.0)
    bytes_per_hour = table.whole("bytes_per_hour", 0, 10**12, 0)
    table.end()
    return Backhaul(nodes, after_s, delay_s, bytes_per_hour)


def _contacts(source: Source, count: int) -> list[Contact] | None:
    if "contacts" not in source.content:
        return None
    table = Table(source, "contacts", 0, source.content["contacts"])
    file = table.text("file")
    table.end()
    return read_contacts(source.path.parent / file, count)
