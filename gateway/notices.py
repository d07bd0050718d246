"""Notices: what somebody tells the whole network, signed and in one frame (SPEC.md 16).

    first byte  version 4 bits | type 4 bits      SOS, safe, looking for, announcement
    flags 1     1, 4: how the text is packed (6.1) | 2 place | 8 battery | need << 4
    time 4 | device Ed25519 32 | name length 1 | name | [latitude 4 | longitude 4] | [battery 1]
    text | signature 64

The signature covers the parcel's head as well, so nobody can put a notice under another message
id: only its author, who drew the token, has what cancels it, and only that one parcel is it.
"""

import hashlib
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.compression import compress, decompress
from gateway.dictionary import Unreadable
from gateway.errors import UserError
from gateway.identity import NAME_MAX, spaced
from gateway.sealing import FRAME_PAYLOAD
from shared_protocol import parcel, receipt
from shared_protocol.lifetime import NORMAL, lifetime_code
from shared_protocol.lifetime import SOS as SOS_PRIORITY
from shared_protocol.parcel_fields import second_byte

KIND = 4  # of the parcel
SOS, SAFE, LOOKING, ANNOUNCEMENT, CERTIFICATE = 1, 2, 3, 4, 5
TYPES = {SOS: "sos", SAFE: "safe", LOOKING: "looking", ANNOUNCEMENT: "announcement"}
NEEDS = ("", "medical", "water", "trapped", "fire", "other")
TEXT_MAX = 1000  # bytes, unpacked
_DAY_S = 86_400
CODES = {SOS: lifetime_code(2 * _DAY_S)}  # how long a notice lives
CODE, CODE_MAX = lifetime_code(3 * _DAY_S), lifetime_code(7 * _DAY_S)
DEGREE = 1_000_000  # places are in millionths of a degree, 11 cm
_VERSION = 1
_PACKED, _PLACE, _BATTERY, _NEED = 1 | 4, 2, 8, 4
_HEAD = struct.Struct("!BBI32sB")  # version and type, flags, time, device, length of the name
_PLACE_FIELDS = struct.Struct("!ii")
_SIGNATURE_LEN = 64
_DOMAIN = b"helio1/notice\0"


class NoticeError(Exception):
    """Not a notice, or not one that its device has signed. newer: of a later Heliograph."""

    def __init__(self, why: str, newer: bool = False) -> None:
        super().__init__(why)
        self.newer = newer


@dataclass(frozen=True)
class Notice:
    """What somebody tells everybody.

    type: a key of TYPES. unix_s: when, by the author's clock. device: the author's Ed25519 key.
    name: a claim. need: index of NEEDS, 0 unless it is an SOS. place: (north, east) in millionths
    of a degree. battery: of the author's phone, 0 to 100 percent.
    """

    type: int
    unix_s: int
    device: bytes
    name: str
    text: str = ""
    need: int = 0
    place: tuple[int, int] | None = None
    battery: int | None = None

    @property
    def words(self) -> str:
        """The author's device id, in groups of four to be read aloud."""
        return spaced(hashlib.sha256(self.device).hexdigest()[:16])


def clean_text(text: str) -> str:
    """A text as a notice has it: without spaces at its ends. UserError for what is no text."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if any(_is_control(c) for c in text):
        raise UserError("the notice has control characters: type the text again")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise UserError("the notice is not valid UTF-8") from None
    if size > TEXT_MAX:
        raise UserError(f"the notice has {size} bytes, more than {TEXT_MAX}: far too long")
    return text


def place_of(text: str) -> tuple[int, int]:
    """ "46.9481, 7.4474", degrees north and east, to a place. UserError."""
    try:
        north, east = (float(part) for part in text.split(","))
        if abs(north) <= 90 and abs(east) <= 180:
            return round(north * DEGREE), round(east * DEGREE)
    except ValueError:
        pass
    raise UserError(f"{text!r} is no place: degrees north and east, as 46.9481,7.4474")


def bytes_left(notice: Notice) -> int:
    """How many bytes one frame has left; below zero it does not fit."""
    return FRAME_PAYLOAD - _SIGNATURE_LEN - len(_body(notice))


def sign(key: Ed25519PrivateKey, notice: Notice, token: bytes) -> bytes:
    """The immutable part of a notice's parcel; the token (16 bytes, random) cancels it.

    UserError if it does not fit one frame, or says nothing.
    """
    if notice.type in (LOOKING, ANNOUNCEMENT) and not notice.text:
        raise UserError("the notice is empty: write something")
    over = -bytes_left(notice)
    if over > 0:
        raise UserError(f"the notice is {over} bytes too long for one frame: shorten it")
    body = head_of(notice.type, token) + _body(notice)
    return body + key.sign(_DOMAIN + body)


def head_of(type_: int, token: bytes) -> bytes:
    """b0, b1 and mid of a notice's parcel, or of a certificate's."""
    priority = SOS_PRIORITY if type_ == SOS else NORMAL
    code = CODE_MAX if type_ == CERTIFICATE else CODES.get(type_, CODE)
    b0 = parcel.first_byte(KIND, priority, False)
    return bytes([b0, second_byte(code, False, False, False)]) + receipt.message_id(token)


def certificate_parcel(certificate: bytes, token: bytes) -> bytes:
    """The immutable part of the parcel in which an organiser's certificate travels."""
    return head_of(CERTIFICATE, token) + bytes([_VERSION << 4 | CERTIFICATE]) + certificate


