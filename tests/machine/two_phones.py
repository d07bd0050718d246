"""One phone at the gateway, in the emulated machine: it writes to another one, or answers it.

python3 two_phones.py NAME OTHER ask|answer URL
"""

import asyncio
import sys
from pathlib import Path

import aiohttp

from gateway.identity import parse_card
from tests.gateway.phone import Phone

FOLDER = Path("/tmp/cards")
WAIT_S = 60


async def main(name: str, other: str, role: str, url: str) -> None:
    """Make keys, exchange cards, then write and be answered."""
    FOLDER.mkdir(exist_ok=True)
    async with aiohttp.ClientSession(url) as client, asyncio.timeout(WAIT_S):
        phone = Phone(name, client)
        await phone.register()
        card = FOLDER / f"{name}.new"
        card.write_text(phone.card.text())
        card.rename(FOLDER / name)
        while not (FOLDER / other).exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.1)  # of another process
        them = parse_card((FOLDER / other).read_text())
        phone.contacts = [them]
        if role == "ask":
            await phone.post(phone.seal(them, f"are you there, {other}?"))
        texts: list[str] = []
        while not texts:
            texts = await phone.read()
            await asyncio.sleep(0.1)
        if role == "answer":
            await phone.post(phone.seal(them, f"yes, {other}"))
        print(texts[0], flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
