"""helio update: what it refuses before it touches a relay, and what it signs."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.cli import main
from gateway.crypto import ecb
from gateway.errors import UserError
from gateway.update import sign
from shared_protocol import statement
from shared_protocol.ed25519 import verify
from shared_protocol.frame import FrameCipher
from tools.update_archive import pack

CIPHER = FrameCipher(bytes(32), 0, ecb)


@pytest.mark.parametrize("words", [[], ["north", "--all"]])
def test_for_whom_must_be_said(words, tmp_path, capsys):
    assert main(["update", *words, "--data", str(tmp_path)]) == 2
    assert "say for whom: the NODE at the wire, or --all of the mesh" in capsys.readouterr().err


def test_there_must_be_a_network(tmp_path, capsys):
    assert main(["update", "--all", "--data", str(tmp_path)]) == 2
    assert "there is no network in" in capsys.readouterr().err


def test_the_node_must_be_known(tmp_path, capsys):
    data = ["--data", str(tmp_path)]
    assert main(["network", "new", "valley", "--region", "EU", *data]) == 0
    capsys.readouterr()
    assert main(["update", "nobody", *data]) == 2
    assert capsys.readouterr().err.endswith("no node nobody in the registry: helio network list\n")


def test_what_is_signed_holds_and_names_its_pages():
    operator = Ed25519PrivateKey.generate()
    archive = pack({("firmware/main.mpy", 0): bytes(range(256)) * 20})
    text, pages = sign(operator, CIPHER, 9, archive, b"\0\2\0", bytes(range(2, 8)), spread=False)
    sequence, version, flags, node, size, _, first = statement.decode_update(text)
    assert (sequence, version, flags, node) == (9, b"\0\2\0", 0, bytes(range(2, 8)))
    assert (size, first) == (len(archive), statement.page_hash(pages[0]))
    digest = statement.signed_digest(CIPHER, text[:-64])
    public = operator.public_key().public_bytes_raw()
    assert list(verify(public, digest, text[-64:]))[-1] is True


def test_what_no_relay_could_take_is_not_signed():
    with pytest.raises(UserError, match="relays take 131072"):
        sign(Ed25519PrivateKey.generate(), CIPHER, 9, bytes(131073), b"\0\2\0")


def test_the_same_files_are_the_same_archive_in_any_order():
    files = {("b", 0): b"1", ("a", 9): b"2", ("a", 2): b"3"}
    assert pack(files) == pack(dict(reversed(files.items())))
