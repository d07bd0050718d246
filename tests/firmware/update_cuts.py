"""Power cuts at every write while an update comes, is unpacked and switched to.

Under MicroPython, whose LittleFS a board has (test_update_on_micropython.py).
"""

from update_files import (
    NEW,
    OLD,
    SEQUENCE,
    blank,
    deflated,
    every_cut,
    holds,
    install,
    launcher,
    mount,
    os,
    packed,
    receive,
    sequence_in,
    unpack,
    update,
    update_book,
)

from shared_protocol import statement

TEXT, PAGES = update(packed(NEW))


def received():
    blank()
    receive(TEXT, PAGES)


def starts():
    """The slot that the board would start now."""
    return launcher.choose()[0]


def test_what_has_come_stays_and_the_rest_comes_later():
    kept = []

    def check():
        book = update_book.UpdateBook()
        assert book.statement in (b"", TEXT)
        for page in range(book.pages):
            assert book.read(page, 0, statement.PAGE_LEN) == PAGES[page]
        kept.append(book.pages)
        receive(TEXT, PAGES)
        assert update_book.UpdateBook().pages == len(PAGES)
        assert starts() == "a"

    cuts = every_cut(blank, lambda: receive(TEXT, PAGES), check)
    assert cuts > 20
    assert min(kept) == 0
    assert max(kept) >= len(PAGES) - 1


def test_a_cut_while_it_is_unpacked_leaves_the_old_or_the_new():
    def check():
        slot = starts()
        assert holds(slot, OLD if slot == "a" else NEW), slot
        if slot == "a" and "install" in os.listdir("/"):
            install.run()
        elif slot == "a":
            unpack()  # updating.py does so after a while
        assert starts() == "b"
        assert holds("b", NEW)

    cuts = every_cut(received, unpack, check)
    print("cuts:", cuts)
    assert cuts > 50


def test_it_is_unpacked_for_this_processor_and_on_trial():
    received()
    unpack()
    assert launcher.read() == ("b", "3", "n")
    assert holds("b", NEW)
    assert holds("b", {"firmware/gf30.mpy": b"mine"})
    assert sequence_in("b") == SEQUENCE
    assert "install" not in os.listdir("/")
    receive(TEXT, PAGES)  # and it is still there for others
    assert update_book.UpdateBook().pages == len(PAGES)


def test_into_the_other_slot_again():
    received()
    unpack()
    launcher.write("b", "", "")
    later, pages = update(packed(OLD))
    receive(later, pages)
    unpack()
    assert launcher.read() == ("a", "3", "n")
    assert holds("a", OLD)


def refused(text, pages):
    blank()
    receive(text, pages)
    unpack()
    assert launcher.read()[:2] == ("a", "!")
    assert holds("a", OLD)
    assert sequence_in("b") == SEQUENCE


def test_an_archive_that_is_not_the_signed_one_is_refused():
    refused(*update(packed(NEW), bytes(32)))


def test_what_cannot_be_unpacked_is_refused():
    archive = packed(NEW)
    refused(*update(archive[: len(archive) // 2]))
    refused(*update(b"\xff" * 2000))
    refused(*update(packed({"../slot": b"a"})))
    refused(*update(deflated(b"\0\1x\x20\0\0" + bytes(100_000))))


def test_a_file_that_makes_no_sense_is_no_update():
    for text in (b"", b"\xf0", b"\x80" + bytes(200)):
        blank()
        with open("/update", "wb") as f:
            f.write(text)
        book = update_book.UpdateBook()
        assert (book.statement, book.pages) == (b"", 0)
        receive(TEXT, PAGES)
        mount()
        assert update_book.UpdateBook().pages == len(PAGES)
