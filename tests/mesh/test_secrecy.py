"""Nothing readable leaves a gateway: search every relay's flash and all that was on the air."""

import asyncio
import base64

from tools.field import Field, until

NAMES = ("Anastasia-of-the-Ford", "Boniface-at-the-School")
TEXT = "The medicine is under the third stone by the mill; come after dark and tell nobody else."


def windows(data, size):
    return [data[i : i + size] for i in range(len(data) - size + 1)]


def traces(field):
    """Everything that a search must not find, by name."""
    found = {"text": windows(TEXT.encode(), 10)}
    for gateway in (field.a, field.b):
        me = gateway.desk.identity()
        for what, key in (
            ("account key", me.card.account),
            ("signing key", me.card.ed25519),
            ("prekey", me.card.x25519),
            ("box root", me.card.box_root),
            ("private key", me.signing.private_bytes_raw()),
        ):
            found[f"{gateway.name} {what}"] = [key[:12], key.hex().encode()[:24],
                                               base64.b64encode(key)[:16]]  # fmt: skip
        found[f"{gateway.name} name"] = [me.card.name.encode()]
    return found


def test_no_text_no_name_and_no_key_on_any_relay_or_on_the_air(tmp_path):
    async def exchange():
        field = Field(3, 0.1, 1, tmp_path, NAMES)
        try:
            field.a.start()
            await until(lambda: field.a.status()["relay"] == "connected", 30, "relay r1")
            field.a.desk.send(NAMES[1], TEXT)  # Bo is away, so the relays must keep it in flash

            async def kept():
                return all(s.get("parcels") == 1 for s in await field.relay_status())

            await until(kept, 60, "the relays to keep it")
            while_kept = [board.flash_path.read_bytes() for board in field.boards]
            field.b.start()
            await until(lambda: field.b.desk.listing("in"), 60, "the message")
            await until(
                lambda: field.a.desk.listing("out")[0]["state"] == "delivered", 60, "the receipt"
            )
            mid = bytes(field.a.desk.db.execute("SELECT mid FROM message").fetchone()[0])
            after = [board.flash_path.read_bytes() for board in field.boards]
            return traces(field), mid, while_kept + after, field.record.read_bytes()
        finally:
            field.close()

    forbidden, mid, flashes, air = asyncio.run(exchange())
    assert any(mid in flash for flash in flashes), "the search would find what is there"
    frames = b"".join(
        bytes.fromhex(line.split(b'"frame": "')[1].split(b'"')[0].decode())
        for line in air.splitlines()
    )
    assert mid not in frames, "not even the message id is readable on the air"
    for what, needles in forbidden.items():
        for needle in needles:
            assert needle not in frames, f"{what} on the air"
            assert needle not in air, f"{what} in the air's record"
            for flash in flashes:
                assert needle not in flash, f"{what} in a relay's flash"
