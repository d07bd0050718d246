"""The book of an update in memory: what firmware/update_book.py is on a relay."""


class MemoryBook:
    """See Book in shared_protocol/spread.py. room: pages that fit, None for any number."""

    def __init__(self, room=None):
        self.statement = b""
        self.pages = 0
        self.room = room
        self.kept = []

    def begin(self, text):
        self.statement, self.pages, self.kept = text, 0, []

    def add(self, page):
        if self.room is not None and self.pages >= self.room:
            raise OSError(28)
        self.kept.append(bytes(page))
        self.pages += 1

    def read(self, page, at, length):
        return self.kept[page][at : at + length]

    def archive(self):
        return b"".join([page[8:] for page in self.kept])
