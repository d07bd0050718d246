"""A complete update is unpacked beside what runs, right after a start: there is room only then.

    archive   raw deflate (RFC 1951, window 4 KB) of files, each:
              machine code 1 | length of path 1 | path | size 3 | bytes

machine code: that of sys.implementation._mpy, 0 for every processor. A file for another one is
skipped: the relay has a slower one in its place. Until the last line has been written the old
firmware is what starts; from then on the new one is on trial (launcher.py).
"""

import hashlib
import io
import os
import sys

from firmware.update_book import UpdateBook
from shared_protocol import statement

FLAG = "/install"  # its one letter, if any, is for trial.py
STARTS = 3  # on trial
_WINDOW_BITS = 12
_STEP = 512


class _Archive(io.IOBase):
    """The archive as a stream, out of the pages."""

    def __init__(self, book: UpdateBook) -> None:
        self._book = book
        _, _, _, _, self._size, self._digest, _ = statement.decode_update(book.statement)
        self._page, self._data, self._at = 0, b"", 0

    def readinto(self, buffer) -> int:
        if self._at == len(self._data):
            length = statement.page_len(self._size, self._page)
            if not length:
                return 0
            data_len = length - statement.HASH_LEN
            self._data = self._book.read(self._page, statement.HASH_LEN, data_len)
            self._page, self._at = self._page + 1, 0
        count = min(len(buffer), len(self._data) - self._at)
        buffer[:count] = self._data[self._at : self._at + count]
        self._at += count
        return count

    def check(self) -> None:
        """Read all of it. ValueError if it is not what the operator signed."""
        digest = hashlib.sha256()
        part = bytearray(_STEP)
        while True:
            count = self.readinto(part)
            if not count:
                break
            digest.update(part[:count])
        if digest.digest() != self._digest:
            raise ValueError("archive")


def run() -> None:
    """Try it, once for each time that somebody set the flag; the caller starts the board again."""
    import launcher

    with open(FLAG) as f:
        contact = f.read(1)
    os.remove(FLAG)
    book = UpdateBook()
    old = launcher.read()[0]
    new = launcher.other(old)
    sequence = statement.decode_update(book.statement)[0]
    try:
        _Archive(book).check()
        _remove("/" + new)
        _unpack(_Archive(book), "/" + new)
        mark = str(STARTS)
    except (OSError, ValueError, EOFError, MemoryError):
        new, mark = old, "!"
    try:
        os.mkdir("/" + launcher.other(old))
    except OSError:
        pass
    with open("/%s/sequence" % launcher.other(old), "w") as f:
        f.write(str(sequence))
    launcher.write(new, mark, contact)


def _remove(folder: str) -> None:
    """A folder with all that is in it, if it is there."""
    try:
        entries = list(os.ilistdir(folder))
    except OSError:
        return
    for entry in entries:
        path = folder + "/" + entry[0]
        if entry[1] & 0x4000:
            _remove(path)
        else:
            os.remove(path)
    os.rmdir(folder)


def _unpack(archive, folder: str) -> None:
    """EOFError or ValueError if the archive is cut short or has a path that leads elsewhere."""
    import deflate

    machine_code = sys.implementation._mpy >> 10
    files = deflate.DeflateIO(archive, deflate.RAW, _WINDOW_BITS)
    os.mkdir(folder)
    while True:
        head = files.read(2)
        if not head:
            return
        path = _exactly(files, head[1]).decode()
        left = int.from_bytes(_exactly(files, 3), "big")
        if ".." in path or path.startswith("/"):
            raise ValueError("path")
        target = None
        if head[0] in (0, machine_code):
            _make_folders(folder, path.split("/")[:-1])
            target = open(folder + "/" + path, "wb")
        try:
            while left:
                part = _exactly(files, min(left, _STEP))
                left -= len(part)
                if target:
                    target.write(part)
        finally:
            if target:
                target.close()


def _make_folders(folder: str, names: list) -> None:
    for name in names:
        folder += "/" + name
        try:
            os.mkdir(folder)
        except OSError:
            pass  # it is there


def _exactly(stream, count: int) -> bytes:
    data = stream.read(count)
    while len(data) < count:
        more = stream.read(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data
