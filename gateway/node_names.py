"""Names for relays whose owner gives none: a word that carries over a bad line, and a number."""

import secrets

# Two syllables or three, no two that sound alike, nothing that frightens on a roof.
WORDS = """
    acorn amber anchor apple arrow aspen badger bamboo banjo barley basket beaver berry bison
    bobbin bonnet bottle bramble butter button cactus camel candle canyon carrot castle cedar
    cherry cider clover comet copper coral cotton cricket daisy donkey dragon ember falcon
    feather fennel fiddle forest garden garlic ginger guitar hammer harbor hazel heron honey
    island ivory jasmine juniper kettle ladder lantern lemon lilac lizard lobster maple marble
    meadow melon mirror mitten muffin nettle olive orchid otter oyster panda paper parrot pebble
    pepper pigeon pillow pocket poppy potato pumpkin quiver rabbit raven ribbon river robin
    rocket saddle salmon sparrow spruce summit teapot thistle tiger timber tulip turnip turtle
    velvet violet walnut walrus wagon willow window zebra
""".split()  # noqa: SIM905 - a list would be 110 lines
_SHORT_TRIES = 100


def new_name(attempt: int) -> str:
    """A name, "otter-12". attempt: how many before it were taken; at last numbers are longer."""
    most = 99 if attempt < _SHORT_TRIES else 9_999_999
    return f"{secrets.choice(WORDS)}-{secrets.randbelow(most) + 1}"
