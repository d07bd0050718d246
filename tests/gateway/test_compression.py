"""Compression: how small held-out samples become; all else comes back, or is refused."""

import json
import re
import statistics
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.compression import DEFLATED, PAGED, compress, decompress
from gateway.dictionary import VERSION, Unreadable, pages
from gateway.identity import Identity
from gateway.sealing import ONE_FRAME_BODY, SealError, open_bundle, room_for, seal
from shared_protocol.limits import MESSAGE_MAX
from shared_protocol.parcel_fields import decode
from tools.train_dictionary import NAMES, PHRASE_BYTES, TEXTS, files, read_texts, train

HERE = Path(__file__).parent
SAMPLES = {name: read_texts(HERE / "texts", name) for name in NAMES}
ALPHABETIC = [name for name in NAMES if name not in ("zh", "ja")]
WITH_ROUTE = ONE_FRAME_BODY - room_for(b"way")  # bytes of body' beside a gateway's route
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def packed_len(text):
    body = text.encode()
    flag, packed = compress(body)
    assert decompress(flag, packed, len(body)) == body
    return len(packed)


def share(texts):
    return sum(map(packed_len, texts)) / sum(len(t.encode()) for t in texts)


def test_the_samples_are_thirteen_languages_that_training_does_not_know():
    assert len(NAMES) == 13
    for name, texts in SAMPLES.items():
        assert len(texts) >= 12
        assert all(20 <= len(t) <= 160 for t in texts), name
        taught = read_texts(TEXTS, name)
        assert len(taught) >= 60
        assert not set(texts) & set(taught)


def test_samples_shrink_to_70_percent_on_average_and_none_grows():
    shares = {name: share(texts) for name, texts in SAMPLES.items()}
    print({name: f"{one:.0%}" for name, one in shares.items()})
    assert statistics.mean(shares.values()) <= 0.70
    assert max(shares.values()) <= 0.70, "nor is one language the price of another"
    for text in (t for texts in SAMPLES.values() for t in texts):
        assert packed_len(text) <= len(text.encode())


@pytest.mark.parametrize("name", ALPHABETIC)
def test_the_median_sample_of_100_characters_fits_one_frame_with_a_route(name):
    assert WITH_ROUTE == 91
    sizes = {t: packed_len(t) for t in SAMPLES[name] if 90 <= len(t) <= 120}
    assert len(sizes) >= 5
    assert 95 <= statistics.median(map(len, sizes)) <= 110, "they are of about 100 characters"
    for text, size in sizes.items():
        if size > WITH_ROUTE:
            print(f"{name}: {len(text)} characters, {size} bytes: {text}")
    assert statistics.median(sizes.values()) <= WITH_ROUTE


def test_a_sample_is_sealed_into_one_frame_with_a_route_and_opens():
    ana, bo = Identity.new("Ana"), Identity.new("Bo")
    text = max(SAMPLES["uk"], key=len)
    sealed = seal(ana, bo.card, text.encode(), 1_800_000_000, 1, 8, way=b"way")
    assert sealed.shape is None
    part = decode(bytes(3) + sealed.parcels[0])
    assert part.extras.route == b"way"
    opened = open_bundle(bo, sealed.parcels[0][:14], part.payload, None, [ana.card])
    assert opened.body.decode() == text


def test_a_seal_around_a_newer_dictionary_is_refused_in_words(monkeypatch):
    ana, bo = Identity.new("Ana"), Identity.new("Bo")
    newer = bytes([(VERSION + 1) << 4]) + b"\3\0"
    monkeypatch.setattr("gateway.sealing.compress", lambda body: (PAGED, newer))
    sealed = seal(ana, bo.card, b"x", 1_800_000_000, 1, 8)
    payload = decode(bytes(3) + sealed.parcels[0]).payload
    with pytest.raises(SealError, match="dictionary"):
        open_bundle(bo, sealed.parcels[0][:14], payload, None, [ana.card])


@given(st.binary(max_size=300))
def test_any_bytes_come_back(body):
    flag, packed = compress(body)
    assert len(packed) <= len(body)
    assert decompress(flag, packed, len(body)) == body


