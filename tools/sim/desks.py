"""What people at the gateways do: write, open what is for them, see their receipts."""

from collections.abc import Callable
from functools import partial
from typing import Any

from shared_protocol import parcel, records
from shared_protocol.frame import FrameCipher
from shared_protocol.node import Node
from shared_protocol.receipt import message_id, short_id
from tools.frame_contents import MESSAGE, content_of, parts_in
from tools.sim.letters import Letter, complete
from tools.sim.station import GATEWAY_CAPACITY, GATEWAY_LINKS, Station
from tools.sim.tally import Tally


class Desks:
    """The gateways of a run and the letters between them."""

    def __init__(
        self,
        numbers: tuple[int, ...],
        letters: list[Letter],
        cipher: FrameCipher,
        seed: int,
        tally: Tally,
    ) -> None:
        self.letters = letters
        self.gateways: dict[int, Station] = {}
        # Does a gateway carry this parcel over a hub?
        self.carries: Callable[[int, bytes], bool] = lambda gateway, immutable: False
        self._cipher = cipher
        self._tally = tally
        self._by_mid = {letter.mid: letter for letter in letters}
        self._last_frame = b""
        self._last_carried: tuple[Letter | None, int] = (None, 0)
        for n in numbers:
            ours = partial(self._is_ours, n)
            self.gateways[n] = Station(
                n, True, GATEWAY_LINKS, GATEWAY_CAPACITY, cipher, seed, ours
            )

    def _is_ours(self, gateway: int, immutable: bytes) -> bool:
        """Is this gateway an end of the message? A real one looks at its outbox and the hint."""
        letter = self._by_mid.get(bytes(immutable[2 : parcel.HEAD_LEN]))
        if letter is not None and gateway in (letter.message.sender, letter.message.to):
            return True
        return self.carries(gateway, immutable)

    def is_for(self, gateway: int, immutable: bytes) -> bool:
        """Is a parcel for somebody at this gateway?"""
        letter = self._by_mid.get(bytes(immutable[2 : parcel.HEAD_LEN]))
        return letter is not None and letter.message.to == gateway

    def post(self, letter: Letter, now_us: int) -> Station:
        """Somebody writes: into the gateway's store, and to its node if that runs. The gateway."""
        gateway = self.gateways[letter.message.sender]
        for immutable in letter.parcels:
            kept = records.Kept(False, records.UNSET_S, 0, 0, immutable)
            handle = gateway.store.put(records.encode_kept(kept))
            if gateway.node is not None:
                gateway.node.adopt(handle, kept, now_us // 1000)
        return gateway

    def read(self, number: int, node: Node, now_us: int) -> None:
        """Look at what a gateway's node tells."""
        events: list[tuple[Any, ...]] = node.events
        node.events = []
        for event in events:
            if event[0] == "arrived":
                letter = self._by_mid.get(event[1][2 : parcel.HEAD_LEN])
                if letter is not None and letter.message.to == number:
                    self._open(letter, node, now_us)
            elif event[0] == "receipt":
                letter = self._by_mid.get(message_id(event[2]))
                if letter is not None and letter.message.sender == number:
                    self._tally.acknowledgement(letter, now_us)

    def _open(self, letter: Letter, node: Node, now_us: int) -> None:
        """Rebuild a message if enough of it is here; its receipt leaves at once."""
        shelf = node.shelf
        rows = [row for row in shelf.rows_of(letter.mid) if node.index.held(row)]
        if letter.delivered_us is not None or len(rows) < letter.needed:
            return
        if complete(letter, [shelf.immutable(row) for row in rows]):
            self._tally.delivery(letter, now_us)
            node.submit_receipt(letter.receipt, 0, now_us // 1000)

    def carried_in(self, sender: Station, data: bytes) -> tuple[Letter | None, int]:
        """The letter of which a frame carries a parcel (or None), and the parcel's short id."""
        if self._last_frame != data:
            self._last_frame, self._last_carried = data, (None, 0)
            kind, _, body = self._cipher.open(sender.address, data)
            if content_of(kind, body) == MESSAGE:
                (immutable,) = parts_in(kind, body)
                letter = self._by_mid.get(immutable[2 : parcel.HEAD_LEN])
                short = short_id(self._cipher.short_id_key, parcel.parcel_id(immutable))
                self._last_carried = (letter, short)
        return self._last_carried
