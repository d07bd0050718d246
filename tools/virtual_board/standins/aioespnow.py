"""Stand-in for micropython-lib's `aioespnow`: ESPNow with async receive."""

from asyncio import core

import espnow


class AIOESPNow(espnow.ESPNow):
    """`async for mac, msg in e` yields frames; msg is overwritten by the next one."""

    async def airecv(self) -> list[bytes]:
        """Wait for one frame; never (None, None), whatever else wakes the pipe."""
        while True:
            # Waits even if a frame is here already: poll() says so at once (see poke_if_waiting),
            # and the other tasks get their turn between frames, as on the chip.
            yield core._io_queue.queue_read(self)
            received = self.irecv(0)
            if received[0] is not None:
                return received

    def __aiter__(self) -> "AIOESPNow":
        return self

    __anext__ = airecv
