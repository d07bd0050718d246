"""Under MicroPython with the heap of a board: how long a verification keeps another task waiting.

Prints the worst gap of a task that ticks every 2 ms, without and with signatures being verified
meanwhile as firmware/verifying.py does; ms each; then how many were verified, and refused.
"""

import asyncio
import gc
import time

gc.threshold(4096)  # as the firmware does

from shared_protocol.ed25519 import verify  # noqa: E402

# RFC 8032 7.1, TEST 1
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
SIGNATURE = bytes.fromhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b4"
    "6bd25bf5f0595bbe24655141438e7a100b"
)
TICK_MS, TICKS = 2, 100


async def worst_gap():
    worst = 0
    for _ in range(TICKS):
        start = time.ticks_us()
        await asyncio.sleep_ms(TICK_MS)
        worst = max(worst, time.ticks_diff(time.ticks_us(), start) - TICK_MS * 1000)
    return worst / 1000


async def verifying(verdicts):
    while True:
        for message in (b"", b"forged"):
            slices, verdict = verify(PUBLIC, message, SIGNATURE), None
            while verdict is None:
                verdict = next(slices)
                await asyncio.sleep_ms(0)
            verdicts.append(verdict)


async def main():
    alone = await worst_gap()
    verdicts = []
    task = asyncio.create_task(verifying(verdicts))
    beside = await worst_gap()
    task.cancel()
    print(alone, beside, verdicts.count(True), verdicts.count(False))


asyncio.run(main())