def _body(notice: Notice) -> bytes:
    flag, packed = compress(notice.text.encode())
    flags = flag | notice.need << _NEED
    more = b""
    if notice.place is not None:
        flags |= _PLACE
        more += _PLACE_FIELDS.pack(*notice.place)
    if notice.battery is not None:
        flags |= _BATTERY
        more += bytes([notice.battery])
    name = notice.name.encode()
    head = _HEAD.pack(
        _VERSION << 4 | notice.type, flags, notice.unix_s & 0xFFFFFFFF, notice.device, len(name)
    )
    return head + name + more + packed


def type_of(immutable: bytes) -> int:
    """What a parcel of this kind holds: SOS to CERTIFICATE, or a number not known yet.
    NoticeError if it can be none."""
    payload = immutable[parcel.HEAD_LEN :]
    if parcel.kind(immutable[0]) != KIND or immutable[0] & parcel.PIECES or immutable[1] & 15:
        raise NoticeError("the parcel is none of a notice")
    if not payload or len(payload) > FRAME_PAYLOAD or immutable[1] >> 4 > CODE_MAX:
        raise NoticeError("the notice's lengths are wrong")
    if payload[0] >> 4 != _VERSION or payload[0] & 15 > CERTIFICATE:
        raise NoticeError("the notice comes from a newer Heliograph", newer=True)
    return payload[0] & 15


def certificate_in(immutable: bytes) -> bytes:
    """The certificate in a parcel of type CERTIFICATE; not checked."""
    return immutable[parcel.HEAD_LEN + 1 :]


def read(immutable: bytes) -> Notice:
    """A notice's parcel to what it says, signature checked. NoticeError says what is wrong."""
    notice = decode(immutable)
    try:
        public = Ed25519PublicKey.from_public_bytes(notice.device)
        public.verify(immutable[-_SIGNATURE_LEN:], _DOMAIN + immutable[:-_SIGNATURE_LEN])
    except InvalidSignature:
        raise NoticeError("the signature is false") from None
    return notice


def decode(immutable: bytes) -> Notice:
    """The same of one whose signature was checked before. Strict: NoticeError for what nobody
    would write."""
    type_ = type_of(immutable)
    body = immutable[parcel.HEAD_LEN : -_SIGNATURE_LEN]
    if type_ not in TYPES or len(body) < _HEAD.size:
        raise NoticeError("the notice's lengths are wrong")
    if (parcel.priority(immutable[0]) == SOS_PRIORITY) != (type_ == SOS):
        raise NoticeError("the notice has a priority that is not its own")
    _, flags, unix_s, device, length = _HEAD.unpack(body[: _HEAD.size])
    at = _HEAD.size + length
    name = _name(body[_HEAD.size : at], length)
    place, battery = None, None
    if flags & _PLACE:
        place, at = _place(body[at : at + _PLACE_FIELDS.size]), at + _PLACE_FIELDS.size
    if flags & _BATTERY:
        battery, at = _byte(body[at : at + 1]), at + 1
    need = flags >> _NEED
    if need >= len(NEEDS) or (need > 0) != (type_ == SOS):
        raise NoticeError("the notice has no need, or one that does not exist")
    text = _text(flags & _PACKED, body[at:])
    if not text and type_ in (LOOKING, ANNOUNCEMENT):
        raise NoticeError("the notice is empty")
    return Notice(type_, unix_s, device, name, text, need, place, battery)


def _name(raw: bytes, length: int) -> str:
    # Not clean_name: what it takes depends on the version of Unicode, and a call for help must not
    # be refused for an emoji of next year.
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        name = ""
    if not name or len(raw) != length or length > NAME_MAX or any(map(_breaks, name)):
        raise NoticeError("the notice's name is not one")
    return name


def _place(raw: bytes) -> tuple[int, int]:
    if len(raw) == _PLACE_FIELDS.size:
        north, east = _PLACE_FIELDS.unpack(raw)
        if abs(north) <= 90 * DEGREE and abs(east) <= 180 * DEGREE:
            return north, east
    raise NoticeError("the notice's place is not one")


def _byte(raw: bytes) -> int:
    if not raw or raw[0] > 100:
        raise NoticeError("the notice's battery is not one")
    return raw[0]


def _text(flags: int, packed: bytes) -> str:
    try:
        text = decompress(flags, packed, TEXT_MAX).decode()
    except (Unreadable, UnicodeDecodeError):
        raise NoticeError("the notice's text is not one") from None
    if any(_is_control(c) for c in text):
        raise NoticeError("the notice's text is not one")
    return text


def _breaks(c: str) -> bool:
    return c == "\n" or _is_control(c)


def _is_control(c: str) -> bool:
    return c != "\n" and (c < " " or "\x7f" <= c <= "\x9f")
