"""What board.py asks of a board instead of running it; importing this does it and exits."""

import json
import sys

import vfs

_EXIT_USAGE = 2

if sys.argv[1:] == ["--provision"]:
    text = sys.stdin.read()
    if not isinstance(json.loads(text), dict):
        raise TypeError("node.json is an object")
    with open("/node.json", "w") as record:  # closing it commits it to the flash
        record.write(text)
    vfs.umount("/")
elif len(sys.argv) == 3 and sys.argv[1] == "--read":
    with open(sys.argv[2], "rb") as file:
        sys.stdout.buffer.write(file.read())
else:
    sys.exit(_EXIT_USAGE)
sys.exit()
