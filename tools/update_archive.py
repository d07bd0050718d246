"""The archive of an update: what firmware/install.py unpacks into a slot (docs/UPDATES.md)."""

import zlib
from collections.abc import Collection

from tools.virtual_board.rom import code_for

# Every chip that a mesh may have: the update is one for all, and each takes its own machine code.
MACHINE_CODES = ("rv32imc", "xtensawin")
_WINDOW_BITS = 12  # 4 KB of a relay's heap; 1 KB would make the archive an eighth larger
_FLAGS_AT = 2  # in an .mpy file: its machine code << 2 | sub-version


def make_archive(machine_codes: Collection[str] = MACHINE_CODES) -> bytes:
    """The firmware of this source tree, for these kinds of processor, as mpy-cross calls them.

    The same sources give the same bytes. RomError if they do not compile.
    """
    files = {
        (path, data[_FLAGS_AT] >> 2): data
        for machine_code in machine_codes
        for path, data in code_for(machine_code).items()
    }
    return pack(files)


def pack(files: dict[tuple[str, int], bytes]) -> bytes:
    """Files by (path in the slot, machine code, 0 for any) to an archive."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -_WINDOW_BITS, 9)
    packed = b""
    for (path, machine_code), data in sorted(files.items()):
        name = path.encode()
        head = bytes((machine_code, len(name))) + name + len(data).to_bytes(3, "big")
        packed += deflate.compress(head + data)
    return packed + deflate.flush()
