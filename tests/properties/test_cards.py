"""Cards and kits: whoever it is comes back, and what else is typed is refused in a sentence."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.checked_text import encode
from gateway.errors import UserError
from gateway.identity import CARD_MAX, NAME_MAX, Identity, Seeds, card_of, clean_name, parse_card
from gateway.kit import SCHEME, kit_text, parse_kit


def short_enough(name):
    try:
        return clean_name(name) == name
    except UserError:
        return False


NAMES = st.text(min_size=1, max_size=NAME_MAX).map(lambda n: " ".join(n.split()))
SEED = st.binary(min_size=32, max_size=32)
SEEDS = st.builds(
    Seeds, SEED, SEED, SEED, st.integers(0, 2**32 - 1), st.binary(min_size=16, max_size=16),
    NAMES.filter(short_enough),
)  # fmt: skip
TYPED = st.one_of(
    st.text(), st.text(string.ascii_letters + string.digits).map(lambda t: "HELIO:" + t)
)


@given(SEEDS)
def test_everybody_comes_back_from_card_and_kit(seeds):
    me = Identity.load(seeds)
    assert len(me.card.raw()) <= CARD_MAX < 256, "its length is one byte in a message"
    assert parse_card(me.card.text()) == card_of(me.card.raw()) == me.card
    assert parse_kit(kit_text(me)).seeds() == seeds


@given(TYPED)
def test_what_is_no_card_is_refused(text):
    for parse in (parse_card, parse_kit):
        with pytest.raises(UserError):
            parse(text)


@given(st.binary(max_size=200))
def test_bytes_with_a_true_checksum_are_a_card_or_refused(raw):
    for scheme, parse in (("HELIO:", parse_card), (SCHEME, parse_kit)):
        try:
            read = parse(encode(scheme, raw))
        except UserError:
            continue
        card = read if parse is parse_card else read.card
        assert card.name == clean_name(card.name)
