"""`helio install`: udev rules, so that whoever sits here, or is in the group, may use the boards.

Ports also get names that stay: /dev/helio-MAC for a chip's own USB, /dev/helio-BUS-SOCKET for a
bridge, because many bridges have no serial number, or all the same one.
"""

import argparse
import getpass
import grp
import os
import shutil
import subprocess
import sys
from pathlib import Path

from gateway.commands import show
from gateway.errors import UserError

# Before 73-seat-late.rules, which gives the person at the screen what is tagged uaccess.
RULES = Path("/etc/udev/rules.d/70-heliograph.rules")
# The first that this system has: most of them, then Arch's name.
_GROUPS = ("dialout", "uucp")
_BRIDGES = (
    ("10c4", "ea60", "Silicon Labs CP2102, CP2104"),
    ("10c4", "ea70", "Silicon Labs CP2105"),
    ("1a86", "7523", "WCH CH340"),
    ("1a86", "55d3", "WCH CH343"),
    ("1a86", "55d4", "WCH CH9102"),
    ("0403", "6001", "FTDI FT232R"),
    ("0403", "6010", "FTDI FT2232"),
    ("0403", "6015", "FTDI FT231X"),
)
_SELF = ("303a", "1001", "Espressif USB Serial/JTAG, in S3, C3 and C6")


def main(args: argparse.Namespace) -> int:
    """Write the rules and let udev read them."""
    if not sys.platform.startswith("linux"):
        raise UserError("udev rules are for Linux; other systems need none")
    group = next((name for name in _GROUPS if _group_exists(name)), "")
    user = os.environ.get("SUDO_USER") or getpass.getuser()
    commands = _commands(group, user)
    plan = {"file": str(RULES), "rules": rules(group), "commands": commands}
    steps = "\n".join(" ".join(command) for command in commands)
    if args.dry_run:
        show(args, plan, f"# would write {RULES}:\n{rules(group)}\n# and run:\n{steps}")
        return 0
    if os.geteuid() != 0:
        raise UserError(f"this wants root: sudo {Path(sys.argv[0]).absolute()} install")
    _write(RULES, rules(group))
    for command in commands:
        _run(command)
    show(args, plan, f"wrote {RULES}\n{steps}\nlog in again if you were added to a group")
    return 0


def rules(group: str) -> str:
    """The text of the rules file. group: who may use the ports, beside whoever sits here."""
    access = (f'GROUP="{group}", ' if group else "") + 'MODE="0660", TAG+="uaccess"'
    lines = ["# Heliograph: serial ports of ESP32 boards (helio install)"]
    for vendor, product, name in (*_BRIDGES, _SELF):
        own = (vendor, product, name) == _SELF
        link = "helio-$attr{serial}" if own else "helio-$attr{busnum}-$attr{devpath}"
        lines += [
            f"# {name}",
            f'SUBSYSTEM=="tty", SUBSYSTEMS=="usb", ATTRS{{idVendor}}=="{vendor}", '
            f'ATTRS{{idProduct}}=="{product}", {access}, '
            # ModemManager would talk to it and keep the port busy.
            f'ENV{{ID_MM_DEVICE_IGNORE}}="1", SYMLINK+="{link}"',
        ]
    return "\n".join(lines) + "\n"


def _commands(group: str, user: str) -> list[list[str]]:
    commands = [
        ["udevadm", "control", "--reload"],
        ["udevadm", "trigger", "--subsystem-match=tty"],
    ]
    if group and user != "root" and user not in grp.getgrnam(group).gr_mem:
        commands.append(["usermod", "-aG", group, user])
    return commands


def _group_exists(name: str) -> bool:
    try:
        return bool(grp.getgrnam(name))
    except KeyError:
        return False


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as e:
        raise UserError(f"{path} cannot be written: {e.strerror}") from None


def _run(command: list[str]) -> None:
    if shutil.which(command[0]) is None:
        raise UserError(f"the rules are written, but there is no {command[0]} to go on with")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip() or f"exit {done.returncode}"
        raise UserError(f"the rules are written, but {' '.join(command)} says: {said}")
