"""The `helio` command: a table. Each command is a small function, imported only when it is called.

Exit codes: 0 done, 1 it ran and did not succeed, 2 a mistake in what was asked (one line on stderr
says what to do), 130 interrupted.
"""

import argparse
import importlib
import io
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from gateway.errors import UserError

Arguments = list[tuple[tuple[str, ...], Mapping[str, Any]]]

_CARD = (("card",), {"help": "the text of the card, HELIO:…"})
_PORT = (("--port",), {"default": "/dev/ttyUSB0", "help": "serial port of the nearest relay"})
_RELAY = (("--port",), {"help": "serial port of the nearest relay; left out, that of the gateway"})
_NODE = (("node",), {"nargs": "?", "help": "its name or id; left out, the relay on the wire"})
_GATEWAY_NAME = (("--name",), {"help": "of the gateway; left out, that of gateway.toml"})
_YES = (("--yes",), {"action": "store_true", "help": "do not ask"})
_FILE = (("file",), {"help": "age's format, for a passphrase"})
_PASSPHRASE = (
    ("--passphrase-file",),
    {"metavar": "FILE", "help": "its first line; left out, it is typed"},
)
_FIRMWARE = (
    ("--firmware",),
    {"metavar": "PATH", "help": "MicroPython's .bin, or a folder"},
)
_TEXT = (("text",), {"nargs": "*", "help": "what to tell; it must fit one frame"})
_SOME_TEXT = (("text",), {"nargs": "+", "help": "what to tell; it must fit one frame"})
_WHERE = (("--position",), {"metavar": "LAT,LON", "help": "where you are, in degrees: public"})
_SEED = (("--seed",), {"type": int, "default": 1, "help": "of everything random (default 1)"})

