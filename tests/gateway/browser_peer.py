"""The browser's core as a process beside the test: tests/browser/peer.mjs, for many messages."""

import json
import shutil
import subprocess
from pathlib import Path

from gateway.identity import Card, Identity
from gateway.kit import kit_text

ROOT = Path(__file__).parents[2]
PEER = ROOT / "tests" / "browser" / "peer.mjs"
_NAMES = {"unix_s": "unixS", "with_card": "withCard", "my_way": "myWay"}


def missing() -> str:
    """Why there can be none, or nothing."""
    if shutil.which("node") is None:
        return "node is not installed"
    if not (ROOT / "gateway" / "web" / "node_modules").exists():
        return "npm ci has not run in gateway/web"
    return ""


class BrowserPeer:
    """Seals and opens in the browser's code, where crypto.subtle does not exist."""

    def __enter__(self):
        self._node = subprocess.Popen(
            ["node", str(PEER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_):
        self._node.stdin.close()
        self._node.wait(10)
        self._node.stdout.close()

    def _ask(self, **asked):
        self._node.stdin.write(json.dumps(asked) + "\n")
        self._node.stdin.flush()
        line = self._node.stdout.readline()
        assert line, f"the browser's code ended on {asked}"
        return json.loads(line)

    def seal(self, sender: Identity, to: Card, body: bytes, options: dict) -> dict:
        """What goes to the gateway: head, shape, bundle, hint, tag_key, token; bytes in hex."""
        named = {_NAMES.get(key, key): _hex(value) for key, value in options.items()}
        told = self._ask(
            do="seal", kit=kit_text(sender), card=to.text(), body=body.hex(), options=named
        )
        head = bytes([told["b0"], told["b1"]]).hex() + told["mid"]
        return {
            "head": head, "shape": told["shape"], "bundle": told["bundle"],
            "hint": told["hint"], "tag_key": told["tagKey"], "token": told["token"],
        }  # fmt: skip

    def open(self, me: Identity, letter: dict, senders: list[Card]) -> dict:
        """What was opened, or {"refused": why, "card": a stranger's}; bytes in hex."""
        wanted = {key: letter[key] for key in ("head", "shape", "bundle")}
        cards = [card.text() for card in senders]
        return self._ask(do="open", kit=kit_text(me), letter=wanted, cards=cards)

    def card(self, kit: str) -> str:
        """The card of a kit."""
        return self._ask(do="card", kit=kit)["card"]


def _hex(value):
    return value.hex() if isinstance(value, bytes) else value
