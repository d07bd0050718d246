"""One image of all that a board gets: written in one go, from the bootloader to the end of vfs.

The partitions `node` and `store` come after that and are not in it: who a relay is and the mail it
holds survive, and no file that is made here contains a key.
"""

from gateway.errors import UserError
from tools.flash.app_image import MicroPython
from tools.flash.board import TABLE_AT, Board
from tools.flash.partitions import write_table

_BLANK = b"\xff"


def merge(board: Board, micropython: MicroPython, filesystem: bytes) -> bytes:
    """The image; its first byte belongs at the chip's bootloader_at."""
    start, vfs = board.chip.bootloader_at, board.partition("vfs")
    image = bytearray(_BLANK * (vfs.end - start))
    room = TABLE_AT - start
    if len(micropython.bootloader) > room:
        raise UserError(f"the bootloader has {len(micropython.bootloader)} bytes, not {room}")
    for at, part in (
        (start, micropython.bootloader),
        (TABLE_AT, write_table(board.partitions)),
        (board.partition("factory").start, micropython.app),
        (vfs.start, filesystem),
    ):
        image[at - start : at - start + len(part)] = part
    return bytes(image)


def with_record(board: Board, image: bytes, record: bytes) -> bytes:
    """The same with the partition `node`, for the one write to a board that has no identity."""
    node = board.partition("node")
    gap = node.start - board.chip.bootloader_at - len(image)
    return image + _BLANK * gap + record.ljust(node.size, _BLANK)
