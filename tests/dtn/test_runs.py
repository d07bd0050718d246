"""Small runs: in our own simulator of contacts and in PONS, with the same agents."""

import random

import pytest

from shared_protocol.carrying import UNLIMITED
from shared_protocol.lifetime import NORMAL, SOS
from tools.dtn import scenes
from tools.dtn.agents import Agent, Message, Sprayer
from tools.dtn.carrier import Carrier
from tools.dtn.contacts import Meeting
from tools.dtn.flow import Flow
from tools.dtn.oracle import arrivals, hops


def carriers(count, capacity=100, **options):
    return [Carrier(n, capacity, nodes=count, **options) for n in range(count)]


def some_meetings(count, seed):
    """Pairs that meet at random for a minute or two; nobody meets somebody twice at once."""
    dice = random.Random(seed)
    found, until = [], {}
    for second in range(0, 3000, 10):
        a, b = sorted(dice.sample(range(count), 2))
        if until.get((a, b), 0) <= second:
            down_s = second + dice.randrange(1, 120)
            until[a, b] = down_s
            found.append(Meeting(second, down_s, a, b))
    return found


def some_messages(count, seed, number=20):
    dice = random.Random(seed)
    pairs = [dice.sample(range(count), 2) for _ in range(number)]
    return [Message(n, a, b, 20 * n, 1000, 3600) for n, (a, b) in enumerate(pairs)]


def test_epidemic_comes_as_early_as_the_oracle_but_for_the_time_on_the_air():
    meetings, messages = some_meetings(8, 1), some_messages(8, 2)
    oracle = arrivals(meetings, messages)
    result = Flow([Agent(n, 100) for n in range(8)], meetings, messages).run()
    assert result.came.keys() == oracle.keys()
    assert oracle
    for number, at_s in result.came.items():
        assert oracle[number] < at_s < oracle[number] + 1


@pytest.mark.parametrize("make", [Agent, Sprayer, Carrier])
def test_nobody_is_better_than_the_oracle(make):
    for seed in range(20):
        meetings, messages = some_meetings(8, seed), some_messages(8, seed)
        oracle = arrivals(meetings, messages)
        result = Flow([make(n, 5) for n in range(8)], meetings, messages).run()
        assert result.came.keys() <= oracle.keys()
        for number, at_s in result.came.items():
            assert at_s > oracle[number]


def test_copies_in_the_network_are_never_more_than_at_birth_and_one_for_each_delegation():
    messages = [Message(0, 0, 7, 0, 1000, 36_000)]
    agents = carriers(8)
    Flow(agents, [m for m in some_meetings(8, 3) if m.b != 7], messages).run()
    held = [a.held[0] for a in agents if 0 in a.held]
    assert len(held) > 2
    assert sum([p.state[0] for p in held]) <= 7 + len(held)


def test_a_transfer_that_breaks_off_gives_the_copies_back():
    a, b = carriers(2)
    b.number = 1
    messages = [Message(0, 0, 5, 0, 1_000_000, 3600)]
    result = Flow([a, b], [Meeting(10, 20, 0, 1)], messages).run()
    assert (result.sent, result.broken) == (1, 1)
    assert a.held[0].state[0] == 7
    assert not b.held
    assert not b.coming


def test_receipts_purge_and_go_on_to_all_who_are_in_contact():
    chain = [Meeting(0, 100, n, n + 1) for n in range(3)]
    agents = carriers(4)
    result = Flow(agents, chain, [Message(0, 0, 3, 10, 1000, 3600)]).run()
    assert 0 in result.came
    assert [a.done for a in agents] == [{0}] * 4
    assert not any(a.held for a in agents)
    assert result.receipt_bytes == 21 * 7, "the first is its own; each tells all its neighbours"


def test_without_receipts_everybody_keeps_it():
    chain = [Meeting(0, 100, n, n + 1) for n in range(3)]
    agents = [Agent(n, 100, receipts=False) for n in range(4)]
    Flow(agents, chain, [Message(0, 0, 3, 10, 1000, 3600)]).run()
    assert [sorted(a.held) for a in agents] == [[0], [0], [0], []]


def test_full_buffers_drop_the_most_travelled_first_and_never_one_s_own():
    agent = Agent(0, 2)
    agent.write(Message(0, 0, 9, 0, 1000, 3600), 0)
    near, far = Agent(1, 9), Agent(2, 9)
    near.write(Message(1, 1, 9, 0, 1000, 3600), 0)
    far.write(Message(2, 2, 9, 0, 1000, 3600), 0)
    far.held[2].hops = 3
    for other in (far, near):
        agent.take(other.next_gift(agent, 1), 1)
    assert sorted(agent.held) == [0, 1]
    agent.write(Message(3, 0, 9, 5, 1000, 3600), 5)
    agent.write(Message(4, 0, 9, 6, 1000, 3600), 6)
    assert {0, 3} <= agent.held.keys() or {3, 4} <= agent.held.keys()


