"""Scenes with real Wi-Fi software, in the emulated machine. Root: for apt and the disk's image."""

import os
from pathlib import Path

import pytest

from tools.emulated_machine.run import run

pytestmark = pytest.mark.system
TIMEOUT_S = 400


@pytest.mark.parametrize("scene", ["wifi_scene", "wifi_troubles", "service_scene"])
def test_a_scene(scene: str, tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("needs root: sudo make system-test")
    job = f"timeout {TIMEOUT_S - 30} python3 /mnt/tree/tests/machine/{scene}.py\n"
    done = run(job, tmp_path, TIMEOUT_S, services=scene == "service_scene")
    print(done.log)
    assert done.code == 0, done.log[-6000:]
