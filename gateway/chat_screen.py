"""helio chat: the desk's contacts and conversations on a terminal (Textual)."""

import time
from datetime import datetime
from typing import Any, ClassVar

from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Label, ListItem, ListView, Static

from gateway.commands import harmless
from gateway.desk import Desk
from gateway.errors import UserError
from gateway.wall_clock import BUILT_S

SHOWN_MAX = 200  # messages of one conversation on the screen; older ones are in helio inbox
STILL_TRYING_S = 600
STATES = {
    "queued": "waiting for a relay", "on_mesh": "on the mesh", "delivered": "delivered",
    "expired": "its time is over, not confirmed", "received": "",
}  # fmt: skip


class Chat(App[None]):
    """Contacts beside the open conversation, and a line to type in."""

    TITLE = "Heliograph"
    CSS = """
    #contacts { width: 26; border-right: solid $primary; }
    #log { height: 1fr; padding: 0 1; }
    .out { text-align: right; margin-left: 8; }
    .in { margin-right: 8; }
    .said { padding: 0 1; margin-bottom: 1; }
    #says { height: 1; padding: 0 1; color: $text-muted; }
    #says.wrong { color: $error; }
    CardScreen { align: center middle; }
    CardScreen Vertical { width: 70; height: auto; border: round $primary; padding: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "contacts", "Contacts"),
        Binding("ctrl+n", "add", "Add a contact"),
        Binding("ctrl+k", "card", "My card"),
        Binding("ctrl+q", "quit", "Quit"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.open = ""  # id of the contact whose conversation is shown
        self._seq = 0
        self._messages: dict[int, dict[str, Any]] = {}
        self._unread: dict[str, int] = {}
        self._people = -1  # desk.people_changed when the contacts were drawn

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield ListView(id="contacts")
            with Vertical():
                yield VerticalScroll(id="log")
                yield Static("", id="says", markup=False)
                yield Input(placeholder="Message", id="text")
        yield Footer()

    async def on_mount(self) -> None:
        """Draw what there is, and go on drawing what comes."""
        self._take(self.desk.messages(limit=1_000_000))
        self._unread.clear()
        await self._draw_contacts()
        self.query_one("#contacts", ListView).focus()
        self._follow()

    @work
    async def _follow(self) -> None:
        while True:
            await self.desk.changed(self._seq)
            fresh = self._take(self.desk.messages(self._seq))
            for message in fresh:
                await self._draw_message(message)
            await self._draw_contacts()

    def _take(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for row in rows:
            self._seq = max(self._seq, row["seq"])
            new = row["id"] not in self._messages
            if new and row["direction"] == "in" and row["contact"] != self.open:
                self._unread[row["contact"]] = self._unread.get(row["contact"], 0) + 1
            self._messages[row["id"]] = row
        return rows

    # --- drawing

    async def _draw_contacts(self) -> None:
        view = self.query_one("#contacts", ListView)
        contacts = self.desk.contacts()
        last = {m["contact"]: m["id"] for m in sorted(self._messages.values(), key=_number)}
        contacts.sort(key=lambda c: -last.get(c["id"], 0))
        chosen = self.open
        await view.clear()
        for contact in contacts:
            unread = self._unread.get(contact["id"], 0)
            text = f"{contact['name']}  ({unread})" if unread else contact["name"]
            await view.append(ListItem(Label(harmless(text), markup=False), name=contact["id"]))
        ids = [contact["id"] for contact in contacts]
        view.index = ids.index(chosen) if chosen in ids else (0 if ids else None)
        if not contacts:
            self._say("nobody is here yet: Ctrl-N adds a contact, Ctrl-K shows your card")

    async def _draw_conversation(self) -> None:
        log = self.query_one("#log", VerticalScroll)
        await log.remove_children()
        mine = [m for m in self._messages.values() if m["contact"] == self.open]
        for message in sorted(mine, key=_number)[-SHOWN_MAX:]:
            await log.mount(_bubble(message))
        log.scroll_end(animate=False)

    async def _draw_message(self, message: dict[str, Any]) -> None:
        if message["contact"] != self.open:
            return
        drawn = self.query(f"#m{message['id']}").results(Static)
        for bubble in drawn:
            bubble.update(_words(message))
            return
        log = self.query_one("#log", VerticalScroll)
        await log.mount(_bubble(message))
        log.scroll_end(animate=False)

    def _say(self, text: str, wrong: bool = False) -> None:
        says = self.query_one("#says", Static)
        says.update(text)
        says.set_class(wrong, "wrong")

    # --- what the person does

    async def on_list_view_selected(self, event: ListView.Selected) -> None:
        """Open a conversation."""
        self.open = event.item.name or ""
        self._unread.pop(self.open, None)
        self._say("")
        await self._draw_conversation()
        await self._draw_contacts()
        self.query_one("#text", Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Count bytes once they could be too many for one frame."""
        size = len(event.value.encode("utf-8", "replace"))
        self._say(f"{size} of {self.desk.message_max} bytes" if size > 80 else "")

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Send, or say in one line why not; the text stays then."""
        if event.input.id != "text":
            return
        if not self.open:
            self._say("choose somebody on the left first", wrong=True)
            return
        try:
            sent = self.desk.send(self.open, event.value)
        except UserError as e:
            self._say(str(e), wrong=True)
            return
        event.input.value = ""
        self._take([sent])
        await self._draw_message(sent)

    def action_contacts(self) -> None:
        """Back to the list."""
        self.query_one("#contacts", ListView).focus()

    def action_card(self) -> None:
        """Show one's own card, to be copied."""
        self.push_screen(CardScreen("Your card: give it to others", self.desk.me()["card"]))

    @work
    async def action_add(self) -> None:
        """Ask for a card and add who it names."""
        card = await self.push_screen_wait(CardScreen("Card of the other, HELIO:…", ""))
        if not card:
            return
        try:
            added = self.desk.add_contact(card.strip(), None)
        except UserError as e:
            self._say(str(e), wrong=True)
            return
        await self._draw_contacts()
        self._say(f"{added['name']} was added; compare by voice: {added['words']}")


class CardScreen(ModalScreen[str]):
    """A card to copy, or a line to paste one into. Gives what is in the line; Escape: nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss('')", "Back")]

    def __init__(self, title: str, card: str) -> None:
        super().__init__()
        self._title, self._card = title, card

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(self._title, markup=False)
            if self._card:
                yield Static(self._card, markup=False, id="card")
            else:
                yield Input(placeholder="HELIO:…", id="card")
            yield Label("Escape: back", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """That is the card."""
        self.dismiss(event.value)


def _number(message: dict[str, Any]) -> int:
    return int(message["id"])


def _bubble(message: dict[str, Any]) -> Static:
    return Static(_words(message), id=f"m{message['id']}", markup=False,
                  classes=f"said {message['direction']}")  # fmt: skip


def _words(message: dict[str, Any]) -> str:
    state = STATES[message["state"]]
    age_s = time.time() - message["unix_s"]
    if message["state"] in ("queued", "on_mesh") and age_s > STILL_TRYING_S:
        state += ", not confirmed, still trying"
    when = datetime.fromtimestamp(message["unix_s"]).strftime("%d %b %H:%M")
    if message["unix_s"] < BUILT_S:
        when = "time unknown"  # the sender's clock was never set
    return f"{harmless(message['text'])}\n{when}{' · ' if state else ''}{state}"
