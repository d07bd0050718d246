"""The peer of `helio bench gateway`: an LXMF propagation node that stores messages.

Run in a process of its own: `python -m tools.bench_lxmf BYTES COUNT` prints one JSON object. The
messages are LXMF's own, encrypted for a destination, with bodies of so many bytes; they are handed
to the node where it takes those that came over a link (`LXMRouter.lxmf_propagation`).
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import LXMF
import RNS

_CONFIG = "[reticulum]\nenable_transport = No\nshare_instance = No\n[logging]\nloglevel = 0\n"
_STAMP_BYTES = 32


def main(size: int, count: int) -> None:
    """Print {"per_s", "version"}."""
    with tempfile.TemporaryDirectory(prefix="heliograph-") as folder:
        (Path(folder) / "config").write_text(_CONFIG)
        RNS.Reticulum(configdir=folder, loglevel=RNS.LOG_CRITICAL)
        node = LXMF.LXMRouter(identity=RNS.Identity(), storagepath=folder)
        node.enable_propagation()
        sender = RNS.Destination(
            RNS.Identity(), RNS.Destination.IN, RNS.Destination.SINGLE, "lxmf", "delivery"
        )
        to = RNS.Destination(
            RNS.Identity(), RNS.Destination.OUT, RNS.Destination.SINGLE, "lxmf", "delivery"
        )
        messages = [_packed(to, sender, size) for _ in range(count)]
        started_s = time.monotonic()
        for data in messages:
            if not node.lxmf_propagation(data, stamp_value=16, stamp_data=bytes(_STAMP_BYTES)):
                raise SystemExit("the LXMF node did not take a message")
        took_s = time.monotonic() - started_s
        print(json.dumps({"per_s": round(count / took_s), "version": LXMF.__version__}))
        sys.stdout.flush()
        os._exit(0)  # its threads do not end by themselves


def _packed(to: RNS.Destination, sender: RNS.Destination, size: int) -> bytes:
    """A message as it travels to a propagation node: the destination's hash, and what only that
    destination can read."""
    message = LXMF.LXMessage(to, sender, os.urandom(size // 2).hex(), desired_method=3)
    message.pack()
    hash_len = LXMF.LXMessage.DESTINATION_LENGTH
    return message.packed[:hash_len] + to.encrypt(message.packed[hash_len:])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