@given(ANY_TEXT, st.sampled_from(pages()))
def test_every_page_can_write_any_text(text, page):
    written = page.write(text)
    assert len(written) <= 2 * len(text.encode()), "what the receiver inflates at most"
    assert page.read(written, len(text.encode())) == text.encode()


@given(st.binary(max_size=60), st.sampled_from(pages()))
def test_any_bytes_in_a_page_are_read_or_refused(written, page):
    with suppress(Unreadable):
        assert len(page.read(written, 300)) <= 300


@given(ANY_TEXT, st.integers(0), st.integers(0, 7), st.integers(0, 12))
def test_damaged_streams_are_read_or_refused(text, place, bit, cut):
    flag, packed = compress(text.encode())
    damaged = bytearray(packed[: len(packed) - cut] or b"\0")
    damaged[place % len(damaged)] ^= 1 << bit
    for tried in (flag, DEFLATED, PAGED, DEFLATED | PAGED):
        with suppress(Unreadable):
            assert len(decompress(tried, bytes(damaged), 1000)) <= 1000


def test_a_text_that_breaks_off_anywhere_is_refused():
    for text in (texts[0] for texts in SAMPLES.values()):
        flag, packed = compress(text.encode())
        assert flag == PAGED
        for size in range(len(packed)):
            with pytest.raises(Unreadable):
                decompress(flag, packed[:size], MESSAGE_MAX)


def test_no_page_inflates_to_more_than_is_allowed():
    bomb = zlib.compress(bytes(1 << 24), 9)[2:-4]
    strings = zlib.compress(b"\x1f" * MESSAGE_MAX, 9)[2:-4]  # each stands for two bytes or more
    with pytest.raises(Unreadable, match="longer"):
        decompress(DEFLATED, bomb, MESSAGE_MAX)
    for number in range(len(pages())):
        head = bytes([VERSION << 4 | number])
        for tried, most in ((bomb, MESSAGE_MAX), (strings, 40_000)):
            with pytest.raises(Unreadable, match="longer"):
                decompress(PAGED, head + tried, most)
    with pytest.raises(Unreadable):
        decompress(0, bytes(11), 10)


def test_a_text_may_be_longer_in_a_page_than_it_is():
    text = b"\1" * 100
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=pages()[0].phrases)
    packed = squeezer.compress(pages()[0].write(text.decode())) + squeezer.flush()
    assert decompress(PAGED, bytes([VERSION << 4]) + packed, len(text)) == text


def test_a_body_is_not_packed_in_two_ways():
    for flag, packed in (compress(SAMPLES["en"][0].encode()), (DEFLATED, b"\3\0"), (0, b"x")):
        assert decompress(flag, packed, 1000) is not None
        with pytest.raises(Unreadable):
            decompress(DEFLATED | PAGED, packed, 1000)


@pytest.mark.parametrize("version", [v for v in range(16) if v != VERSION])
def test_other_versions_are_refused(version):
    with pytest.raises(Unreadable, match="dictionary"):
        decompress(PAGED, bytes([version << 4]) + b"\3\0", 100)


@pytest.mark.parametrize("file", ["compress.json", "compress_js.json"])
def test_what_either_side_packed_opens(file):
    rows = json.loads((HERE.parent / "vectors" / file).read_text())
    assert sum(row["body"] is not None for row in rows) > 200
    for row in rows:
        packed = bytes.fromhex(row["packed"])
        if row["body"] is None:
            with pytest.raises(Unreadable):
                decompress(row["flag"], packed, MESSAGE_MAX)
        else:
            assert decompress(row["flag"], packed, MESSAGE_MAX).hex() == row["body"]


def test_the_dictionary_is_what_its_texts_make_of_it_in_python_and_in_the_browser():
    for path, content in files(
        [train(n, read_texts(TEXTS, n), PHRASE_BYTES) for n in NAMES]
    ).items():
        assert path.read_text("utf-8") == content, (
            f"{path.name}: tools/train_dictionary.py --write"
        )


def test_the_example_of_the_specification():
    spec = (HERE.parents[1] / "shared_protocol" / "SPEC.md").read_text("utf-8")
    text, packed = re.search(r'    "(.+)"\n\s+-> flag 4, (\w+)', spec).groups()
    assert decompress(PAGED, bytes.fromhex(packed), 1000) == text.encode()
