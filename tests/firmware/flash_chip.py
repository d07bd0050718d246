"""A chip under test that knows what the flash store does to it. Runs on both interpreters."""

from firmware import flash_ring
from tools.virtual_board.nor_lab import LabNor

SECTOR = flash_ring.SECTOR
KINDS = ("put", "move", "strike", "spent", "open", "release", "erase", "mark")


class KindNor(LabNor):
    """Remembers what the last program or erase was for."""

    last = (0, None)
    fresh = b""  # what put() is writing
    deaf = ()  # addresses where a program does nothing, without a word
    before_erase = None  # called with the sector
    log = None  # a list takes the kinds of what was done

    def program(self, address, data):
        self.last = (address, bytes(data))
        if address in self.deaf:
            return
        super().program(address, data)
        if self.log is not None:
            self.log.append(self.kind())

    def erase(self, address):
        self.last = (address, None)
        if self.before_erase:
            self.before_erase(address // SECTOR)
        super().erase(address)
        if self.log is not None:
            self.log.append("erase")

    def kind(self):
        """One of KINDS."""
        address, data = self.last
        offset = address % SECTOR
        if data is None:
            return "erase"
        if offset == 0:
            return "mark" if data[0] else "release"
        if offset == 12 and len(data) == 1:
            return "spent"
        if offset == (16 if self.encrypted else 4):
            return "open"
        if len(data) == 1 or data[1] == flash_ring.STRUCK:
            return "strike"
        if data[1] == flash_ring.RELEASED:
            return "release"
        payload = data[flash_ring.HEAD : flash_ring.HEAD + len(self.fresh)]
        return "put" if payload == self.fresh else "move"
