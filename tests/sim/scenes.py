"""What the simulator's tests share: a scenario as text, and a finished run of it."""

from pathlib import Path

from tools.sim.scenario import load
from tools.sim.world import World

LINE = """
[sim]
seed = 1
duration_s = {duration}
[radio]
loss = {loss}
[nodes]
layout = "line"
count = {count}
gateways = [0, {last}]
[[messages]]
from = 0
to = {last}
at_s = 10
size = {size}
"""


def line(
    count: int = 6, loss: float = 0.0, size: int = 80, duration: int = 120, more: str = ""
) -> str:
    """Relays in a line, a gateway at either end, one message at 10 s."""
    text = LINE.format(count=count, last=count - 1, loss=loss, size=size, duration=duration)
    return text + more


def event(at_s: float, node: int, what: str, more: str = "") -> str:
    """One [[events]] table."""
    return f'[[events]]\nat_s = {at_s}\nnode = {node}\nwhat = "{what}"\n{more}\n'


def run(folder: Path, text: str, seed: int | None = None) -> World:
    """Write the scenario into a folder and run it to its end."""
    path = folder / "scenario.toml"
    path.write_text(text)
    world = World(load(path, seed))
    world.run(lambda now_us: None)
    return world
