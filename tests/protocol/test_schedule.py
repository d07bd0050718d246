"""Windows without a master: clocks that drift agree, whatever joins, leaves or is cut in two."""

from mesh_dice import Dice

from shared_protocol.schedule import (
    MOVED,
    NOTHING,
    STRANGE,
    TICKS,
    WINDOW_MS,
    Schedule,
    ahead,
)

SIZE = 60  # bytes of a beacon
DELAY_MS = 2  # what such a frame takes, rounded as the receiver does


class Clocks:
    """Schedules that tell each other net time once in a window; those asleep hear nothing."""

    def __init__(self, ppm, edges, profiles=("balanced",), ticks=0, seed=1):
        self.dice = Dice(seed)
        self.now = 0
        self.ppm = ppm
        self.near = [[] for _ in ppm]
        for a, b in edges:
            self.near[a].append(b)
            self.near[b].append(a)
        self.profiles = profiles
        self.ticks = ticks
        self.nodes = [None] * len(ppm)
        self.offset = [0] * len(ppm)
        self.until = [0] * len(ppm)  # asleep, true time
        self.slot = [0] * len(ppm)
        self.window = [0] * len(ppm)
        self.slept = [0] * len(ppm)
        self.moves = 0
        self.unheard = [0] * len(ppm)  # what one said while a neighbour slept

    def boot(self, i):
        profile = self.profiles[i % len(self.profiles)]
        self.offset[i] = self.ticks + 7919 * i - self.now
        never = profile == "always"
        known = "balanced" if never else profile
        self.nodes[i] = Schedule(known, never, self.dice.below, self.clock(i))
        self.until[i] = self.window[i] = self.slot[i] = 0

    def boot_all(self):
        for i in range(len(self.ppm)):
            self.boot(i)

    def clock(self, i):
        return self.now + self.offset[i]

    def awake(self, i):
        return self.nodes[i] is not None and self.now >= self.until[i]

    def run(self, ms, look=None):
        """look() is called once a second."""
        end = self.now + ms
        looked = self.now
        while self.now < end:
            soonest = end
            for i in range(len(self.nodes)):
                if self.nodes[i] is None:
                    continue
                if self.awake(i):
                    self.step(i)
                soonest = min(soonest, max(self.until[i], self.now + 4))
            self.now = soonest
            if look is not None and self.now - looked >= 1000:
                looked = self.now
                look()

    def step(self, i):
        s, now = self.nodes[i], self.clock(i)
        s.look(now)
        if s.windows != self.window[i]:
            self.window[i] = s.windows
            self.slot[i] = now + 5 + self.dice.below(WINDOW_MS - 15)
        if self.slot[i] and now >= self.slot[i] and s.may_send(now):
            self.slot[i] = 0
            self.say(i)
        wait = s.next_wake(now)
        if wait > 20:
            self.slept[i] += wait
            real = wait - wait * self.ppm[i] // 1_000_000
            self.until[i] = self.now + real
            self.offset[i] += wait - real
            s.on_slept(wait)

    def say(self, i):
        told = self.nodes[i].net_time(self.clock(i), True, 0)
        self.now += DELAY_MS
        for j in self.near[i]:
            self.unheard[i] += not self.awake(j)
            if self.awake(j):
                found = self.nodes[j].heard(self.clock(j), told, SIZE, True, True)
                self.moves += found == MOVED
                if found != NOTHING:
                    self.slot[j] = self.clock(j) + 1 + self.dice.below(10)
        self.now -= DELAY_MS

    def ids(self):
        return {s.id for s in self.nodes if s is not None}

    def skew(self, a, b):
        one = self.nodes[a].net_time(self.clock(a), True, 0)
        other = self.nodes[b].net_time(self.clock(b), True, 0)
        between = (one[0] << 8 | one[1]) - (other[0] << 8 | other[1])
        return abs((between + 0x8000 & 0xFFFF) - 0x8000)


LINE4 = [(0, 1), (1, 2), (2, 3)]


