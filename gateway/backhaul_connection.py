"""Connecting to a hub: one server, one try, and one line that says why it failed."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gateway.backhaul_hub import WAIT_S, HubError
from gateway.backhaul_settings import Settings

if TYPE_CHECKING:
    from nats.aio.client import Client

_CLOSE_S = 1.0  # a TLS connection whose other end is not heard takes for ever
_PING_S = 240  # a connection that says nothing is looked at so often


class Line:
    """What becomes of a connection. lost: it has ended. said: what the server complained of."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.lost = asyncio.Event()
        self.said = ""

    @contextlib.contextmanager
    def plainly(self) -> Iterator[None]:
        """Whatever nats-py makes of a connection that fails, or of garbage: a HubError."""
        from nats.errors import Error

        try:
            yield
        except HubError as e:
            raise HubError(self.said or str(e)) from None
        except (Error, OSError, TimeoutError) as e:
            was_lost = f"the connection to {self.server} was lost"
            raise HubError(was_lost if self.lost.is_set() else f"{self.server}: {e}") from None
        except (LookupError, TypeError, ValueError, AttributeError):
            raise HubError(f"{self.server} answers what no NATS server would") from None


async def connect(line: Line, settings: Settings, folder: Path) -> "Client":
    """A connection to the line's server. HubError says what is wrong."""
    server = line.server
    try:
        from nats import errors
        from nats.aio.client import Client
    except ModuleNotFoundError:
        raise HubError("nats-py is missing: pip install 'heliograph[backhaul]'") from None
    options: dict[str, Any] = {"user": settings.user, "password": settings.password}
    if settings.credentials:
        options = {"user_credentials": str(_there(folder, settings.credentials))}
    elif not settings.user:
        options = {}
    encrypted = urlsplit(server).scheme in ("tls", "wss")
    if encrypted or settings.ca:
        options["tls"] = _tls(folder, settings.ca)
    connecting = True

    async def failed(error: Exception) -> None:
        if connecting:  # else it goes on by itself, for ever
            raise error
        line.said = f"{server}: {' '.join(str(error).split())}"

    async def closed() -> None:
        line.lost.set()

    nc = Client()
    try:
        await asyncio.wait_for(
            nc.connect(
                server, allow_reconnect=False, connect_timeout=WAIT_S, ping_interval=_PING_S,
                name="heliograph", error_cb=failed, closed_cb=closed, **options,
            ),
            2 * WAIT_S,
        )  # fmt: skip
    except (OSError, errors.Error, TimeoutError, ValueError) as e:
        await hang_up(nc)
        raise HubError(_reason(server, e)) from None
    connecting = False
    return nc


def _there(folder: Path, path: str) -> Path:
    """A file that the settings name. HubError if it cannot be read."""
    found = folder / path  # an absolute path stays what it is
    try:
        found.read_bytes()
    except OSError as e:
        raise HubError(f"{found} cannot be read ({e.strerror}): see [backhaul]") from None
    return found


def _tls(folder: Path, ca: str) -> ssl.SSLContext:
    if not ca:
        return ssl.create_default_context()
    path = _there(folder, ca)
    try:
        return ssl.create_default_context(cafile=str(path))
    except ssl.SSLError:
        raise HubError(f"{path} holds no certificates: see ca in [backhaul]") from None


def _reason(server: str, error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message or "not valid"
        return f"the certificate of {server} does not hold: {why}"
    if isinstance(error, ssl.SSLError):
        return f"{server} does not speak TLS as we do: {error.reason or text}"
    if "uthorization" in text or "uthentication" in text:
        return f"{server} refuses our login: look at user, password or credentials in [backhaul]"
    if isinstance(error, TimeoutError) or "timeout" in text:
        return f"{server} does not answer"
    if isinstance(error, json.JSONDecodeError) or "json parse" in text:
        return f"{server} does not speak NATS"
    if isinstance(error, ValueError):
        return f"the credentials in [backhaul] cannot be used: {text}"
    if isinstance(error, OSError):
        return f"{server} cannot be reached: {error.strerror or text}"
    return f"{server}: {text}"


async def hang_up(nc: "Client") -> None:
    """End a connection, whatever it thinks of that."""
    with contextlib.suppress(Exception):  # it is of no use any more
        await asyncio.wait_for(nc.close(), _CLOSE_S)
