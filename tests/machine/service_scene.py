"""The gateway as a systemd service: its own user, killed and back, wpa_supplicant killed and back.

Runs inside the emulated machine, under systemd (tests/system/test_machine.py).
"""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, "/mnt/tree")

from tests.machine.hosts import Host, run, until
from tests.machine.wifi_scene import PAGE, step, tell_why

UNIT = "heliograph-gateway"
DATA = Path("/var/lib/heliograph")
HELIO = "/usr/bin/helio"
AS_SERVICE = ("setpriv", "--reuid=heliograph", "--regid=heliograph", "--init-groups")
LEAST_RIGHTS = "40"  # of systemd's exposure level, in tenths
_PROGRAM = """\
#!/bin/sh
exec env PYTHONPATH=/mnt/tree:/mnt/share/site PYTHONDONTWRITEBYTECODE=1 python3 -m gateway.cli "$@"
"""


def main() -> None:
    """The story."""
    run("modprobe", "mac80211_hwsim", "radios=2")
    phone = Host("anna", 1)
    phone.supplicant()
    install()
    print(run("systemd-analyze", "security", "--no-pager", f"--threshold={LEAST_RIGHTS}", UNIT))
    run("systemctl", "start", UNIT)
    told = until(up, "the group is up")
    step("the service is up, and has made its Wi-Fi")

    status = Path(f"/proc/{main_pid()}/status").read_text()
    assert "Uid:\t105\t105\t105\t105" in status, status
    step(f"as a user of its own: {status.split('CapEff:')[1].split()[0]}")

    fields = dict(
        part.split(":", 1) for part in told["qr"].removeprefix("WIFI:").split(";") if part
    )
    phone.join(fields["S"], fields["P"])
    phone.heard("(CTRL-EVENT-CONNECTED)")
    step(f"a phone joined: {phone.address()}")
    assert "Heliograph" in phone.fetch(PAGE)

    for victim in (UNIT, "wpa_supplicant"):
        kill(victim)
        assert until(up, "the group is up again")["ssid"] == told["ssid"]
        until(lambda: phone.reaches(PAGE), "the phone is back by itself")
        step(f"{victim} was killed; the phone is back")

    run("systemctl", "stop", UNIT)
    assert "p2p-" not in run("iw", "dev")
    assert "heliograph" not in run("nft", "list", "tables")
    step("stopped, it leaves nothing behind")


def install() -> None:
    """As the unit's own lines say."""
    program = Path(HELIO)
    program.write_text(_PROGRAM)
    program.chmod(0o755)
    unit = Path("/mnt/tree/gateway/deploy", f"{UNIT}.service")
    Path("/etc/systemd/system", unit.name).write_text(unit.read_text())
    DATA.mkdir(mode=0o700)
    os.chown(DATA, 105, 105)
    os.environ["HELIO_DATA"] = str(DATA)
    run(*AS_SERVICE, HELIO, "gateway", "init", "--name", "Tal", "--port", "")
    config = DATA / "gateway.toml"
    text = config.read_text().replace('interface = ""', 'interface = "wlan0"')
    config.write_text(text.replace('country = ""', 'country = "DE"'))
    run("systemctl", "daemon-reload")


def kill(unit: str) -> None:
    """With signal 9, and wait until systemd, or the bus, has started it again."""
    before = main_pid(unit)
    run("systemctl", "kill", "--signal=KILL", unit)
    until(lambda: main_pid(unit) not in ("0", before), f"{unit} starts again")


def up() -> dict:
    """What `helio pair --list` tells, once the network is up."""
    shown = run(*AS_SERVICE, HELIO, "pair", "--list", "--json", check=False)
    told = json.loads(shown) if shown.startswith("{") else {}
    return told if told.get("wifi") == "direct" else {}


def main_pid(unit: str = UNIT) -> str:
    """Of a service."""
    return run("systemctl", "show", "--property=MainPID", "--value", unit)


if __name__ == "__main__":
    try:
        tell_why(main)
    finally:
        print(run("journalctl", "--no-pager", "-u", UNIT, "-n", "40", check=False))
