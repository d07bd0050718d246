"""Questions to whoever sits before the terminal."""

import sys

from gateway.errors import UserError


def sure(yes: bool, what: str, in_a_pipe: str) -> None:
    """Go on if `yes`, or if a person who has read `what` types yes. UserError if not; in a pipe,
    where nobody reads, with that text."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError(in_a_pipe)
    print(f"{what} Type yes: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != "yes":
        raise UserError("nothing was done")
