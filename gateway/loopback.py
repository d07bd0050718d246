"""A login by this machine's browser: a page on its loopback address takes the answer."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from gateway.errors import UserError
from gateway.id_token import Claims
from gateway.login import BrowserLogin

WAIT_S = 600
_PATH = "/login"
_DONE = "You can close this page: the terminal says how it went."
_NOT_OURS = "This is not the answer to a login that was begun here."


async def browser_login(
    begin: Callable[[str], BrowserLogin], show: Callable[[str], None], wait_s: float = WAIT_S
) -> Claims:
    """Log in by the browser. begin: makes the login for a redirect address. show: brings its page
    before the person. UserError if nobody came back within wait_s; Away."""
    came: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    app = web.Application(client_max_size=0)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    login: BrowserLogin | None = None

    async def redirected(request: web.Request) -> web.Response:
        if login is None or not login.is_ours(request.query_string):
            return web.Response(text=_NOT_OURS, status=400)
        if not came.done():
            came.set_result(request.query_string)
        return web.Response(text=_DONE)

    app.router.add_get(_PATH, redirected)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        login = begin(f"http://127.0.0.1:{runner.addresses[0][1]}{_PATH}")
        show(login.url)
        try:
            query = await asyncio.wait_for(came, wait_s)
        except TimeoutError:
            raise UserError("nobody logged in by the browser: log in again") from None
        return await login.finish(query)
    finally:
        await runner.cleanup()
