"""Builds the machine in which radios are emulated: Debian's own kernel and packages.

    python -m tools.emulated_machine.build       (as root; half a minute)

Radios cannot be had in a test, but Debian's stock kernel has `mac80211_hwsim` (Wi-Fi) and
`hci_vhci` (Bluetooth), and QEMU runs it without any help of the processor. Everything comes from
apt and pip; what is built lies in .cache/machine under a hash of this file and of the kernel's
name, so that a second run takes a second.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / ".cache" / "machine"
HOST_PACKAGES = ("qemu-system-x86", "mmdebstrap", "kmod", "e2fsprogs", "cpio", "busybox-static")
SUITE = "bookworm"
GUEST_PACKAGES = (
    "base-files", "base-passwd", "bash", "dash", "coreutils", "findutils", "grep", "sed",
    "hostname", "libc-bin", "login", "mount", "util-linux", "mawk", "ncurses-base", "procps",
    "kmod", "iproute2", "iputils-ping", "curl", "wpasupplicant", "iw", "wireless-regdb",
    "dnsmasq-base", "dbus", "nftables", "bluez", "bluez-test-tools", "python3", "busybox-static",
    "systemd", "udev",
)  # fmt: skip
# Without drbg and its like the kernel drops Bluetooth pairing requests without a word.
DISK_MODULES = ("virtio_pci", "virtio_blk", "ext4", "crc32c_generic")
GUEST_MODULES = (
    "9p", "9pnet_virtio", "virtio_rng", "mac80211_hwsim", "hci_vhci", "uhid", "veth", "nf_tables",
    "algif_hash", "algif_skcipher", "ecdh_generic", "cmac", "ccm", "gcm", "ctr", "ecb", "hmac",
    "aesni_intel", "drbg", "jitterentropy_rng", "sha512_generic", "sha256_generic", "seqiv",
)  # fmt: skip
DISK_BYTES = 500 << 20

_INITRD_INIT = """\
#!/bin/sh
export PATH=/bin
mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev
for m in {modules}; do modprobe $m; done
n=0; while [ ! -b /dev/vda ] && [ $n -lt 200 ]; do sleep 0.05; n=$((n + 1)); done
mount -t ext4 -o rw,noatime /dev/vda /mnt || poweroff -f
mount --move /dev /mnt/dev; umount /proc; umount /sys
exec switch_root /mnt /init
"""

# Users and groups that the packages' scripts would make, and ours, with a number each.
_USERS = {"messagebus": 101, "dnsmasq": 104, "heliograph": 105}
_GROUPS = {
    "messagebus": "", "netdev": "heliograph", "bluetooth": "heliograph", "dnsmasq": "",
    "heliograph": "", "systemd-journal": "", "render": "", "kvm": "", "sgx": "", "input": "",
}  # fmt: skip

_GUEST_INIT = """\
#!/bin/bash
# The first process: systemd if the job wants services, else this script alone.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs tmp /tmp
mount -t tmpfs run /run; mkdir -p /dev/pts /dev/shm /run/dbus /run/lock
mount -t devpts pts /dev/pts; mount -t tmpfs shm /dev/shm
ln -snf /proc/self/fd /dev/fd
ip link set lo up; modprobe virtio_rng
modprobe 9pnet_virtio
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose share /mnt/share
for name in tree site; do
  mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro $name /mnt/$name
done
if [ -e /mnt/share/services ]; then exec /lib/systemd/systemd --unit=job.service; fi
exec /bin/run-job
"""

_RUN_JOB = """\
#!/bin/bash
# Runs /mnt/share/job, leaves its exit code in /mnt/share/exit, switches off.
cd /tmp; setsid -w /bin/bash /mnt/share/job </dev/null; echo $? >/mnt/share/exit
sync; exec busybox poweroff -f
"""

_JOB_UNIT = """\
[Unit]
Requires=dbus.socket
After=dbus.socket
[Service]
ExecStart=/bin/run-job
StandardOutput=tty
TTYPath=/dev/ttyS0
"""


def main() -> None:
    """Print where the machine is."""
    print(build())


def build() -> Path:
    """The folder with `vmlinuz`, `initrd.gz`, `root.ext4` and `site` (wheels); made if need be.

    Needs root. Raises subprocess.CalledProcessError with what apt or a tool said.
    """
    _host_packages()
    kernel = _kernel_package()
    key = hashlib.sha256(Path(__file__).read_bytes() + kernel.encode()).hexdigest()[:16]
    done = CACHE / key
    if done.is_dir():
        return done
    shutil.rmtree(CACHE, ignore_errors=True)  # one machine is enough: it has 300 MB
    CACHE.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="building-", dir=CACHE) as name:
        folder = Path(name)
        out = folder / "out"
        out.mkdir()
        modules = _unpack_kernel(folder, kernel, out)
        _make_initrd(folder, modules, out)
        _make_root(folder, modules, out)
        _run(
            sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check",
            "--target", str(out / "site"), "--python-version", "3.11", "--only-binary=:all:",
            *_wheels(),
        )  # fmt: skip
        out.rename(done)
    return done


def _run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr[-2000:])
        raise subprocess.CalledProcessError(done.returncode, command[:3])
    return done.stdout


def _wheels() -> list[str]:
    """What the gateway needs, as pyproject.toml says."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["pair"]]


def _host_packages() -> None:
    missing = [name for name in HOST_PACKAGES if not _is_installed(name)]
    if missing:
        os.environ["DEBIAN_FRONTEND"] = "noninteractive"
        _run("apt-get", "update", "-qq")
        _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing)