# command words, "module:function", help, arguments. Tools are named as text: gateway/ never
# imports tools/, and --help stays quick.
COMMANDS: list[tuple[str, str, str, Arguments]] = [
    ("id", "gateway.commands:identity", "show your contact card, or make your keys",
     [(("--name",), {"help": "what you call yourself"}),
      (("--restore",), {"metavar": "KIT", "help": "be who this kit says; - reads it"}),
      _PASSPHRASE]),
    ("id renew", "gateway.rotation:renew_now", "draw a new prekey before its time", [_YES]),
    ("kit", "gateway.commands:kit", "show your keys, to keep in a safe place or to move",
     [(("--qr",), {"action": "store_true", "help": "draw them as a QR code"}),
      (("--passphrase",), {"action": "store_true", "help": "lock them behind a passphrase"}),
      _PASSPHRASE]),
    ("contact add", "gateway.commands:contact_add", "add somebody by their card",
     [_CARD, (("--name",), {"help": "what you call them"})]),
    ("contact list", "gateway.commands:contact_list", "list your contacts", []),
    ("people announce", "gateway.people_commands:announce", "be in the directory",
     [(("--stop",), {"action": "store_true", "help": "not any more"}),
      (("--new-key",), {"action": "store_true", "help": "change the account's key"}),
      (("--without",), {"metavar": "DEVICE", "help": "remove a device of yours, by its id"}),
      (("--delete",), {"action": "store_true", "help": "the account, for good"}),
      _YES]),
    ("people list", "gateway.people_commands:people", "list who was heard of",
     [(("name",), {"nargs": "?", "help": "how the name begins, or an id"})]),
    ("people add", "gateway.people_commands:add", "make somebody of the directory a contact",
     [(("who",), {"help": "name or id"}), (("--name",), {"help": "what you call them"})]),
    ("board list", "gateway.board_commands:list_board", "list what is told to everybody",
     [(("--search",), {"nargs": "+", "metavar": "WORD", "help": "only what has all of these"}),
      (("--csv",), {"metavar": "FILE", "help": "write a table for spreadsheets; - prints it"})]),
    ("board say", "gateway.board_commands:say", "tell everybody that you are safe",
     [_TEXT, _WHERE]),
    ("board looking", "gateway.board_commands:looking", "tell everybody whom you look for",
     [_SOME_TEXT, _WHERE]),
    ("board sos", "gateway.board_commands:sos", "call everybody for help",
     [_TEXT, (("--need",), {"required": True, "help": "what is needed most",
                            "choices": ["medical", "water", "trapped", "fire", "other"]}),
      _WHERE, (("--battery",), {"type": int, "metavar": "PERCENT", "help": "of your phone"}),
      _YES]),
    ("board cancel", "gateway.board_commands:cancel", "take a notice of yours back, everywhere",
     [(("notice",), {"nargs": "?", "help": "how its id begins; left out, your only one"})]),
    ("board announce", "gateway.board_commands:announce", "announce, as a certified organiser",
     [_SOME_TEXT, _WHERE]),
    ("organiser certify", "gateway.organiser_commands:certify",
     "as operator, let somebody announce to everybody",
     [(("card",), {"help": "the text of their device's card, HELIO:…"}),
      (("--days",), {"type": int, "default": 30, "help": "how long (30, at most 366)"}),
      (("--name",), {"help": "as what they announce; left out, the name in the card"})]),
    ("organiser publish", "gateway.organiser_commands:publish",
     "tell everybody such a certificate",
     [(("certificate",), {"help": "its text, HELIOORG:…, or - for standard input"})]),
    ("send", "gateway.commands:send", "send a text to a contact",
     [(("contact",), {"help": "name or id"}),
      (("text",), {"help": "the text, or - to read it from standard input"})]),
    ("inbox", "gateway.commands:inbox", "list what you received", []),
    ("outbox", "gateway.commands:outbox", "list what you sent, and how far it is", []),
    ("chat", "gateway.commands:chat", "contacts and conversations on this terminal", []),
    ("network new", "gateway.network_commands:new", "make a network; this laptop commands it",
     [(("name",), {"help": "what the network is called"}),
      (("--region",), {"required": True, "help": "EU, US, …: which channels are allowed"}),
      (("--channel",), {"type": int, "default": 6, "help": "of Wi-Fi, for all nodes (6)"})]),
    ("network join", "gateway.network_commands:join", "take part in somebody else's network",
     [(("card",), {"help": "its text, HELIONET:…, or - for standard input"})]),
    ("network show", "gateway.network_commands:show_network", "show the network, or its card",
     [(("--qr",), {"action": "store_true", "help": "the card of a gateway: a secret"}),
      (("--operator",), {"action": "store_true", "help": "the card of the next operator"})]),
    ("network list", "gateway.network_commands:list_nodes", "list the nodes provisioned here", []),
    ("provision", "tools.flash.provision:main", "make a board a node of the network",
     [_PORT, (("--name",), {"help": "for people, at most 24 bytes; made up if left out"}),
      (("--position",), {"metavar": "LAT,LON", "help": "where it will stand, in degrees"}),
      (("--power",), {"choices": ["always", "balanced", "long"], "default": "always",
                      "help": "power profile (always)"}),
      (("--board",), {"help": "name of its board file"}),
      (("--yes",), {"action": "store_true", "help": "do not ask"})]),
    ("labels", "gateway.labels:labels", "write a sheet of labels for the nodes",
     [(("--svg",), {"metavar": "FILE", "help": "to print from a browser"}),
      (("--pdf",), {"metavar": "FILE", "help": "to print from anywhere"})]),
    ("gateway init", "gateway.commands:gateway_init", "write a gateway.toml",
     [_PORT, (("--name",), {"default": "gateway", "help": "name of this gateway"}),
      (("--network-key",), {"help": "64 hex digits; left out, that of `helio network`"}),
      (("--listen",), {"default": "127.0.0.1:8080", "help": "address of the chat page"})]),
    ("gateway run", "gateway.commands:gateway_run", "run the gateway with its chat page", []),
    ("page", "gateway.page_command:page", "the chat page in one file, and its SHA-256",
     [(("--save",), {"metavar": "FILE", "help": "write it"})]),
    ("pair", "gateway.pair_commands:pair", "let phones join the Wi-Fi of this gateway",
     [(("--seconds",), {"type": int, "help": "how long by button or PIN (300)"}),
      (("--accept",), {"action": "store_true", "help": "do not ask before a phone joins"}),
      (("--list",), {"action": "store_true", "help": "show who is connected, open nothing"}),
      (("--print",), {"metavar": "FILE", "dest": "poster",
                      "help": "write a poster, .svg or .pdf, and open nothing"})]),
    ("backhaul status", "gateway.backhaul_commands:backhaul_status",
     "say how this gateway gets on with its hub", []),
    ("backhaul sync", "gateway.backhaul_commands:sync", "push and read all now",
     [(("--wait",), {"type": int, "default": 60, "help": "seconds at most (60)"})]),
    ("backhaul hub", "gateway.backhaul_server:hub", "be the hub of a small fleet",
     [(("--listen",), {"metavar": "ADDRESS:PORT", "help": "where gateways come to "
                       "(127.0.0.1:4222)"}),
      (("--certificate",), {"metavar": "FILE", "help": "for TLS, with --key"}),
      (("--key",), {"metavar": "FILE", "help": "of the certificate"}),
      (("--write-only",), {"action": "store_true", "help": "write its configuration, no more"})]),
    ("export", "gateway.backup:export", "copy a data folder into one file, for a passphrase",
     [_FILE, _PASSPHRASE]),
    ("import", "gateway.backup:restore", "bring such a file into an empty data folder",
     [_FILE, _PASSPHRASE]),
    ("doctor", "gateway.doctor:doctor", "say whether all is well here, and mend what is not",
     [(("--repair",), {"action": "store_true", "help": "mend what can be"})]),
    ("nodes", "gateway.node_list:nodes", "list everybody, and how they were at last", [_RELAY]),
    ("gateway key", "gateway.certificate_commands:key", "what to give the operator to certify",
     [_GATEWAY_NAME]),
    ("gateway certify", "gateway.certificate_commands:certify", "as operator, certify a gateway",
     [(("request",), {"nargs": "?", "help": "of `helio gateway key`, or - for standard input; "
                      "left out, this folder's own gateway"}),
      (("--days",), {"type": int, "default": 365, "help": "how long (365, at most 366)"}),
      _GATEWAY_NAME]),
    ("gateway accept", "gateway.certificate_commands:accept", "keep what the operator certified",
     [(("certificate",), {"help": "its text, HELIOGATE:…, or - for standard input"})]),
    ("login", "gateway.login_commands:login", "log in at an OpenID provider, for a certificate",
     [(("issuer",), {"nargs": "?", "help": "its address; left out, that of gateway.toml"}),
      (("--client-id",), {"metavar": "ID", "help": "as whom the provider knows us (heliograph)"}),
      (("--device",), {"action": "store_true", "help": "by a code, on any screen (the default)"}),
      (("--browser",), {"action": "store_true", "help": "by the browser of this machine"})]),
    ("certificate show", "gateway.certificate_commands:show_badge", "show your certificate",
     [(("--qr",), {"action": "store_true", "help": "as a QR code too"})]),
    ("certificate check", "gateway.certificate_commands:check", "does a certificate hold?",
     [(("certificate",), {"help": "its text, HELIOBADGE:…, or - for standard input"}),
      (("--operator",), {"metavar": "HEX", "help": "public key it must lead to; left out, that "
                         "of this folder's network"})]),
    ("queue", "gateway.inspection:queue", "list what a relay keeps, and why",
     [_NODE, _RELAY, (("--watch",), {"action": "store_true", "help": "again every two seconds"})]),
    ("where", "gateway.inspection:where", "find the pieces of a message on all relays",
     [(("message",), {"help": "8 or more hex digits of its id"}), _RELAY]),
    ("log", "gateway.inspection:log", "show the last lines that a relay noted", [_NODE, _RELAY]),
    ("ping", "gateway.inspection:ping", "see whether a relay answers, and how fast",
     [_NODE, _RELAY, (("--count",), {"type": int, "default": 3, "help": "how often (3)"})]),
    ("trace", "gateway.inspection:trace", "show the way to a relay, hop by hop",
     [(("node",), {"help": "its name or id"}), _RELAY]),
    ("relay status", "gateway.relay_commands:status", "show all that a relay tells of itself",
     [_NODE, _RELAY]),
    ("set", "gateway.relay_commands:change", "change a relay's name, position or power profile",
     [(("node",), {"help": "its name or id, or . for the relay on the wire"}),
      (("settings",), {"nargs": "+", "metavar": "KEY=VALUE",
                       "help": "name=NAME, position=LAT,LON, power=always|balanced|long"}),
      _RELAY]),
    ("reboot", "gateway.relay_commands:reboot", "start a relay again", [_NODE, _RELAY]),
    ("store export", "gateway.relay_commands:export", "copy what a relay keeps into a file",
     [_NODE, (("--file",), {"required": True, "help": "to be made, JSON lines"}), _RELAY]),
    ("store clear", "gateway.relay_commands:clear", "give a relay an empty store",
     [_NODE, _RELAY, _YES]),
    ("relay repl", "gateway.relay_repl:main", "stop a relay and open MicroPython's REPL", [_PORT]),
    ("boards", "tools.flash.boards_command:main", "list the boards we know", []),
    ("boards show", "tools.flash.boards_command:show_board", "what is on a board, and where",
     [(("name",), {"help": "as `helio boards` lists it, or a .toml file"})]),
    ("flash", "tools.flash.command:main", "put MicroPython and our firmware on boards",
     [(("--port",), {"action": "append", "help": "serial port; may be given several times"}),
      (("--all",), {"action": "store_true", "help": "every board that is plugged in"}),
      (("--board",), {"help": "which board it is, or a .toml file"}),
      _FIRMWARE,
      (("--kit",), {"metavar": "DIR", "help": "a kit's folder (or $HELIO_KIT)"}),
      (("--no-provision",), {"action": "store_true", "help": "give no new identity"}),
      (("--no-hello",), {"action": "store_true", "help": "do not wait for its first word"}),
      (("--erase",), {"action": "store_true", "help": "identity and mail too"}),
      (("--yes",), {"action": "store_true", "help": "do not ask"}),
      (("--output",), {"metavar": "FILE", "help": "write the image to a file, to no board"})]),
    ("kit make", "tools.flash.kit:make", "a folder for flashing without the Internet",
     [(("folder",), {"metavar": "DIR", "help": "where"}),
      (("--board",), {"action": "append", "required": True,
                      "help": "for which board; may be given several times"}),
      _FIRMWARE]),
    ("install", "tools.flash.install:main", "let everybody here use the boards' serial ports",
     [(("--dry-run",), {"action": "store_true", "help": "say what it would do"})]),
    ("update", "tools.update:main", "bring this firmware to a relay, or to all of a mesh",
     [(("node",), {"nargs": "?", "help": "name or id of the relay on the wire, for it alone"}),
      (("--all",), {"action": "store_true", "help": "all of the mesh, from that relay on"}),
      _PORT]),
    ("demo", "tools.demo:main", "six relays and two gateways on this machine",
     [(("--once",), {"action": "store_true", "help": "end after the scripted exchange"}),
      (("--absent",), {"action": "store_true", "help": "the receiver's gateway is down at first"}),
      (("--loss",), {"type": float, "default": 0.05, "help": "of frames on the air (0.05)"}),
      (("--size",), {"type": int, "default": 0, "help": "bytes of the message"}),
      (("--relays",), {"type": int, "default": 6, "help": "relays in a line (6)"}),
      (("--keep",), {"metavar": "DIR", "help": "keep flash images, databases and the air here"}),
      _SEED]),
    ("bench", "tools.bench:main", "measure, beside a peer or a limit in the same run",
     [(("name",), {"help": "which: codec, compression, flash, sync, broadcast, unicast, gossip, "
                           "dtn, sim, boards, gateway, backhaul"}),
      (("--full",), {"action": "store_true", "help": "broadcast, dtn, sim: more of it"}),
      (("--trace",), {"metavar": "FILE", "help": "dtn: contacts of people"}),
      (("--seconds",), {"type": int, "help": "gateway: of the steady load (60)"}),
      _SEED]),
    ("sim run", "tools.sim.command:main", "run a scenario with real nodes in virtual time",
     [(("scenario",), {"help": "a TOML file, see docs/SIMULATOR.md"}),
      (("--seed",), {"type": int, "help": "of everything random, instead of the scenario's"}),
      (("--plot",), {"metavar": "FILE.png", "help": "draw deliveries, latency and a map"})]),
]  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """The whole command line, from the table."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON on standard output")
    common.add_argument("--data", metavar="DIR", help="data folder (or $HELIO_DATA)")
    top = argparse.ArgumentParser(
        prog="helio", description="Messaging for when the networks are down."
    )
    groups = {"": top.add_subparsers(metavar="COMMAND", required=True)}
    group_help = {
        "contact": "people you know", "people": "who was heard of",
        "board": "what is told to everybody", "organiser": "who may announce to everybody",
        "gateway": "this gateway", "backhaul": "meshes joined by a hub", "network": "your network",
        "relay": "a relay", "kit": "what one takes to the field", "sim": "the simulator",
        "store": "what a relay keeps", "certificate": "who you are at a provider",
    }  # fmt: skip
    for words, target, text, arguments in COMMANDS:
        *group, name = words.split()
        inside = group[0] if group else ""
        if inside not in groups:
            branch = groups[""].add_parser(inside, help=group_help[inside])
            groups[inside] = branch.add_subparsers(metavar="COMMAND", required=True)
        sub = groups[inside].add_parser(name, help=text, description=text, parents=[common])
        for flags, options in arguments:
            sub.add_argument(*flags, **options)
        sub.set_defaults(target=target)
        if any(other.startswith(f"{words} ") for other, *_ in COMMANDS):
            groups[words] = sub.add_subparsers(metavar="COMMAND")  # boards, and boards show
    return top


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit code."""
    args = parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an ASCII terminal is no reason to fail
    module, _, name = args.target.partition(":")
    try:
        run: Callable[[argparse.Namespace], int] = getattr(importlib.import_module(module), name)
        return run(args)
    except UserError as e:
        message = " ".join(str(e).split())
        error = json.dumps({"error": message}, ensure_ascii=False)
        print(error if args.json else f"helio: {message}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
