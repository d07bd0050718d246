"""The page's files: what lies in static/ at the start, and nothing else.

The page itself and files under plain names are asked for again each time (ETag: 304); files whose
name holds a hash of eight or more hex digits or capitals, as esbuild writes them, never change.
"""

import re
from pathlib import Path

from aiohttp import web

STATIC = Path(__file__).parent / "static"
_HASHED = re.compile(r"[.-]([0-9a-f]{8,}|[0-9A-Z]{8,})\.[a-z0-9.]+$")
_FOREVER = "public, max-age=31536000, immutable"


def routes(folder: Path = STATIC) -> list[web.RouteDef]:
    """GET / and /static/…; folders below are served too."""
    files = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }

    async def page(request: web.Request) -> web.FileResponse:
        return web.FileResponse(folder / "index.html", headers={"Cache-Control": "no-cache"})

    async def static_file(request: web.Request) -> web.FileResponse:
        name = request.match_info["name"]
        if name not in files:
            raise web.HTTPNotFound
        lasts = _FOREVER if _HASHED.search(name) else "no-cache"
        return web.FileResponse(files[name], headers={"Cache-Control": lasts})

    return [web.get("/", page), web.get("/static/{name:.+}", static_file)]
