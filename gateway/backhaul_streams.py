"""The two streams of a region at a hub, as a gateway makes them if nobody has (SPEC.md 18.1)."""

from typing import Any

from gateway.backhaul_item import HubKey

KEEP_S = 45 * 86_400  # as long as a parcel can live
HERE_S = 3 * 86_400  # how long a gateway that says no more counts as reachable
BYTES_MAX = 1 << 28  # of a stream that a gateway makes; the hub's operator may make it otherwise
_NS = 1_000_000_000


def stream_config(key: HubKey, replicas: int, bytes_max: int = BYTES_MAX) -> dict[str, Any]:
    """The stream of parcels and receipts. What has a subject already is refused for as long as
    it is kept: nothing is there twice, however late it comes again."""
    subjects = f"helio.{key.region}.>"
    return {
        "name": key.stream, "subjects": [subjects], "storage": "file", "num_replicas": replicas,
        "retention": "limits", "discard": "new", "discard_new_per_subject": True,
        "max_msgs_per_subject": 1, "max_bytes": bytes_max, "max_age": KEEP_S * _NS,
        "allow_direct": True, "allow_msg_ttl": True,
        "republish": {"src": subjects, "dest": f"bell.{subjects}", "headers_only": True},
    }  # fmt: skip


def here_config(key: HubKey, replicas: int) -> dict[str, Any]:
    """The stream that says which gateways can be reached: the last word of each."""
    return {
        "name": key.here_stream, "subjects": [f"here.{key.region}.*"], "storage": "file",
        "num_replicas": replicas, "retention": "limits", "discard": "old",
        "max_msgs_per_subject": 1, "max_age": HERE_S * _NS, "max_bytes": 1 << 24,
        "allow_direct": True,
    }  # fmt: skip
