"""The landing page of a Wi-Fi without the Internet: what phones see who ask whether there is one.

Every system asks a page of its maker's for a known answer. Whoever runs the Wi-Fi lets these names
lead here (docs/PHONES.md); on these paths, and no others, any name is answered. A phone gets a
small page first, with the address for its browser: no keys, no script, nothing to type. After its
person has pressed the button it gets for an hour the answer that it expects, so that it stays.
"""

import base64
import hashlib
import html
from collections import OrderedDict
from collections.abc import Iterable
from time import monotonic

import segno
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.web.landing_words import RIGHT_TO_LEFT, WORDS, language

STAYS_S = 3600.0
_STAYING_MAX = 1000  # addresses; the oldest is forgotten, and sees the page again

_APPLE = "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"
_FIREFOX = (
    '<meta http-equiv="refresh" content="0;url=https://support.mozilla.org/kb/captive-portal"/>'
)
# Path -> what it expects: status, type, text.
EXPECTED = {
    "/generate_204": (204, "", ""),  # Android, Chrome
    "/gen_204": (204, "", ""),
    "/hotspot-detect.html": (200, "text/html", _APPLE),
    "/library/test/success.html": (200, "text/html", _APPLE),
    "/connecttest.txt": (200, "text/plain", "Microsoft Connect Test"),  # Windows 10 and later
    "/ncsi.txt": (200, "text/plain", "Microsoft NCSI"),  # before
    "/success.txt": (200, "text/plain", "success\n"),  # Firefox
    "/canonical.html": (200, "text/html", _FIREFOX),
    "/check_network_status.txt": (200, "text/plain", "NetworkManager is online\n"),  # GNOME
}
_BROWSER = "/redirect"  # Windows opens it in the browser itself: always the page
# These are opened by a real browser, which may follow a link; the others are small windows.
_WITH_LINK = (_BROWSER, "/canonical.html", "/success.txt")

_STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:30rem;margin:1.5rem auto;padding:0 1rem;"
    "color:#1c1a17;background:#fffaf0}h1{font-size:1.4rem}"
    ".at{font-size:1.4rem;font-weight:bold;overflow-wrap:anywhere}"
    ".stay{display:inline-block;padding:.8rem 1.2rem;border-radius:.5rem;background:#8a4b00;"
    "color:#fff;text-decoration:none;font-weight:bold}svg{background:#fff;width:14rem;max-width:100%}"
)
_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src "
    f"'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
)


class _Page(web.Response):
    """The landing page, which has a policy of its own."""


class Landing:
    """names: host names of this gateway; without one its address is shown."""

    def __init__(self, names: Iterable[str]) -> None:
        self._name = next(iter(names), "")
        self._staying: OrderedDict[str, float] = OrderedDict()  # address -> until, monotonic

    def middleware(self) -> Middleware:
        """Answers the probes, before anything looks at the name that they ask for."""

        @web.middleware
        async def probes(request: web.Request, handler: Handler) -> web.StreamResponse:
            known = request.path in EXPECTED or request.path == _BROWSER
            if known and request.method in ("GET", "HEAD"):
                return self._answer(request)
            return await handler(request)

        return probes

    async def add_policy(self, request: web.Request, response: web.StreamResponse) -> None:
        """The page has its style inside, for it is shown under others' names."""
        if isinstance(response, _Page):
            response.headers["Content-Security-Policy"] = _POLICY

    def _answer(self, request: web.Request) -> web.Response:
        where = request.remote or ""
        pressed = request.query_string == "stay"
        if pressed:
            self._staying[where] = monotonic() + STAYS_S
            self._staying.move_to_end(where)
            if len(self._staying) > _STAYING_MAX:
                self._staying.popitem(last=False)
        elif request.path in EXPECTED and monotonic() < self._staying.get(where, 0.0):
            status, kind, text = EXPECTED[request.path]
            if status == 204:
                return web.Response(status=status)
            return web.Response(text=text, content_type=kind)
        text = page(
            self._url(request), language(request.headers.get("Accept-Language", "")),
            link=request.path in _WITH_LINK, pressed=pressed,
        )  # fmt: skip
        headers = {"Vary": "Accept-Language"}
        return _Page(text=text, content_type="text/html", charset="utf-8", headers=headers)

    def _url(self, request: web.Request) -> str:
        """Where the chat page is, for this phone."""
        told = request.transport and request.transport.get_extra_info("sockname")
        address, port = (told[0], told[1]) if told else ("localhost", 80)
        host = self._name or (f"[{address}]" if ":" in address else address)
        return f"http://{host}/" if port == 80 else f"http://{host}:{port}/"


def page(url: str, code: str, link: bool, pressed: bool) -> str:
    """The landing page. url: of the chat page. link: may it be followed from here? pressed: has
    the person just done so?"""
    words = WORDS[code]
    direction = "rtl" if code in RIGHT_TO_LEFT else "ltr"
    shown = html.escape(url)
    at = f'<a href="{shown}">{shown}</a>' if link else shown
    button = f'<p>{words.how}</p><p><a class="stay" href="?stay">{words.stay}</a></p>'
    code_drawn = segno.make(url, error="m", micro=False).svg_inline(border=3, omitsize=True)
    return (
        f'<!doctype html><html lang="{code}" dir="{direction}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{words.title}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{words.title}</h1><p>{words.stays if pressed else words.here}</p>"
        f'<p class="at" dir="ltr">{at}</p>{"" if pressed else button}'
        f'<p>{words.scan}</p><p role="img" aria-label="{shown}">{code_drawn}</p></body></html>'
    )
