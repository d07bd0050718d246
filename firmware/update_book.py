"""What a relay has of an update, in files (docs/UPDATES.md): each is whole after any power cut.

/update       length 1 | the newest statement | the pages that came, one behind the other
/a/sequence   which update is in that slot, as decimal digits; none: it was flashed
"""

import os

from shared_protocol import statement
from shared_protocol.errors import DecodeError

PATH = "/update"
_NEW = "/update.new"
_MARGIN = 16_384  # bytes that shall stay free


class UpdateBook:
    """The Book of shared_protocol/spread.py on the board's file system."""

    def __init__(self) -> None:
        """What the file holds. One that makes no sense is none: the next statement replaces it."""
        self.statement, self.pages = b"", 0
        try:
            with open(PATH, "rb") as f:
                text = f.read(f.read(1)[0])
            size = statement.decode_update(text)[4]
        except (OSError, IndexError, DecodeError):
            return
        self.statement = text
        kept = os.stat(PATH)[6] - self._at(0)
        total = (size + statement.PAGE_DATA - 1) // statement.PAGE_DATA
        whole = size + total * statement.HASH_LEN
        self.pages = total if kept >= whole else kept // statement.PAGE_LEN

    def _at(self, page: int) -> int:
        return 1 + len(self.statement) + page * statement.PAGE_LEN

    def begin(self, text: bytes) -> None:
        """OSError if the archive would not fit."""
        size = statement.decode_update(text)[4]
        block, _, _, free = os.statvfs("/")[:4]
        if block * free < size + _MARGIN:
            raise OSError(28)
        with open(_NEW, "wb") as f:
            f.write(bytes((len(text),)) + text)
        os.rename(_NEW, PATH)
        self.statement, self.pages = text, 0

    def add(self, page: bytes) -> None:
        """A page. It goes to its place, whatever a failure has left there."""
        with open(PATH, "r+b") as f:
            f.seek(self._at(self.pages))
            f.write(page)
        self.pages += 1

    def read(self, page: int, at: int, length: int) -> bytes:
        """Bytes of a page that is kept."""
        with open(PATH, "rb") as f:
            f.seek(self._at(page) + at)
            return f.read(length)
