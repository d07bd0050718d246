"""The LittleFS that MicroPython mounts as / on a board, made on this computer."""

from collections.abc import Mapping
from pathlib import Path

from gateway.errors import UserError

try:
    from littlefs import LittleFS, LittleFSError
except ImportError:
    raise UserError("flashing wants littlefs-python: pip install -e '.[flash]'") from None

BLOCK = 4096
# MicroPython's own numbers (extmod/vfs_lfs.c, and sizes that vfs.mount() takes when it is told
# none), and the format it writes: it refuses a newer one.
_GEOMETRY = {
    "block_size": BLOCK,
    "read_size": 32,
    "prog_size": 32,
    "cache_size": 128,
    "lookahead_size": 32,
    "block_cycles": 100,
    "name_max": 255,
    "disk_version": 0x00020000,
}
SLOT = "a"  # which of the two folders of code runs first; the launcher reads it


def board_files(
    outside: Mapping[str, bytes], code: Mapping[str, bytes], library: Mapping[str, bytes]
) -> dict[str, bytes]:
    """What lies on a board, by path. outside: of the slots, what starts one. code: of a slot
    ("firmware/main.mpy"). library: of /lib."""
    return {
        **outside,
        "slot": SLOT.encode(),
        **{f"{SLOT}/{path}": content for path, content in code.items()},
        **{f"lib/{path}": content for path, content in library.items()},
    }


def make_filesystem(files: Mapping[str, bytes], size: int) -> bytes:
    """An image of so many bytes that holds these files. UserError if they do not fit.

    The same files give the same bytes.
    """
    disk = LittleFS(**_GEOMETRY, block_count=size // BLOCK)
    try:
        for path, content in sorted(files.items()):
            disk.makedirs(str(Path(path).parent), exist_ok=True)
            with disk.open(path, "wb") as file:
                file.write(content)
    except LittleFSError as e:
        total = sum(len(content) for content in files.values())
        raise UserError(f"{total} bytes of files do not fit in {size} bytes of vfs: {e}") from None
    return bytes(disk.context.buffer)


def read_filesystem(image: bytes) -> dict[str, bytes]:
    """All files of an image, by path. ValueError if there is no such file system."""
    disk = LittleFS(**_GEOMETRY, block_count=len(image) // BLOCK, mount=False)
    disk.context.buffer[:] = image
    try:
        disk.mount()
    except LittleFSError as e:
        raise ValueError(f"no LittleFS: {e}") from None
    files = {}
    for folder, _, names in disk.walk("/"):
        for name in names:
            path = f"{folder.rstrip('/')}/{name}"
            with disk.open(path, "rb") as file:
                files[path.lstrip("/")] = file.read()
    return files
