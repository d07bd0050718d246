"""helio chat, driven as a person does, by keys, over a real desk."""

import asyncio
import contextlib

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Label, Static

from gateway.chat_screen import CardScreen, Chat
from gateway.desk import Desk
from gateway.identity import Identity
from gateway.sealing import Opened

BO, EVE = Identity.new("Bo").card, Identity.new("Eve [b]x[/b]").card


@pytest.fixture
def desk(tmp_path):
    with contextlib.closing(Desk(tmp_path)) as desk:
        desk.create_identity("Ana")
        yield desk


def driven(desk, scene):
    async def run():
        chat = Chat(desk)
        async with chat.run_test(size=(90, 30)) as pilot:
            await pilot.pause()
            await scene(chat, pilot)

    asyncio.run(run())


def said(chat):
    return [str(bubble.render()) for bubble in chat.query(".said").results(Static)]


def names(chat):
    return [str(label.render()) for label in chat.query("#contacts Label").results(Label)]


async def until(pilot: Pilot, true, what):
    for _ in range(200):
        if true():
            return
        await pilot.pause(0.05)
    raise AssertionError(what)


def come_in(desk, card, text, number):
    opened = Opened(card, 1_790_000_000, text.encode(), False, bytes(16), b"", None)
    desk.receive(opened, text, mid=bytes([number] * 12), token=bytes(16), code=0)


def test_a_message_is_written_and_its_state_rises(desk):
    desk.add_contact(BO.text(), None)

    async def scene(chat, pilot):
        await pilot.press("enter", *"hello", "enter")
        await until(pilot, lambda: said(chat), "the message is shown")
        assert said(chat)[0].startswith("hello\n")
        assert said(chat)[0].endswith("waiting for a relay")
        assert chat.query_one("#text", Input).value == ""
        (row,) = desk.db.execute("SELECT mid FROM message").fetchall()
        desk.improve(bytes(row["mid"]), "delivered")
        await until(pilot, lambda: said(chat)[0].endswith("delivered"), "the state is shown")
        assert len(said(chat)) == 1

    driven(desk, scene)


def test_what_comes_for_another_is_counted_and_read_when_opened(desk):
    desk.add_contact(BO.text(), None)
    desk.add_contact(EVE.text(), None)

    async def scene(chat, pilot):
        await pilot.press("enter")
        assert chat.open
        quiet, text = (EVE, "it is [red]me[/red]\x1b[2J") if chat.open == BO.id else (BO, "me")
        come_in(desk, quiet, text, 7)
        await until(pilot, lambda: any(n.endswith("(1)") for n in names(chat)), "it is counted")
        assert said(chat) == []
        await pilot.press("escape", "up", "up", "enter")
        await until(pilot, lambda: said(chat), "it is shown")
        assert said(chat)[0].splitlines()[0] == text.replace("\x1b", "\ufffd")
        assert not any(n.endswith("(1)") for n in names(chat))

    driven(desk, scene)


def test_an_empty_message_and_nobody_chosen_are_said_in_a_line(desk):
    async def scene(chat, pilot):
        says = chat.query_one("#says", Static)
        assert "Ctrl-N adds a contact" in str(says.render())
        chat.query_one("#text", Input).focus()
        await pilot.press("x", "enter")
        assert "choose somebody" in str(says.render())
        assert chat.query_one("#text", Input).value == "x"
        desk.add_contact(BO.text(), None)
        chat.open = BO.id
        chat.query_one("#text", Input).value = "  "
        await pilot.press("enter")
        assert "the message is empty" in str(says.render())

    driven(desk, scene)


def test_a_contact_is_added_by_card_and_a_wrong_one_refused(desk):
    async def scene(chat, pilot):
        await pilot.press("ctrl+n")
        await pilot.pause()
        chat.screen.query_one("#card", Input).value = "HELIO:NONSENSE"
        await pilot.press("enter")
        await pilot.pause()
        assert "card" in str(chat.query_one("#says", Static).render())
        await pilot.press("ctrl+n")
        await pilot.pause()
        chat.screen.query_one("#card", Input).value = BO.text()
        await pilot.press("enter")
        await until(pilot, lambda: names(chat) == ["Bo"], "the contact is shown")
        await pilot.press("ctrl+k")
        await pilot.pause()
        assert isinstance(chat.screen, CardScreen)
        shown = str(chat.screen.query_one("#card", Static).render())
        assert shown == desk.me()["card"]

    driven(desk, scene)
