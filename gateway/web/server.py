"""The gateway's web server: the page, and the phones' API over one `PostOffice`."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

from gateway.post_office import PostOffice
from gateway.web import static_files
from gateway.web.landing import Landing
from gateway.web.phone_api import PhoneApi
from gateway.web.requests import (
    BODY_MAX_BYTES,
    NAMES,
    REFUSED,
    add_headers,
    errors,
    same_site,
)

PHONES = web.AppKey("phones", PhoneApi)  # for routes of others: who signed a request


def make_app(
    office: PostOffice,
    about: Callable[[], dict[str, Any]],
    mesh: Callable[[], dict[str, Any]],
    names: Iterable[str] = (),
) -> web.Application:
    """The application, ready for an AppRunner; its cleanup ends every live stream.

    about(), mesh(): what the gateway says of itself (gateway.py). names: host names that it goes
    by, besides its addresses and localhost.
    """
    names = tuple(names)
    landing = Landing(names)
    middlewares = [errors, landing.middleware(), same_site]
    app = web.Application(client_max_size=BODY_MAX_BYTES, middlewares=middlewares)
    app[NAMES] = frozenset(name.lower() for name in names)
    app[REFUSED] = Counter()
    phones = PhoneApi(office, about, mesh)
    app[PHONES] = phones
    app.on_response_prepare.append(add_headers)
    app.on_response_prepare.append(landing.add_policy)
    app.on_shutdown.append(phones.lines.end)
    app.add_routes([*static_files.routes(), *phones.routes()])
    return app
