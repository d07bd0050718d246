"""A login on the chat page, in a real browser: the badge is beside the name at the other one."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from gateway import certificate, certificate_store, network
from gateway.config import FILE
from tests.login.people import FACTS, ToldProvider
from tests.system.test_page import chromium
from tools.field import FieldGateway

TIMEOUT_S = 120


@pytest.mark.system
def test_a_login_is_a_badge_beside_the_name(tmp_path: Path) -> None:
    browser = chromium()
    gateway = FieldGateway("A", "Operator", tmp_path, FACTS.key, "")
    network.create(gateway.folder, FACTS)
    with network.opened(gateway.folder) as registry:
        public = certificate_store.public_half(certificate_store.gateway_key(gateway.folder))
        raw = certificate.sign_gateway(
            registry.operator_key(), public, "North", int(time.time()), 365
        )
    certificate_store.keep_gateway(gateway.folder, certificate.gateway_text(raw))

    async def scene() -> tuple[int | None, str]:
        async with ToldProvider() as told:
            told.device = {"interval": 1}
            told.polls = ["authorization_pending"]
            config = gateway.folder / FILE
            text = config.read_text().replace("names = []", 'names = ["gw-a.mesh"]')
            text = text.replace('issuer = ""', f'issuer = "{told.issuer}"')
            config.write_text(text.replace('client_id = "heliograph"', 'client_id = "us"'))
            gateway.start()
            url = gateway.url.replace("127.0.0.1", "gw-a.mesh")
            about = {"url": url, "chromiumPath": browser, "issuer": told.issuer}
            script = Path(__file__).with_name("badge_page.mjs")
            node = await asyncio.create_subprocess_exec(
                "node", str(script), json.dumps(about), stderr=asyncio.subprocess.PIPE
            )
            _, errors = await asyncio.wait_for(node.communicate(), TIMEOUT_S)
            return node.returncode, errors.decode()

    try:
        code, errors = asyncio.run(scene())
        assert code == 0, errors[-4000:]
    finally:
        gateway.stop()
