"""Wi-Fi Direct for real: our gateway owns the group, phones come and go, a stranger stays outside.

Runs inside the emulated machine (test_wifi.py). Each step prints a line; the first that fails
ends it.
"""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, "/mnt/tree")

from tests.machine.hosts import FOLDER, Host, run, until

HELIO = ("python3", "-m", "gateway.cli")
DATA = "/tmp/gateway"
PAGE = "http://192.168.49.1/"
PROBE = "http://captive.example/generate_204"  # as Android asks whether there is Internet
_started = time.monotonic()


def step(text: str) -> None:
    """Say how far it is."""
    print(f"[{time.monotonic() - _started:6.1f}] {text}", flush=True)


class GatewayHost(Host):
    """The host with the gateway, and a wpa_supplicant on D-Bus as systemd starts it."""

    def start_supplicant(self) -> None:
        """As systemd does: on D-Bus, without any interface."""
        self.supplicant_process = self.start("wpa_supplicant", "-u", "-t")

    def start_gateway(self) -> None:
        """With a [wifi] section in its gateway.toml."""
        self.run(*HELIO, "gateway", "init", "--data", DATA, "--name", "Tal", "--port", "")
        self.restart_gateway()

    def restart_gateway(self, interface: str = "wlan0") -> None:
        """On this adapter."""
        config = Path(DATA, "gateway.toml")
        text = re.sub('interface = ".*?"', f'interface = "{interface}"', config.read_text())
        config.write_text(re.sub('country = ".*?"', 'country = "DE"', text))
        self.gateway = self.start(*HELIO, "gateway", "run", "--data", DATA, output="gateway.out")

    def told(self) -> dict:
        """What `helio pair --list` says."""
        shown = self.run(*HELIO, "pair", "--list", "--json", "--data", DATA, check=False)
        return json.loads(shown) if shown.startswith("{") else {}


def main() -> None:
    """The story."""
    run("modprobe", "mac80211_hwsim", "radios=4")
    Path("/run/dbus").mkdir(exist_ok=True)
    run("dbus-daemon", "--system", "--fork", "--nopidfile")
    run("iw", "reg", "set", "DE")
    tal, a, b, c = GatewayHost("tal", 0), Host("anna", 1), Host("bo", 2), Host("cem", 3)
    tal.start_supplicant()
    for phone in (a, b, c):
        phone.supplicant()
    tal.start_gateway()
    told = until(lambda: (t := tal.told()).get("wifi") == "direct" and t, "the group is up")
    step(f"the group is up: {told['ssid']}")
    window = tal.start(
        *HELIO, "pair", "--accept", "--json", "--seconds", "900", "--data", DATA, output="pair.out"
    )
    pin = until(lambda: newest().get("pin"), "a window with a PIN")

    a.join_direct("pbc")
    step(f"A joined by its button: {a.address()}")
    assert PAGE in a.fetch(PROBE), "the landing page, whatever name a phone asks for"
    assert "Heliograph" in a.fetch(PAGE)
    a.fetch(f"{PROBE}?stay")
    assert a.fetch(PROBE, "-w", "%{http_code}") == "204", "the phone is told to stay"
    step("it was shown where the page is, and stays")
    fields = dict(
        part.split(":", 1) for part in told["qr"].removeprefix("WIFI:").split(";") if part
    )
    b.join(fields["S"], fields["P"])
    b.heard("(CTRL-EVENT-CONNECTED)")
    step(f"B joined by what the QR code says: {b.address()}")
    assert "Heliograph" in b.fetch(PAGE)
    talk(a, b)
    step("they wrote to each other")
    assert len(newest()["connected"]) == 2

    a.leave_direct()
    until(lambda: len(newest()["connected"]) == 1, "A has left")
    a.join_direct(newest()["pin"] or pin)
    step(f"A left, and joined again by the PIN: {a.address()}")

    c.join(fields["S"], "not the passphrase")
    c.heard("(WRONG_KEY|4-Way Handshake failed)")
    assert len(newest()["connected"]) == 2
    step("who has another passphrase stays outside")

    fenced(tal, a, b)
    step("phones reach neither each other nor anything behind the gateway")

    tal.supplicant_process.kill()
    tal.supplicant_process.wait()
    until(lambda: newest()["wifi"] == "down", "the gateway notices")
    tal.start_supplicant()
    again = until(lambda: (t := newest())["wifi"] == "direct" and t, "the group is up again")
    assert (again["ssid"], again["passphrase"]) == (told["ssid"], told["passphrase"])
    step("wpa_supplicant was killed; the same network is there again")
    until(lambda: "wpa_state=COMPLETED" in b.wpa("status"), "B is back by itself", 60)
    step(f"B is back: {b.address()}")
    assert "Heliograph" in b.fetch(PAGE)
    a.join_direct("pbc")
    step(f"A is back: {a.address()}")
    assert "Heliograph" in a.fetch(PAGE)
    window.terminate()
    tal.gateway.terminate()
    assert tal.gateway.wait(20) == 0
    assert "p2p-" not in tal.run("iw", "dev")
    step("the gateway ended, and left nothing behind")


