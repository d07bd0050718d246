"""An update on a board's file system, with a chip that loses power: for update_cuts.py."""

# Before '/' is the chip's: from then on nothing more can be imported.
import hashlib
import os
import struct
import sys

import deflate  # noqa: F401 - install.py will import it
import launcher
import vfs

from firmware import install, update_book
from shared_protocol import statement
from tools.virtual_board.nor import Partition
from tools.virtual_board.nor_lab import SHAPES, LabNor, PowerCut

SECTORS = 48
SIZES = {"readsize": 32, "progsize": 32, "lookahead": 32}  # as in standins/mount.py
CHIP = LabNor(SECTORS * 4096)
OLD = {"firmware/main.mpy": b"old" * 300, "shared_protocol/node.mpy": b"old" * 900}
NEW = {"firmware/main.mpy": b"new" * 500, "shared_protocol/node.mpy": bytes(range(256)) * 16}
SEQUENCE = 7
MINE = sys.implementation._mpy >> 10


class Life(Partition):
    """The partition as one start of the board sees it. What a power cut ends must not act any
    more: MicroPython closes files that were left open when their memory is collected."""

    last = None

    def __init__(self):
        super().__init__(CHIP, (1, 0x81, 0, SECTORS * 4096, "vfs", False))
        if Life.last:
            Life.last.over = True
        Life.last = self
        self.over = False

    def readblocks(self, block, buffer, offset=0):
        return 0 if self.over else super().readblocks(block, buffer, offset)

    def writeblocks(self, block, data, offset=None):
        return 0 if self.over else super().writeblocks(block, data, offset)

    def ioctl(self, request, argument):
        return 0 if self.over else super().ioctl(request, argument)


def packed(files):
    """The archive of these files, and of one for another processor."""
    plain = b""
    for code, path, data in [(0, p, d) for p, d in files.items()] + [
        (MINE, "firmware/gf30.mpy", b"mine"),
        (MINE ^ 1, "firmware/gf30.mpy", b"theirs"),
    ]:
        plain += bytes((code, len(path))) + path.encode() + len(data).to_bytes(3, "big") + data
    return deflated(plain)


def deflated(plain):
    """Raw deflate without compression (RFC 1951 3.2.4): this MicroPython can only unpack."""
    blocks = []
    for at in range(0, len(plain), 0xFFFF):
        part = plain[at : at + 0xFFFF]
        last = at + 0xFFFF >= len(plain)
        blocks.append(struct.pack("<BHH", last, len(part), len(part) ^ 0xFFFF) + part)
    return b"".join(blocks)


def update(archive, digest=None):
    """(statement, pages) of an archive."""
    first, pages = statement.cut_archive(archive)
    digest = digest or hashlib.sha256(archive).digest()
    unsigned = statement.encode_update(
        (SEQUENCE, b"\0\3\0", 1, bytes(6), len(archive), digest, first)
    )
    return unsigned + bytes(64), pages


def mount():
    vfs.umount("/")
    vfs.mount(vfs.VfsLfs2(Life(), **SIZES), "/")


def blank():
    """A board that runs its slot a."""
    vfs.VfsLfs2.mkfs(Life(), **SIZES)
    mount()
    for folder in ("/a", "/a/firmware", "/a/shared_protocol"):
        os.mkdir(folder)
    for path, data in OLD.items():
        with open("/a/" + path, "wb") as f:
            f.write(data)
    launcher.write("a", "", "")


def holds(slot, files):
    """Does a slot have these files, as they are?"""
    try:
        return all([open(f"/{slot}/{p}", "rb").read() == d for p, d in files.items()])
    except OSError:
        return False


def sequence_in(slot):
    with open(f"/{slot}/sequence") as f:
        return int(f.read())


def receive(text, pages):
    """All that comes until it is complete; what a power cut left goes on from where it was."""
    book = update_book.UpdateBook()
    if book.statement != text:
        book.begin(text)
    while book.pages < len(pages):
        book.add(pages[book.pages])


def unpack():
    with open("/install.new", "w") as f:
        f.write("n")
    os.rename("/install.new", install.FLAG)
    install.run()


def every_cut(start, work, check):
    """Cut the power at each operation of work(), in each shape; then check(). How many cuts."""
    start()
    image = CHIP.snapshot()
    for shape in range(SHAPES):
        operations = 0
        while True:
            CHIP.restore(image)
            CHIP.power_on()
            mount()
            CHIP.cut_after(operations, shape)
            try:
                work()
            except PowerCut:
                Life.last.over = True
            else:
                break
            CHIP.power_on()
            mount()
            check()
            operations += 1
    CHIP.power_on()
    mount()
    return operations * SHAPES
