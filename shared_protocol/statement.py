"""Operator statements, and the frames by which they and updates travel (SPEC.md 11).

statement   kind 1 (1: beacon.UPDATE) | sequence 4 | content | Ed25519 signature 64
manifest    version 3 | flags 1 | node 6 | size 3 | SHA-256 32 | hash of page 0: 8
            the content of a statement of kind 1, an update
page        hash of the next page 8 | at most 1,848 bytes of the archive
extended    1 | statement
            2 | last 3 bytes of the address asked | kind 1 | sequence 4 | page 1 | missing 1
            3 | sequence 4 | page 1 | chunk 1 | at most 232 bytes of the page
"""

import struct

from shared_protocol.errors import DecodeError
from shared_protocol.frame import CHUNK, REQUEST
from shared_protocol.hashing import H

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shared_protocol.frame import FrameCipher

    # Plain tuples: a relay would pay half a kilobyte for each with names.
    Manifest = tuple[bytes, int, bytes, int, bytes, bytes]

SIGNATURE_LEN, _HEAD_LEN = 64, 5
STATEMENT_MAX = 238  # bytes: one frame
SPREAD = 1  # flag of a manifest: hand it on, for the update is not for one node at the wire alone
EVERYBODY = bytes(6)  # node of a manifest that is for all
_MANIFEST = "!3sB6s3s32s8s"
_MANIFEST_LEN = 53

CHUNK_LEN, CHUNKS = 232, 8  # what fits one frame; one bit each in a byte
HASH_LEN = 8
PAGE_LEN = CHUNK_LEN * CHUNKS  # a relay has this much in one piece, and not much more
PAGE_DATA = PAGE_LEN - HASH_LEN
ARCHIVE_MAX = 131_072  # beside two slots, in the file system of a 4 MB board
NO_PAGE = 255  # asked for: the statement itself


def encode_statement(kind: int, sequence: int, content: bytes, signature: bytes) -> bytes:
    """A statement; with an empty signature what signed_digest() wants."""
    return struct.pack("!BI", kind, sequence) + content + signature


def decode_statement(data: bytes) -> tuple[int, int, bytes, bytes]:
    """(kind, sequence, content, signature); DecodeError if it cannot be one. Nothing is said
    about its signature."""
    if not _HEAD_LEN + SIGNATURE_LEN <= len(data) <= STATEMENT_MAX:
        raise DecodeError("statement length")
    kind, sequence = struct.unpack("!BI", data[:_HEAD_LEN])
    data = bytes(data)
    return kind, sequence, data[_HEAD_LEN:-SIGNATURE_LEN], data[-SIGNATURE_LEN:]


def signed_digest(cipher: "FrameCipher", unsigned: bytes) -> bytes:
    """The 32 bytes that the operator signs: of this network and epoch only.

    A digest, so that verifying takes one block of SHA-512 (ed25519.py).
    """
    return H(b"statement", cipher.short_id_key, bytes((cipher.epoch,)), unsigned)


def encode_manifest(m: "Manifest") -> bytes:
    """The content of an update's statement."""
    version, flags, node, size, digest, first = m
    return struct.pack(_MANIFEST, version, flags, node, size.to_bytes(3, "big"), digest, first)


def decode_manifest(content: bytes) -> "Manifest":
    """(version, flags, node, size of the archive, its SHA-256, hash of its first page). A later
    version may say more behind it. DecodeError if it is none, or no relay could take it."""
    if len(content) < _MANIFEST_LEN:
        raise DecodeError("manifest too short")
    version, flags, node, packed, digest, first = struct.unpack(_MANIFEST, content[:_MANIFEST_LEN])
    size = int.from_bytes(packed, "big")
    if not 0 < size <= ARCHIVE_MAX:
        raise DecodeError("archive size")
    return version, flags, node, size, digest, first


def page_count(size: int) -> int:
    """Pages of an archive of so many bytes."""
    return (size + PAGE_DATA - 1) // PAGE_DATA


def page_len(size: int, page: int) -> int:
    """Bytes of one page of it."""
    return HASH_LEN + min(PAGE_DATA, size - page * PAGE_DATA)


def page_hash(page: bytes) -> bytes:
    """What the page before it, or the manifest, says of it."""
    return H(b"page", page)[:HASH_LEN]


def cut_archive(archive: bytes) -> tuple[bytes, list[bytes]]:
    """An archive to (hash of its first page, pages): each names the next, the last says zeros."""
    following = bytes(HASH_LEN)
    pages: list[bytes] = []
    for at in range((page_count(len(archive)) - 1) * PAGE_DATA, -1, -PAGE_DATA):
        pages.insert(0, following + archive[at : at + PAGE_DATA])
        following = page_hash(pages[0])
    return following, pages


def encode_request(tail: bytes, kind: int, sequence: int, page: int, missing: int) -> bytes:
    """An EXTENDED body that asks one neighbour. missing: bit i for chunk i."""
    return struct.pack("!B3sBIBB", REQUEST, tail, kind, sequence, page, missing)


def decode_request(body: bytes) -> tuple[bytes, int, int, int, int]:
    """The inverse; DecodeError if it is cut short."""
    if len(body) < 11:
        raise DecodeError("request too short")
    tail, kind, sequence, page, missing = struct.unpack("!3sBIBB", body[1:11])
    return tail, kind, sequence, page, missing


def encode_chunk(sequence: int, page: int, chunk: int, data: bytes) -> bytes:
    """An EXTENDED body with a part of a page."""
    return struct.pack("!BIBB", CHUNK, sequence, page, chunk) + data


def decode_chunk(body: bytes) -> tuple[int, int, int, bytes]:
    """(sequence, page, chunk, data); DecodeError if it cannot be one."""
    if not 7 < len(body) <= 7 + CHUNK_LEN or body[6] >= CHUNKS:
        raise DecodeError("chunk")
    sequence, page, chunk = struct.unpack("!IBB", body[1:7])
    return sequence, page, chunk, body[7:]
