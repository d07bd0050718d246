"""More mail alive than a node can know of: it keeps what it can, and comes to rest."""

from mesh_in_a_box import Box

# isort: split
from checks import whole


class CountingPuts:
    """A node's put(), counted."""

    def __init__(self, store):
        self._put = store.put
        self.count = 0

    def __call__(self, record):
        self.count += 1
        return self._put(record)


def test_a_small_node_beside_a_large_one_comes_to_rest():
    box = Box()
    large = box.add(1, capacity=400)
    small = box.add(2, capacity=60)
    box.join(1, 2)
    assert box.run(10_000, lambda: box.fresh(1) and box.fresh(2))
    for number in range(100):
        large.submit(whole(number), 0, 0, box.now_ms)
    box.run(60_000)
    assert small.index.count_held() == 60, "as much as it has room for"
    puts = small.shelf.store.put = CountingPuts(small.shelf.store)
    before = box.sent
    box.run(120_000)
    assert puts.count == 0, "nothing is put out to take the next thing in"
    assert box.sent - before < 100, "and nobody goes on asking"
