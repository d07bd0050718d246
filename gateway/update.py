"""An update on its way to the relay at the wire: signed here, handed over page by page."""

import asyncio
import contextlib
import hashlib
import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.errors import UserError
from gateway.links.serial_port import SerialPort
from shared_protocol import statement
from shared_protocol.frame import FrameCipher

_LOOK_S = 0.5
_TRIES = 120  # a minute: mail comes first, and so does what is being verified
_VERIFY_S = 90  # 2 s on an ESP32, but it looks at one statement a minute
_RESTART_S = 90  # quiet, restart, unpack


def sign(
    operator: Ed25519PrivateKey,
    cipher: FrameCipher,
    sequence: int,
    archive: bytes,
    version: bytes,
    node: bytes | None = None,
    spread: bool = True,
) -> tuple[bytes, list[bytes]]:
    """(statement, pages) of an archive. version: three bytes, for people. node: for it alone.
    UserError if no relay could take the archive."""
    if len(archive) > statement.ARCHIVE_MAX:
        raise UserError(
            f"the update has {len(archive)} bytes, relays take {statement.ARCHIVE_MAX}"
        )
    first, pages = statement.cut_archive(archive)
    unsigned = statement.encode_update((
        sequence,
        version,
        statement.SPREAD if spread else 0,
        node or statement.EVERYBODY,
        len(archive),
        hashlib.sha256(archive).digest(),
        first,
    ))  # fmt: skip
    return unsigned + operator.sign(statement.signed_digest(cipher, unsigned)), pages


async def ask(port: SerialPort, request: dict[str, Any]) -> dict[str, Any]:
    """One console request about updates, its answer: firmware/updating.py says what is in it. A
    relay that has no time or memory now is asked again. UserError if it says no."""
    for _ in range(_TRIES):
        try:
            answer = json.loads(await port.ask(json.dumps({"ask": "update"} | request).encode()))
        except TimeoutError:
            raise UserError("the relay does not answer: is it on this port?") from None
        if "newest" in answer and "error" not in answer:
            result: dict[str, Any] = answer
            return result
        if "ask again" not in answer.get("error", ""):
            break
        await asyncio.sleep(_LOOK_S)
    raise UserError(f"the relay takes no update: {answer.get('error', 'an older firmware')}")


async def hand_over(
    port: SerialPort, text: bytes, pages: list[bytes], progress: Callable[[int, int], None]
) -> None:
    """Give the relay at the wire a whole update; what it has already it is not given again.

    progress: pages it has, of so many. UserError if it refuses the statement or a page.
    """
    sequence = statement.decode_update(text)[0]
    told = await ask(port, {})
    if told["newest"] > sequence:
        raise UserError(f"the relay has update {told['newest']}, which is later than {sequence}")
    if told["newest"] < sequence:
        told = await _verified(port, text, sequence)
    while told["pages"] < len(pages):
        number = told["pages"]
        progress(number, len(pages))
        for at in range(0, len(pages[number]), statement.CHUNK_LEN):
            data = pages[number][at : at + statement.CHUNK_LEN]
            told = await ask(port, {
                "page": number, "chunk": at // statement.CHUNK_LEN,
                "data": b64encode(data).decode(),
            })  # fmt: skip
        if told["full"]:
            raise UserError("the relay's file system has no room for the update")
    progress(len(pages), len(pages))


async def _verified(port: SerialPort, text: bytes, sequence: int) -> dict[str, Any]:
    """Hand over the statement; what the relay tells when it has verified it."""
    told = await ask(port, {})
    forged = told["forged"]
    loop = asyncio.get_running_loop()
    end = loop.time() + _VERIFY_S
    while told["newest"] != sequence:
        if told["forged"] > forged:
            raise UserError("the relay refuses the signature: it has another operator's key")
        if loop.time() > end:
            raise UserError("the relay did not verify the statement in time: try again")
        if not told["verifying"]:
            told = await ask(port, {"statement": b64encode(text).decode()})
        await asyncio.sleep(_LOOK_S)
        told = await ask(port, {})
    return told


async def until_it_runs(path: str, sequence: int) -> bool:
    """Wait until the relay on this serial port has started again with the update; False if it
    did not, and runs what it ran before."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _RESTART_S
    while loop.time() < end:
        await asyncio.sleep(_LOOK_S)
        with contextlib.suppress(UserError, TimeoutError):
            port = SerialPort(path, lambda address, frame: None)
            try:
                told = json.loads(await port.ask(b'{"ask": "status"}', 2))["update"]
            finally:
                port.close()
            if told[0] == sequence:
                return True
    return False
