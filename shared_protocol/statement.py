"""Operator statements, and the frames by which they and updates travel (SPEC.md 12).

    statement   kind 1 (1: beacon.UPDATE) | sequence 4 | content | Ed25519 signature 64
    update      version 3 | flags 1 | node 6 | size 3 | SHA-256 32 | hash of page 0: 8
                the content of a statement of kind 1
    page        hash of the next page 8 | at most 1,848 bytes of the archive
    extended    1 | statement
                2 | last 3 bytes of the address asked | kind 1 | sequence 4 | page 1 | missing 1
                3 | sequence 4 | page 1 | chunk 1 | at most 232 bytes of the page

A relay pays some 200 bytes of heap for each function, half a kilobyte for a named tuple: so the
short frames are struct formats, and an update is decoded in one go.
"""

import hashlib
import struct

from shared_protocol.errors import DecodeError
from shared_protocol.hashing import H

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shared_protocol.frame import FrameCipher

    Update = tuple[int, bytes, int, bytes, int, bytes, bytes]

SIGNATURE_LEN = 64
STATEMENT_MAX = 238  # bytes: one frame
SPREAD = 1  # flag of an update: hand it on, for it is not for one node at the wire alone
EVERYBODY = bytes(6)  # node of an update that is for all
_UPDATE = "!BI3sB6s3s32s8s"
_UPDATE_LEN = 58
REQUEST = "!B3sBIBB"  # sort, tail, kind, sequence, page, missing: bit i for chunk i
REQUEST_LEN = 11
CHUNK = "!BIBB"  # sort, sequence, page, chunk; then the bytes
CHUNK_HEAD = 7

CHUNK_LEN, CHUNKS = 232, 8  # what fits one frame; one bit each in a byte
HASH_LEN = 8
PAGE_LEN = CHUNK_LEN * CHUNKS  # a relay has this much in one piece, and not much more
PAGE_DATA = PAGE_LEN - HASH_LEN
ARCHIVE_MAX = 131_072  # beside two slots, in the file system of a 4 MB board
NO_PAGE = 255  # asked for: the statement itself


def signed_digest(cipher: "FrameCipher", unsigned: bytes) -> bytes:
    """The 32 bytes that the operator signs for a statement without its signature: they are of
    this network and epoch only. A digest, so that verifying takes one block of SHA-512."""
    return H(b"statement", cipher.short_id_key, bytes((cipher.epoch,)), unsigned)


def encode_update(update: "Update") -> bytes:
    """An update's statement, in the order of decode_update(), but for its signature."""
    sequence, version, flags, node, size, digest, first = update
    packed = size.to_bytes(3, "big")
    return struct.pack(_UPDATE, 1, sequence, version, flags, node, packed, digest, first)


def decode_update(text: bytes) -> "Update":
    """(sequence, version, flags, node, size of the archive, its SHA-256, hash of its first page).

    A later version may say more behind it. Nothing is said about the signature, the last 64 bytes.
    DecodeError if it is no update's statement, or no relay could take it.
    """
    if not _UPDATE_LEN + SIGNATURE_LEN <= len(text) <= STATEMENT_MAX:
        raise DecodeError("statement length")
    kind, sequence, version, flags, node, packed, digest, first = struct.unpack(
        _UPDATE, text[:_UPDATE_LEN]
    )
    size = int.from_bytes(packed, "big")
    if kind != 1 or not 0 < size <= ARCHIVE_MAX:
        raise DecodeError("no update")
    return sequence, version, flags, node, size, digest, first


def page_len(size: int, page: int) -> int:
    """Bytes of one page of an archive of so many bytes; 0 behind its end."""
    left = size - page * PAGE_DATA
    return HASH_LEN + min(PAGE_DATA, left) if left > 0 else 0


def page_hash(page: bytes | bytearray) -> bytes:
    """What the page before it, or the statement, says of it: H("page", page), which would copy
    the page twice."""
    digest = hashlib.sha256(b"helio1/page\0")
    digest.update(page)
    return digest.digest()[:HASH_LEN]


def cut_archive(archive: bytes) -> tuple[bytes, list[bytes]]:
    """An archive to (hash of its first page, pages): each names the next, the last says zeros."""
    following = bytes(HASH_LEN)
    pages: list[bytes] = []
    for at in range((len(archive) - 1) // PAGE_DATA * PAGE_DATA, -1, -PAGE_DATA):
        pages.insert(0, following + archive[at : at + PAGE_DATA])
        following = page_hash(pages[0])
    return following, pages
