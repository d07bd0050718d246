"""What board.py asks of a board instead of running it; importing this does it and exits."""

import sys

_EXIT_USAGE = 2

if len(sys.argv) != 3 or sys.argv[1] != "--read":
    sys.exit(_EXIT_USAGE)
with open(sys.argv[2], "rb") as file:
    sys.stdout.buffer.write(file.read())
sys.exit()
