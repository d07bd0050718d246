"""Who knows the way to a gateway in a field of relays where most beacons are suppressed."""

import pytest

from shared_protocol.beats import UNKNOWN
from tools.sim.scenario import load
from tools.sim.world import World

FIELD = """
[sim]
duration_s = 1200
[nodes]
layout = "random"
count = {count}
degree = {degree}
gateways = [0]
"""


@pytest.mark.parametrize(("count", "degree", "seed"), [(30, 6, 2), (30, 6, 4), (40, 10, 3)])
def test_everybody_knows_the_gateway_all_the_time(tmp_path, count, degree, seed):
    """Half forgot it now and then as long as only digests decided whose beacon was news."""
    path = tmp_path / "scenario.toml"
    path.write_text(FIELD.format(count=count, degree=degree))
    world = World(load(path, seed))
    gateway = int.from_bytes(world.gateways[0].address[-2:], "big")
    know: dict[int, int] = {}

    def look(now_us):
        minute = now_us // 60_000_000
        if minute not in know:
            nodes = [relay.node for relay in world.relays if relay.node is not None]
            know[minute] = sum(
                n.gradients.beats.distance(gateway, n.clock.now_s(now_us // 1000)) != UNKNOWN
                for n in nodes
            )

    world.run(look)
    assert min(know[minute] for minute in range(5, 20)) >= 0.9 * count
    assert sum(know[minute] == count for minute in range(5, 20)) >= 13
