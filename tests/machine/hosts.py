"""Hosts inside the emulated machine: each a network namespace with a radio of its own.

Phones are Debian's wpa_supplicant, driven by wpa_cli, as an Android phone's own is.
"""

import re
import subprocess
import time
from pathlib import Path

FOLDER = Path("/tmp/hosts")
STEP_S = 0.1
WAIT_S = 40.0

_SUPPLICANT = """\
ctrl_interface=/run/wpa-{name}
device_name={name}
device_type=10-0050F204-5
config_methods=virtual_push_button keypad display
country=DE
"""
_LEASE_SCRIPT = """\
#!/bin/bash
if [ "$1" = bound ]; then
  ip address replace "$ip/24" dev "$interface"
  ip route replace default via "$router" dev "$interface"
  mkdir -p /etc/netns/{name}; echo "nameserver $dns" >/etc/netns/{name}/resolv.conf
fi
"""


def run(*command: str, check: bool = True, timeout_s: float = 60) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.stdout[-600:]}{done.stderr[-600:]}")
    return done.stdout.strip()


def until(what, why: str, timeout_s: float = WAIT_S):
    """what() as soon as it is something. AssertionError with the reason after the time."""
    end = time.monotonic() + timeout_s
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, f"in vain, {timeout_s:.0f} s: {why}"
        time.sleep(STEP_S)


class Host:
    """A namespace. radio: number of its radio, None for a host without one."""

    def __init__(self, name: str, radio: int | None = None) -> None:
        self.name = name
        self.device = f"wlan{radio}"
        self.joined = ""  # the interface with which it is in our network
        self.log = FOLDER / f"{name}.log"
        FOLDER.mkdir(exist_ok=True)
        run("ip", "netns", "add", name)
        self.run("ip", "link", "set", "lo", "up")
        if radio is not None:
            run("iw", "phy", f"phy{radio}", "set", "netns", "name", name)

    def command(self, *command: str) -> tuple[str, ...]:
        """The command, as it is run in this namespace."""
        return ("ip", "netns", "exec", self.name, *command)

    def run(self, *command: str, check: bool = True, timeout_s: float = 60) -> str:
        """As run(), in this namespace."""
        return run(*self.command(*command), check=check, timeout_s=timeout_s)

    def start(self, *command: str, output: str = "") -> subprocess.Popen[bytes]:
        """In the background, with its output in a file."""
        with (FOLDER / (output or f"{self.name}-{Path(command[0]).name}.out")).open("wb") as file:
            return subprocess.Popen(self.command(*command), stdout=file, stderr=subprocess.STDOUT)

    # --- a phone's Wi-Fi

    def supplicant(self, *more: str) -> None:
        """Start wpa_supplicant for its radio."""
        config = FOLDER / f"{self.name}.conf"
        config.write_text(_SUPPLICANT.format(name=self.name))
        self.run(
            "wpa_supplicant", "-B", "-D", "nl80211", "-i", self.device, "-c", str(config),
            "-f", str(self.log), "-t", *more,
        )  # fmt: skip

    def wpa(self, *words: str, device: str = "") -> str:
        """wpa_cli's answer."""
        answer = self.run(
            "wpa_cli", "-p", f"/run/wpa-{self.name}", "-i", device or self.device, *words
        )
        assert "FAIL" not in answer, f"{self.name}: {' '.join(words)}: {answer}"
        return answer

    def heard(self, pattern: str, since: int = 0, timeout_s: float = WAIT_S) -> str:
        """The first group of a pattern in what wpa_supplicant logged from a position on."""

        def look() -> str:
            found = re.findall(pattern, self.log.read_text(errors="replace")[since:])
            return found[-1] if found else ""

        return until(look, f"{self.name} logs {pattern}", timeout_s)

    def logged(self) -> int:
        """How much it has logged: a position for heard()."""
        return len(self.log.read_text(errors="replace"))

    def join_direct(self, how: str) -> None:
        """By Wi-Fi Direct: how is "pbc", or a PIN."""
        since = self.logged()
        self.wpa("p2p_find", "60")
        peer = self.heard(r"P2P-DEVICE-FOUND ([0-9a-f:]+)", since)
        self.wpa("p2p_connect", peer, how, "join")
        self.joined = self.heard(r"P2P-GROUP-STARTED (\S+) client", since)

    def leave_direct(self) -> None:
        """Out of the group."""
        self.wpa("p2p_group_remove", self.joined)
        self.wpa("p2p_flush")
        self.joined = ""

    def join(self, ssid: str, passphrase: str) -> None:
        """As any access point; does not wait."""
        network = self.wpa("add_network").splitlines()[-1]
        self.wpa("set_network", network, "ssid", f'"{ssid}"')
        self.wpa("set_network", network, "psk", f'"{passphrase}"')
        self.wpa("select_network", network)
        self.joined = self.device

    def address(self) -> str:
        """Asks for an address, as a phone does: what it is given."""
        script = FOLDER / f"{self.name}-lease"
        script.write_text(_LEASE_SCRIPT.format(name=self.name))
        script.chmod(0o755)
        self.run(
            "busybox",
            "udhcpc",
            "-i",
            self.joined,
            "-n",
            "-q",
            "-t",
            "10",
            "-T",
            "1",
            "-s",
            str(script),
        )
        shown = self.run("ip", "-4", "-o", "address", "show", "dev", self.joined)
        return re.search(r"inet ([0-9.]+)/", shown)[1]

    def fetch(self, url: str, *more: str) -> str:
        """What curl gets there; AssertionError if it gets nothing in ten seconds."""
        return self.run("curl", "-sS", "-f", "-m", "10", *more, url)

    def reaches(self, url: str) -> bool:
        """Does anything answer there?"""
        command = self.command("curl", "-sS", "-o", "/dev/null", "-m", "4", url)
        return not subprocess.run(command, capture_output=True, check=False).returncode
