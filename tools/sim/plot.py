"""The picture of a run: what arrived when, how long it took, and who passed on what, where."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from gateway.errors import UserError
from tools.sim.letters import Letter
from tools.sim.world import World

_INK, _PALE, _GRID = "#24323d", "#8b98a3", "#e3e8ec"
_SENT, _DELIVERED, _BACK = "#8b98a3", "#1f77b4", "#2a9d5c"
# What often lies on top of each other is thinner the higher it lies.
_WIDTH = {"written": 1.6, "delivered": 3.4, "receipt back": 1.3}
_LOG_FROM = 20  # delays that are so many times another want a logarithmic axis
_NUMBERED_MAX = 60  # nodes: with more, their numbers would cover the map
_STYLE = {
    "font.size": 9.5, "axes.edgecolor": _PALE, "axes.labelcolor": _INK, "text.color": _INK,
    "xtick.color": _INK, "ytick.color": _INK, "axes.spines.top": False,
    "axes.spines.right": False, "axes.titlelocation": "left", "axes.titlesize": 10.5,
    "axes.titleweight": "bold", "axes.grid": True, "grid.color": _GRID, "axes.axisbelow": True,
}  # fmt: skip


def save(world: World, path: Path) -> None:
    """Draw a finished run into a PNG."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(12, 6.4), dpi=130, layout="constrained")
        parts = figure.subplot_mosaic([["time", "map"], ["delay", "map"]], width_ratios=[1, 1.45])
        s = world.scenario
        done = sum(x.delivered_us is not None for x in world.letters)
        figure.suptitle(
            f"{s.name}, seed {s.seed}: {len(s.places)} relays, {s.loss:.0%} loss,"
            f" {done} of {len(world.letters)} messages delivered",
            x=0.01, ha="left", fontsize=12,
        )  # fmt: skip
        _over_time(parts["time"], world.letters, s.duration_us / 1e6)
        _delays(parts["delay"], world.letters)
        _map(parts["map"], world)
        try:
            figure.savefig(path)
        except OSError as e:
            raise UserError(f"--plot: {path} cannot be written: {e.strerror}") from None


def _over_time(axes: Axes, letters: list[Letter], duration_s: float) -> None:
    axes.set_title("Messages over time")
    series = (
        ("written", _SENT, [x.message.at_us for x in letters]),
        ("delivered", _DELIVERED, [x.delivered_us for x in letters]),
        ("receipt back", _BACK, [x.acknowledged_us for x in letters]),
    )
    for name, color, moments in series:
        times = sorted(us / 1e6 for us in moments if us is not None)
        steps = [0.0, *times, duration_s]
        counts = [0, *range(1, len(times) + 1), len(times)]
        style = "--" if name == "written" else "-"
        label = f"{name}: {len(times)}"
        axes.step(steps, counts, style, where="post", color=color, lw=_WIDTH[name], label=label)
    axes.set(xlabel="seconds", xlim=(0, duration_s))
    axes.set_ylim(0, max(1, len(letters)) * 1.06)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, loc="lower right")


def _delays(axes: Axes, letters: list[Letter]) -> None:
    """Of all messages: those that never arrive keep the curve below 100 %."""
    axes.set_title("How long it took")
    arrived = [(x.delivered_us, x.message.at_us) for x in letters]
    back = [(x.acknowledged_us, x.message.at_us) for x in letters]
    curves = [
        ("delivered", _DELIVERED, sorted((b - a) / 1e6 for b, a in arrived if b is not None)),
        ("receipt back", _BACK, sorted((b - a) / 1e6 for b, a in back if b is not None)),
    ]
    times = [0.001, *curves[0][2], *curves[1][2]]
    shortest, longest = min(times[1:], default=0.001), max(times)
    if longest > _LOG_FROM * shortest:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        left, right = shortest / 1.3, longest * 1.3
    else:
        left, right = 0.0, longest * 1.05
    for name, color, delays in curves:
        shares = [100 * (i + 1) / len(letters) for i in range(len(delays))]
        steps = [left, *delays, right]  # the last step goes on to the edge
        heights = [0.0, *shares, shares[-1] if shares else 0.0]
        axes.step(steps, heights, where="post", color=color, lw=_WIDTH[name], label=name)
    axes.set(xlabel="seconds", ylabel="% of messages", ylim=(0, 104), xlim=(left, right))
    axes.legend(frameon=False, loc="upper left" if left else "lower right")


def _map(axes: Axes, world: World) -> None:
    """Nodes, where they are at the end, by the parcel frames they sent; lines: over which hops
    messages came first, between the places of that moment."""
    axes.set_title("Who passed on what: how many messages came first over each hop")
    hops = world.hops
    most = max(hops.values(), default=1)
    places = world.places
    axes.add_collection(
        LineCollection(
            list(hops),
            linewidths=[0.5 + 3.5 * n / most for n in hops.values()],
            colors=[(0.12, 0.47, 0.71, 0.25 + 0.6 * n / most) for n in hops.values()],
            zorder=1,
            capstyle="round",
        )
    )
    relayed = world.tally.relayed
    many = len(places) > _NUMBERED_MAX
    size = 2600 / len(places) if many else 230
    shown = axes.scatter(
        [x for x, _ in places], [y for _, y in places], s=size, c=relayed, cmap=_heat(),
        vmin=0, vmax=max([1, *relayed]), edgecolors=_INK, linewidths=0.3 if many else 0.8,
        zorder=2,
    )  # fmt: skip
    ends = [places[n] for n in world.gateways]
    axes.scatter(
        [x for x, _ in ends], [y for _, y in ends], s=max(60, size * 2), marker="s",
        facecolors="none", edgecolors=_INK, linewidths=1.4, zorder=3, label="with a gateway",
    )  # fmt: skip
    for number, place in enumerate(places if not many else ()):
        dark = relayed[number] > 0.55 * max(relayed)
        axes.annotate(
            str(number), place, ha="center", va="center", fontsize=7.5, zorder=4,
            color="white" if dark else _INK,
        )  # fmt: skip
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.08)
    axes.set(xlabel="metres")
    if ends:
        marker_scale = 8 / max(60, size * 2) ** 0.5
        axes.legend(  # below the map, which may be full to its corners
            loc="upper right", bbox_to_anchor=(1, -0.04), frameon=False, markerscale=marker_scale
        )
    assert axes.figure is not None
    axes.figure.colorbar(shown, ax=axes, label="parcel frames sent", shrink=0.7, pad=0.02)


def _heat() -> Colormap:
    return mpl.colormaps["YlOrRd"].resampled(256)