def test_boots_at_once_become_one_schedule():
    clocks = Clocks([0] * 4, LINE4)
    clocks.boot_all()
    clocks.run(15_000)
    assert len(clocks.ids()) == 1
    assert 0 not in clocks.ids()
    assert max([clocks.skew(a, b) for a, b in LINE4]) <= 4


def test_the_worst_clocks_stay_in_one_window_and_sleep():
    clocks = Clocks([3500, -3500, 3500, -3500], LINE4)
    clocks.boot_all()
    clocks.run(180_000)
    skews = []
    slept = sum(clocks.slept)
    start = clocks.now
    clocks.run(300_000, lambda: skews.extend([clocks.skew(a, b) for a, b in LINE4]))
    assert max(skews) <= 24
    assert len(clocks.ids()) == 1
    assert (sum(clocks.slept) - slept) / 4 > 0.9 * (clocks.now - start)


def test_long_sleeps_twice_as_long_when_it_knows_its_clock():
    clocks = Clocks([500, -300, 100], LINE4[:2], ("long",))
    clocks.boot_all()
    clocks.run(60_000)
    assert [s.k for s in clocks.nodes] == [12, 12, 12]  # awake a clock cannot be learnt
    clocks.run(400_000)
    assert [s.k for s in clocks.nodes] == [14, 14, 14]
    assert max(clocks.skew(0, 1), clocks.skew(1, 2)) <= 24


def test_two_cliques_over_one_bridge_do_not_drift_apart():
    left = [(a, b) for a in range(4) for b in range(a)]
    right = [(a + 4, b + 4) for a, b in left]
    clocks = Clocks([500, 450, 400, 480, -500, -450, -400, -480], left + right + [(0, 4)])
    clocks.boot_all()
    clocks.run(120_000)
    skews = []
    clocks.run(600_000, lambda: skews.append(clocks.skew(0, 4)))
    assert max(skews) < WINDOW_MS // 2
    assert len(clocks.ids()) == 1


def test_ticks_may_wrap():
    logs = []
    for ticks in (0, (TICKS + 1 - 150_000)):
        clocks = Clocks([700, -700, 90], LINE4[:2], ticks=ticks)
        clocks.boot_all()
        log = []

        def look(clocks=clocks, log=log):
            log.append([clocks.skew(0, 1), clocks.skew(1, 2), sum(clocks.slept)])

        clocks.run(400_000, look)
        assert ticks == 0 or clocks.clock(0) > TICKS
        logs.append(log)
    assert logs[0] == logs[1]


