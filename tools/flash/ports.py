"""Which serial ports have a board on them."""

import sys

from serial.tools import list_ports

from gateway.errors import UserError

# USB vendors of what is between a board and the wire.
VENDORS = {
    0x10C4: "Silicon Labs CP210x",
    0x1A86: "WCH CH340 or CH9102",
    0x0403: "FTDI",
    0x303A: "Espressif, the chip's own USB",
}


def boards_on_usb() -> list[str]:
    """Ports with a bridge, or chip, that ESP32 boards have; in the order of their names."""
    return sorted(port.device for port in list_ports.comports() if port.vid in VENDORS)


def choose(named: list[str], every: bool) -> list[str]:
    """The ports to use: those named, or every one there is, or the only one. UserError if none.

    With several and nobody having said which, asks on a terminal.
    """
    ports = list(dict.fromkeys(named)) or boards_on_usb()
    if not ports:
        raise UserError("no board found: plug one in with a data cable, or name its --port")
    if len(ports) == 1 or every or named:
        return ports
    if not sys.stdin.isatty():
        raise UserError(f"several boards: say --all, or one --port of {', '.join(ports)}")
    return [ask("Which port?", ports)]


def ask(question: str, answers: list[str]) -> str:
    """Let the person at the terminal choose one, by its number. UserError if they do not."""
    print("\r\x1b[K", end="", file=sys.stderr)  # the progress line
    for number, answer in enumerate(answers, 1):
        print(f"{number:3}  {answer}", file=sys.stderr)
    print(f"{question} 1 to {len(answers)}: ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline().strip()
    if not line.isdigit() or not 1 <= int(line) <= len(answers):
        raise UserError("nothing was done")
    return answers[int(line) - 1]
