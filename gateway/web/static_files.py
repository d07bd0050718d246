"""The page's files: what lies in static/ at the start, and nothing else.

They are packed once and kept in memory (a megabyte), so that a crowded access point carries a
third of their bytes. The page itself and files under plain names are asked for again each time
(ETag: 304); files whose name holds a hash of eight or more hex digits or capitals, as esbuild
writes them, never change.
"""

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

STATIC = Path(__file__).parent / "static"
_HASHED = re.compile(r"[.-]([0-9a-f]{8,}|[0-9A-Z]{8,})\.[a-z0-9.]+$")
_FOREVER = "public, max-age=31536000, immutable"
_TYPES = {".js": "text/javascript", ".html": "text/html", ".css": "text/css"}  # on any system


@dataclass(frozen=True)
class _File:
    """packed: None if gzip makes it no smaller."""

    plain: bytes
    packed: bytes | None
    kind: str
    etag: str
    lasts: str

    @staticmethod
    def read(path: Path) -> "_File":
        plain = path.read_bytes()
        packed = gzip.compress(plain, 9, mtime=0)
        kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
        return _File(
            plain,
            packed if len(packed) < len(plain) else None,
            kind or "application/octet-stream",
            f'"{hashlib.sha256(plain).hexdigest()[:16]}"',
            _FOREVER if _HASHED.search(path.name) else "no-cache",
        )

    def answer(self, request: web.Request) -> web.Response:
        """The file, packed for who takes it; 304 for who has it."""
        headers = {"ETag": self.etag, "Cache-Control": self.lasts, "Vary": "Accept-Encoding"}
        known = request.headers.get("If-None-Match", "")
        if self.etag in [tag.strip().removeprefix("W/") for tag in known.split(",")]:
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = self.kind + ("; charset=utf-8" if "text" in self.kind else "")
        if self.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return web.Response(body=self.packed, headers=headers)
        return web.Response(body=self.plain, headers=headers)


def routes(folder: Path = STATIC) -> list[web.RouteDef]:
    """GET / and /static/…; folders below are served too."""
    files = {
        path.relative_to(folder).as_posix(): _File.read(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }

    async def page(request: web.Request) -> web.Response:
        return files["index.html"].answer(request)

    async def static_file(request: web.Request) -> web.Response:
        file = files.get(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound
        return file.answer(request)

    return [web.get("/", page), web.get("/static/{name:.+}", static_file)]
