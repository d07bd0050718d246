"""aioble, MicroPython's Bluetooth library, which a board has in /lib.

It comes from micropython.org's index, as mip takes it: a list of files with the first digits of
their SHA-256, each fetched by these. It is fetched when there is a connection anyway and kept.
Nothing of ours needs it yet: a board without it is complete but for Bluetooth.
"""

import hashlib
import json
import urllib.request
from pathlib import Path

from gateway.errors import UserError

INDEX = "https://micropython.org/pi/v2"
PACKAGE = "aioble"
LIBRARY_FOLDER = "library"  # in the data folder, and in a kit
_MPY = 6  # files for .mpy version 6, which need no compiling
_TIMEOUT_S = 10
_BYTES_MAX = 200_000


def library(*folders: Path | None) -> dict[str, bytes]:
    """The files of /lib by their paths there, from the first of these folders that has them."""
    for folder in (f / LIBRARY_FOLDER for f in folders if f):
        paths = sorted(folder.rglob("*.mpy"))
        if paths:
            return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths}
    return {}


def fetch(folder: Path, index: str = INDEX) -> None:
    """Fetch aioble into a data folder or kit. UserError if that fails."""
    try:
        listing = json.loads(_get(f"{index}/package/{_MPY}/{PACKAGE}/latest.json"))
        files = {}
        for path, digest in listing["hashes"]:
            content = _get(f"{index}/file/{digest[:2]}/{digest}")
            if not hashlib.sha256(content).hexdigest().startswith(digest):
                raise UserError(f"{PACKAGE}: {path} did not arrive as it was sent: try again")
            if ".." in Path(path).parts or Path(path).is_absolute():
                raise UserError(f"{PACKAGE}: {path} is no path for a file of it")
            files[folder / LIBRARY_FOLDER / path] = content
        for target, content in files.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise UserError(f"{PACKAGE} cannot be fetched: {getattr(e, 'reason', e)}") from None


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as reply:  # noqa: S310 - http(s) only
        return bytes(reply.read(_BYTES_MAX))
