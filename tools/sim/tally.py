"""The tally of a run: the hash over everything that happened, and what it comes to."""

import hashlib
from collections import Counter
from typing import Any

from tools.frame_contents import FRAME_NAMES, MESSAGE
from tools.sim.letters import Letter
from tools.sim.scenario import Scenario
from tools.virtual_board.air_model import OVERHEAD_BYTES

# Of an ESP32, by its datasheet (ESP32 Series, RF power consumption): receiving 95 to 100 mA,
# sending 802.11b at 1 Mbps with 19.5 dBm 240 mA. A relay listens all the time.
LISTENING_MA, SENDING_MA = 100, 240
_HOUR_US = 3_600_000_000


class Tally:
    """Counts, and hashes the log. A log line is text: a letter, the time, the nodes."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._hash = hashlib.sha256()
        self.events = 0  # frames sent, heard and lost, turns of nodes, entries of the scenario
        self.sent: Counter[int] = Counter()  # by frame type
        self.contents: Counter[str] = Counter()  # frames with messages, and with receipts
        self.content_bytes: Counter[str] = Counter()  # the same, in bytes on the air
        self.bytes_on_air = 0
        self.airtime_us = [0] * len(scenario.places)
        self.heard = 0
        self.lost: Counter[str] = Counter()
        self._powered_us = [0] * len(scenario.places)  # up to _on_since_us, where that is set
        self._on_since_us: list[int | None] = [None] * len(scenario.places)
        self.relayed = [0] * len(scenario.places)  # parcel frames, by node

    def transmission(
        self, node: int, kind: int, content: str, data: bytes, start_us: int, end_us: int
    ) -> None:
        """A frame was on the air. content: as content_of() says."""
        self._hash.update(b"S %d %d %d " % (start_us, end_us, node) + data)
        self.sent[kind] += 1
        self.contents[content] += 1
        self.content_bytes[content] += len(data) + OVERHEAD_BYTES
        self.bytes_on_air += len(data) + OVERHEAD_BYTES
        self.airtime_us[node] += end_us - start_us
        if content == MESSAGE:
            self.relayed[node] += 1

    def power(self, node: int, on: bool, at_us: int) -> None:
        """A node's power comes or goes."""
        since_us = self._on_since_us[node]
        if since_us is not None:
            self._powered_us[node] += at_us - since_us
        self._on_since_us[node] = at_us if on else None

    def _energy_mah(self) -> dict[str, float]:
        """Of the radios: what all listening and all sending takes, of a node, and of the worst."""
        for node in range(len(self._powered_us)):
            self.power(node, self._on_since_us[node] is not None, self._scenario.duration_us)
        listening = [us * LISTENING_MA for us in self._powered_us]
        sending = [us * (SENDING_MA - LISTENING_MA) for us in self.airtime_us]
        each = [a + b for a, b in zip(listening, sending, strict=True)]
        return {
            "mean": round(sum(each) / len(each) / _HOUR_US, 3),
            "most": round(max(each) / _HOUR_US, 3),
            "sending": round(sum(sending) / len(each) / _HOUR_US, 3),
        }

    def reception(self, node: int, sender: int, at_us: int, rssi_dbm: float) -> None:
        """A node heard the last frame of another."""
        self._hash.update(b"H %d %d %d %d " % (at_us, node, sender, rssi_dbm))
        self.heard += 1

    def delivery(self, letter: Letter, at_us: int) -> None:
        """The receiver has the message."""
        self._hash.update(b"D %d " % at_us + letter.mid)
        letter.delivered_us = at_us

    def acknowledgement(self, letter: Letter, at_us: int) -> None:
        """The receipt is back at the sender."""
        self._hash.update(b"R %d " % at_us + letter.mid)
        if letter.acknowledged_us is None:
            letter.acknowledged_us = at_us

    def event_hash(self) -> str:
        """SHA-256 of the log so far."""
        return self._hash.hexdigest()

    def metrics(self, letters: list[Letter]) -> dict[str, Any]:
        """What it comes to: all but what the stores know."""
        done = [x for x in letters if x.delivered_us is not None]
        back = [x for x in letters if x.acknowledged_us is not None]
        frames = sum(self.sent.values())
        parcels = self.contents[MESSAGE]
        shares = [us / self._scenario.duration_us for us in self.airtime_us]
        reach = [len(x.came_from) for x in letters]
        return {
            "messages": len(letters),
            "delivered": len(done),
            "receipts_back": len(back),
            "latency_s": percentiles([_s(x.delivered_us, x) for x in done]),
            "receipt_s": percentiles([_s(x.acknowledged_us, x) for x in back]),
            "reach": {
                "mean": round(sum(reach) / len(reach), 2) if reach else 0.0,
                "least": min(reach, default=0),
                "of": len(self._scenario.places),
            },
            "frames_sent": frames,
            "parcel_frames_sent": parcels,
            "frames_per_delivery": _ratio(frames, len(done)),
            "parcel_frames_per_delivery": _ratio(parcels, len(done)),
            "frames_by_type": {FRAME_NAMES[kind]: n for kind, n in sorted(self.sent.items())},
            "frames_heard": self.heard,
            "frames_lost": dict(sorted(self.lost.items())),
            "bytes_on_air": self.bytes_on_air,
            "airtime_share": {
                "mean": round(sum(shares) / len(shares), 6), "most": round(max(shares), 6),
            },
            "energy_mah": self._energy_mah(),
        }  # fmt: skip


def message_rows(letters: list[Letter]) -> list[dict[str, Any]]:
    """What became of each message."""
    return [
        {
            "from": x.message.sender, "to": x.message.to, "at_s": x.message.at_us / 1e6,
            "size": x.message.size, "parcels": len(x.parcels), "reach": len(x.came_from),
            "latency_s": None if x.delivered_us is None else _s(x.delivered_us, x),
            "receipt_s": None if x.acknowledged_us is None else _s(x.acknowledged_us, x),
        }
        for x in letters
    ]  # fmt: skip


def _s(at_us: int | None, letter: Letter) -> float:
    assert at_us is not None
    return round((at_us - letter.message.at_us) / 1e6, 3)


def _ratio(count: int, of: int) -> float | None:
    return round(count / of, 2) if of else None


def percentiles(values: list[float]) -> dict[str, float] | None:
    """The usual ones by nearest rank, None if there is nothing."""
    if not values:
        return None
    values = sorted(values)
    ranks = {"p50": 50, "p90": 90, "p99": 99, "max": 100}
    return {name: values[-(-len(values) * pct // 100) - 1] for name, pct in ranks.items()}
