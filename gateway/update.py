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
from shared_protocol.beacon import UPDATE
from shared_protocol.frame import FrameCipher

_CHUNKS_ASKED = 4  # in one request: 1.3 KB, and a relay has no much larger piece of heap
_LOOK_S = 0.5
_VERIFY_S = 60  # 2 s on an ESP32, but it looks at one statement a minute
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
    manifest = (
        version,
        statement.SPREAD if spread else 0,
        node or statement.EVERYBODY,
        len(archive),
        hashlib.sha256(archive).digest(),
        first,
    )
    content = statement.encode_manifest(manifest)
    unsigned = statement.encode_statement(UPDATE, sequence, content, b"")
    return unsigned + operator.sign(statement.signed_digest(cipher, unsigned)), pages


async def ask(port: SerialPort, request: dict[str, Any]) -> dict[str, Any]:
    """One console request about updates, its answer; UserError if the relay says no."""
    try:
        answer = json.loads(await port.ask(json.dumps(request).encode()))
    except TimeoutError:
        raise UserError("the relay does not answer: is it on this port?") from None
    if "newest" not in answer:
        raise UserError(f"the relay takes no update: {answer.get('error', answer)}")
    result: dict[str, Any] = answer
    return result


async def hand_over(
    port: SerialPort, text: bytes, pages: list[bytes], progress: Callable[[int, int], None]
) -> None:
    """Give the relay at the wire a whole update; what it has already it is not given again.

    progress: pages it has, of so many. UserError if it refuses the statement or a page.
    """
    sequence = statement.decode_statement(text)[1]
    told = await ask(port, {"ask": "update"})
    if told["newest"] > sequence:
        raise UserError(f"the relay has update {told['newest']}, which is later than {sequence}")
    if told["newest"] < sequence:
        told = await _have_verified(port, text, sequence)
    while told["pages"] < len(pages):
        progress(told["pages"], len(pages))
        page = pages[told["pages"]]
        before = told["pages"]
        for at in range(0, len(page), _CHUNKS_ASKED * statement.CHUNK_LEN):
            data = page[at : at + _CHUNKS_ASKED * statement.CHUNK_LEN]
            told = await ask(port, {
                "ask": "chunks", "page": before, "chunk": at // statement.CHUNK_LEN,
                "data": b64encode(data).decode(),
            })  # fmt: skip
        if told["full"]:
            raise UserError("the relay's file system has no room for the update")
        if told["pages"] == before:
            raise UserError(f"the relay refuses page {before} of the update")
    progress(len(pages), len(pages))


async def _have_verified(port: SerialPort, text: bytes, sequence: int) -> dict[str, Any]:
    asked = {"ask": "statement", "statement": b64encode(text).decode()}
    told = await ask(port, asked)
    loop = asyncio.get_running_loop()
    end = loop.time() + _VERIFY_S
    while told["newest"] != sequence:
        if not told["trying"] and told["forged"]:
            raise UserError("the relay refuses the signature: it has another operator's key")
        if loop.time() > end:
            raise UserError("the relay did not verify the statement in time: try again")
        await asyncio.sleep(_LOOK_S)
        told = await ask(port, {"ask": "update"})
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
