"""Addresses and names for those who join our Wi-Fi: one dnsmasq of our own, on that network alone.

Every name leads to this machine, so whatever a phone opens first is our page.
"""

import asyncio
import contextlib
import logging
import shutil
import subprocess
from pathlib import Path

from gateway.errors import UserError

HOST = "192.168.49.1"  # as Android's own groups have it
_NETWORK = f"{HOST}/24"
_FIRST, _LAST = "192.168.49.10", "192.168.49.250"
_LEASE = "12h"
_AGAIN_S = 2.0
_WELL_S = 1.0  # what is wrong with it, it says at once

_log = logging.getLogger(__name__)


def give_address(interface: str) -> None:
    """This machine's address on the network. UserError."""
    for command in (
        ("ip", "address", "replace", _NETWORK, "dev", interface),
        ("ip", "link", "set", interface, "up"),
    ):
        run(command, "the network's address cannot be set")


def run(command: tuple[str, ...], what: str, text: str | None = None) -> str:
    """The output of a system's command. UserError if it is missing or refuses."""
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise UserError(
            f"{command[0]} is missing: sudo apt install {_PACKAGE[command[0]]}"
        ) from None
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise UserError(
            f"{what}: {said or done.returncode} (is the service allowed CAP_NET_ADMIN?)"
        )
    return done.stdout


_PACKAGE = {"ip": "iproute2", "nft": "nftables", "dnsmasq": "dnsmasq-base"}


class Addresses:
    """dnsmasq, started again whenever it ends."""

    def __init__(self, folder: Path) -> None:
        """folder: where the leases are kept."""
        self._leases = folder / "leases"
        self._task: asyncio.Task[None] | None = None
        self.problem = ""

    def start(self, interface: str) -> None:
        """Serve on an interface until stop()."""
        if shutil.which("dnsmasq") is None:
            raise UserError("dnsmasq is missing: sudo apt install dnsmasq-base")
        self._task = asyncio.create_task(self._run(interface))

    async def stop(self) -> None:
        """No more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self, interface: str) -> None:
        while True:
            process = await asyncio.create_subprocess_exec(
                *self._command(interface),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            ended = asyncio.ensure_future(process.communicate())
            try:
                if not (await asyncio.wait((ended,), timeout=_WELL_S))[0]:
                    self.problem = ""
                _, said = await ended
            except asyncio.CancelledError:
                if process.returncode is None:
                    process.terminate()
                    await process.wait()
                raise
            self.problem = _in_words(said.decode(errors="replace"))
            _log.warning("addresses: %s", self.problem)
            await asyncio.sleep(_AGAIN_S)

    def _command(self, interface: str) -> tuple[str, ...]:
        return (
            "dnsmasq", "--keep-in-foreground", "--log-facility=-", "--quiet-dhcp",
            "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--no-poll", "--pid-file=",
            f"--interface={interface}", "--bind-interfaces", "--except-interface=lo",
            f"--listen-address={HOST}", f"--address=/#/{HOST}",
            "--dhcp-authoritative", "--no-ping", f"--dhcp-range={_FIRST},{_LAST},{_LEASE}",
            f"--dhcp-option=option:router,{HOST}", f"--dhcp-option=option:dns-server,{HOST}",
            f"--dhcp-leasefile={self._leases}", "--user=", "--group=",
        )  # fmt: skip


def _in_words(said: str) -> str:
    """dnsmasq's last line, and what to do about it."""
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "it ended")
    last = last.removeprefix("dnsmasq: ").strip()
    if "in use" in last:
        return f"dnsmasq: {last}: who has it? sudo ss -lnup '( sport = 53 or sport = 67 )'"
    return f"dnsmasq: {last}"
