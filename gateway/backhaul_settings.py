"""[backhaul] in gateway.toml: which hub joins this mesh with others, and what that may cost."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from gateway.errors import UserError

KEYS = {
    "servers", "user", "password", "credentials", "ca", "region", "bytes_per_hour", "after_s",
}  # fmt: skip
BYTES_LEAST = 50_000  # an hour: less does not pay for the connection
_BYTES_MOST = 10**12
_AFTER_MOST_S = 86_400
_SCHEMES = ("nats", "tls", "ws", "wss")
_PORT = 4222


@dataclass(frozen=True)
class Settings:
    """servers: addresses of the hub, tried in turn. user, password, or credentials: path of a NATS
    .creds file. ca: path of the certificates that vouch for the hub, "" for those of the system.
    Paths as they are written, relative to the data folder. region: the part of the hub's subjects
    that is ours, "" for the network's own. bytes_per_hour: 0 for as much as there is. after_s: a
    message that was not delivered here for so long goes to the hub."""

    servers: tuple[str, ...]
    user: str = ""
    password: str = ""
    credentials: str = ""
    ca: str = ""
    region: str = ""
    bytes_per_hour: int = 0
    after_s: int = 600


_Refuse = Callable[[str, str], UserError]


def read(part: dict[str, Any], refuse: _Refuse) -> Settings | None:
    """The settings in a [backhaul] section, None if it names no server. refuse(key, what) makes
    the error that is raised for a mistake."""
    servers = part.get("servers", [])
    if not isinstance(servers, list) or not all(isinstance(s, str) for s in servers):
        raise refuse("servers", 'must be a list of addresses, ["tls://hub.example:4222"]')
    texts: dict[str, str] = {}
    for key in ("user", "password", "credentials", "ca", "region"):
        value = part.get(key, "")
        if not isinstance(value, str):
            raise refuse(key, "must be text in quotes")
        texts[key] = value
    if texts["region"] and not re.fullmatch(r"[a-z0-9-]{1,32}", texts["region"]):
        raise refuse("region", "must be 1 to 32 of a-z, 0-9 and -")
    if texts["user"] and texts["credentials"]:
        raise refuse("credentials", "and user are two ways to log in: choose one")
    bytes_per_hour = _number(part, "bytes_per_hour", _BYTES_MOST, 0, refuse)
    after_s = _number(part, "after_s", _AFTER_MOST_S, 600, refuse)
    if 0 < bytes_per_hour < BYTES_LEAST:
        raise refuse("bytes_per_hour", f"must be 0 (no limit) or {BYTES_LEAST:,} at least")
    if not servers:
        return None
    checked = tuple(_server(server, refuse) for server in servers)
    return Settings(checked, **texts, bytes_per_hour=bytes_per_hour, after_s=after_s)


def _number(part: dict[str, Any], key: str, most: int, default: int, refuse: _Refuse) -> int:
    value = part.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise refuse(key, f"must be a number from 0 to {most:,}")
    return value


def _server(text: str, refuse: _Refuse) -> str:
    url = urlsplit(text if "://" in text else f"nats://{text}")
    try:
        port = url.port or _PORT
    except ValueError:
        port = 0
    if url.scheme not in _SCHEMES or not url.hostname or not port or url.path not in ("", "/"):
        raise refuse("servers", f"cannot be used: {text} is not like tls://hub.example:4222")
    if url.username or url.password:
        raise refuse("servers", "hold no password: write user and password beside them")
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    return f"{url.scheme}://{host}:{port}"