def test_a_black_hole_takes_and_gives_nothing():
    chain = [Meeting(0, 100, n, n + 1) for n in range(3)]
    agents = carriers(4)
    agents[1].swallows = True
    result = Flow(agents, chain, [Message(0, 0, 3, 10, 1000, 3600)]).run()
    assert result.sent == 1
    assert not result.came


def test_expired_messages_are_not_given():
    result = Flow(carriers(2), [Meeting(700, 800, 0, 1)], [Message(0, 0, 1, 0, 1000, 600)]).run()
    assert not result.came
    assert result.sent == 0


def test_an_sos_reaches_everybody():
    agents = carriers(8)
    meetings = [m for m in some_meetings(8, 5) if m.b != 7]
    sos = Message(0, 0, 7, 0, 1000, 36_000, SOS)
    Flow(agents, meetings, [sos]).run()
    assert [a.held[0].state[0] for a in agents[:7]] == [UNLIMITED] * 7


def test_a_mesh_that_stands_sends_along_shortest_ways():
    scene = scenes.mesh(1)
    agents = carriers(scene.nodes, 1000)
    result = Flow(agents, scene.meetings, scene.messages, scene.gateways, 1).run()
    links = [hops(scene.meetings, m.dst)[m.src] for m in scene.messages]
    assert len(result.came) == len(scene.messages)
    assert sum(links) <= result.sent <= 1.1 * sum(links)


def test_a_black_hole_beside_a_gateway_is_gone_round_in_the_end():
    pairs = [(0, 1), (1, 2), (0, 3), (3, 4), (4, 5), (5, 2)]  # 0 to 2: by 1, or the long way
    ring = [Meeting(0, 4000, *sorted(pair)) for pair in pairs]
    agents = carriers(6)
    agents[1].swallows = True
    message = Message(0, 0, 2, 600, 1000, 3600, NORMAL)
    result = Flow(agents, ring, [message], [2]).run()
    assert 600 + 900 <= result.came[0] <= 600 + 900 + 60


def test_the_same_seed_is_the_same_run():
    first, second = scenes.walks(3, 10, 2400), scenes.walks(3, 10, 2400)
    assert (first.meetings, first.messages) == (second.meetings, second.messages)
    runs = [Flow(carriers(10), s.meetings, s.messages).run() for s in (first, second)]
    assert runs[0] == runs[1]
    assert scenes.walks(4, 10, 2400).meetings != first.meetings


def test_ten_nodes_in_pons():
    from tools.dtn import pons_router

    scene = scenes.walks(1, 10, 3600)
    oracle = arrivals(scene.meetings, scene.messages)
    runs = []
    for _ in range(2):
        router = pons_router.AgentRouter([Agent(n, 100) for n in range(10)])
        runs.append(pons_router.run(scene, scene.messages, router))
    assert runs[0].came == runs[1].came
    assert runs[0].sent == runs[1].sent
    assert len(runs[0].came) >= 0.95 * len(oracle) > 10
    for number, at_s in runs[0].came.items():
        assert oracle[number] < at_s
    ours = pons_router.run(scene, scene.messages, pons_router.AgentRouter(carriers(10)))
    assert len(ours.came) >= 0.9 * len(oracle)
    assert ours.sent < runs[0].sent


def test_receipts_in_pons_go_on_to_all_who_are_in_contact():
    from tools.dtn import pons_router

    places = [(second, n, 80.0 * n, 0.0, 0.0) for second in range(21) for n in range(4)]
    scene = scenes.Scene(4, 20, [], [Message(0, 0, 3, 5, 1000, 3600)], moves=places)
    agents = carriers(4)
    run = pons_router.run(scene, scene.messages, pons_router.AgentRouter(agents))
    assert 5 < run.came[0] < 6
    assert run.sent == 3
    assert [a.done for a in agents] == [{0}] * 4


def test_pons_s_own_routers_run():
    from tools.dtn import pons_router

    scene = scenes.walks(1, 10, 2400)
    for name, router in pons_router.peers(20).items():
        run = pons_router.run(scene, scene.messages, router)
        assert run.sent >= len(run.came) > 0, name
