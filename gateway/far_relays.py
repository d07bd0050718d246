"""Relays that are hops away, asked through the one on the wire (SPEC.md 7.6)."""

import asyncio
import json
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.crypto import ecb
from gateway.errors import UserError
from shared_protocol import capsule, command
from shared_protocol.capsule import ANSWERED, ASKED, TOO_OLD
from shared_protocol.command import (
    ANSWER,
    EVERYBODY,
    FIND,
    FOUND,
    NODE_LEN,
    REQUEST,
    TAIL,
    Command,
)
from shared_protocol.errors import DecodeError
from shared_protocol.frame import FrameCipher

_CROWD_S = 4.5  # everybody answers within three seconds, and some frames go twice
_CROWD_TRIES = 2
_FIND_S = 0.6  # to a node sixteen hops away and back, without losses
_FIND_TRIES = 4
_ASK_S = 1.2  # the same, with each step tried five times
_ASK_TRIES = 4
_ANEW = 3  # answers that were gone before all of them had come


class Wire(Protocol):
    """The relay on the wire: a serial port of ours, or the gateway's that has it."""

    on_command: Callable[[bytes], None]

    async def ask(self, request: bytes, timeout_s: float = 5) -> bytes:
        """One console request to the relay itself, its answer. TimeoutError if it is silent."""

    def command(self, body: bytes) -> None:
        """Have it send a COMMAND frame; what comes back goes to on_command."""


class Counters(Protocol):
    """Where the counters of commands are remembered (gateway/network.py)."""

    def next_counter(self, node: bytes) -> int:
        """A counter for this node that was never given before."""

    def at_least(self, node: bytes, counter: int) -> None:
        """The next counter of this node must exceed this one."""


class Unreachable(UserError):
    """No way leads there, or nothing came back."""


@dataclass(frozen=True)
class Found:
    """A node that answered. way: the nodes from the wire to it, two bytes each. there_dbm,
    back_dbm: how strong each heard the one before it on the way, in the order of the way there."""

    node: bytes
    way: bytes
    there_dbm: tuple[int, ...]
    back_dbm: tuple[int, ...]

    @property
    def hops(self) -> int:
        """Transmissions to it."""
        return len(self.way) // TAIL - 1


class FarRelays:
    """Asks them. `me` is the address of the relay on the wire."""

    def __init__(self, wire: Wire, me: bytes, counters: Counters) -> None:
        self._wire = wire
        self._me = me
        self._counters = counters
        self._ways: dict[bytes, bytes] = {}
        self._came: dict[int, asyncio.Queue[Command]] = {}  # by number of the exchange
        wire.on_command = self._on_command

    def _on_command(self, body: bytes) -> None:
        try:
            c = command.decode(body)
        except DecodeError:
            return
        if c.number in self._came:
            self._came[c.number].put_nowait(c)

    async def find(self, node: bytes) -> Found:
        """Look for one node. Unreachable if it does not answer."""
        for _ in range(_FIND_TRIES):
            found = await self._search(node, _FIND_S, 1)
            if found:
                return found[0]
        raise Unreachable(
            f"{node.hex()} does not answer: is it in reach of another relay, and on?"
        )

    async def find_all(self, expected: Collection[bytes] = ()) -> list[Found]:
        """Everybody who answers; the shortest way to each, nearest first. expected: if one of
        these is missing, everybody is asked once more."""
        nearest: dict[bytes, Found] = {}
        for _ in range(_CROWD_TRIES):
            for found in await self._search(EVERYBODY, _CROWD_S, 1 << 16):
                if found.node not in nearest or found.hops < nearest[found.node].hops:
                    nearest[found.node] = found
            if nearest.keys() >= set(expected):
                break
        return sorted(nearest.values(), key=lambda f: (f.hops, f.node))

    async def _search(self, sought: bytes, wait_s: float, most: int) -> list[Found]:
        number = secrets.randbelow(1 << 16)
        came = self._came[number] = asyncio.Queue()
        found: dict[bytes, Found] = {}
        search = Command(FIND, 0, number, self._me[-TAIL:], sought + b"\0")
        self._wire.command(command.encode(search))
        try:
            async with asyncio.timeout(wait_s):
                while len(found) < most:
                    c = await came.get()
                    if c.kind == FOUND:
                        one = _found(c)
                        found[one.way] = one
                        self._ways.setdefault(one.node, one.way)
        except TimeoutError:
            pass
        finally:
            del self._came[number]
        return list(found.values())

    async def ask(self, node: bytes, key: bytes, request: dict[str, Any]) -> bytes:
        """Ask a node, whose command key this is; its answer. Unreachable if none comes."""
        cipher = FrameCipher(key, 0, ecb)
        text = json.dumps(request, separators=(",", ":")).encode()
        for _ in range(_ANEW):
            mark, part, parts, answer = await self._part(node, cipher, 0, 0, text)
            whole = [answer]
            for part in range(1, parts):
                said, at, _, answer = await self._part(node, cipher, mark, part, b"")
                if (said, at) != (mark, part):
                    break
                whole.append(answer)
            if len(whole) == parts:
                return b"".join(whole)
        raise Unreachable(f"{node.hex()} answers, but is too busy to say everything: try again")

    async def _part(
        self, node: bytes, cipher: FrameCipher, mark: int, part: int, text: bytes
    ) -> tuple[int, int, int, bytes]:
        counter = self._counters.next_counter(node)
        for _ in range(_ASK_TRIES):
            if node not in self._ways:
                self._ways[node] = (await self.find(node)).way
            asked = capsule.encode_asked(mark or counter, part, text)
            sealed = cipher.seal(ASKED, counter, node, asked)
            said = await self._to_and_fro(node, cipher, sealed)
            if said is None:
                del self._ways[node]  # it may have moved, or somebody between is gone
            elif said[0] == TOO_OLD:
                self._counters.at_least(node, int.from_bytes(said[1][:4], "big"))
                counter = self._counters.next_counter(node)
            elif said[0] == ANSWERED:
                return capsule.decode_answered(said[1])
        raise Unreachable(
            f"{node.hex()} is there and does not answer: it has no memory for it now, as a relay"
            " that serves a gateway, or it is of another operator"
        )

    async def _to_and_fro(
        self, node: bytes, cipher: FrameCipher, sealed: bytes
    ) -> tuple[int, bytes] | None:
        """Send a capsule the way to a node: (type, text) of what it says, None if nothing came."""
        number = secrets.randbelow(1 << 16)
        came = self._came[number] = asyncio.Queue()
        self._wire.command(command.encode(Command(REQUEST, 1, number, self._ways[node], sealed)))
        try:
            async with asyncio.timeout(_ASK_S):
                while True:
                    c = await came.get()
                    if c.kind == ANSWER:
                        try:
                            kind, _, text = cipher.open(node, c.rest)
                        except DecodeError:
                            continue  # somebody between made this up
                        return kind, text
        except TimeoutError:
            return None
        finally:
            del self._came[number]


def _found(c: Command) -> Found:
    nodes = len(c.way) // TAIL
    there = tuple(-byte for byte in c.rest[NODE_LEN + 1 : NODE_LEN + nodes])
    back = tuple(-byte for byte in reversed(c.rest[NODE_LEN + nodes :]))
    return Found(c.rest[:NODE_LEN], c.way, there, back)
