"""A relay: joins the protocol core with flash, radio and tether. Only wiring in this file."""

import gc

gc.threshold(4096)  # collect often: garbage left among what stays would break up the heap

import asyncio  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

import machine  # noqa: E402

if "install" in os.listdir("/"):  # an update: it is unpacked while there is room
    from firmware import install

    install.run()
    machine.reset()

from firmware import buffers  # noqa: E402 - first of ours: it needs the heap in one piece

# isort: split
from firmware import (  # noqa: E402 - then what needs room only at the start
    OFFERED,
    UPDATE_HEAP,
    forget,
    storage,
)

REFUSED = storage.mount()
SLOTS = storage.slots()
if REFUSED and SLOTS[2]:
    machine.reset()  # perhaps the firmware before this one does not refuse it
forget("firmware.storage", "firmware.migrate", "firmware.flash_recovery")
forget("firmware.flash_contents", "firmware.flash_mend")
del storage

# isort: split
from firmware.crypto import ecb  # noqa: E402
from firmware.journal import Journal  # noqa: E402
from firmware.keeper import keep  # noqa: E402
from firmware.links.espnow_link import EspNowLink  # noqa: E402
from shared_protocol.errors import StoreFull  # noqa: E402
from shared_protocol.frame import COMMAND, FrameCipher  # noqa: E402
from shared_protocol.hashing import network_id  # noqa: E402
from shared_protocol.neighbours import AIR, TETHER  # noqa: E402
from shared_protocol.node import Node, Settings  # noqa: E402

WATCHDOG_MS = 30_000  # ten times the longest thing this firmware does at once
REPL_MS = 3_600_000  # a board forgotten in the REPL is a relay again after this: see run()
_HEAP_EVERY_MS, _UPDATE_EVERY_MS = 2_000, 500
_PROOF_S = 30  # a new firmware that runs for so long works
_AGAIN_S = 5
_COMMANDS_ROOM = 9_000  # free bytes below which commands through the mesh are not passed on
_TRIAL_S = 300  # a run that was over sooner is none: see power.py
_RADIO_BUSY_MS = 4  # one frame's airtime


