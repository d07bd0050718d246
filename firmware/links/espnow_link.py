"""ESP-NOW: 250-byte broadcast frames, neither acknowledged nor encrypted by the radio."""

import aioespnow
import machine
import network

BROADCAST = b"\xff" * 6
_NO_MEMORY = -12391  # ESP_ERR_ESPNOW_NO_MEM: the radio's own queue is full, try again soon
_OUTSTANDING_MAX = 4  # the driver queues more, but once it is full send() blocks for up to 2 s
_STRANGERS_MAX = 100  # senders ever heard, ours or not; each costs the heap some 100 bytes
_RXBUF = 4096  # bytes: 15 full frames while a flash write stalls the interpreter


class EspNowLink:
    """The radio. `heard(address, frame, link, rssi_dbm)` is called for every frame.

    address: the node's, six bytes, from which its frames come, instead of the chip's own.
    """

    def __init__(self, channel: int, address: bytes) -> None:
        wlan = network.WLAN(network.STA_IF)
        wlan.active(True)  # first: a station that is off refuses an address
        wlan.config(mac=address)
        wlan.config(channel=channel, pm=network.WLAN.PM_NONE)
        self._radio = aioespnow.AIOESPNow()
        self._radio.config(rxbuf=_RXBUF)
        self._radio.active(True)
        self._radio.add_peer(BROADCAST)

    def send(self, frame: bytes) -> bool:
        """Broadcast a frame. False if the radio has no memory for it now."""
        sent, answered = self._radio.stats()[:2]
        if sent - answered >= _OUTSTANDING_MAX:
            return False
        try:
            self._radio.send(BROADCAST, frame, False)
        except OSError as e:
            if e.args[0] != _NO_MEMORY:
                raise
            return False
        return True

    async def run(self, heard, link: int) -> None:
        """Hand on every frame heard, as of this link, for ever."""
        async for address, frame in self._radio:
            if address is None:
                continue
            if len(self._radio.peers_table) > _STRANGERS_MAX:
                machine.reset()  # the driver notes every sender for ever, and no code may clear it
            known = self._radio.peers_table.get(address)
            heard(bytes(address), bytes(frame), link, known[0] if known else 0)
