"""The browser's core and Python read each other: 1,000 random messages in twelve scripts each way,
and the same verdict on whatever a contact might make up. Needs `npm ci` in gateway/web."""

import random

import pytest
from browser_peer import BrowserPeer, missing
from sealed_letters import letter_of, open_letter

from gateway import sealing
from gateway.identity import Identity
from gateway.sealing import SealError, UnknownSender, seal
from shared_protocol import parcel, receipt
from shared_protocol.hashing import H
from shared_protocol.parcel_fields import second_byte

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(bool(missing()), reason=missing() or "there is all of it"),
]

SCRIPTS = {
    "Latin": (0x20, 0x17F), "Greek": (0x391, 0x3C9), "Cyrillic": (0x410, 0x45F),
    "Hebrew": (0x5D0, 0x5EA), "Arabic": (0x621, 0x64A), "Devanagari": (0x905, 0x939),
    "Bengali": (0x985, 0x9B9), "Thai": (0xE01, 0xE3A), "Ethiopic": (0x1200, 0x1248),
    "Han": (0x4E00, 0x9FA5), "Hangul": (0xAC00, 0xD7A3), "pictures": (0x1F300, 0x1F64F),
}  # fmt: skip
ANA, BO, EVE = (Identity.new(name) for name in ("Ana", "Бо", "حواء"))


@pytest.fixture(scope="module")
def browser():
    with BrowserPeer() as peer:
        yield peer


def messages(seed, count):
    """Random texts with words and repetition, and random options."""
    rng = random.Random(seed)
    for i in range(count):
        low, high = list(SCRIPTS.values())[i % len(SCRIPTS)]
        words = [
            "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 9)))
            for _ in range(20)
        ]
        most = 1500 if i % 20 == 0 else 25
        body = " ".join(rng.choices(words, k=rng.randint(1, most))).encode()
        options = {
            "unix_s": rng.randrange(1 << 32), "priority": rng.randrange(4),
            "lifetime": rng.randrange(16), "typed": rng.random() < 0.2,
            "with_card": rng.random() < 0.3, "way": rng.randbytes(rng.choice((0, 3, 6))),
            "my_way": rng.randbytes(rng.choice((0, 3, 6))),
        }  # fmt: skip
        yield body, options


def test_1000_messages_sealed_in_the_browser_open_in_python(browser):
    for body, options in messages(1, 1000):
        letter = browser.seal(ANA, BO.card, body, options)
        opened = open_letter(BO, letter, [EVE.card, ANA.card])
        assert (opened.body, opened.sender) == (body, ANA.card)
        assert (opened.unix_s, opened.typed) == (options["unix_s"], options["typed"])
        assert opened.card == (ANA.card if options["with_card"] else None)
        assert opened.token.hex() == letter["token"]
        assert options["my_way"].startswith(opened.way)


def test_1000_messages_sealed_in_python_open_in_the_browser(browser):
    for body, options in messages(2, 1000):
        sealed = seal(ANA, BO.card, body, **options)
        opened = browser.open(BO, letter_of(sealed, BO.card), [EVE.card, ANA.card])
        assert (opened["body"], opened["sender"]) == (body.hex(), ANA.card.text())
        assert (opened["unixS"], opened["typed"]) == (options["unix_s"], options["typed"])
        assert opened["card"] == (ANA.card.text() if options["with_card"] else None)
        assert opened["token"] == sealed.token.hex()
        assert options["my_way"].startswith(bytes.fromhex(opened["way"]))


def made_up(rng, sender):
    """A letter that is truly sealed and signed, with whatever a contact might put inside."""
    card, claimed, way = sender.card.raw(), sender.card.sender_id, b""
    flags = rng.choice((0, 16, 32, 64, 96, 128, 144, rng.randrange(256)))
    if rng.random() < 0.5:
        way = rng.randbytes(rng.choice((0, 3, 6)))
        claimed = rng.choice((claimed, EVE.card.sender_id, rng.randbytes(4)))
    if rng.random() < 0.3:
        at = rng.randrange(len(card))
        card = card[:at] + rng.randbytes(1) + card[at + 1 :]
    along = bytes([len(card) + rng.choice((0, 0, 0, 1, 40))]) + card
    inside = rng.choice((along, along, b"", b"\x80", rng.randbytes(40)))
    body = rng.randbytes(rng.choice((0, 30)))
    end = rng.choice((b"\x80", b"\x80", b"", b"\x80\x80")) + bytes(rng.randrange(9))
    inner = bytes([flags]) + rng.randbytes(4) + claimed + way + inside + body + end
    if rng.random() < 0.2:
        inner = inner[: rng.randrange(len(inner))]
    signature = sender.signing.sign(sealing._signed(BO.card, inner))
    if rng.random() < 0.3:
        signature = rng.randbytes(64)
    mid = receipt.message_id(H(b"token", signature, inner)[:16])
    head = bytes([parcel.first_byte(0, 1, False), second_byte(8, True, False, False)]) + mid
    bundle = sealing._HPKE.encrypt(
        inner + signature, BO.prekey.public_key(), sealing._info(head, None)
    )
    return {"head": head.hex(), "shape": None, "bundle": bundle.hex()}, flags


def verdict(letter, senders):
    try:
        opened = open_letter(BO, letter, senders)
    except UnknownSender as e:
        return "unknown-sender", None if e.card is None else e.card.text()
    except SealError:
        return "refused", None
    card = None if opened.card is None else opened.card.text()
    return opened.body.hex(), opened.way.hex(), opened.typed, card


def browser_verdict(browser, letter, senders):
    told = browser.open(BO, letter, senders)
    if "refused" in told:
        known = told["refused"] == "unknown-sender"
        return ("unknown-sender" if known else "refused"), told["card"]
    return told["body"], told["way"], told["typed"], told["card"]


def test_both_say_the_same_of_what_a_contact_might_make_up(browser):
    """Not of a body that is no deflate: there one inflates some that the other does not."""
    rng = random.Random(3)
    seen = set()
    for _ in range(1500):
        sender = rng.choice((ANA, EVE))
        letter, flags = made_up(rng, sender)
        ours, theirs = (verdict(letter, [ANA.card]), browser_verdict(browser, letter, [ANA.card]))
        if not flags & sealing.DEFLATED:
            assert ours == theirs, letter
        seen.add(f"{ours[0]}, {'a' if ours[1] else 'no'} card" if len(ours) == 2 else "opened")
    assert seen == {
        "opened", "refused, no card", "unknown-sender, a card", "unknown-sender, no card"
    }  # fmt: skip


def test_1000_mutated_letters_are_refused_by_both(browser):
    rng = random.Random(4)
    letters = [
        letter_of(seal(ANA, BO.card, rng.randbytes(size), 1, 1, 8), BO.card) for size in (20, 600)
    ]
    for i in range(1000):
        letter = dict(letters[i % 2])
        field = rng.choice(("head", "bundle", "bundle", "shape"))
        if field == "shape":
            letter["shape"] = [rng.randrange(1, 256) for _ in range(3)]
        else:
            raw = bytearray.fromhex(letter[field])
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
            letter[field] = raw.hex()
        assert browser_verdict(browser, letter, [ANA.card]) == ("refused", None)
        assert verdict(letter, [ANA.card]) == ("refused", None)
