"""What a data folder keeps of certificates: the gateway's key and certificate, the person's badge.

certificate.key     32 bytes, the Ed25519 seed with which this gateway signs: for its owner only
gateway.certificate text, what the operator said of that key
badge.txt           text, the certificate of the person of this folder
"""

import contextlib
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import certificate, network
from gateway.errors import UserError
from gateway.wall_clock import moment_in
from shared_protocol.hashing import H

KEY_FILE = "certificate.key"
GATEWAY_FILE = "gateway.certificate"
BADGE_FILE = "badge.txt"
_SEED_LEN = 32
_SALT_LEN = 16


class Certifier:
    """A gateway that its operator has certified. UserError if it is none, or not now."""

    def __init__(self, data: Path) -> None:
        self._key = gateway_key(data)
        self._data = data
        self.checked(moment_in(data).sure_s)

    def checked(self, now_s: int | None) -> certificate.GatewayCertificate:
        """The gateway's own certificate, as it holds now (None: whenever that is). UserError."""
        mine = certificate.check_gateway(self._raw(), operator_of(self._data), now_s)
        if mine.key != public_half(self._key):
            raise UserError(
                f"{self._data / GATEWAY_FILE} is another gateway's: "
                "`helio gateway key`, and ask the operator again"
            )
        return mine

    def _raw(self) -> bytes:
        try:
            return certificate.parse_gateway((self._data / GATEWAY_FILE).read_text())
        except (FileNotFoundError, UnicodeDecodeError):
            raise UserError(
                "this gateway is not certified: `helio gateway key`, and ask the operator"
            ) from None

    def badge(self, account: bytes, issuer: str, subject: str, username: str) -> bytes:
        """A badge that says: the provider at `issuer` knows the holder of this account's key as
        `subject` (hashed here) and calls them `username`. UserError."""
        now = moment_in(self._data)
        mine = self.checked(now.sure_s)
        # A gateway without a clock dates it as early as it can be, so that it ends too early.
        now_s = max(now.unix_s, mine.since_s) if now.sure_s is None else now.unix_s
        until_s = mine.until_s
        salt = H(b"subject-salt", self._key.private_bytes_raw())[:_SALT_LEN]
        hashed = certificate.subject_hash(issuer, subject, salt)
        signed = certificate.sign_account(
            self._key, account, hashed, issuer, username, now_s, until_s
        )
        return certificate.encode_badge(self._raw(), signed)


def gateway_key(data: Path) -> Ed25519PrivateKey:
    """The key with which this folder's gateway signs, made at first need. UserError."""
    path = data / KEY_FILE
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _keep(path, os.urandom(_SEED_LEN), over=False)
        seed = path.read_bytes()
    except OSError as e:
        raise UserError(f"{path} cannot be used now ({e.strerror or e})") from None
    if len(seed) != _SEED_LEN:
        raise UserError(f"{path} is damaged: take it from a copy, or remove it for a new key")
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_half(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of its public key."""
    return key.public_key().public_bytes_raw()


def operator_of(data: Path) -> bytes:
    """The public key of the operator whose network this folder is of. UserError if none."""
    with network.opened(data) as registry:
        return registry.facts.operator


def keep_gateway(data: Path, text: str) -> certificate.GatewayCertificate:
    """Keep the operator's certificate for this gateway, if it is that, durably. UserError."""
    raw = certificate.parse_gateway(text)
    checked = certificate.check_gateway(raw, operator_of(data), moment_in(data).sure_s)
    if checked.key != public_half(gateway_key(data)):
        raise UserError(f"that certificate is for another gateway, {checked.name}")
    keep_text(data / GATEWAY_FILE, certificate.gateway_text(raw))
    return checked


def keep_badge(data: Path, raw: bytes) -> str:
    """Keep the person's badge, in the place of an older one: its text, durable. UserError."""
    text = certificate.badge_text(raw)
    keep_text(data / BADGE_FILE, text)
    return text


def kept_badge(data: Path) -> str:
    """The text of the person's badge. UserError if there is none."""
    try:
        return (data / BADGE_FILE).read_text().strip()
    except (FileNotFoundError, UnicodeDecodeError):
        raise UserError("nobody has logged in here yet: helio login ISSUER") from None


def keep_text(path: Path, text: str) -> None:
    """Write a file of one's own, whole or not at all. UserError if it cannot be."""
    try:
        _keep(path, f"{text}\n".encode(), over=True)
    except OSError as e:
        raise UserError(f"{path} cannot be written ({e.strerror or e})") from None


def _keep(path: Path, content: bytes, over: bool) -> None:
    """Durable when it returns; of two processes that make the same new file, one wins."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(new, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if over:
            new.replace(path)
        else:
            with contextlib.suppress(FileExistsError):
                os.link(new, path)
    finally:
        new.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
