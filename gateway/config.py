"""gateway.toml: read, checked, and every mistake named with its line."""

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway import backhaul_settings
from gateway.errors import UserError
from gateway.position import cell_at
from shared_protocol.cells import NO_CELL

FILE = "gateway.toml"


def template(name: str, network_key: str, port: str, listen: str) -> str:
    """The text of a new gateway.toml."""
    values = {"name": name, "network_key": network_key, "port": port, "listen": listen}
    # TOML's basic strings are written as JSON's are
    return _TEMPLATE.format(**{k: json.dumps(v, ensure_ascii=False) for k, v in values.items()})


_TEMPLATE = """\
# Heliograph gateway. All relays and gateways of one network share the network key.
name = {name}
network_key = {network_key}
# position = [46.95, 7.45]  # degrees north and east, told to the network: a hint for routes

[relay]
port = {port}  # the USB port of the nearest relay; "" runs without one

[web]
listen = {listen}  # where the chat page is served
names = []  # host names of this gateway, besides its addresses

[wifi]
interface = ""  # "wlan0": the adapter that makes a Wi-Fi for phones; "" for none
country = ""  # two letters, as "DE": which channels are allowed
channel = 6

[login]
issuer = ""  # https address of an OpenID provider, for `helio login` and phones; "" for none
client_id = "heliograph"  # as whom the provider knows this gateway
client_secret = ""  # for providers that want one

[privacy]
delay_max_s = 60  # messages and receipts wait a random time up to this, so that they do not
                  # tell who wrote when; 0 sends at once

[backhaul]
servers = []  # of a hub that joins meshes over the Internet, docs/BACKHAUL.md; none: do without
"""


@dataclass(frozen=True)
class Config:
    """What gateway.toml says. network_key: 32 bytes. port: path of a serial port, "" for none.
    cell: where it stands, NO_CELL if it does not say. login_…: at which
    OpenID provider people log in, "" for none."""

    name: str
    network_key: bytes
    epoch: int = 0
    port: str = ""
    host: str = "127.0.0.1"
    http_port: int = 8080
    delay_max_s: int = 60
    names: tuple[str, ...] = ()
    cell: int = NO_CELL
    login_issuer: str = ""
    login_client_id: str = "heliograph"
    login_client_secret: str = ""
    wifi_interface: str = ""
    wifi_country: str = ""
    wifi_channel: int = 6
    backhaul: backhaul_settings.Settings | None = None


def load_config(path: Path) -> Config:
    """The configuration in a file. UserError with the file's name and line for any mistake."""
    text, table = read_toml(path, "`helio gateway init` writes one")
    return _Reader(path, text).config(table)


def read_toml(path: Path, what_to_do: str = "") -> tuple[str, dict[str, Any]]:
    """A TOML file's text and what it says. UserError names the file, and the line of a mistake."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        hint = f": {what_to_do}" if what_to_do else ""
        raise UserError(f"{path} is not there{hint}") from None
    except (OSError, UnicodeDecodeError) as e:
        raise UserError(f"{path} cannot be read: {e}") from None
    try:
        return text, tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as e:
        raise UserError(f"{path}: {e}") from None  # tomllib says the line and column


class _Reader:
    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def config(self, table: dict[str, Any]) -> Config:
        known = {
            "": {"name", "network_key", "epoch", "position"}
            | {"relay", "web", "wifi", "login", "privacy", "backhaul"},
            "relay": {"port"},
            "web": {"listen", "names"},
            "wifi": {"interface", "country", "channel"},
            "login": {"issuer", "client_id", "client_secret"},
            "privacy": {"delay_max_s"},
            "backhaul": backhaul_settings.KEYS,
        }
        for section, keys in known.items():
            part = table.get(section, {}) if section else table
            if not isinstance(part, dict):
                raise self._error(section, "is a section: write [" + section + "]")
            for key in part:
                if key not in keys:
                    raise self._error(key, f"is unknown here; known: {', '.join(sorted(keys))}")
        host, http_port = self._listen(table)
        wifi = table.get("wifi", {})
        return Config(
            name=self._text(table, "name", "gateway"),
            network_key=self._key(table),
            epoch=self._number(table, "epoch", 0, 3, 0),
            port=self._text(table.get("relay", {}), "port", ""),
            host=host,
            http_port=http_port,
            delay_max_s=self._number(table.get("privacy", {}), "delay_max_s", 0, 600, 60),
            names=self._names(table.get("web", {})),
            cell=self._cell(table),
            login_issuer=self._text(table.get("login", {}), "issuer", ""),
            login_client_id=self._text(table.get("login", {}), "client_id", "heliograph"),
            login_client_secret=self._text(table.get("login", {}), "client_secret", ""),
            wifi_interface=self._text(wifi, "interface", ""),
            wifi_country=self._country(wifi),
            wifi_channel=self._number(wifi, "channel", 1, 13, 6),
            backhaul=backhaul_settings.read(table.get("backhaul", {}), self._error),
        )

    def _error(self, key: str, what: str) -> UserError:
        for number, line in enumerate(self._lines, 1):
            if re.match(rf"\s*\[?\s*{re.escape(key)}\b", line):
                return UserError(f"{self._path}, line {number}: {key} {what}")
        return UserError(f"{self._path}: {key} {what}")

    def _text(self, table: dict[str, Any], key: str, default: str) -> str:
        value = table.get(key, default)
        if not isinstance(value, str):
            raise self._error(key, "must be text in quotes")
        return value

    def _number(self, table: dict[str, Any], key: str, least: int, most: int, default: int) -> int:
        value = table.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self._error(key, f"must be a number from {least} to {most}")
        return value

    def _key(self, table: dict[str, Any]) -> bytes:
        try:
            value = bytes.fromhex(self._text(table, "network_key", ""))
        except ValueError:
            value = b""
        if len(value) != 32:
            raise self._error("network_key", "must be 64 hex digits, the same on every node")
        return value

    def _cell(self, table: dict[str, Any]) -> int:
        position = table.get("position")
        if position is None:
            return NO_CELL
        try:
            latitude, longitude = position
            return cell_at(float(latitude), float(longitude))
        except (TypeError, ValueError):
            what = "must be [degrees north, degrees east], for example [46.95, 7.45]"
            raise self._error("position", what) from None

    def _country(self, wifi: dict[str, Any]) -> str:
        country = self._text(wifi, "country", "")
        if wifi.get("interface") and not re.fullmatch("[A-Z]{2}", country):
            key = "country" if "country" in wifi else "interface"
            raise self._error(
                key, 'needs country = "DE", two capital letters: which channels are allowed'
            )
        return country

    def _names(self, table: dict[str, Any]) -> tuple[str, ...]:
        names = table.get("names", [])
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
            raise self._error("names", 'must be a list of host names, ["mesh.home.arpa"]')
        return tuple(names)

    def _listen(self, table: dict[str, Any]) -> tuple[str, int]:
        listen = self._text(table.get("web", {}), "listen", "127.0.0.1:8080")
        host, _, port = listen.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise self._error("listen", 'must be ADDRESS:PORT, for example "0.0.0.0:8080"')
        return host, int(port)
