"""Errors that a person caused and a person can mend."""


class UserError(Exception):
    """One clear sentence for the person who asked; the CLI prints it and exits with 2."""


class NoRoom(UserError):
    """What was asked is in order, and there is no room for it now; nothing was changed."""