class Relay:
    """The shell around one Node."""

    def __init__(self) -> None:
        self._ticks = time.ticks_ms()
        self._elapsed_ms = 0
        self.journal = Journal(self.uptime_s)
        self.heap_peak = 0  # bytes in use right after a collection: what all this really needs
        record = self._begin()
        self.name = record.name
        self.operator = record.operator
        self.board, self.network = record.board, network_id(record.network_key)
        self.update = [SLOTS[0], SLOTS[1], (), b"", 0]  # firmware/__init__.py names them
        self._trial = SLOTS[2]
        self.battery = record.battery
        self.radio = EspNowLink(record.channel, record.node)
        self.tether = None  # the wire, while somebody is on it
        self._wake = asyncio.Event()
        self._waiting: bytes | None = None
        self.command_key = record.command_key
        self.far = None  # what answers through the mesh, while anybody asks
        self.node = Node(
            record.node,
            FrameCipher(record.network_key, record.epoch, ecb),
            buffers.INDEX,
            buffers.STORE,
            Settings(False, record.secret, record.cell),
            lambda immutable: False,  # a relay is never the end of a message
            _random_below,
            self.now_ms(),
        )
        forget("firmware.flash_contents", "shared_protocol.restart")
        self.node.handlers[COMMAND] = self._command
        self.node.link_up(AIR, self.now_ms())
        if SLOTS[3]:
            self.node.spread_wanted = (None, (0, 0))  # to see what there is

    def _begin(self):
        # A function of its own: what it names stays alive as long as it runs.
        from firmware import power

        return power.begin(self)

    def now_ms(self) -> int:
        """Milliseconds since boot; unlike ticks_ms it does not wrap."""
        ticks = time.ticks_ms()
        self._elapsed_ms += time.ticks_diff(ticks, self._ticks)
        self._ticks = ticks
        return self._elapsed_ms

    def uptime_s(self) -> int:
        """Seconds since boot."""
        return self.now_ms() // 1000

    def _heard(self, address: bytes, frame: bytes, link: int = TETHER, rssi_dbm: int = 0) -> None:
        self.node.receive(link, address, frame, rssi_dbm, self.now_ms())
        self._wake.set()

    async def _wire(self) -> None:
        """Read the wire. The code for it is there while somebody is: most relays have no tether,
        and more room without it."""
        reader = asyncio.StreamReader(sys.stdin.buffer)
        while True:
            data = await reader.read(1)
            if not data:
                await asyncio.sleep_ms(200)  # no host on this port
                continue
            if self.tether is None:
                self._load_wire()
            self.tether.take(data, self._heard, self._asked)
            self.tether.note_attached(self._tether_changed)
            self.tether.pump()  # acknowledge at once: the other side waits for it in lock-step

    def _load_wire(self) -> None:
        # A function of its own: a task's locals would keep what is forgotten. Who is at the wire
        # comes before who asks through the mesh.
        if self.far is not None:
            self.far.leave()
        if self.node.spread:
            self.look_at_update(True)
        gc.collect()
        from firmware.links.serial_link import SerialLink

        self.tether = SerialLink(os.urandom(1)[0], self.now_ms)

    def _asked(self, message: bytes) -> None:
        """A console message from the wire: a request, or with number 0 a command to be sent."""
        self._wake.set()
        if not message[0]:
            self._command(None, message[1:], self.now_ms())
            return
        if self.far is not None:
            self.far.leave()  # there is no room for that and this
        from firmware import asked

        self.tether.answer(message[:1], asked.answer(message[1:], self))

    def _command(self, neighbour, body: bytes, now_ms: int) -> None:
        if self.far is None:
            gc.collect()
            if gc.mem_free() < _COMMANDS_ROOM:
                return
            from firmware.far_console import FarConsole

            self.far = FarConsole(self, _random_below)
        self.far.on_frame(neighbour, body, now_ms)

    def _tether_changed(self, attached: bool) -> None:
        if attached:
            self.node.link_up(TETHER, self.now_ms())
        else:
            self.node.link_down(TETHER)
        self._wake.set()

    async def _pump(self) -> None:
        """Drive the node: the only place that sends."""
        watchdog = machine.WDT(timeout=WATCHDOG_MS)
        while True:
            watchdog.feed()
            self._wake.clear()
            wait_ms = self.node.poll(self.now_ms())
            if self.far is not None:
                wait_ms = min(wait_ms, self.far.poll(self.now_ms()))
            wait_ms = min(wait_ms, self._send_air(), self._send_tether())
            try:
                await asyncio.wait_for_ms(self._wake.wait(), max(1, wait_ms))
            except asyncio.TimeoutError:
                pass

    def _send_air(self) -> int:
        while True:
            frame = self._waiting or self.node.next_frame(AIR, self.now_ms())
            self._waiting = None
            if frame is None:
                return 1000
            if not self.radio.send(frame):
                self._waiting = frame
                return _RADIO_BUSY_MS

    def _send_tether(self) -> int:
        if self.tether is None:
            return 1000
        while self.tether.line.room():
            frame = self.node.next_frame(TETHER, self.now_ms())
            if frame is None:
                break
            self.tether.send(self.node.node_id, frame)
        wait_ms = self.tether.pump()
        self.tether.note_attached(self._tether_changed)
        if self.tether.gone():
            self.tether = None
            forget("firmware.links.serial_link")
        return wait_ms

    async def _housekeep(self) -> None:
        import micropython

        on_trial = True
        while True:
            gc.collect()
            self.heap_peak = max(self.heap_peak, gc.mem_alloc())
            while buffers.STORE.idle():  # erases stop everything for 45 ms: now rather than later
                await asyncio.sleep_ms(0)
            self.look_at_update()
            busy = self.update[OFFERED] or self.node.spread or self.node.spread_wanted
            busy = busy and self.uptime_s() > 1  # the first time is for Ctrl-C, see below
            await asyncio.sleep_ms(_UPDATE_EVERY_MS if busy else _HEAP_EVERY_MS)
            if on_trial and self.uptime_s() > _TRIAL_S:
                on_trial = False
                from firmware import power

                power.proved()
            micropython.kbd_intr(-1)  # so long Ctrl-C gets in; from now on it is noise on the wire

    def look_at_update(self, pause: bool = False) -> None:
        """Here, because the locals of who calls it would keep what is forgotten."""
        node = self.node
        if pause:
            from firmware import updating

            updating.pause(self)
        elif self.update[OFFERED]:
            if self.update[OFFERED] is not True:  # being verified
                from firmware import verifying

                verifying.begin(self)
        elif node.spread or (node.spread_wanted and gc.mem_free() > UPDATE_HEAP):
            from firmware import updating

            updating.look(self)
        if self._trial and self.uptime_s() >= _PROOF_S:
            from firmware import trial

            self._trial = trial.look(self, self._trial)
            forget("firmware.trial")

    async def run(self) -> None:
        """All tasks, for ever."""
        journal, reset = self.journal, machine.reset
        asyncio.create_task(keep("listen", journal, reset, self.radio.run, self._heard, AIR))
        asyncio.create_task(keep("tether", journal, reset, self._wire))
        asyncio.create_task(keep("housekeep", journal, reset, self._housekeep))
        await keep("pump", journal, reset, self._pump)


def _random_below(n: int) -> int:
    return int.from_bytes(os.urandom(4), "big") % n


def run() -> None:
    """Called by the board after boot. KeyboardInterrupt leads to the REPL: it is Ctrl-C on the
    wire in the first two seconds, or the console's "repl" (console.py)."""
    trouble = (REFUSED,) if REFUSED else ()
    try:
        relay = None if trouble else Relay()
    except (StoreFull, ValueError) as e:  # no room for the clock; no valid record; power.py
        trouble = e.args
    except MemoryError:
        time.sleep(_AGAIN_S)  # for Ctrl-C
        machine.reset()
    try:
        if trouble:
            from firmware import refused

            asyncio.run(refused.run(*trouble))
        asyncio.run(relay.run())
    except KeyboardInterrupt:
        machine.WDT(timeout=REPL_MS)  # it cannot be stopped, but there is no need to hurry
        raise
    except Exception:  # asyncio itself ran out of memory
        machine.reset()


if __name__ == "__main__":
    run()