def test_who_comes_late_is_in_step_after_two_periods():
    clocks = Clocks([300, -200, 400, 100], LINE4)
    for i in range(3):
        clocks.boot(i)
    clocks.run(150_000)
    before = clocks.ids()
    clocks.boot(3)
    clocks.run(2 * 4096 + 4096 // 5 + 5000)
    assert clocks.ids() == before
    assert clocks.skew(2, 3) <= 24


def test_who_reboots_is_in_step_again():
    clocks = Clocks([300, -200, 400], LINE4[:2])
    clocks.boot_all()
    clocks.run(150_000)
    before = clocks.ids()
    clocks.boot(1)
    clocks.run(2 * 4096 + 4096 // 5 + 5000)
    assert clocks.ids() == before
    assert clocks.skew(0, 1) <= 24


def test_two_islands_find_each_other_by_a_scan():
    clocks = Clocks([300, -200, 400, 100], LINE4)
    clocks.boot(0)
    clocks.boot(1)
    clocks.run(70_000)
    near = clocks.near
    clocks.near = [[1], [0], [3], [2]]
    clocks.boot(2)
    clocks.boot(3)
    clocks.run(150_000)
    assert len(clocks.ids()) == 2
    lower = min(clocks.ids())
    clocks.near = near
    met = []

    def look():
        if len(clocks.ids()) == 1 and not met:
            met.append(clocks.now)

    start = clocks.now
    clocks.run(3_000_000, look)
    assert clocks.ids() == {lower}
    assert met[0] - start <= 1_800_000  # a scan interval at most
    assert clocks.moves >= 2


def test_windows_of_both_profiles_nest():
    clocks = Clocks([200, -200], [(0, 1)], ("balanced", "long"))
    clocks.boot_all()
    clocks.run(500_000)
    short, long = clocks.nodes
    assert (short.k, long.k) == (12, 14)
    clocks.unheard = [0, 0]
    clocks.run(300_000)
    assert clocks.unheard[1] == 0  # whenever the long sleeper speaks, the other is awake
    assert clocks.ids() == {short.id}
    assert clocks.skew(0, 1) <= 24
    assert short.misses <= 2  # empty windows between the common ones are none that were missed


def test_one_that_never_sleeps_keeps_time_with_the_others():
    clocks = Clocks([0, 900, -900], LINE4[:2], ("always", "balanced", "balanced"))
    clocks.boot_all()
    clocks.run(200_000)
    assert clocks.slept[0] == 0
    assert clocks.slept[1] > 100_000
    assert len(clocks.ids()) == 1
    assert clocks.skew(0, 1) <= 16
    assert clocks.nodes[0].rate == 0  # it has nothing to learn from


def settled():
    """One that has founded a schedule, and is settled, in the middle between two windows."""
    s = Schedule("balanced", False, Dice(3).below, 0)
    now = 0
    while not s.settled() or s.busy(now) or s.next_wake(now) < 2000:
        now += 4
        s.look(now)
    return s, now


def test_what_may_be_sent_when():
    s, now = settled()
    assert not s.may_send(now)
    wait = s.send_wait(now)
    assert not s.may_send(now + wait - 1)
    assert s.may_send(now + wait)
    assert s.left(now + wait) > 100
    s.hold(now, 50)
    assert s.may_send(now + 49)
    assert not s.may_send(now + 51)


def test_staying_awake():
    s, now = settled()
    assert s.next_wake(now) > 0
    s.stay_awake(now, 40)
    assert s.next_wake(now) == 0
    assert s.next_wake(now + 39) == 0
    s.stay_awake(now, 10)  # never shorter
    assert ahead(s.stay_awake_until, now) == 40
    assert s.next_wake(now + 40) > 0


def test_a_recording_moves_nobody():
    s, now = settled()
    name, off = s.id, s.net_time(now, True, 0)
    stranger = bytes((1, 2, 0, 1, 12 << 4 | 8, 0))  # a lower name would win
    assert s.heard(now, stranger, SIZE, False, True) == STRANGE
    assert (s.id, s.net_time(now, True, 0)) == (name, off)
    assert s.heard(now, stranger, SIZE, True, True) == MOVED
    assert s.id == 1


def test_who_moves_is_still_met_in_the_former_windows():
    s, now = settled()
    former = s.send_wait(now)
    mine = s.net_time(now, True, 0)
    half = ((mine[0] << 8 | mine[1]) + 2048) & 0xFFFF
    told = bytes((half >> 8, half & 255, 0, 1, 12 << 4, 0))
    assert s.heard(now, told, SIZE, True, True) == MOVED
    assert s.may_send(now + former)


def test_no_schedule_is_none_to_follow():
    s, now = settled()
    before = s.net_time(now, True, 0)
    assert s.heard(now, bytes(6), SIZE, True, True) == NOTHING
    assert s.net_time(now, True, 0) == before


def test_what_it_lost_in_sleep_is_for_sleep_alone():
    s, now = settled()
    s.rate = 4194 * 2  # 2000 ppm
    before = s.net_time(now, True, 0)
    s.look(now + 4)
    assert s.net_time(now, True, 0) == before
    s.on_slept(4096)
    after = s.net_time(now, True, 0)
    assert (after[0] << 8 | after[1]) - (before[0] << 8 | before[1]) == 8


def test_who_hears_nobody_scans_at_once_and_sleeps_shorter():
    clocks = Clocks([0], [], ("long",))
    clocks.boot(0)
    s = clocks.nodes[0]
    clocks.run(60_000)
    s.k = 14
    scans = []
    clocks.run(1_200_000, lambda: scans.append(s.want_scan(clocks.clock(0))))
    assert any(scans[:200])
    assert s.k == 12
    assert sum(scans) < len(scans) // 4
