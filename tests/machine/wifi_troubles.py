"""What goes wrong with Wi-Fi is said in one line, and the gateway goes on; a plain access point.

Runs inside the emulated machine (tests/system/test_machine.py).
"""

import asyncio
import logging
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, "/mnt/tree")

from gateway.links.wifi_direct import Events, Group, Wanted, WifiDirect
from tests.machine.hosts import Host, run, until
from tests.machine.wifi_scene import GatewayHost, step, tell_why

SSID, PASSPHRASE = "DIRECT-hg-plain", "correct horse"


def main() -> None:
    """The story."""
    run("modprobe", "mac80211_hwsim", "radios=2")
    Path("/run/dbus").mkdir(exist_ok=True)
    run("dbus-daemon", "--system", "--fork", "--nopidfile")
    tal, phone = GatewayHost("tal", 0), Host("anna", 1)
    phone.supplicant()

    tal.start_gateway()
    says(tal, "wpa_supplicant does not run: sudo systemctl start wpa_supplicant")
    step("no wpa_supplicant is said")
    assert "Heliograph" in tal.fetch("http://127.0.0.1:8080/")
    step("the gateway serves its page all the same")

    tal.start_supplicant()
    until(lambda: tal.told().get("wifi") == "direct", "the group comes by itself")
    step("with wpa_supplicant the network comes by itself")
    tal.gateway.terminate()
    tal.gateway.wait()

    blocker = tal.start("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=53")
    tal.restart_gateway()
    says(tal, "who has it? sudo ss -lnup")
    step("a name server in the way is said")
    blocker.kill()
    until(lambda: not tal.told().get("problem"), "it goes on when that is gone")
    step("and when it is gone all is well")
    tal.gateway.terminate()
    tal.gateway.wait()

    tal.restart_gateway(interface="wlan9")
    says(tal, "wpa_supplicant cannot use wlan9")
    step("an adapter that is not there is said")
    tal.gateway.terminate()
    tal.gateway.wait()

    plain = subprocess.Popen(tal.command("python3", __file__, "plain"))
    phone.join(SSID, PASSPHRASE)
    phone.heard("(CTRL-EVENT-CONNECTED)", timeout_s=60)
    step("a phone joins the plain access point of a chip without Wi-Fi Direct")
    plain.terminate()
    assert plain.wait(20) is not None


def says(tal: GatewayHost, what: str) -> None:
    """`helio pair --list` says so, within a while."""
    until(lambda: what in tal.told().get("problem", ""), f'"{what}" is said: {tal.told()}')


async def plain() -> None:
    """An access point, as on a chip that has no Wi-Fi Direct."""
    up = asyncio.Event()

    async def on_up(group: Group) -> None:
        assert not group.direct
        up.set()

    async def on_down() -> None:
        pass

    wanted = Wanted("wlan0", SSID, PASSPHRASE, 6, "DE", "Tal")
    events = Events(on_up, on_down, lambda: None, lambda name, by_pin: None)
    logging.basicConfig()
    wifi = WifiDirect(wanted, events, direct=False)
    await wifi.run()


if __name__ == "__main__":
    if sys.argv[1:] == ["plain"]:
        asyncio.run(plain())
    else:
        tell_why(main)
