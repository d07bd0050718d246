"""A board: its chip, what is in its flash and where, what its pins do."""

from dataclasses import dataclass
from typing import Any, NamedTuple


class Chip(NamedTuple):
    """A kind of ESP32. name: as esptool prints it. image_id: in the header of each of its images.
    bootloader_at: where in the flash its ROM looks for one. machine_code: mpy-cross's word for it.
    Numbers: ESP-IDF, "App Image Format" and "Bootloader"."""

    name: str
    image_id: int
    bootloader_at: int
    machine_code: str


CHIPS = {
    "esp32": Chip("ESP32", 0, 0x1000, "xtensawin"),
    "esp32s3": Chip("ESP32-S3", 9, 0, "xtensawin"),
    "esp32c3": Chip("ESP32-C3", 5, 0, "rv32imc"),
    "esp32c6": Chip("ESP32-C6", 13, 0, "rv32imc"),
}

# Megabytes of a flash chip, and how an image's header says it.
FLASH_SIZES_MB = {2: 1, 4: 2, 8: 3, 16: 4, 32: 5}

# What runs at the same time. on_demand: ESP-NOW always, BLE only while somebody wants it, because
# both leave the radio's own memory nearly empty; "both" wants PSRAM, or a chip with room to spare.
RADIOS = ("espnow", "ble", "both", "on_demand")

# The partitions that every board has, with the type and subtype they must have: what MicroPython
# and the firmware look for. 0x40 and 0x41 are the first subtypes ESP-IDF leaves to applications.
TYPES = {"app": 0, "data": 1}
SUBTYPES = {"factory": 0x00, "phy": 0x01, "nvs": 0x02, "fat": 0x81, "store": 0x40, "node": 0x41}
REQUIRED = {
    "nvs": ("data", "nvs"),
    "phy_init": ("data", "phy"),
    "factory": ("app", "factory"),
    "vfs": ("data", "fat"),
    "node": ("data", "node"),
    "store": ("data", "store"),
}
TABLE_AT, TABLE_BYTES = 0x8000, 0x1000
SECTOR, APP_ALIGN = 0x1000, 0x10000  # an app is mapped into memory in pages of 64 KB


@dataclass(frozen=True)
class Partition:
    """One line of the flash map. start and size in bytes."""

    label: str
    type: int
    subtype: int
    start: int
    size: int

    @property
    def end(self) -> int:
        return self.start + self.size


@dataclass(frozen=True)
class Board:
    """A board's file. id: the file's name without .toml. battery and gps are {} if it has none."""

    id: str
    name: str
    chip: Chip
    flash_mb: int
    psram_mb: int
    micropython: str
    least_version: tuple[int, ...]
    radio: str
    partitions: tuple[Partition, ...]
    pins: dict[str, int]
    battery: dict[str, Any]
    gps: dict[str, int]
    notes: tuple[str, ...]

    def hardware(self) -> dict[str, Any]:
        """What a node record says of this board: "battery", "gps", where it has them."""
        parts = {"battery": self.battery, "gps": self.gps}
        return {name: how for name, how in parts.items() if how}

    def partition(self, label: str) -> Partition:
        """The partition of this label; one of REQUIRED."""
        return next(p for p in self.partitions if p.label == label)


def version(text: str) -> tuple[int, ...]:
    """ "1.23" as (1, 23, 0)."""
    numbers = [int(n) for n in text.split(".")]
    return tuple(numbers + [0] * (3 - len(numbers)))
