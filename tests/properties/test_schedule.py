"""Whatever the air says, a schedule stays within its bounds: nobody sleeps for too long."""

from hypothesis import given
from hypothesis import strategies as st

from shared_protocol.schedule import NET_TIME_LEN, PROFILES, TICKS, WINDOW_MS, Schedule

SMALL = 1 << 30  # what a 32-bit MicroPython keeps without allocating
NET_TIME = st.binary(min_size=NET_TIME_LEN, max_size=NET_TIME_LEN)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("heard"), NET_TIME, st.booleans(), st.booleans()),
        st.tuples(st.just("near"), st.integers(-300, 300), st.booleans(), st.booleans()),
        st.tuples(st.just("pass"), st.integers(1, 5_000)),
        st.tuples(st.just("sleep")),
        st.tuples(st.just("hold"), st.integers(0, 300)),
    ),
    max_size=60,
)


@given(st.sampled_from(sorted(PROFILES)), st.integers(0, 2 * TICKS), STEPS)
def test_it_wakes_at_the_latest_after_a_period(profile, now, steps):
    most_k, _ = PROFILES[profile]
    s = Schedule(profile, False, lambda n: n // 3, now)
    now += 100_000
    s.look(now)
    for step in steps:
        if step[0] == "heard":
            s.heard(now, step[1], 60, step[2], step[3])
        elif step[0] == "near":  # a neighbour of the same schedule, so much off
            told = s.net_time(now + step[1], step[3], 3)
            s.heard(now, told, 60, step[2], True)
        elif step[0] == "pass":
            now += step[1]
        elif step[0] == "hold":
            s.hold(now, step[1])
        else:
            wait = s.next_wake(now)
            now += wait
            s.on_slept(wait)
        s.look(now)
        wait = s.next_wake(now)
        assert 0 <= wait <= 1 << most_k
        assert s.busy(now) >= 0
        assert 0 <= s.left(now) <= WINDOW_MS
        assert s.may_send(now + s.send_wait(now)) or s.send_wait(now) > WINDOW_MS
        assert 0 < s.id <= 0xFFFF
        assert s.k <= most_k
        assert s.margin() <= 1 << s.k >> 3
        assert max(abs(s.rate) << 14, s.stay_awake_until) <= SMALL
        told = s.net_time(now, True, 999)
        assert len(told) == NET_TIME_LEN
        assert told[5] == 255
