"""Ours and theirs: who made the mistake decides who hears of it."""


class HeliographError(Exception):
    """Base of every error this package raises."""


class LocalError(HeliographError):
    """The caller asked for something forbidden (a body too long, a store that is full)."""


class DecodeError(HeliographError):
    """The air, a wire or a file brought rubbish. Only decoders raise it; shells count and drop."""


class StoreFull(LocalError):
    """The medium takes no more records. What was stored before is untouched."""


class MediumFull(StoreFull):
    """Something else fills the medium: giving up records of ours would make no room."""
