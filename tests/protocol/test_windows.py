"""Nodes that sleep: what they say when, and that all comes through all the same."""

from checks import held, receipt_of, whole
from mesh_in_a_box import Box

from shared_protocol import frame
from shared_protocol.neighbours import AIR, TETHER
from shared_protocol.schedule import Schedule
from shared_protocol.windows import Windows


class Sleepers(Box):
    """A Box whose nodes have windows, and hear nothing in between."""

    def __init__(self, seed=1):
        super().__init__(seed)
        self.asleep_until = {}
        self.asleep_ms = {}
        self.schedules = {}
        self.unheard = 0

    def add_sleeper(self, number, profile="balanced"):
        node = self.add(number, gateway=False)
        node.link_down(TETHER)
        never = profile == "always"
        known = "balanced" if never else profile
        schedule = Schedule(known, never, self.dice.below, self.now_ms)
        Windows(node, schedule, self.dice.below)
        self.schedules[number] = schedule
        self.asleep_until[number] = self.asleep_ms[number] = 0
        return node

    def awake(self, number):
        return self.now_ms >= self.asleep_until.get(number, 0)

    def run(self, ms, until=None):
        end = self.now_ms + ms
        while self.now_ms < end:
            if until is not None and until():
                return True
            for number, node in list(self.nodes.items()):
                if not self.awake(number):
                    continue
                node.poll(self.now_ms)
                self._drain(number, node, AIR)
                schedule = self.schedules.get(number)
                wait = schedule.next_wake(self.now_ms) if schedule else 0
                if wait > 50:
                    self.asleep_until[number] = self.now_ms + wait
                    self.asleep_ms[number] += wait
                    schedule.on_slept(wait)
            self.now_ms += 2
            if not any([self.awake(number) for number in self.nodes]):
                first = min([self.asleep_until[number] for number in self.nodes])
                self.now_ms = min(end, first)
        return until is not None and until()

    def _drain(self, number, node, link):
        while True:
            data = node.next_frame(link, self.now_ms)
            if data is None:
                return
            if self.log is not None:
                self.log.append((number, link, data))
            for other, other_link in self.edges.get((number, link), ()):
                if self.awake(other):
                    self.nodes[other].receive(other_link, node.node_id, data, -60, self.now_ms)
                else:
                    self.unheard += 1


def line(profiles, seed=1):
    """Sleepers 1.. in a line, and settled."""
    box = Sleepers(seed)
    for i in range(len(profiles)):
        box.add_sleeper(i + 1, profiles[i])
        if i:
            box.join(i, i + 1)
    box.run(100_000)
    return box


def test_a_message_and_its_receipt_cross_a_sleeping_line():
    box = line(("balanced", "balanced", "balanced"))
    assert len({s.id for s in box.schedules.values()}) == 1
    before = sum(box.asleep_ms.values())
    start = box.now_ms
    box.nodes[1].submit(whole(1), 0, 0, box.now_ms)
    assert box.run(20_000, lambda: held(box.nodes[3].shelf, [1]) == [1])
    box.nodes[3].submit_receipt(receipt_of(1), 0, box.now_ms)
    assert box.run(20_000, lambda: not held(box.nodes[1].shelf, [1]))
    box.run(60_000)
    assert (sum(box.asleep_ms.values()) - before) / 3 > 0.9 * (box.now_ms - start)
    assert box.unheard < 3


def test_a_mesh_of_mixed_profiles_delivers():
    box = line(("long", "balanced", "always"), seed=4)
    box.nodes[3].submit(whole(1), 0, 0, box.now_ms)
    assert box.run(60_000, lambda: held(box.nodes[1].shelf, [1]) == [1])
    box.nodes[1].submit(whole(2), 0, 0, box.now_ms)
    assert box.run(60_000, lambda: held(box.nodes[3].shelf, [2]) == [2])
    assert box.asleep_ms[1] > 0
    assert box.asleep_ms[2] > 0
    assert box.asleep_ms[3] == 0


def test_those_who_never_sleep_do_not_wait_for_windows():
    box = line(("always", "always"), seed=6)
    for number in range(1, 6):
        box.run(1300)  # whatever the phase
        assert box.nodes[1].windows.send_wait(box.now_ms) == 0
        box.nodes[1].submit(whole(number), 0, 0, box.now_ms)
        box.run(400)
        assert held(box.nodes[2].shelf, [number]) == [number]


def test_one_that_knows_nothing_of_windows_is_told_and_reached():
    box = line(("balanced", "balanced"), seed=2)
    node = box.add(9, gateway=False)
    box.join(2, 9)
    assert not node.sleepers
    box.run(30_000)
    assert node.sleepers  # its shell loads windows.py then
    schedule = Schedule("balanced", True, box.dice.below, box.now_ms)
    Windows(node, schedule, box.dice.below)
    box.schedules[9] = schedule
    box.run(20_000)
    assert schedule.id == box.schedules[1].id
    box.nodes[1].submit(whole(1), 0, 0, box.now_ms)
    assert box.run(40_000, lambda: held(node.shelf, [1]) == [1])


def test_short_frames_carry_net_time_and_full_ones_none():
    box = line(("balanced", "balanced"))
    box.log = []
    box.nodes[1].submit(whole(1, b"x" * (frame.BODY_MAX - 17)), 0, 0, box.now_ms)
    box.run(30_000)
    full = [data for _, _, data in box.log if len(data) > 244]
    short = [data for _, _, data in box.log if len(data) <= 244]
    assert full
    assert not any([data[1] & 0x80 for data in full])
    assert short
    assert all([data[1] & 0x80 for data in short])


def test_nothing_is_sent_while_the_others_sleep():
    box = line(("balanced", "balanced"))
    while box.awake(1) or box.awake(2):
        box.run(50)
    box.asleep_until[1] = 0  # its wire has woken it
    node = box.nodes[1]
    node.submit(whole(1), 0, 0, box.now_ms)
    node.poll(box.now_ms)
    assert node.next_frame(AIR, box.now_ms) is None
    assert node.poll(box.now_ms) > 5  # and it does not spin


def test_a_node_without_windows_says_no_net_time():
    box = Box()
    box.add(1, gateway=False)
    box.add(2, gateway=False)
    box.join(1, 2)
    box.log = []
    box.run(5000)
    assert box.log
    assert not any([data[1] & 0x80 for _, _, data in box.log])
    assert not box.nodes[1].sleepers
