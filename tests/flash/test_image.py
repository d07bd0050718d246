"""Partition table, MicroPython's .bin, and all of a board as one image."""

import struct
from pathlib import Path

import pytest
from esptool.bin_image import LoadFirmwareImage
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UserError
from tests.flash.standin_image import standin_bin
from tools.flash.app_image import image_at, take_apart
from tools.flash.board import CHIPS, TABLE_AT, Board, Partition
from tools.flash.board_file import find_board
from tools.flash.filesystem import make_filesystem
from tools.flash.firmware_source import Source
from tools.flash.merge import merge, with_record
from tools.flash.partitions import NoTable, read_table, write_table

BOARDS = {"esp32": "esp32-devkitc", "esp32s3": "esp32s3-devkitc", "esp32c3": "esp32c3-supermini",
          "esp32c6": "esp32c6-devkitc"}  # fmt: skip

partitions = st.lists(
    st.builds(
        Partition,
        st.text("abcdefgh_", min_size=1, max_size=15),
        st.integers(0, 255), st.integers(0, 255),
        st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1),
    ),
    max_size=30,
)  # fmt: skip


@given(partitions)
def test_a_table_reads_back(table):
    assert read_table(write_table(table)) == table


@given(partitions.filter(len), st.data())
def test_a_damaged_table_is_none(table, data):
    written = bytearray(write_table(table))
    at = data.draw(st.integers(0, 32 * len(table) + 31))
    written[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(NoTable):
        read_table(bytes(written))


def test_a_table_byte_by_byte():
    written = write_table([Partition("store", 1, 0x40, 0x280000, 0x180000)])
    line = "aa50 01 40 00002800 00001800 73746f7265" + "00" * 11 + "00000000"
    assert written[:32] == bytes.fromhex(line)
    assert written[32:48] == b"\xeb\xeb" + b"\xff" * 14
    assert written[64:] == b"\xff" * (0xC00 - 64)


@pytest.mark.parametrize("chip", CHIPS)
def test_esptool_accepts_what_is_taken_apart_and_merged(tmp_path, chip):
    board = find_board(BOARDS[chip])
    parts = take_apart("x.bin", standin_bin(chip), board)
    assert parts.version == "v1.26.1"
    image = merge(board, parts, make_filesystem({}, board.partition("vfs").size))
    assert len(image) == 0x27E000 - CHIPS[chip].bootloader_at
    for at, part in ((0, parts.bootloader), (0x10000 - CHIPS[chip].bootloader_at, parts.app)):
        assert image[at : at + len(part)] == part
        path = tmp_path / "part.bin"
        path.write_bytes(image_at(image, at))
        loaded = LoadFirmwareImage(chip, str(path))
        assert loaded.checksum == loaded.calculate_checksum()
        assert loaded.stored_digest == loaded.calc_digest
        assert loaded.chip_id == CHIPS[chip].image_id
    assert loaded.flash_size_freq >> 4 == 2  # 4 MB, in the stand-in
    assert image[3] >> 4 == {4: 2, 8: 3}[board.flash_mb]
    table = read_table(image[TABLE_AT - CHIPS[chip].bootloader_at :])
    assert tuple(table) == board.partitions


def devkitc() -> Board:
    return find_board("esp32-devkitc")


def spoiled(at: int) -> bytes:
    data = bytearray(standin_bin())
    data[at] ^= 0xFF
    return bytes(data)


APP = 0x10000 - 0x1000
BAD = [
    (standin_bin("esp32c3"), "x is for ESP32-C3, and esp32-devkitc has an ESP32"),
    (standin_bin(version="v1.22.2"), "x is MicroPython v1.22.2: esp32-devkitc wants 1.23.0 or"),
    (standin_bin(version="mine"), "x does not say which version of MicroPython it is, but 'mine'"),
    (standin_bin(project="tasmota"), "x is not MicroPython: it calls itself tasmota"),
    (standin_bin(app_bytes=0x1F1000), "x does not fit: its application has 2035648 bytes, there"),
    (standin_bin()[:-1000], "x is cut short"),
    (standin_bin()[: APP + 30], "x is cut short"),
    (standin_bin()[:10], "x is no image for an ESP32"),
    (b"PK" + bytes(5000), "x is no image for an ESP32"),
    (standin_bin()[:0x4000], "x is not whole: take the .bin that goes with a new board"),
    (standin_bin()[APP:], "x is not whole: take the .bin that goes with a new board"),
    (spoiled(APP + 5000), "x is damaged: its checksum does not hold"),
    (spoiled(1000), "x is damaged: its checksum does not hold"),
    (spoiled(APP + 4), "x is damaged: its SHA-256 does not hold"),
    (spoiled(APP + 32), "x is damaged: its checksum does not hold"),
]


@pytest.mark.parametrize(("data", "said"), BAD)
def test_what_is_no_micropython_for_this_board_is_refused(data, said):
    with pytest.raises(UserError) as refused:
        take_apart("x", data, devkitc())
    assert str(refused.value).startswith(said)


def test_an_application_without_description():
    data = bytearray(standin_bin())
    start = APP + 32
    magic = struct.unpack_from("<I", data, start)[0]
    assert magic == 0xABCD5432
    # Two bits, once in each of two bytes: the checksum stays, the SHA-256 is left out.
    data[start] ^= 1
    data[start + 100] ^= 1
    data[APP + 23] = 0
    with pytest.raises(UserError, match="it has no application description"):
        take_apart("x", bytes(data), devkitc())


def test_a_record_comes_right_after_the_image_and_a_file_never_has_it():
    board = devkitc()
    image = merge(board, take_apart("x", standin_bin(), board), b"")
    record = b"HNR1" + bytes(100)
    whole = with_record(board, image, record)
    assert whole[: len(image)] == image
    assert whole[len(image) :] == record.ljust(0x2000, b"\xff")


def test_the_newest_of_a_folder_and_only_this_build(tmp_path):
    for version in ("1.25.0", "1.26.1", "1.9.4"):
        name = f"ESP32_GENERIC-20250911-v{version}.bin"
        (tmp_path / name).write_bytes(standin_bin(version=f"v{version}"))
    (tmp_path / "ESP32_GENERIC-SPIRAM-20990101-v9.9.9.bin").write_bytes(b"not this build")
    (tmp_path / "ESP32_GENERIC_S3-20990101-v9.9.9.bin").write_bytes(b"nor this")
    path, parts = Source(tmp_path, tmp_path).find(devkitc())
    assert parts.version == "v1.26.1"
    assert path.name == "ESP32_GENERIC-20250911-v1.26.1.bin"


@pytest.fixture
def cached(tmp_path) -> Path:
    """A data folder whose cache has MicroPython."""
    from tools.flash.firmware_source import keep

    folder = tmp_path / "firmware"
    folder.mkdir()
    path = folder / "ESP32_GENERIC-v1.28.0.bin"
    path.write_bytes(standin_bin(version="v1.28.0"))
    keep(path, devkitc())
    return path


def test_the_cache_is_used_and_checked(tmp_path, cached):
    assert Source(tmp_path).find(devkitc())[0] == cached
    other = standin_bin(version="v1.28.1")  # sound, but not what was put there
    cached.write_bytes(other)
    with pytest.raises(UserError, match="is not what it was when it was put there: delete it"):
        Source(tmp_path).find(devkitc())


def test_without_internet_one_line_says_what_to_do(tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody is there
    with pytest.raises(UserError) as refused:
        Source(tmp_path).find(devkitc())
    assert str(refused.value) == (
        "no ESP32_GENERIC-v1.28.0.bin here, and micropython.org cannot be reached:"
        " give --firmware FILE, or a kit (--kit DIR)"
    )
    assert list(tmp_path.iterdir()) == []
