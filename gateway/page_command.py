"""helio page: the chat page in one file, as this program brings it, and its SHA-256.

A page that a gateway serves can be anything; this one comes with the program, and runs from a file
in any browser, at whatever gateway its reader names (docs/SECURITY.md).
"""

import argparse
import hashlib
from pathlib import Path

from gateway.commands import show
from gateway.errors import UserError
from gateway.web.static_files import STATIC

NAME = "saved.html"


def saved_page() -> bytes:
    """The file's bytes: those of GET /static/saved.html. UserError if it was not built."""
    try:
        return (STATIC / NAME).read_bytes()
    except OSError as e:
        raise UserError(
            f"{STATIC / NAME} cannot be read ({e.strerror}): install helio anew"
        ) from None


def page(args: argparse.Namespace) -> int:
    """helio page: say which file it is, or write it."""
    whole = saved_page()
    digest = hashlib.sha256(whole).hexdigest()
    told = {"sha256": digest, "bytes": len(whole), "file": args.save}
    text = f"SHA-256 {digest}\n{len(whole)} bytes"
    if args.save:
        try:
            Path(args.save).write_bytes(whole)
        except OSError as e:
            raise UserError(f"{args.save} cannot be written ({e.strerror or e})") from None
        text += f" in {args.save}: open it in a browser, and type your gateway's address"
    show(args, told, text)
    return 0
