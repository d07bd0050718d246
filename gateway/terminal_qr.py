"""QR codes on a terminal."""

import io
import sys

import segno

from gateway.errors import UserError


def drawn(text: str) -> str:
    """A QR code in half lines, white on black whatever the terminal's colours."""
    if not (sys.stdout.encoding or "").lower().startswith("utf"):
        raise UserError("this terminal draws no QR code (it is not UTF-8): use --json")
    out = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(out, compact=True)
    white, end = ("\x1b[97;40m", "\x1b[0m") if sys.stdout.isatty() else ("", "")
    return "\n".join(f"{white}{line}{end}" for line in out.getvalue().splitlines())
