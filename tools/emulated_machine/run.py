"""Runs a job in the emulated machine: boots it, and runs a shell script as root."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.emulated_machine.build import REPOSITORY, build

MEMORY_MB = 768
_KERNEL = "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off tsc=unstable nokaslr"


@dataclass(frozen=True)
class Done:
    """code: the job's exit code, None if the machine ended without one. log: what it printed."""

    code: int | None
    log: str


def run(job: str, share: Path, timeout_s: float, services: bool = False) -> Done:
    """Run a shell script in a fresh machine of two processors without any network.

    In it the repository is /mnt/tree (read-only), Python's packages are on PYTHONPATH, and the
    folder `share` is /mnt/share, where the script may read and write. services: under systemd.
    Raises subprocess.TimeoutExpired.
    """
    machine = build()
    shutil.copytree(machine / "site", share / "site", dirs_exist_ok=True, copy_function=_hard_link)
    head = "export PYTHONPATH=/mnt/tree:/mnt/share/site PYTHONDONTWRITEBYTECODE=1\n"
    (share / "job").write_text(head + job)
    (share / "exit").unlink(missing_ok=True)
    if services:
        (share / "services").touch()
    disk = f"file={machine / 'root.ext4'},if=virtio,format=raw,snapshot=on,cache=unsafe"
    done = subprocess.run(
        (
            "qemu-system-x86_64", "-M", "q35", "-cpu", "Nehalem",
            "-accel", "tcg,thread=multi,tb-size=512", "-smp", "2", "-m", str(MEMORY_MB),
            "-nodefaults", "-no-user-config", "-nographic", "-no-reboot", "-serial", "stdio",
            "-monitor", "none", "-kernel", str(machine / "vmlinuz"),
            "-initrd", str(machine / "initrd.gz"), "-append", _KERNEL, "-drive", disk,
            "-device", "virtio-rng-pci",
            "-virtfs", _folder("share", share, "none"),
            "-virtfs", _folder("tree", REPOSITORY, "none") + ",readonly=on",
        ),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=timeout_s, check=False,
    )  # fmt: skip
    exit_file = share / "exit"
    code = int(exit_file.read_text()) if exit_file.exists() else None
    return Done(code, done.stdout.decode(errors="replace").replace("\r", ""))


def _folder(tag: str, path: Path, security: str) -> str:
    return f"local,path={path},mount_tag={tag},security_model={security},id={tag},multidevs=remap"


def _hard_link(source: str, target: str) -> None:
    Path(target).unlink(missing_ok=True)
    try:
        Path(target).hardlink_to(source)
    except OSError:  # another file system
        shutil.copy(source, target)
