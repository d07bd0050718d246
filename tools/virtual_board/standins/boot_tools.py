"""What board.py asks of a board instead of running it; importing this does it and exits."""

import os
import struct
import sys

import vfs

_EXIT_USAGE = 2


def write_files() -> None:
    """Write the files on stdin: path length 2 | size 4 | path | bytes, each."""
    while True:
        head = sys.stdin.buffer.read(6)
        if not head:
            return
        path_len, size = struct.unpack(">HI", head)
        path = sys.stdin.buffer.read(path_len).decode()
        folders = path.split("/")[1:-1]
        for depth in range(len(folders)):
            try:
                os.mkdir("/" + "/".join(folders[: depth + 1]))
            except OSError:
                pass  # it is there
        with open(path, "wb") as file:
            file.write(sys.stdin.buffer.read(size))


if sys.argv[1:] == ["--write"]:
    write_files()
    vfs.umount("/")
elif len(sys.argv) == 3 and sys.argv[1] == "--read":
    with open(sys.argv[2], "rb") as file:
        sys.stdout.buffer.write(file.read())
else:
    sys.exit(_EXIT_USAGE)
sys.exit()
