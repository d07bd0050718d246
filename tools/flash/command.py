"""`helio flash`: MicroPython and our code onto boards, and an identity for those without one."""

import argparse
import os
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gateway.commands import data_dir, show
from gateway.errors import UserError
from tools.flash import identity, ports
from tools.flash.board import Board
from tools.flash.board_file import find_board
from tools.flash.build import Builder
from tools.flash.firmware_source import Source
from tools.flash.hello import WAIT_S
from tools.flash.job import Done, Wishes, flash
from tools.flash.progress import Bar, Progress

_THREADS = 16  # boards on one hub


def main(args: argparse.Namespace) -> int:
    """Flash one board, or several side by side, or write the image to a file."""
    builder = Builder(source(args))
    if args.output:
        return _to_file(args, builder)
    if args.board:
        builder.build(find_board(args.board))  # what is wrong here is said before a board is held
    chosen = ports.choose(args.port or [], args.all)
    alone = len(chosen) == 1
    _ask_before_erasing(args, chosen)
    wishes = Wishes(
        data_dir(args), builder, args.board, args.erase, not args.no_provision, not args.no_hello,
        ports.ask if alone and sys.stdin.isatty() else None,
    )  # fmt: skip
    if alone:
        done = _one(chosen[0], wishes)
        show(args, done.as_json(), _text(done))
        return 1 if done.asked_hello and done.hello is None else 0
    return _several(args, chosen, wishes)


def source(args: argparse.Namespace) -> Source:
    """Where MicroPython comes from: --firmware, --kit or $HELIO_KIT, else the data folder."""
    kit = args.kit or os.environ.get("HELIO_KIT")
    if kit and not Path(kit).is_dir():
        raise UserError(f"there is no kit {kit}: `helio kit make {kit} --board …` makes one")
    return Source(
        data_dir(args), Path(args.firmware) if args.firmware else None, Path(kit) if kit else None
    )


def _ask_before_erasing(args: argparse.Namespace, chosen: list[str]) -> None:
    if not args.erase or args.yes:
        return
    lost = f"--erase loses who the relay on {', '.join(chosen)} is, and the mail it holds"
    if not sys.stdin.isatty():
        raise UserError(f"{lost}: say --yes")
    print(f"{lost}. Type yes: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != "yes":
        raise UserError("nothing was done")


def _one(port: str, wishes: Wishes) -> Done:
    progress = Progress()
    try:
        return flash(port, wishes, Bar(progress, port))
    finally:
        progress.clear()


def _several(args: argparse.Namespace, chosen: list[str], wishes: Wishes) -> int:
    """Side by side; what goes wrong with one board is no reason for the others to stop."""
    progress = Progress()
    with ThreadPoolExecutor(min(_THREADS, len(chosen))) as pool:
        jobs = {port: pool.submit(flash, port, wishes, Bar(progress, port)) for port in chosen}
    progress.clear()
    results = {port: _result(job) for port, job in jobs.items()}
    done = [r for r in results.values() if isinstance(r, Done)]
    failed = [str(r) for r in results.values() if isinstance(r, UserError)]
    rows: list[dict[str, Any]] = [
        r.as_json() if isinstance(r, Done) else {"port": port, "error": str(r)}
        for port, r in results.items()
    ]
    show(args, rows, "\n".join(_text(d) for d in done) or "no board was flashed")
    sys.stdout.flush()
    if failed:
        raise UserError(
            f"{len(failed)} of {len(chosen)} not flashed, run the same again: {'; '.join(failed)}"
        )
    return 1 if any(d.asked_hello and d.hello is None for d in done) else 0


def _result(job: "Future[Done]") -> Done | UserError:
    try:
        return job.result()
    except UserError as e:
        return e


def _to_file(args: argparse.Namespace, builder: Builder) -> int:
    """The image as a file, which holds no key: for another tool, or to look at."""
    if not args.board:
        raise UserError("--output wants a --board: `helio boards` lists them")
    board = find_board(args.board)
    built = builder.build(board)
    write_file(Path(args.output), built.image)
    at = board.chip.bootloader_at
    value = {"file": args.output, "board": board.id, "at": at, "bytes": len(built.image),
             "micropython": built.micropython}  # fmt: skip
    show(args, value, f"{args.output}: {len(built.image)} bytes for {board.id}, at {at:#x}")
    return 0


def write_file(path: Path, content: bytes) -> None:
    """Write a whole file, or say why not and leave nothing."""
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_bytes(content)
        partial.rename(path)
    except OSError as e:
        partial.unlink(missing_ok=True)
        raise UserError(f"{path} cannot be written: {e.strerror}") from None


def _text(done: Done) -> str:
    board: Board = done.board
    how = "written and verified" if done.written else "was on it already"
    lines = [
        f"{done.port}: {board.name}, {done.found.mac}: MicroPython {done.micropython} and our"
        f" code, {done.bytes} bytes, {how}",
        f"  {_who(done.who)}",
    ]
    if done.asked_hello:
        lines.append(f"  {_hello(done.hello)}")
    return "\n".join(lines)


def _who(who: identity.Identity) -> str:
    if who.state == identity.NONE:
        return "it has no identity yet: `helio provision` gives it one"
    who_it_is = f"{who.name}, {who.node}"
    if who.state == identity.NEW:
        return f"it is now {who_it_is}"
    return f"it stays {who_it_is}{', ' + who.doubt if who.doubt else ''}"


def _hello(said: dict[str, Any] | None) -> str:
    if said is None:
        return f"it has said nothing for {WAIT_S} s: press RESET, then `helio relay status`"
    if "error" in said:
        return f"it runs, and does not take part: {said['error']}"
    return f"it says hello: {said['name']}, firmware {said['firmware']}"
