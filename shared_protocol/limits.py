"""Every maximum of the protocol in one place, each with its reason."""

FRAME_MAX = 250  # bytes of one ESP-NOW v1 transmission, the smallest link we must fit
MESSAGE_MAX = 65536  # bytes of what one person may send at once: 3 blocks of 105 pieces
HOPS_MAX = 63  # six bits of the parcel's first byte
GATEWAYS_TOLD_MAX = 8  # news of so many in one beacon, 42 bytes; the rest in the next
GATEWAYS_REPEATED = 4  # so many are told when there is no news, others each time
NEIGHBOURS_MAX = 30  # one bit each in a mask that stays a small int on a 32-bit MicroPython

BLOCK_DATA_MAX = 128  # data pieces of one Reed-Solomon block; n <= 255 in GF(256)
BLOCKS_MAX = 16  # four bits of the piece header
WINDOW_MAX = 16  # pieces a relay holds only until they are known to be held farther on
GROUPS_MAX = 48  # piece blocks a relay keeps apart; beyond it new ones wait upstream
VARIANTS_PIECE_MAX = 2  # parcels claiming to be one piece: a true one, a bogus one (SPEC.md 10)
VARIANTS_WHOLE_MAX = 4  # parcels under one message id that claim to be the whole message

IDLE_MS = 5000  # a node that waits for nothing looks this often whether somebody is gone

OUT_MAX = 24  # frames waiting on one link; a full queue drops the newest parcel, pull repairs it
RECENT_MAX = 48  # parcels whose spreading is watched; more at once are left to pull
MISSING_MAX = 48  # short ids known to exist elsewhere and not here
REFUSED_MAX = 48  # short ids of pieces refused while the window was full

SUMS_MAX = 48  # power sums a node keeps of what it knows: 180 bytes, one frame
DIFFERENCES_MAX = 48  # decoded at once; relays less (firmware/buffers.py), larger ones are listed
LIST_IDS_MAX = 57  # short ids in one LIST frame: (239 - 8) // 4
WANT_IDS_MAX = 16  # asked of one neighbour at once: 16 answers are half a second of paced air
HAVE_IDS_MAX = 47  # (short id, hops) pairs in one HAVE frame: 239 // 5
RECEIPTS_FRAME_MAX = 11  # receipts in one frame: 239 // 21
UNDERWAY_MAX = 16  # unicasts that a node answers for at once; further ones wait upstream, or flood
OVERHEARD_MAX = 8  # unicasts heard from others, so that they are not sent back to them
PASSED_MAX = 16  # unicasts handed over of which it is remembered for which gateway they were
WAYS_MAX = 16  # gateways to which the neighbour is remembered from which a receipt came back
EVENTS_MAX = 256  # events the shell has not fetched; the oldest is dropped and counted
WAY_NODES_MAX = 16  # nodes in the way of a command: 32 bytes of its frame
COMMAND_PART_MAX = (
    160  # of an answer in one frame: 239 - 36 for the way - 11 - 6, and room to grow
)
COMMANDS_KEPT_MAX = (
    6  # commands that a relay has sent and not yet heard going on; more are dropped
)
COMMANDS_REMEMBERED_MAX = 8  # passed on, so that a second one is known for what it is
