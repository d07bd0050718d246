"""helio provision, with what the board's file says of its battery and GPS."""

import argparse
from typing import Any

from gateway import provisioning
from tools.flash.board_file import find_board


def main(args: argparse.Namespace) -> int:
    """helio provision. UserError if there is no board of that name."""
    return provisioning.provision(args, hardware)


def hardware(name: str) -> dict[str, Any]:
    """The fields of a node record that a board has by itself. UserError if there is none such."""
    return find_board(name).hardware()