def tell_why(story) -> None:
    """Run it; where it fails, print what everybody logged."""
    try:
        story()
    except BaseException:
        for path in sorted(FOLDER.glob("*.out")) + sorted(FOLDER.glob("*.log")):
            print(f"--- {path.name}\n{path.read_text(errors='replace')[-1500:]}")
        raise


def newest() -> dict:
    """The last line of `helio pair --json`."""
    lines = (FOLDER / "pair.out").read_text().splitlines()
    return json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}


def talk(a: Host, b: Host) -> None:
    """A message and its answer, both over the Wi-Fi."""
    script = str(Path(__file__).with_name("two_phones.py"))
    first = a.start("python3", script, "anna", "bo", "ask", PAGE, output="anna.out")
    second = b.start("python3", script, "bo", "anna", "answer", PAGE, output="bo.out")
    codes = first.wait(90), second.wait(90)
    said = [(FOLDER / name).read_text() for name in ("anna.out", "bo.out")]
    assert codes == (0, 0), said
    assert said == ["yes, anna\n", "are you there, bo?\n"], said


def fenced(tal: GatewayHost, a: Host, b: Host) -> None:
    """Nothing but the page is reached, even on a machine that forwards."""
    run("ip", "netns", "add", "behind")
    run(
        "ip",
        "link",
        "add",
        "inside",
        "netns",
        "tal",
        "type",
        "veth",
        "peer",
        "name",
        "outside",
        "netns",
        "behind",
    )
    for where, device, address in (
        ("tal", "inside", "10.9.9.1"),
        ("behind", "outside", "10.9.9.2"),
    ):
        run("ip", "-n", where, "address", "add", f"{address}/24", "dev", device)
        run("ip", "-n", where, "link", "set", device, "up")
    run("ip", "-n", "behind", "route", "add", "default", "via", "10.9.9.1")
    tal.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    servers = [
        subprocess.Popen(
            ("ip", "netns", "exec", where, "python3", "-m", "http.server", "8000"),
            cwd="/tmp/hosts", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for where in ("behind", "bo", "tal")
    ]  # fmt: skip
    until(
        lambda: tal.reaches("http://10.9.9.2:8000/"), "the host behind answers the gateway itself"
    )
    until(lambda: b.reaches("http://127.0.0.1:8000/"), "B's own port is open")
    of_b = b.run("ip", "-4", "-o", "address", "show", "dev", b.joined).split()[3].partition("/")[0]
    for url in (
        f"http://{of_b}:8000/",
        "http://10.9.9.2:8000/",
        "http://10.9.9.1:8000/",
        "http://192.168.49.1:8000/",
    ):
        assert not a.reaches(url), url
    assert a.reaches(PAGE)
    for server in servers:
        server.kill()


if __name__ == "__main__":
    tell_why(main)
