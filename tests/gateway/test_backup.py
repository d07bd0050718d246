"""helio export and import: everything comes back, nothing is opened without the passphrase."""

import io
import json
import tarfile

import pytest

from gateway.backup import open_sealed, pack, seal, unpack
from gateway.cli import main
from gateway.desk import Desk
from gateway.errors import UserError

PHRASE = "correct horse battery"


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "ana"
    desk = Desk(folder)
    desk.create_identity("Ana")
    (folder / "gateway.toml").write_text('name = "hut"\n')
    (folder / "gateway.lock").write_text("")
    yield folder, desk  # open, as under a running gateway: what was written is in the log still
    desk.close()


@pytest.fixture
def phrase(tmp_path):
    path = tmp_path / "phrase"
    path.write_text(PHRASE + "\n")
    return str(path)


def helio(capsys, *words):
    code = main([*words, "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else None, err


def test_a_folder_comes_back_as_it_was(capsys, tmp_path, home, phrase):
    folder, desk = home
    file, again = str(tmp_path / "ana.age"), tmp_path / "deep" / "again"
    code, said, _ = helio(capsys, "export", file, "--passphrase-file", phrase, "--data",
                          str(folder))  # fmt: skip
    assert (code, said["file"]) == (0, file)
    sealed = (tmp_path / "ana.age").read_bytes()
    assert sealed.startswith(b"age-encryption.org/v1")
    assert desk.identity().signing.private_bytes_raw() not in sealed
    code, said, _ = helio(capsys, "import", file, "--passphrase-file", phrase, "--data",
                          str(again))  # fmt: skip
    assert (code, said["files"]) == (0, ["gateway.toml", "heliograph.db"])
    assert again.stat().st_mode & 0o077 == 0
    assert (again / "gateway.toml").read_text() == 'name = "hut"\n'
    other = Desk(again)
    assert other.me() == desk.me()
    other.close()


def test_neither_an_old_file_nor_a_full_folder_is_touched(capsys, tmp_path, home, phrase):
    folder, _ = home
    file = tmp_path / "ana.age"
    file.write_bytes(b"mine")
    code, _, err = helio(capsys, "export", str(file), "--passphrase-file", phrase, "--data",
                         str(folder))  # fmt: skip
    assert (code, "exists already" in err) == (2, True)
    assert file.read_bytes() == b"mine"
    code, _, err = helio(capsys, "import", str(file), "--passphrase-file", phrase, "--data",
                         str(folder))  # fmt: skip
    assert (code, "is not empty" in err) == (2, True)


def test_a_short_passphrase_is_refused(capsys, tmp_path, home):
    (tmp_path / "short").write_text("ninechars")
    file = tmp_path / "ana.age"
    code, _, err = helio(capsys, "export", str(file), "--passphrase-file",
                         str(tmp_path / "short"), "--data", str(home[0]))  # fmt: skip
    assert (code, "fewer than 10" in err, file.exists()) == (2, True, False)


def test_another_passphrase_and_an_altered_file_are_refused(home):
    sealed = seal(pack(home[0]), PHRASE)
    for wrong, phrase in (
        (sealed, "another passphrase"),
        (sealed[:-1] + bytes([sealed[-1] ^ 1]), PHRASE),
        (b"junk", PHRASE),
    ):
        with pytest.raises(UserError, match="wrong passphrase, or not a file"):
            open_sealed(wrong, phrase)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "sub/evil"])
def test_an_archive_writes_nowhere_else(tmp_path, name):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(UserError, match="no export of Heliograph"):
        unpack(out.getvalue(), tmp_path / "here")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_database_is_not_brought_in(tmp_path, home):
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(pack(home[0])), mode="r:gz") as old:
        content = bytearray(old.extractfile("heliograph.db").read())
    content[4096:8192] = bytes(4096)
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("heliograph.db")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    with pytest.raises(UserError, match="is damaged"):
        unpack(out.getvalue(), tmp_path / "here")
    assert not (tmp_path / "here").exists()
