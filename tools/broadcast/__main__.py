"""One class of fields under one scheme: `python -m tools.broadcast --nodes 100 --loss 0.1 ...`."""

import argparse
import time

from tools.broadcast.classes import summary
from tools.broadcast.loads import INTERVAL_S, Trial, run
from tools.broadcast.schemes import SCHEMES


def main() -> None:
    """Run the graphs one after another and print what they come to."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--nodes", type=int, default=100)
    options.add_argument("--degree", type=float, default=12)
    options.add_argument("--loss", type=float, default=0.1)
    options.add_argument("--graphs", type=int, default=2)
    options.add_argument("--messages", type=int, default=5)
    options.add_argument("--scheme", choices=SCHEMES, default="heliograph")
    options.add_argument("--load", choices=INTERVAL_S, default="minute")
    options.add_argument("--seed", type=int, default=1)
    a = options.parse_args()
    began_s = time.perf_counter()
    found = [
        run(Trial(a.nodes, a.degree, a.loss, graph, a.scheme, a.load, a.messages, a.seed))
        for graph in range(a.graphs)
    ]
    took_s = time.perf_counter() - began_s
    for name, value in summary(found, a.nodes).items():
        print(f"{name:<22}{value}")
    events = sum(f["events"] for f in found)
    print(f"took {took_s:.1f} s: {events:,} events, {events / took_s:,.0f} a second")


if __name__ == "__main__":
    main()