def _is_installed(package: str) -> bool:
    return not subprocess.run(("dpkg", "-s", package), capture_output=True, check=False).returncode


def _kernel_package() -> str:
    """The package behind linux-image-amd64: the cloud flavour has neither Wi-Fi nor Bluetooth."""
    lines = _run("apt-cache", "depends", "linux-image-amd64").splitlines()
    return next(line.split()[-1] for line in lines if "Depends: linux-image-" in line)


class _Modules:
    """The modules of a kernel that was unpacked, copied with all that they need."""

    def __init__(self, tree: Path, version: str) -> None:
        self.tree = tree
        self.version = version
        self.folder = tree / "lib" / "modules" / version

    def copy(self, names: tuple[str, ...], root: Path) -> None:
        """Into another root."""
        target = root / "lib" / "modules" / self.version
        for name in names:
            listed = _run(
                "modprobe", "-d", str(self.tree), "-S", self.version, "--show-depends", name
            )
            for line in listed.splitlines():
                if line.startswith("insmod "):
                    path = Path(line.split()[1]).relative_to(self.folder)
                    (target / path).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(self.folder / path, target / path)
        for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
            shutil.copy(self.folder / name, target / name)
        _run("depmod", "-b", str(root), self.version)


def _unpack_kernel(folder: Path, package: str, out: Path) -> _Modules:
    _run("apt-get", "-o", "APT::Sandbox::User=root", "download", "-qq", package, cwd=folder)
    tree = folder / "kernel"
    _run("dpkg", "-x", str(next(folder.glob("linux-image-*.deb"))), str(tree))
    version = package.removeprefix("linux-image-")
    _run("depmod", "-b", str(tree), version)
    shutil.copy(tree / "boot" / f"vmlinuz-{version}", out / "vmlinuz")
    return _Modules(tree, version)


def _make_initrd(folder: Path, modules: _Modules, out: Path) -> None:
    root = folder / "initrd"
    for name in ("bin", "dev", "proc", "sys", "mnt", "lib"):
        (root / name).mkdir(parents=True)
    busybox = shutil.which("busybox")
    assert busybox is not None  # of the host's packages
    shutil.copy(busybox, root / "bin" / "busybox")
    for name in ("sh", "mount", "umount", "modprobe", "switch_root", "sleep", "poweroff"):
        (root / "bin" / name).symlink_to("busybox")
    modules.copy(DISK_MODULES, root)
    _script(root / "init", _INITRD_INIT.format(modules=" ".join(DISK_MODULES)))
    pack = f"cd '{root}' && find . | cpio -o -H newc --quiet | gzip -1 > '{out / 'initrd.gz'}'"
    _run("sh", "-c", pack)


def _make_root(folder: Path, modules: _Modules, out: Path) -> None:
    """Packages are only unpacked, which takes seconds; what their scripts do is done here."""
    root = folder / "root"
    root.mkdir()
    packed = folder / "root.tar"
    _run(
        "mmdebstrap", "--quiet", "--variant=extract",
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        "--include=" + ",".join(GUEST_PACKAGES),
        '--aptopt=Apt::Install-Recommends "false"', SUITE, str(packed),
    )  # fmt: skip
    _run(
        "tar", "-x", "-C", str(root), "-f", str(packed), "--exclude=./usr/share/man/*",
        "--exclude=./usr/share/doc/*", "--exclude=./usr/share/locale/*", "--exclude=./dev/*",
    )  # fmt: skip
    etc, masters = root / "etc", root / "usr/share/base-passwd"
    users = (masters / "passwd.master").read_text()
    for name, number in _USERS.items():
        users += f"{name}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin\n"
    (etc / "passwd").write_text(users)
    groups = (masters / "group.master").read_text()
    for number, (name, members) in enumerate(_GROUPS.items(), 110):
        groups += f"{name}:x:{_USERS.get(name, number)}:{members}\n"
    (etc / "group").write_text(groups)
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    (etc / "hosts").write_text("127.0.0.1 localhost\n")
    (etc / "hostname").write_text("machine\n")
    (etc / "machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    for name in (
        "var/lib/dbus",
        "mnt/share",
        "mnt/tree",
        "mnt/site",
        "var/lib/bluetooth",
        "var/lib/misc",
        "dev",
    ):
        (root / name).mkdir(parents=True, exist_ok=True)
    _link(root / "usr/bin/awk", "mawk")
    _link(root / "usr/bin/sh", "bash")
    for name in ("regulatory.db", "regulatory.db.p7s"):
        _link(root / "lib/firmware" / name, name + "-debian")
    for name, target in (("run", "/run"), ("lock", "/run/lock")):
        _link(root / "var" / name, target)
    _run("chroot", str(root), "/sbin/ldconfig")
    # the first import of anything takes seconds otherwise
    _run("chroot", str(root), "python3", "-m", "compileall", "-q", "/usr/lib/python3.11")
    modules.copy(GUEST_MODULES, root)
    _script(root / "init", _GUEST_INIT)
    _script(root / "bin" / "run-job", _RUN_JOB)
    units = etc / "systemd" / "system"
    (units / "job.service").write_text(_JOB_UNIT)
    disk = out / "root.ext4"
    with disk.open("wb") as file:
        file.truncate(DISK_BYTES)
    _run("mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-d", str(root), str(disk))


def _link(path: Path, target: str) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
    path.symlink_to(target)


def _script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


if __name__ == "__main__":
    main()
